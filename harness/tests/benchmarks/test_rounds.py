"""Ratios over interleaved rounds, and disturbed ones repeated."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.benchmarks import rounds
from harness.benchmarks.load import Timing
from harness.benchmarks.rounds import Rounds

FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=50)


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
