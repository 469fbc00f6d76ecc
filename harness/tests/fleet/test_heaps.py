"""What a process frees it has again without asking the system."""

from __future__ import annotations

import ctypes
import resource

import pytest

from harness.fleet import heaps

BLOCKS, BLOCK_BYTES = 8, 12 * 2**20
"""Together more than glibc keeps of its own accord, whatever was freed before: 64 MiB at most."""


def cleared() -> int:
    """Pages that the system hands out while a step's arrays are made, and freed."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    arrays = [bytearray(BLOCK_BYTES) for _ in range(BLOCKS)]
    del arrays
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_freed_memory_is_kept() -> None:
    if not heaps.keep_freed():
        pytest.skip("another C library than glibc")
    cleared()
    assert cleared() < BLOCKS * BLOCK_BYTES // resource.getpagesize() // 10


def test_without_mallopt_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert not heaps.keep_freed.__wrapped__()
