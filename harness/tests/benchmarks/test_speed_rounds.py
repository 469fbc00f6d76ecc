"""Clocks, ratios over interleaved rounds, and processes that stay warm."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.benchmarks import load, rounds
from harness.benchmarks.load import Reading, Timing
from harness.benchmarks.rounds import Rounds
from harness.benchmarks.warm import Failure, Pool, Warm

FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=50)

# -- clocks ---------------------------------------------------------------------------------------------


def fake_process(proc: Path, pid: int, parent: int, ticks: tuple[int, int, int, int]) -> None:
    (proc / str(pid)).mkdir(parents=True)
    before = f"{pid} (a (b) c) S {parent} " + "0 " * 9
    (proc / str(pid) / "stat").write_text(before + " ".join(map(str, ticks)) + " 0" * 20)


def test_cpu_seconds_of_a_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "PROC", tmp_path)
    monkeypatch.setattr(load, "_ticks", lambda: 100)
    fake_process(tmp_path, 5, 1, (100, 20, 3, 4))
    fake_process(tmp_path, 6, 5, (200, 0, 0, 0))
    fake_process(tmp_path, 7, 6, (0, 50, 0, 0))
    fake_process(tmp_path, 8, 1, (9999, 0, 0, 0))
    (tmp_path / "stat").write_text("cpu  100 10 20 5000 7 1 2 60 500 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
    assert load.tree_seconds(5) == pytest.approx(3.77)
    assert load.busy_seconds() == pytest.approx(1.93)  # idle, waiting and guests do not count


def test_what_others_took(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    before, after = Reading(10.0, 100.0, 5.0), Reading(14.0, 106.0, 10.0)
    assert load.between(before, after, 3.9) == Timing(3.9, 5.0, 1 / 8)
    quiet = load.between(Reading(0.0, 0.0, 0.0), Reading(1.0, 0.0, 0.0), 1.0)
    assert quiet.foreign == 0.0
    assert quiet.cpu > 0  # a ratio has to be possible


def test_without_proc_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "PROC", tmp_path / "none")
    reading = load.read(os.getpid())
    assert (reading.busy, reading.own) == (0.0, 0.0)


# -- rounds and ratios ----------------------------------------------------------------------------------


def timing(seconds: float, foreign: float = 0.0) -> Timing:
    return Timing(seconds, 2 * seconds, foreign)


@FIXED
@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=9), st.floats(0.1, 10))
def test_ratios_are_paired_by_round(speeds: list[float], factor: float) -> None:
    """A machine that slows down in some rounds changes no ratio."""
    kept = tuple({"a": timing(factor * s), "b": timing(s)} for s in speeds)
    ratio = Rounds(kept, 0, False).ratio("a", "b")
    assert ratio.rounds == len(speeds)
    assert ratio.median == pytest.approx(factor)
    assert ratio.low == pytest.approx(ratio.high)


@FIXED
@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=9))
def test_a_median_lies_within_its_range(ratios: list[float]) -> None:
    ratio = rounds.ratio_of(ratios)
    assert ratio.low == min(ratios) <= ratio.median <= max(ratios) == ratio.high


@FIXED
@given(st.lists(st.booleans(), min_size=8, max_size=8), st.integers(1, 5), st.integers(0, 3))
def test_disturbed_rounds_are_repeated_so_often(noise: list[bool], wanted: int, repeats: int) -> None:
    order: list[tuple[int, str]] = []

    def measured(name: str, attempt: int) -> Timing:
        order.append((attempt, name))
        return timing(attempt + 1.0, 0.2 if noise[attempt] and name == "b" else rounds.FOREIGN_LIMIT)

    collected = rounds.interleaved("abc", measured, rounds=wanted, repeats=repeats)
    attempts = len(order) // 3
    quiet = [i for i in range(attempts) if not noise[i]]
    assert sorted(order) == [(i, name) for i in range(attempts) for name in "abc"]
    assert attempts <= wanted + repeats
    assert len(quiet) == wanted or attempts == wanted + repeats
    assert collected.rejected == attempts - len(quiet)
    assert collected.disturbed == (len(quiet) < min(2, wanted))
    times = sorted(kept["a"].seconds - 1 for kept in collected.kept)
    assert times == (list(range(attempts)) if collected.disturbed else quiet)


def test_the_order_is_shuffled_anew() -> None:
    order: list[str] = []

    def measured(name: str, attempt: int) -> Timing:
        order.append(name)
        return timing(1.0)

    rounds.interleaved("abcd", measured, rounds=6, repeats=0)
    assert len({tuple(order[i : i + 4]) for i in range(0, 24, 4)}) > 2


# -- warm processes -------------------------------------------------------------------------------------


def threads_set() -> str | None:
    return os.environ.get("OMP_NUM_THREADS")


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
