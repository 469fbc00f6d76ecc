"""Adam as a solver, replayed on a GPU: the numbers that it has on a CPU, from a checkpoint too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.analytic import resumed_nets, resuming
from harness.analytic.adam import Adam
from harness.analytic.resuming import Halfway
from harness.data import Digits
from harness.fleet import numerics
from harness.fleet._pretended import pretended
from harness.models import Dropout, Mlp
from harness.models.subspace import Subspace
from harness.spec.contracts import Weights
from harness.spec.streams import stream

SPLIT = Digits(n=200).split(None, 0)
SOLVERS = {
    "batches": Adam(Mlp(12, depth=2), reach=0.3, steps=9, batch=64, accelerated=True),
    "all at once": Adam(Mlp(12), reach=0.3, steps=5, accelerated=True),
    "subspace": Adam(Subspace(Mlp(12), 20, "fastfood"), reach=2.0, steps=9, batch=64, accelerated=True),
    "batch norm": Adam(Mlp(12, batch_norm=True), reach=0.3, steps=5, batch=64, accelerated=True),
}


def solved(solver: Adam, begun: Halfway | None = None, leave_at: int = 0) -> tuple[Any, list[Halfway]]:
    """What the way of ``Adam`` gives on the device that is there, and the checkpoint of one step."""
    left: list[Halfway] = []

    def between(step: int, keeping: Any) -> None:
        if step == leave_at:
            arrays: Weights = keeping()
            left.append(Halfway(step, arrays))

    return resumed_nets.adam(solver, SPLIT, stream(1, "solution"), begun, between), left


@pytest.mark.parametrize("name", SOLVERS)
def test_replayed_steps_are_those_of_a_cpu(name: str) -> None:
    solver = SOLVERS[name]
    expected = solver.but(accelerated=False).solve(SPLIT, stream(1, "solution"))
    with pretended() as gpu, numerics.solving("cuda", accelerated=True):
        ours, _ = solved(solver)
    assert gpu.captured == (2 if solver.batch else 1)  # a full batch, and the last one of an order
    assert ours == pytest.approx(expected, rel=1e-4)
    assert expected["train_loss"] < np.log(10)  # it has learnt something


def test_they_go_on_from_a_checkpoint() -> None:
    solver = SOLVERS["batches"]
    with pretended(), numerics.solving("cuda", accelerated=True):
        whole, (begun,) = solved(solver, leave_at=6)
        assert begun.step == 6
        assert solved(solver, begun)[0] == whole
    assert resuming.is_resumable(solver)


def test_nets_with_noise_are_launched_step_by_step() -> None:
    solver = Adam(Dropout(Mlp(12), 0.0), reach=0.3, steps=3, batch=64, accelerated=True)
    with pretended() as gpu, numerics.solving("cuda", accelerated=True):
        solved(solver)
    assert gpu.captured == 0
