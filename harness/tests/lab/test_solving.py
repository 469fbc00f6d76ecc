"""Solvers that take steps go on from where they were stopped, to the same numbers."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from harness.analytic import resuming
from harness.analytic.adam import Adam
from harness.data import Digits
from harness.fleet import pausing, trainer
from harness.fleet.pausing import Paused
from harness.lab import solving
from harness.lab.lab import Lab
from harness.lab.store import Store
from harness.models import Mlp
from harness.models.subspace import Subspace
from harness.spec import Solved
from harness.spec.streams import stream
from harness.tests.simulated import at

pytestmark = pytest.mark.usefixtures("patient")

DATA = Digits(n=100)
SOLVERS = [
    Adam(Mlp(16, batch_norm=True), steps=14, batch=30),
    Adam(Subspace(Mlp(16), 20, projection="dense"), steps=9),
]


@pytest.mark.parametrize("solver", SOLVERS, ids=repr)
def test_a_solver_stopped_between_steps_ends_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, solver: Adam
) -> None:
    expected = solver.solve(DATA.split(None, 0), stream(0, "solution"))
    looks = iter(range(1, 1000))
    real = solving.Steps.between

    def between(steps: solving.Steps, step: int, arrays: Any) -> None:
        if next(looks) % 3 == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        real(steps, step, arrays)

    monkeypatch.setattr(solving.Steps, "between", between)
    reached = []
    for _ in range(20):
        lab = Lab(at(tmp_path))
        (run,) = lab.runs(Solved(DATA, solver), 1)
        if kept := lab.store.resume(run.key):
            reached.append(kept[0]["step"])
            assert not [name for name in kept[1] if "matrix" in name]  # what is drawn anew is not kept
        try:
            with pausing.heeded():
                results = lab.results("x", Solved(DATA, solver), 1)
            break
        except Paused:
            continue
    assert reached == [3, 6, 9, 12][: len(reached)]
    assert len(reached) > 1
    assert {name: results.final(name).values[0] for name in expected} == expected
    assert lab.store.resume(run.key) is None


def test_a_checkpoint_is_left_from_time_to_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "SAVE_EVERY", 0.0)
    lab = Lab(at(tmp_path))
    left: list[int] = []
    monkeypatch.setattr(Store, "checkpoint", lambda store, key, state, arrays: left.append(state["step"]))
    lab.results("x", Solved(DATA, SOLVERS[1]), 1)
    assert left == list(range(1, 9))


def test_other_solvers_are_solved_as_they_are() -> None:
    class Mine(Adam, frozen=True):
        pass

    assert resuming.is_resumable(SOLVERS[0])
    assert not resuming.is_resumable(Mine(Mlp(3)))
