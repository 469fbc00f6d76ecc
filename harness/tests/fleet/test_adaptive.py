"""Adam: torch's own to the bit, alone, in a stack and after a kill; and the solver's, as it was."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from harness import AdamL2, AdamW, Experiment
from harness.analytic.adam import _Update
from harness.data import GeneratedImages, RandomLabels
from harness.fleet import memory, native, table, trainer
from harness.fleet.adaptive import EPSILON, MEAN_DECAY, SQUARE_DECAY, adam_step
from harness.fleet.replica import Replica, built
from harness.fleet.stacked import Stack
from harness.lab import conformance
from harness.lab.lab import Lab
from harness.lab.plan import shape_of
from harness.models import Dropout
from harness.models.cnn3 import Cnn3
from harness.models.squares import Squares
from harness.spec.streams import stream
from harness.tests.simulated import SMALL, at
from harness.tests.trainings import by_reference, far, member, split, together, trained

pytestmark = pytest.mark.usefixtures("prepared")

BY_ADAM = SMALL.but(optimizer=AdamL2(lr=0.003, epochs=4, batch=48, weight_decay=0.01))
BY_ADAM_W = SMALL.but(optimizer=AdamW(lr=0.003, epochs=4, batch=48, decay=0.5, weight_decay=0.1))
BOTH = pytest.mark.parametrize("experiment", [BY_ADAM, BY_ADAM_W], ids=["AdamL2", "AdamW"])
SHAPES = ((7, 5), (7,), (3, 1, 3, 3), ())


def torchs(recipe: AdamL2, weights: list[torch.Tensor]) -> Any:
    """The optimizer of torch that a recipe names."""
    kind = torch.optim.AdamW if isinstance(recipe, AdamW) else torch.optim.Adam
    betas = recipe.mean_decay, recipe.square_decay
    return kind(weights, lr=recipe.lr, betas=betas, eps=recipe.epsilon, weight_decay=recipe.weight_decay)


@pytest.mark.parametrize("kind", [AdamL2, AdamW])
@pytest.mark.parametrize(
    "changes", [{}, {"weight_decay": 0.3}, {"mean_decay": 0.5, "epsilon": 1e-3}], ids=str
)
def test_a_step_is_that_of_torch_to_the_bit(kind: type[AdamL2], changes: dict[str, Any]) -> None:
    recipe = kind(lr=0.01, epochs=1, **changes)
    generator = torch.Generator().manual_seed(0)
    ours = [torch.randn(shape, generator=generator) for shape in SHAPES]
    theirs = [weight.clone().requires_grad_() for weight in ours]
    kept, optimizer = recipe.begun(ours), torchs(recipe, theirs)
    for step in range(25):
        gradients = [torch.randn(shape, generator=generator) * 10.0 ** (step % 5 - 3) for shape in SHAPES]
        for weight, gradient in zip(theirs, gradients, strict=True):
            weight.grad = gradient.clone()
        lr = 0.01 / (1 + step)
        optimizer.param_groups[0]["lr"] = lr
        optimizer.step()
        before = [gradient.clone() for gradient in gradients]
        recipe.update(ours, gradients, kept, lr)
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
        assert all(torch.equal(a, b) for a, b in zip(gradients, before, strict=True))
    assert int(kept[-1]) == 25
    assert len(kept) == 2 * len(SHAPES) + 1


@BOTH
def test_a_training_is_a_loop_of_torch_to_the_bit(experiment: Experiment) -> None:
    recipe: Any = experiment.optimizer
    data, ours = split(experiment), by_reference(experiment)
    net = built(experiment, 0, data)
    x, y = torch.from_numpy(data.x_train), torch.from_numpy(data.y_train)
    optimizer, losses = torchs(recipe, list(net.parameters())), []
    for epoch in range(recipe.epochs):
        optimizer.param_groups[0]["lr"] = recipe.lr * recipe.decay**epoch
        total = 0.0
        for rows in torch.from_numpy(stream(0, "order", epoch).permutation(len(y))).split(recipe.batch):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(net(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * len(rows)
        losses.append(total / len(y))
    assert ours.curves["train_loss"] == pytest.approx(losses, rel=1e-6)
    for name, weight in net.state_dict().items():
        assert np.array_equal(ours.weights[name], weight.numpy())


@BOTH
def test_what_is_kept_comes_through_a_checkpoint(experiment: Experiment) -> None:
    whole = trained(experiment)
    replica = table.replica(experiment, 0, split(experiment), "cpu")
    for epoch in range(2):
        replica.epoch(epoch)
    state, curves = replica.state(), {name: values[:2] for name, values in whole.curves.items()}
    count = len(replica.weights())
    assert sum(name.startswith("velocity.") for name in state) == 2 * count + 1
    assert int(state[f"velocity.{2 * count}"]) == 2 * replica.steps
    resumed = trained(experiment, resume=({"epoch": 2, "curves": curves}, state))
    assert resumed.curves == whole.curves
    assert all(np.array_equal(resumed.weights[name], weight) for name, weight in whole.weights.items())
    short = {name: array for name, array in state.items() if name != f"velocity.{2 * count}"}
    other = trained(experiment, resume=({"epoch": 2, "curves": curves}, short))
    assert other.curves["train_loss"] != whole.curves["train_loss"]  # so the number of steps is needed


def test_a_checkpoint_goes_through_a_store(tmp_path: Any) -> None:
    lab = Lab(at(tmp_path))
    (run,) = lab.runs(BY_ADAM, 1)
    whole = trained(BY_ADAM)
    replica = table.replica(BY_ADAM, 0, split(BY_ADAM), "cpu")
    replica.epoch(0)
    curves = {name: values[:1] for name, values in whole.curves.items()}
    lab.store.checkpoint(run.key, {"epoch": 1, "curves": curves}, replica.state())
    assert lab.results("x", BY_ADAM, 1).curve("train_loss")[0].tolist() == whole.curves["train_loss"]


@BOTH
def test_members_of_a_stack_step_as_they_do_alone(experiment: Experiment) -> None:
    asked = [experiment, experiment.but(optimizer__lr=0.01), experiment.but(data__labels=RandomLabels())]
    for i, ours in enumerate(together([member(one, i) for i, one in enumerate(asked)])):
        theirs = by_reference(asked[i], i)
        assert ours.kernel == "stacked"
        assert far(ours, theirs) <= 1e-3
        np.testing.assert_allclose(ours.curves["train_loss"], theirs.curves["train_loss"], rtol=1e-3)


@BOTH
def test_members_of_a_stack_go_on_from_steps_of_their_own(experiment: Experiment) -> None:
    """A checkpoint of the plain path, in a stack with a member that begins; and back again."""
    whole = by_reference(experiment)
    replica = table.replica(experiment, 0, split(experiment), "cpu")
    for epoch in range(3):
        replica.epoch(epoch)
    curves = {name: values[:3] for name, values in whole.curves.items()}
    late = member(experiment, resume=({"epoch": 3, "curves": curves}, replica.state()))
    for ours in together([late, member(experiment)]):
        assert far(ours, whole) <= 1e-3
    stack = Stack([(experiment, r, split(experiment, r)) for r in range(2)], "cpu")
    stack.epoch([0, 0])
    stack.keep([1])
    single = table.replica(experiment, 1, split(experiment, 1), "cpu")
    single.epoch(0)
    left, expected = stack.state(0), single.state()
    assert left.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(left[name], array, rtol=1e-2, atol=1e-5)


def test_stacks_are_of_equal_moments_and_may_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    apart: tuple[dict[str, Any], ...] = (
        {"mean_decay": 0.5}, {"square_decay": 0.9}, {"epsilon": 1e-3}, {"weight_decay": 0.5}, {"batch": 32},
    )  # fmt: skip
    recipe: Any = BY_ADAM.optimizer
    for change in apart:
        assert shape_of(BY_ADAM.but(optimizer=recipe.but(**change))) != shape_of(BY_ADAM)
    assert shape_of(BY_ADAM.but(optimizer__lr=0.5, optimizer__decay=0.9)) == shape_of(BY_ADAM)
    decayed = AdamW(lr=0.003, epochs=4, batch=48)
    assert shape_of(BY_ADAM.but(optimizer=decayed)) != shape_of(
        BY_ADAM.but(optimizer=recipe.but(weight_decay=0.01))
    )
    seconds = iter([9.0, 1.0])
    monkeypatch.setattr(trainer, "_seconds", lambda kernel, device: next(seconds))
    assert trainer.stack_pays([member(BY_ADAM, r) for r in range(3)], "cpu")
    noisy = BY_ADAM.but(model=Dropout(SMALL.model, 0.5))
    assert not trainer.stack_pays([member(noisy, r) for r in range(3)], "cpu")


def test_convolutions_train_in_their_own_memory_order() -> None:
    experiment = Experiment(
        GeneratedImages(n=60, size=8, n_test=20), Cnn3(2), AdamL2(lr=0.003, epochs=2, batch=20)
    )
    ours, theirs = trained(experiment), by_reference(experiment)
    assert ours.kernel == "channels_last"
    # not of weights: biases before batch normalization have gradients of rounding alone, and step by them
    np.testing.assert_allclose(ours.curves["train_loss"], theirs.curves["train_loss"], rtol=1e-4)


@pytest.mark.skipif(not native.available(), reason="nothing can be compiled here")
@BOTH
def test_dense_nets_step_by_adam_in_the_native_kernel(experiment: Experiment) -> None:
    """Up to rounding, which Adam magnifies where a gradient is nearly zero, as the plain path has it."""
    ours, theirs = trained(experiment), by_reference(experiment)
    assert ours.kernel == "native"
    assert theirs.kernel == Replica.kernel
    np.testing.assert_allclose(ours.curves["train_loss"], theirs.curves["train_loss"], rtol=1e-3)
    squares = experiment.but(model=Squares(12), loss="squared")
    ours, theirs = trained(squares), by_reference(squares)
    assert ours.kernel == "native"
    np.testing.assert_allclose(ours.curves["train_loss"], theirs.curves["train_loss"], rtol=1e-3)


def test_estimates_of_memory_count_two_moments() -> None:
    by_sgd = SMALL.but(model__width=4096, optimizer__batch=48)
    by_adam = by_sgd.but(optimizer=BY_ADAM.optimizer)
    weights = 4 * by_sgd.model.size((1, 8, 8), 10)
    assert memory.needed(by_adam) - memory.needed(by_sgd) == 2 * weights  # and its copy in a checkpoint


def test_rates_fall_by_epoch_or_by_step() -> None:
    recipe = AdamW(lr=0.8, epochs=9, decay=0.5)
    assert [recipe.lr_at(step, 3) for step in range(5)] == [0.8, 0.8, 0.8, 0.4, 0.4]
    assert [recipe.but(decay_steps=2).lr_at(step, 3) for step in range(5)] == [0.8, 0.8, 0.4, 0.4, 0.2]


def test_what_is_no_adam_is_refused() -> None:
    right = AdamW(lr=0.1, epochs=1)
    for name, wrong in (("lr", 0.0), ("epochs", 0), ("epsilon", 0.0), ("decay_steps", 0), ("batch", 0)):
        with pytest.raises(ValueError, match=rf"AdamW\({name}=.*must be positive"):
            right.but(**{name: wrong})
    for name, number in (("mean_decay", 1.0), ("square_decay", -0.1), ("weight_decay", -1.0)):
        with pytest.raises(ValueError, match="AdamW needs"):
            right.but(**{name: number})
    assert (AdamL2(lr=0.1, epochs=1).weight_decay, right.weight_decay) == (0.0, 0.01)


@BOTH
def test_it_is_an_optimizer_by_contract(experiment: Experiment) -> None:
    assert conformance.examined(experiment) == []


def test_the_solvers_step_is_that_of_the_paper_to_the_bit() -> None:
    """The solver's records were made by the loop below."""
    generator = torch.Generator().manual_seed(0)
    ours = [torch.randn(shape, generator=generator) for shape in SHAPES]
    theirs = [weight.clone() for weight in ours]
    means, squares = ([torch.zeros_like(w) for w in theirs] for _ in range(2))
    update = _Update(ours, 0.02)
    for taken in range(1, 30):
        share = 1 - taken / 40
        gradients = [torch.randn(shape, generator=generator) for shape in SHAPES]
        update(gradients, share)
        first, second = (1 - decay**taken for decay in (MEAN_DECAY, SQUARE_DECAY))
        for weight, mean, square, slope in zip(theirs, means, squares, gradients, strict=True):
            mean.lerp_(slope, 1 - MEAN_DECAY)
            square.mul_(SQUARE_DECAY).addcmul_(slope, slope, value=1 - SQUARE_DECAY)
            scale = (square / second).sqrt_().add_(EPSILON)
            weight.addcdiv_(mean, scale, value=-0.02 * share / first)
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_where_roots_are_corrected_is_a_matter_of_rounding() -> None:
    ends = []
    for within in (False, True):
        weight, moments = torch.ones(3), [torch.zeros(3), torch.zeros(3)]
        for taken in range(1, 9):
            gradient = torch.tensor([1.0, -0.1, math.sin(taken)])
            adam_step([weight], [gradient], moments, taken=taken, lr=0.01, corrected_within=within)
        ends.append(weight)
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-6, atol=1e-7)
