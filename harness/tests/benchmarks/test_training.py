"""What a person would write instead: every loop learns."""

from __future__ import annotations

from typing import Any

import pytest

from harness.benchmarks import (
    baselines,
    unused,
)
from harness.benchmarks.images import BenchmarkImages
from harness.benchmarks.workloads import Cell
from harness.fleet.optimizers import Sgd
from harness.models import Mlp
from harness.spec import Experiment
from harness.tests.speed import TINY, tiny


def test_every_loop_learns() -> None:
    """Forty images, learnt by heart: a loop that skipped a step or mixed up labels would not get there."""
    data = BenchmarkImages(40, 8, (1, 4, 4))
    experiment = Experiment(data, Mlp(64), Sgd(lr=0.1, epochs=60, batch=10))
    cell, split = Cell(experiment, 0), data.split(None, 0)
    setting = baselines.Setting(1)
    histories = [
        baselines.plain_cell(cell, split, "cpu"),
        baselines.tuned_cell(cell, split, "cpu", setting, baselines.fresh(cell, split, "cpu")),
    ]
    for history in histories:
        assert len(history) == 60
        assert history[-1][0] < 0.2 < 1.5 < history[0][0]
        assert history[-1][1] == 0.0
        assert history[-1][2] > 0.4  # nothing to learn about other images


def test_a_loop_under_vmap_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its losses and errors are heard as they are read off, since it returns nothing but a note."""
    import torch

    sums: list[float] = []
    tolist = torch.Tensor.tolist

    def heard(self: torch.Tensor) -> Any:
        sums.append(float(self.sum()))
        return tolist(self)

    monkeypatch.setattr(torch.Tensor, "tolist", heard)
    workload = tiny(TINY, name="vmap", optimizer=Sgd(lr=0.1, epochs=30, batch=8), model=Mlp(32))
    assert unused.vmap(workload, "float32", "cpu", 0).startswith("E = 2")
    losses, train_wrong = sums[0::3], sums[1::3]
    assert losses[-1] < 0.1 * losses[0]
    assert train_wrong[-1] == 0
