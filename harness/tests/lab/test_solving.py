"""Solvers go on from where they were stopped, to the same numbers, from what can be trusted alone."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.analytic import resuming
from harness.analytic.adam import Adam
from harness.analytic.description_length import Net, TwoPart
from harness.analytic.kernel_interpolation import GaussianKernel, KernelInterpolation
from harness.analytic.random_features import FourierFeatures, RandomFeatureSweep
from harness.analytic.trees import ForestGrid
from harness.data import Digits
from harness.fleet import pausing, trainer
from harness.fleet.pausing import Paused
from harness.lab import notes, solving
from harness.lab.computing import COMPUTED, Finished, drain
from harness.lab.lab import Lab
from harness.lab.runs import Fleet, Run
from harness.lab.store import Store, StoreError
from harness.models import Mlp
from harness.models.subspace import Subspace
from harness.spec import Solved
from harness.tests.simulated import at

pytestmark = pytest.mark.usefixtures("patient")

DATA = Digits(n=100)
SOLVERS: list[Any] = [
    Adam(Mlp(16, batch_norm=True), steps=14, batch=30),
    Adam(Subspace(Mlp(16), 20, projection="dense"), steps=9),
    ForestGrid((2, 3, 4), (1, 5)),
    KernelInterpolation(GaussianKernel(5.0)),
    RandomFeatureSweep(FourierFeatures(5.0), (10, 50, 90, 110, 150, 200)),
    TwoPart(Net(epochs=5, batch=30)),
]
FOREST = Solved(DATA, SOLVERS[2])


@pytest.fixture(autouse=True)
def nothing_told() -> None:
    notes.told()


def stopped_at(monkeypatch: pytest.MonkeyPatch, *looks: int) -> None:
    """Have this process be asked to end at these looks between parts, counted over all of them."""
    counted = iter(range(1, 10**6))
    real = solving.Steps.between

    def between(steps: solving.Steps, step: int, arrays: Any) -> None:
        if next(counted) in looks:
            os.kill(os.getpid(), signal.SIGTERM)
        real(steps, step, arrays)

    monkeypatch.setattr(solving.Steps, "between", between)


def begun(place: Path, value: Solved = FOREST) -> tuple[Lab, Run]:
    """A run that was stopped once, and its lab."""
    lab = Lab(at(place))
    (run,) = lab.runs(value, 1)
    with pytest.raises(Paused), pausing.heeded():
        lab.results("x", value, 1)
    assert lab.store.resume(run.key) is not None
    return lab, run


def computed(lab: Lab, run: Run) -> Finished:
    """What became of the run, computed alone."""
    (done,) = drain([Fleet(shape="", runs=(run,), seconds=1.0)], lab.place)
    assert done.outcome == COMPUTED, done
    return done


@pytest.mark.parametrize("solver", SOLVERS, ids=repr)
def test_a_solver_stopped_between_steps_ends_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, solver: Any
) -> None:
    Lab(at(tmp_path / "whole")).results("x", Solved(DATA, solver), 1)
    stopped_at(monkeypatch, *range(3, 10**3, 3))
    reached = []
    for _ in range(20):
        lab = Lab(at(tmp_path))
        (run,) = lab.runs(Solved(DATA, solver), 1)
        if kept := lab.store.resume(run.key):
            reached.append(kept[0]["step"])
            assert not [name for name in kept[1] if "matrix" in name and isinstance(solver, Adam)]
        try:
            with pausing.heeded():
                lab.results("x", Solved(DATA, solver), 1)
            break
        except Paused:
            continue
    assert reached[1:] == [reached[0] + 3 * i for i in range(1, len(reached))]
    assert reached
    whole, again = Store(tmp_path / "whole" / "store").read(run.key), lab.store.read(run.key)
    for name in ("finals", "curves", "shapes"):
        assert msgspec.json.encode(getattr(again, name)) == msgspec.json.encode(getattr(whole, name))
    assert lab.store.resume(run.key) is None


def test_a_checkpoint_is_left_from_time_to_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(solving, "SHARE", 0.0)
    lab = Lab(at(tmp_path))
    left: list[int] = []
    monkeypatch.setattr(Store, "checkpoint", lambda store, key, state, arrays: left.append(state["step"]))
    lab.results("x", Solved(DATA, SOLVERS[1]), 1)
    assert left == list(range(1, 9))


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    hands = Clock()
    monkeypatch.setattr(time, "monotonic", hands)
    return hands


@pytest.mark.parametrize(
    ("parts", "writing", "expected"),
    [
        ([1.0] * 130, 0.0, [61, 122]),  # a minute's worth at most is lost
        ([1.0, 6.0, 1.0, 7.0], 0.0, [2, 4]),  # after a long part at once: the next may outlast the patience
        ([6.0] * 6, 1.0, [1, 3, 5]),  # but large ones take no more than a tenth of the time
    ],
)
def test_a_checkpoint_is_left_when_there_is_much_to_lose(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
    parts: list[float],
    writing: float,
    expected: list[int],
) -> None:
    lab = Lab(at(tmp_path))
    (run,) = lab.runs(FOREST, 1)
    left: list[int] = []

    def checkpoint(store: Store, key: str, state: dict[str, Any], arrays: Any) -> None:
        left.append(state["step"])
        clock.now += writing

    monkeypatch.setattr(Store, "checkpoint", checkpoint)
    steps = solving.Steps(run, lab.place, lab.store, clock)
    for step, seconds in enumerate(parts, start=1):
        clock.now += seconds
        steps.between(step, dict)
    assert left == expected


def test_a_damaged_checkpoint_is_told_of_and_the_run_begins_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped_at(monkeypatch, 4)
    lab, run = begun(tmp_path)
    file = lab.store.root / "partial" / run.key / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    done = computed(lab, run)
    assert done.notes == (f"the checkpoint {file.parent} is damaged: its run begins again",)
    assert not file.exists()
    assert computed(Lab(at(tmp_path / "b")), run).notes == ()


def test_a_checkpoint_of_other_code_is_told_of_and_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped_at(monkeypatch, 4)
    lab, run = begun(tmp_path)
    monkeypatch.setattr(resuming, "code", lambda solver: "ab" * 32)
    began: list[Any] = []
    real = resuming.solve_on

    def solve_on(solver: Any, split: Any, generator: Any, begun: Any, between: Any) -> Any:
        began.append(begun)
        return real(solver, split, generator, begun, between)

    monkeypatch.setattr(resuming, "solve_on", solve_on)
    (note,) = computed(lab, run).notes
    assert note.startswith("other code left the checkpoint of Solved(Digits(n=100), ForestGrid(")
    assert note.endswith("which is solved from the beginning")
    assert began == [None]


def test_a_checkpoint_that_the_disk_does_not_take_costs_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "SAVE_EVERY", -1.0)

    def checkpoint(store: Store, key: str, state: Any, arrays: Any) -> None:
        raise StoreError("cannot write to the store: No space left on device")

    monkeypatch.setattr(Store, "checkpoint", checkpoint)
    lab = Lab(at(tmp_path))
    (run,) = lab.runs(FOREST, 1)
    (note,) = computed(lab, run).notes
    assert note.startswith("no checkpoint of Solved(")
    assert note.endswith("No space left on device")


def test_seconds_before_a_checkpoint_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped_at(monkeypatch, 4)
    lab, run = begun(tmp_path)
    kept = lab.store.resume(run.key)
    assert kept is not None
    lab.store.checkpoint(run.key, {**kept[0], "seconds": 100.0}, kept[1])
    assert computed(lab, run).cost > 100.0
