"""A single net's captured step comes to the plain path's numbers, whatever it draws and by any update."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from harness.data import Augmented, Digits, RandomCrop, RedrawnLabels
from harness.data.pitfalls import CentreCrop
from harness.fleet import table, trainer
from harness.fleet._pretended import pretended
from harness.fleet.adaptive import AdamL2, AdamW
from harness.fleet.captured import Captured, CapturedLast, is_capturable
from harness.fleet.optimizers import Sgd, WhenFitted
from harness.fleet.replica import Midway, Replica, built
from harness.fleet.stacked import Stack
from harness.models import Dropout, Mlp
from harness.models.cnn5 import Cnn5
from harness.models.curve import Curve
from harness.models.noisy_inputs import AdversarialInputs, NoisyInputs
from harness.spec import Experiment
from harness.tests.simulated import SMALL
from harness.tests.trainings import by_reference_of, far, member, split

pytestmark = pytest.mark.usefixtures("prepared")


class OwnAdam(AdamL2, frozen=True):
    """One whose step for stacks is its own."""

    decay_of_steps: float = 1.0


class OwnSgd(Sgd, frozen=True):
    """One whose step is of the host."""

    def update(self, weights: Any, gradients: Any, velocities: Any, lr: float) -> None:
        super().update(weights, gradients, velocities, lr)


SHORT = SMALL.but(optimizer__epochs=2, optimizer__batch=48)
DROPPED = SHORT.but(model=Dropout(Mlp(16), 0.3))
HOSTS = Augmented(Digits(n=120, whiten=False), (RandomCrop(9, padding=1), CentreCrop(8)))
CASES = {
    "momentum": SHORT,
    "no momentum": SHORT.but(optimizer__momentum=0.0, optimizer__weight_decay=0.01),
    "rates that fall in an epoch": SHORT.but(optimizer__decay=0.3, optimizer__decay_steps=1),
    "Adam": SHORT.but(optimizer=AdamL2(lr=0.003, epochs=2, weight_decay=0.1)),
    "AdamW": SHORT.but(optimizer=AdamW(lr=0.003, epochs=2, weight_decay=0.1)),
    "one's own Adam": SHORT.but(optimizer=OwnAdam(lr=0.003, epochs=2)),
    "dropout": DROPPED,
    "dropout and Adam": DROPPED.but(optimizer=AdamL2(lr=0.003, epochs=2)),
    "noise": SHORT.but(model=NoisyInputs(Mlp(16))),
    "adversaries": SHORT.but(model=AdversarialInputs(Mlp(16))),
    "batch norm": SHORT.but(model=Mlp(16, batch_norm=True)),
    "a curve": SHORT.but(model=Curve(Mlp(16, batch_norm=True))),
    "a chain and Adam": SHORT.but(
        model=Curve(Mlp(16), kind="chain"), optimizer=AdamL2(lr=0.003, epochs=2, weight_decay=0.1)
    ),
    "convolutions": SHORT.but(model=Cnn5(4), optimizer__lr=0.01),
    "redrawn labels": SHORT.but(data__labels=RedrawnLabels()),
    "images of the host's making": SHORT.but(data=HOSTS),
    "squared loss": SHORT.but(loss="squared"),
    "a rule": SHORT.but(stop=WhenFitted(0.3), optimizer__epochs=6),
}


@pytest.mark.parametrize("experiment", CASES.values(), ids=CASES.keys())
def test_a_captured_step_is_the_plain_path_s(experiment: Experiment) -> None:
    one = member(experiment, 1)
    expected = by_reference_of(one)
    with pretended() as gpu:
        ours = trainer.train(one, "cuda")
    convolutional = isinstance(experiment.model, Cnn5)
    assert ours.kernel == ("captured_channels_last" if convolutional else "captured")
    assert gpu.captured == 2  # a full batch, and the last one
    assert ours.curves.keys() == expected.curves.keys()
    for name, values in expected.curves.items():
        tolerance = 1e-4 if name.endswith("loss") else 0.02
        assert ours.curves[name] == pytest.approx(values, rel=tolerance, abs=1e-6)
    assert far(ours, expected) <= 1e-3
    assert ours.outcome == expected.outcome


@pytest.mark.parametrize(
    "experiment", [DROPPED, *(CASES[n] for n in ("dropout and Adam", "batch norm", "a curve"))], ids=str
)
def test_it_goes_on_from_within_an_epoch(experiment: Experiment) -> None:
    kept: dict[str, Any] = {}
    once = experiment.but(optimizer__batch=32)

    def leave(step: int, total: Any, arrays: Any) -> None:
        if step == 3:
            kept["reach"], kept["arrays"] = Midway(step, total()), arrays()

    with pretended():
        whole, broken, resumed = (table.replica(once, 0, split(once), "cuda") for _ in range(3))
        assert isinstance(whole, Captured)
        assert isinstance(broken, Captured)
        assert isinstance(resumed, Captured)
        rows = [whole.epoch(epoch) for epoch in range(2)]
        broken.between = leave
        assert broken.epoch(0) == rows[0]
        resumed.load(kept["arrays"])
        resumed.reach = kept["reach"]
        assert [resumed.epoch(0), resumed.epoch(1)] == rows
        ours, theirs = resumed.state(), whole.state()
    assert all(np.array_equal(ours[name], array) for name, array in theirs.items())


class OwnNoise(torch.nn.Module):
    """Draws by means of its own."""

    generator: torch.Generator | None = None

    def seed(self, seed: int, device: torch.device) -> None:
        self.generator = torch.Generator().manual_seed(seed)


def test_what_the_host_must_do_in_each_step_is_not_captured() -> None:
    plain = built(SHORT, 0, split(SHORT))
    hosts = SHORT.but(optimizer=OwnSgd(lr=0.1, epochs=1))
    for module, experiment in ((plain, hosts), (torch.nn.Sequential(plain, OwnNoise()), SHORT)):
        assert not is_capturable(module, experiment)
        assert not issubclass(table.chosen(module, experiment, "cuda"), Captured)  # type: ignore[arg-type]
    module = built(CASES["convolutions"], 0, split(CASES["convolutions"]))
    assert table.chosen(module, CASES["convolutions"], "cuda:1") is CapturedLast
    assert table.chosen(module, CASES["convolutions"], "cpu") is not CapturedLast


def test_a_stack_is_timed_against_the_captured_single_net_which_is_gone_before_it_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timed: list[Any] = []
    alive: list[bool] = []
    began = Stack.__init__

    def seconds(kernel: Any, device: str) -> float:
        kernel.rehearse(3)
        kernel.rehearse(3)
        timed.append((type(kernel).__name__, weakref.ref(kernel)))
        return 1.0

    def made(stack: Stack, members: Sequence[Any], device: str) -> None:
        alive.append(timed[0][1]() is not None)
        began(stack, members, device)

    monkeypatch.setattr(trainer, "_seconds", seconds)
    monkeypatch.setattr(Stack, "__init__", made)
    with pretended() as gpu:
        assert trainer.stack_pays([member(SHORT, r) for r in range(2)], "cuda")
    assert [name for name, _ in timed] == ["Captured", "Stack"]
    assert alive == [False]
    assert gpu.captured == 2  # a full batch of each: none of the timed steps is eager


def test_a_stopwatch_s_steps_of_a_net_with_dropout_are_taken() -> None:
    with pretended() as gpu:
        replica = table.replica(DROPPED, 0, split(DROPPED), "cuda")
        assert isinstance(replica, Captured)
        replica.rehearse(3)
    assert gpu.captured == 1


def test_elsewhere_it_is_the_plain_path() -> None:
    experiment = CASES["Adam"]
    data = split(experiment)
    ours = Captured(built(experiment, 0, data), experiment, 0, data, "cpu")
    theirs = Replica(built(experiment, 0, data), experiment, 0, data, "cpu")
    ours.rehearse(2)
    theirs.rehearse(2)
    assert all(torch.equal(a, b) for a, b in zip(ours.params, theirs.params, strict=True))
    assert ours.epoch(0) == theirs.epoch(0)
