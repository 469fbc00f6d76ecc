"""Every kernel against the reference: gradients, short horizons, checkpoints; and which trains what."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from harness.data import Augmented, Digits, GeneratedImages, RandomCrop, RandomLabels
from harness.fleet import native, replica, table, trainer
from harness.fleet.optimizers import Sgd
from harness.fleet.replica import ChannelsLast, Replica, built, noisy
from harness.fleet.schedules import InverseSqrtSgd
from harness.fleet.stacked import Stack
from harness.fleet.trainer import Trained
from harness.models import Dropout, EpflAlexNet, Linear, Mlp, SmallAlexNet, SmallInception, StudentCnn
from harness.models.masked import Masked
from harness.models.noisy_inputs import AdversarialInputs, NoisyInputs
from harness.spec import Experiment
from harness.tests.trainings import by_reference, far, member, split, together

pytestmark = pytest.mark.usefixtures("prepared")

IMAGES = GeneratedImages(n=40, size=8, n_test=30)


LARGER = GeneratedImages(n=40, size=16, n_test=30)


ONCE = Sgd(lr=0.05, epochs=2, batch=16)


NETS = {
    "linear": Experiment(Digits(n=60), Linear(), ONCE),
    "mlp": Experiment(Digits(n=60), Mlp(24, depth=2), ONCE),
    "mlp without biases": Experiment(Digits(n=60), Mlp(24, bias=False), ONCE),
    "mlp, batch norm": Experiment(Digits(n=60), Mlp(24, batch_norm=True), ONCE),
    "student": Experiment(LARGER, StudentCnn(5, 12, 9), ONCE),
    "alexnet": Experiment(IMAGES, SmallAlexNet(width=0.125), ONCE),
    "epfl alexnet": Experiment(LARGER, EpflAlexNet(width=0.125), ONCE),
    "inception": Experiment(IMAGES, SmallInception(width=0.125), ONCE),
    "dropout": Experiment(Digits(n=60), Dropout(Mlp(24, depth=2), 0.5), ONCE),
    "dropout behind maps": Experiment(IMAGES, Dropout(SmallAlexNet(width=0.125), 0.5), ONCE),
    "noise on the inputs": Experiment(Digits(n=60), NoisyInputs(Mlp(24, depth=2), 2.0), ONCE),
    "attacks": Experiment(Digits(n=60), AdversarialInputs(Dropout(Mlp(24), 0.5), 0.5), ONCE),
    "masks": Experiment(Digits(n=60), Masked(Mlp(24, depth=2)), ONCE),
}


def by_kernels(experiment: Experiment) -> dict[str, Trained]:
    """The outcomes by the table's kernel, by that without a compiler, and stacked with others if possible."""
    others = [member(experiment.but(data__labels=RandomLabels(1.0))), member(experiment, 1)]
    chosen = trainer.train(member(experiment))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(native.OFF, "0")
        without = trainer.train(member(experiment))
    noise = noisy(built(experiment, 0, split(experiment)))
    stacked = [] if noise else [together([others[0], member(experiment), others[1]])[1]]
    return {made.kernel: made for made in (chosen, without, *stacked)}


@pytest.mark.parametrize("loss", ["cross_entropy", "squared"])
@pytest.mark.parametrize("net", NETS)
def test_gradients_are_those_of_the_reference(net: str, loss: str) -> None:
    """One step at rate one without momentum: what the weights change by is the gradient."""
    n = NETS[net].data.train_size
    step = NETS[net].but(optimizer=Sgd(lr=1.0, epochs=1, batch=n, momentum=0.0), loss=loss)
    expected = by_reference(step)
    parameters = dict(built(step, 0, split(step)).named_parameters())
    start = dataclasses.replace(expected, weights={n: p.detach().numpy() for n, p in parameters.items()})
    expected.weights = {n: expected.weights[n] for n in parameters}
    for kernel, made in by_kernels(step).items():
        assert far(made, expected, start) <= 1e-5, kernel


@pytest.mark.parametrize("net", NETS)
def test_a_few_steps_stay_close_to_the_reference(net: str) -> None:
    experiment = NETS[net].but(optimizer__weight_decay=0.01, optimizer__decay=0.8)
    expected = by_reference(experiment)
    for kernel, made in by_kernels(experiment).items():
        assert far(made, expected) <= 1e-4, kernel
        assert made.outcome == expected.outcome
        np.testing.assert_allclose(
            made.curves["train_loss"], expected.curves["train_loss"], rtol=1e-4, err_msg=kernel
        )


@pytest.mark.parametrize("net", ["mlp", "alexnet", "student"])
def test_bfloat16_stays_close_to_the_reference_in_bfloat16(net: str) -> None:
    experiment = NETS[net].but(precision="bfloat16")
    expected = by_reference(experiment)
    for kernel, made in by_kernels(experiment).items():
        assert far(made, expected) <= 0.02, kernel
    assert far(by_reference(NETS[net]), expected) > 1e-5


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("net", ["alexnet", "inception"])
def test_predictions_do_not_depend_on_how_many_are_made_at_once(
    net: str, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(native.OFF, "0")
    experiment = NETS[net].but(precision=precision, data__n=300)
    data = split(experiment)
    made = table.replica(experiment, 0, data, "cpu")
    assert isinstance(made, ChannelsLast)
    small = made._wrong(made.x_train, made.y_train)
    monkeypatch.setattr(replica, "CONVOLVED_AT_ONCE", 1024)
    assert small.tolist() == made._wrong(made.x_train, made.y_train).tolist()
    assert 0 < small.sum() < len(small)


@given(
    depth=st.integers(1, 3), width=st.integers(1, 40), n=st.integers(2, 70), batch=st.integers(2, 70),
    momentum=st.sampled_from([0.0, 0.5, 0.9]),
)  # fmt: skip
@settings(max_examples=20, derandomize=True, database=None, deadline=None)
def test_any_dense_net_is_trained_as_by_the_reference(
    depth: int, width: int, n: int, batch: int, momentum: float
) -> None:
    recipe = Sgd(lr=0.02, epochs=1, batch=batch, momentum=momentum)
    experiment = Experiment(Digits(n=n), Mlp(width, depth=depth), recipe)
    for made in by_kernels(experiment).values():
        assert far(made, by_reference(experiment)) <= 1e-4


def kernel_of(experiment: Experiment, device: str = "cpu") -> str:
    return table.chosen(built(experiment, 0, split(experiment)), experiment, device).kernel


def test_the_table_names_the_kernel_by_device_and_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = NETS["inception"].but(model__width=1.0)
    reduced = {net: NETS[net].but(precision="bfloat16") for net in NETS}
    assert kernel_of(wide) == kernel_of(reduced["alexnet"]) == "channels_last"
    assert kernel_of(NETS["alexnet"], "cuda:1") == "captured_channels_last"
    assert kernel_of(wide) == "channels_last"
    assert kernel_of(reduced["mlp, batch norm"]) == "reference"
    assert kernel_of(NETS["mlp"], "cuda") == "captured"
    assert kernel_of(reduced["mlp"]) == "backprop"
    dense, noise = {"linear": "backprop", "mlp": "backprop"}, {"dropout": "reference", "masks": "reference"}
    convolutional = dict.fromkeys(("student", "alexnet", "epfl alexnet", "inception"), "channels_last")
    small = {**dense, **noise, **convolutional, "mlp, batch norm": "reference"}
    if native.available():
        assert {kernel_of(NETS[net]) for net in small} == {"native"}
        assert kernel_of(reduced["student"]) == "native"
    monkeypatch.setenv(native.OFF, "0")
    assert {net: kernel_of(NETS[net]) for net in small} == small
    monkeypatch.setenv(table.FORCED, "reference")
    assert {kernel_of(experiment) for experiment in NETS.values()} == {"reference"}
    monkeypatch.setenv(table.FORCED, "fastest")
    with pytest.raises(ValueError, match=r'^HARNESS_KERNEL=fastest: .* "reference"$'):
        kernel_of(NETS["mlp"])


class Bent(Sgd, frozen=True):
    """Another optimizer, of whose step the kernels that write one out know nothing."""

    def update(self, weights: Any, gradients: Any, velocities: Any, lr: float) -> None:
        super().update(weights, gradients, velocities, lr / 2)


def test_what_no_row_knows_takes_the_plain_path() -> None:
    assert kernel_of(NETS["mlp"].but(optimizer=Bent(lr=0.1, epochs=1))) == "reference"
    assert kernel_of(NETS["mlp"].but(optimizer=InverseSqrtSgd(lr=0.1, epochs=1))) == "reference"
    dense = nn.Linear(64, 10)
    for odd in (
        nn.Sequential(nn.Flatten(), dense, nn.Tanh(), nn.Linear(10, 10)),
        nn.Sequential(nn.Flatten(), dense, nn.ReLU()),
        nn.Sequential(nn.Flatten(), dense, nn.ReLU(), nn.Dropout(), nn.Linear(10, 10)),
        nn.Sequential(dense),
        nn.Sequential(nn.Flatten()),
        dense,
    ):
        assert table.chosen(odd, NETS["mlp"], "cpu") is Replica


def test_checkpoints_pass_between_kernels() -> None:
    """Weights and velocities are named alike, so a run may go on with another kernel."""
    experiment = NETS["mlp"]
    first = Replica(built(experiment, 0, split(experiment)), experiment, 0, split(experiment), "cpu")
    first.epoch(0)
    stack = Stack([(experiment, 1, split(experiment, 1)), (experiment, 0, split(experiment))], "cpu")
    stack.load(1, first.state())
    other = table.replica(experiment, 0, split(experiment), "cpu")
    other.load(stack.state(1))
    assert other.kernel != first.kernel
    assert {n: a.tolist() for n, a in other.state().items()} == {
        n: a.tolist() for n, a in first.state().items()
    }
    rows = [first.epoch(1), other.epoch(1), stack.epoch([0, 1])[1]]
    losses = [row["train_loss"] for row in rows]
    np.testing.assert_allclose(losses, losses[0], rtol=1e-5)


def test_records_are_in_plain_order_whatever_the_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native.OFF, "0")
    experiment = NETS["inception"]
    replica = table.replica(experiment, 0, split(experiment), "cpu")
    assert isinstance(replica, ChannelsLast)
    assert all(array.flags.c_contiguous for array in replica.state().values())


DROPPED = Experiment(Digits(n=60), Dropout(Mlp(24, depth=2), 0.5), ONCE)


SHIFTED = Experiment(Augmented(Digits(n=60, whiten=False), (RandomCrop(8, padding=1),)), Mlp(24), ONCE)


def test_dropout_depends_on_the_run_alone() -> None:
    first = trainer.train(member(DROPPED))
    torch.manual_seed(3)
    trainer.train(member(DROPPED, 1))
    again = trainer.train(member(DROPPED))
    assert far(again, first) == 0
    assert far(trainer.train(member(DROPPED.but(model=Mlp(24, depth=2)))), first) > 1e-3
    assert not trainer.stack_pays([member(DROPPED), member(DROPPED, 1)], "cpu")


def test_dropout_of_nothing_is_no_dropout() -> None:
    plain = trainer.train(member(DROPPED.but(model=Mlp(24, depth=2))))
    made = trainer.train(member(DROPPED.but(model__rate=0.0)))
    assert made.kernel == plain.kernel
    assert far(made, plain) == 0


def test_images_are_augmented_by_every_kernel_alike() -> None:
    expected = by_reference(SHIFTED)
    for kernel, made in by_kernels(SHIFTED).items():
        assert far(made, expected) <= 1e-4, kernel
        assert made.curves["train_error"] == expected.curves["train_error"]
    plain = by_reference(SHIFTED.but(data__augmentations=()))
    assert far(plain, expected) > 1e-3
