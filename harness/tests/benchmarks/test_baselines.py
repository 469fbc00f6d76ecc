"""Baselines: scikit-learn's network is ours, and sweeps are least squares."""

from __future__ import annotations

import numpy as np
import pytest

from harness.benchmarks import (
    baselines,
    feature_sweeps,
)
from harness.benchmarks.workloads import Cell
from harness.models import Mlp
from harness.tests.speed import SWEEP, TINY


def test_scikit_learns_network_is_ours() -> None:
    cell = TINY.cells("float32", 0)[0]
    net = baselines.sklearn_net(Cell(cell.experiment.but(model=Mlp(5, depth=2)), 0))
    x, y = np.zeros((10, 768), np.float32), np.arange(10)
    net.partial_fit(x, y, classes=y)
    counted = sum(array.size for array in (*net.coefs_, *net.intercepts_))
    assert counted == Mlp(5, depth=2).size((3, 16, 16), 10)
    assert all(array.dtype == np.float32 for array in net.coefs_)


@pytest.mark.parametrize("solver", ["_lstsq", "_linear_regression"])
def test_baselines_of_sweeps_solve_least_squares(solver: str) -> None:
    train, _, targets, _ = feature_sweeps._drawn(SWEEP, 3, 0)
    assert (train.shape, targets.shape) == ((30, 60), (30, 30))
    weights = getattr(feature_sweeps, solver)(train[:, :10], targets)
    np.testing.assert_allclose(train[:, :10].T @ (train[:, :10] @ weights - targets), 0, atol=1e-9)
    assert np.abs(train @ getattr(feature_sweeps, solver)(train, targets) - targets).max() < 1e-6
