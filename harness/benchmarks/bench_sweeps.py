"""A small sweep of random features by every variant."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from harness.benchmarks import feature_sweeps
from harness.benchmarks.feature_sweeps import Sweep
from harness.benchmarks.variants import Variant
from harness.benchmarks.warm import Pool
from harness.lab import places

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

ROUNDS = 5
VARIANTS = feature_sweeps.variants(Sweep().smaller(), "cpu", places.processes("cpu"))


@pytest.mark.parametrize("variant", VARIANTS, ids=[variant.name.replace(" ", "-") for variant in VARIANTS])
def test_sweep(benchmark: BenchmarkFixture, pool: Pool, variant: Variant) -> None:
    """Time a variant of the sweep, in rounds of new draws."""
    benchmark.group = "random features"
    variant.call(pool, 0, *variant.warming)
    rounds = itertools.count(1)
    benchmark.pedantic(lambda: variant.call(pool, next(rounds)), rounds=ROUNDS)
