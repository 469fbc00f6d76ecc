"""Small trainings by every variant, for ``pytest --benchmark-compare`` between two commits."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from harness.benchmarks import training, workloads
from harness.benchmarks.variants import Variant
from harness.benchmarks.warm import Pool
from harness.lab import places

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet
    from pytest_benchmark.fixture import BenchmarkFixture

ROUNDS = 5


def cases() -> list[ParameterSet]:
    """Every variant of every workload at its smaller size, without what the engine does not use."""
    return [
        pytest.param(workload.title, variant, id=f"{workload.name}-{variant.name.replace(' ', '-')}")
        for workload in (workload.smaller() for workload in workloads.WORKLOADS)
        for variant in training.variants(workload, "cpu", places.processes("cpu"), ("chosen",))
        if variant.name not in workload.unused
    ]


@pytest.mark.parametrize("title, variant", cases())
def test_training(benchmark: BenchmarkFixture, pool: Pool, title: str, variant: Variant) -> None:
    """Time a variant of a workload, in rounds of new replicates."""
    benchmark.group = title
    variant.call(pool, 0, *variant.warming)
    rounds = itertools.count(1)
    benchmark.pedantic(lambda: variant.call(pool, next(rounds)), rounds=ROUNDS)
