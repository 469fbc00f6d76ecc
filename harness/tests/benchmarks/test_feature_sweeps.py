"""The sweep over random features has the widths it says."""

from __future__ import annotations

from harness.benchmarks import (
    feature_sweeps,
)
from harness.benchmarks.feature_sweeps import Sweep


def test_the_widths_of_the_sweep() -> None:
    assert len(feature_sweeps.WIDTHS) == 23
    assert (feature_sweeps.WIDTHS[0], feature_sweeps.WIDTHS[-1]) == (20, 8 * Sweep().data.n)
    assert Sweep().data.n in feature_sweeps.WIDTHS
