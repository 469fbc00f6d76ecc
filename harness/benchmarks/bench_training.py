"""Small trainings by every variant, for ``pytest --benchmark-compare`` between two commits."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from harness.benchmarks import training, workloads
from harness.benchmarks.variants import Variant
from harness.benchmarks.warm import Pool
from harness.lab import places

ROUNDS = 5


def cases() -> list[Any]:
    """Every variant of every workload at its smaller size, without what the engine does not use."""
    return [
        pytest.param(workload.title, variant, id=f"{workload.name}-{variant.name.replace(' ', '-')}")
        for workload in (workload.smaller() for workload in workloads.WORKLOADS)
        for variant in training.variants(workload, "cpu", places.processes("cpu"), ("chosen",))
        if variant.name not in workload.unused
    ]


@pytest.mark.parametrize("title, variant", cases())
def test_training(benchmark: Any, pool: Pool, title: str, variant: Variant) -> None:
    benchmark.group = title
    variant.call(pool, 0, *variant.warming)
    rounds = itertools.count(1)
    benchmark.pedantic(lambda: variant.call(pool, next(rounds)), rounds=ROUNDS)
