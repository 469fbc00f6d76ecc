"""Processes that stay warm: they answer, fail in a line, and end."""

from __future__ import annotations

import math
import os

import pytest

from harness.benchmarks.warm import Failure, Pool, Warm


def test_a_warm_process_answers_fails_in_a_line_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    warm = Warm("one", {})
    timing, result = warm.call(math.hypot, 3.0, 4.0)
    assert result == 5.0
    assert 0 < timing.seconds < 1
    assert warm.call(os.getenv, "OMP_NUM_THREADS")[1] is None  # a baseline runs at its library's defaults
    assert warm.call(print, "libraries may print")[1] is None
    with pytest.raises(Failure, match=r"^one: ValueError: invalid literal"):
        warm.call(int, "many\nlines")
    assert warm.call(math.sqrt, 9.0)[1] == 3.0
    with pytest.raises(Failure, match="the one process ended with status 3"):
        warm.call(os._exit, 3)
    warm.close()


def test_a_pool_starts_a_process_once_with_its_environment() -> None:
    with Pool() as pool:
        first = pool.of("a", {"HARNESS_KERNEL": "reference"})
        assert pool.of("a") is first
        assert first.call(os.getenv, "HARNESS_KERNEL")[1] == "reference"
    assert first.process.poll() is not None
