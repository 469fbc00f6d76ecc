"""Optimizers as values: numbers that are refused, and nets that stay as they were drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from harness.data import GeneratedImages
from harness.fleet import trainer
from harness.fleet.optimizers import Sgd, Untrained
from harness.fleet.replica import Replica, built
from harness.lab import conformance
from harness.lab.durations import START_SECONDS, alike, estimate
from harness.lab.lab import Lab
from harness.lab.plan import shape_of
from harness.models import SmallInception
from harness.models.conv246 import Conv
from harness.models.lenet300 import LeNet300
from harness.models.masked import Masked
from harness.models.redrawn import Redrawn
from harness.spec import Experiment, From, Value
from harness.spec.contracts import Model, Weights
from harness.tests.simulated import SMALL, Norm, at
from harness.tests.trainings import member, split, trained

pytestmark = pytest.mark.usefixtures("prepared")

STILL = SMALL.but(optimizer=Untrained())
TINY = LeNet300(12, 7)
MODELS = [SMALL.model, Redrawn(SMALL.model), TINY, Masked(TINY), Conv(2), SmallInception(width=0.125)]


class Second(Value, frozen=True):
    """The weights of the second of two parents."""

    def apply(self, parents: list[Weights], generator: np.random.Generator) -> Weights:
        return parents[1]


def drawn(experiment: Experiment, replicate: int = 0) -> Weights:
    """What the model makes from the replicate's stream of initial weights."""
    module = built(experiment, replicate, split(experiment, replicate))
    return {name: tensor.detach().numpy().copy() for name, tensor in module.state_dict().items()}


def same(weights: Weights, others: Weights) -> bool:
    """Equal to the bit, signs of zeros included."""
    return weights.keys() == others.keys() and all(
        array.tobytes() == others[name].tobytes() for name, array in weights.items()
    )


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_a_step_is_that_of_torch(momentum: float, decay: float) -> None:
    recipe = Sgd(lr=0.1, epochs=1, momentum=momentum, weight_decay=decay)
    ours, theirs = ([torch.arange(1.0, 7.0).reshape(2, 3), torch.ones(3)] for _ in range(2))
    optimizer = torch.optim.SGD(theirs, lr=0.1, momentum=momentum, weight_decay=decay)
    velocities = [torch.zeros_like(weight) for weight in ours] if momentum else []
    for step in range(4):
        gradients = [torch.sin(weight + step) for weight in ours]
        for weight, gradient in zip(theirs, gradients, strict=True):
            weight.grad = gradient.clone()
        recipe.update(ours, gradients, velocities, 0.1)
        optimizer.step()
        torch.testing.assert_close(ours, theirs)


def test_the_rate_falls_at_the_end_of_each_epoch_or_of_so_many_steps() -> None:
    by_epoch = Sgd(lr=0.8, epochs=9, decay=0.5)
    assert [by_epoch.lr_at(step, 3) for step in range(7)] == [0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2]
    by_steps = by_epoch.but(decay_steps=2)
    assert [by_steps.lr_at(step, 3) for step in range(5)] == [0.8, 0.8, 0.4, 0.4, 0.2]
    assert Sgd(lr=0.8, epochs=9).lr_at(10**6, 3) == 0.8


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_an_untrained_net_ends_with_its_initial_weights(model: Model) -> None:
    still = STILL.but(model=model, data=GeneratedImages(n=20, size=8, n_test=10))
    for replicate in (0, 1000):
        ended = trained(still, replicate)
        assert same(ended.weights, drawn(still, replicate))
        assert (ended.curves, ended.outcome) == ({}, "budget")
    assert not same(drawn(still), drawn(still, 1000))


@pytest.mark.parametrize("model", MODELS[:-1], ids=lambda model: type(model).__name__)
def test_no_epoch_is_an_epoch_of_no_rate(model: Model) -> None:
    """But for the statistics of batch normalization, which an epoch does change."""
    still = STILL.but(model=model, data=GeneratedImages(n=20, size=8, n_test=10))
    lazy = still.but(optimizer=Sgd(lr=1e-300, epochs=1, batch=8))
    assert same(trained(still).weights, trained(lazy).weights)


@pytest.mark.parametrize("start", [From(STILL), (From(SMALL), From(STILL, Second()))], ids=["one", "two"])
def test_a_chain_from_it_starts_at_initial_weights(tmp_path: Path, start: From | tuple[From, From]) -> None:
    lab = Lab(at(tmp_path))
    child, fresh = SMALL.but(start=start, optimizer__epochs=1), SMALL.but(optimizer__epochs=1)
    chained, plain = (lab.results("x", net, 2).curve("train_loss") for net in (child, fresh))
    assert np.array_equal(chained, plain)


def test_the_record_of_an_untrained_net_has_no_errors_and_can_be_probed(tmp_path: Path) -> None:
    lab = Lab(at(tmp_path))
    results = lab.results("still", STILL.but(probes=(Norm(),)), 2)
    assert [(r.epochs, r.outcome) for r in results.records] == [(0, "budget")] * 2
    norms = [np.sqrt(sum((w.astype(float) ** 2).sum() for w in drawn(STILL, k).values())) for k in (0, 1)]
    assert results.final("norm").values == pytest.approx(norms)
    with pytest.raises(KeyError, match="'test_error'"):
        results.final("test_error")


def test_plans_count_no_step_and_keep_it_apart() -> None:
    """A stack goes on until its members' budgets are used up, so none without a budget may be in it."""
    assert estimate(STILL) == START_SECONDS
    plain = SMALL.but(optimizer__momentum=0.0)
    assert plain.optimizer.batch == STILL.optimizer.batch
    assert shape_of(STILL) != shape_of(plain)
    assert alike(STILL) != alike(plain)
    assert alike(plain) == alike(SMALL)


def test_no_stack_takes_untrained_nets() -> None:
    ended: dict[int, trainer.Trained] = {}
    members = [member(STILL, k) for k in range(3)]
    assert not trainer.stack_pays(members, "cpu")
    trainer.train_together(members, "cpu", ended.__setitem__)
    assert all(same(ended[k].weights, drawn(STILL, k)) for k in range(3))


def test_it_is_an_optimizer_by_contract_and_never_called() -> None:
    assert conformance.examined(STILL) == []
    assert trained(STILL).kernel == Replica.kernel


def test_no_epochs_by_another_name_are_refused_with_the_right_one() -> None:
    with pytest.raises(ValueError, match=r"Sgd\(epochs=0\): must be positive; .* say Untrained\(\)"):
        Sgd(lr=0.1, epochs=0)
    with pytest.raises(ValueError, match=r"Sgd\(lr=0.0\): must be positive$"):
        Sgd(lr=0, epochs=1)
