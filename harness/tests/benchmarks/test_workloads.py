"""Workloads: their operations, their cells, and what these share."""

from __future__ import annotations

import math

import msgspec
import pytest

from harness.benchmarks.images import BenchmarkImages
from harness.benchmarks.workloads import WORKLOADS, Workload
from harness.data import RandomLabels
from harness.fleet.optimizers import Sgd

NAMES = [workload.name for workload in WORKLOADS]


def test_operations_of_the_formula() -> None:
    one = msgspec.structs.replace(
        WORKLOADS[0], data=WORKLOADS[0].data.but(n=1, n_test=1), optimizer=Sgd(0.1, 1)
    )
    first, second = 2352 * 512, 512 * 10
    assert one.flop() == 4 * first + 6 * second + 2 * 2 * (first + second)
    epochs = WORKLOADS[0].optimizer.epochs
    assert math.isclose(WORKLOADS[0].flop(), epochs * (2048 * 4.8476e6 + 2560 * 2.41869e6), rel_tol=1e-3)


@pytest.mark.parametrize("workload", WORKLOADS, ids=NAMES)
def test_sixteen_cells_and_no_replicate_twice(workload: Workload) -> None:
    seen = [(e.data, r) for round_ in range(3) for e, r in workload.cells("float32", round_)]
    assert workload.cell_count == 16
    assert len(set(seen)) == len(seen) == 48
    assert {e.precision for e, _ in workload.cells("bfloat16", 0)} == {"bfloat16"}


def test_images_are_shared_and_labels_are_the_replicates() -> None:
    data = BenchmarkImages(50, 5, (1, 2, 2), RandomLabels(1.0))
    one, two = data.split(None, 0), data.split(None, 1)
    assert one.x_train is two.x_train
    assert (one.y_true == two.y_true).all()
    assert (one.y_train != two.y_train).any()
