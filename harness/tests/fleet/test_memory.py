"""Memory: how much there is, and how many processes it holds."""

from __future__ import annotations

import numpy as np
import pytest

from harness.data import GeneratedImages
from harness.fleet import cgroups, memory
from harness.tests.simulated import SMALL


def test_memory_limits_how_many_processes_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 10 * 2**30)
    assert memory.processes([SMALL], 4) == 4
    large = SMALL.but(data=GeneratedImages(n=400_000, size=32))
    assert memory.needed(large) > 2 * 400_000 * 3 * 32 * 32 * 4
    assert memory.processes([SMALL, large], 4) == 1
    assert memory.processes([], 3) == 3


def test_memory_is_seen() -> None:
    assert 2**28 < memory.available() <= memory.UNKNOWN
    peak = memory.Peak("cpu")
    block = np.ones(2**25)
    assert peak.bytes() > block.nbytes


def test_memory_of_a_group_limits_that_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "memory", lambda: 3.0e9)
    monkeypatch.setattr(memory, "_machine", lambda: 8 * 10**9)
    assert memory.available() == 3 * 10**9
    monkeypatch.setattr(cgroups, "memory", lambda: float("inf"))
    assert memory.available() == 8 * 10**9
