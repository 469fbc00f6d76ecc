"""A profile names the largest operations and what is left."""

from __future__ import annotations

import pytest

from harness.benchmarks import (
    profile,
)
from harness.benchmarks.workloads import WORKLOADS
from harness.fleet import numerics
from harness.models import SmallAlexNet
from harness.tests.speed import tiny


def test_a_profile_names_the_largest_operations_and_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numerics, "prepare", lambda device: None)  # it is for a process of its own
    shares = profile.shares(tiny(WORKLOADS[4], model=SmallAlexNet(width=0.1)), "float32", "cpu")
    assert [what for what, _ in shares][-1] == "all others"
    assert len(shares) == profile.SHOWN + 1
    named = [share for _, share in shares[:-1]]
    assert named == sorted(named, reverse=True)
    assert sum(share for _, share in shares) == pytest.approx(1)
