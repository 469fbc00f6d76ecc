"""Arithmetic of one number per replicate: pairing, resolution, censoring, names."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evidence.measured import (
    Measured,
    WrongKind,
    larger_of,
    logarithm,
    mean_of,
    ratio,
    smaller_of,
)
from harness.evidence.phrases import joined, shared
from harness.tests.samples import exhaustive, measured

numbers = st.floats(-1e6, 1e6)


def test_importing_the_judge_imports_neither_numpy_nor_scipy() -> None:
    heavy = "sorted({'numpy', 'scipy', 'torch'} & set(sys.modules))"
    code = f"import sys, harness.evidence.statistics; print({heavy})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_values_are_copied_frozen_and_infinities_become_nan() -> None:
    source = np.array([1.0, math.inf, -math.inf])
    x = Measured(source)
    source[0] = 7
    assert x.values[0] == 1
    assert x.diverged.tolist() == [False, True, True]
    with pytest.raises(ValueError, match="read-only"):
        x.values[0] = 2


@pytest.mark.parametrize(
    "make",
    [
        lambda: Measured(np.zeros((2, 2))),
        lambda: Measured(np.zeros(2), censored=np.zeros(3, bool)),
        lambda: Measured(np.zeros(2), resolution=-1),
        lambda: Measured(np.zeros(2), resolution=math.nan),
    ],
    ids=["two axes", "flags too long", "negative resolution", "no resolution"],
)
def test_malformed_measures_are_refused(make: Callable[[], Measured]) -> None:
    with pytest.raises(ValueError, match=r"one entry per replicate|resolution"):
        make()


@pytest.mark.parametrize(
    "combine",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        ratio,
        larger_of,
        smaller_of,
        lambda a, b: mean_of([a, b]),
    ],
    ids=["sum", "difference", "ratio", "larger", "smaller", "mean"],
)
def test_different_numbers_of_replicates_are_refused(combine: Callable[..., Measured]) -> None:
    with pytest.raises(ValueError, match="a has 2 replicates and b has 3: comparisons are paired"):
        combine(measured([1, 2], name="a"), measured([1, 2, 3], name="b"))


@exhaustive
@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=8), st.floats(-100, 100))
def test_arithmetic_is_numpy_s_replicate_by_replicate(pairs: list[tuple[float, float]], s: float) -> None:
    a, b = np.array(pairs).T
    x, y = Measured(a, 0.5), Measured(b, 0.25)
    for result, values, resolution in (
        (x + y, a + b, 0.75),
        (x - y, a - b, 0.75),
        (x * s, a * s, abs(s) * 0.5),
        (np.float64(s) * x, a * s, abs(s) * 0.5),
        (x + s, a + s, 0.5),
        (s - x, s - a, 0.5),
        (-x, -a, 0.5),
        (x / 2, a / 2, 0.25),
        (mean_of([x, y]), (a + b) / 2, 0.375),
        (larger_of(x, y), np.maximum(a, b), 0.5),
        (smaller_of(x, y), np.minimum(a, b), 0.5),
    ):
        np.testing.assert_allclose(result.values, values, rtol=1e-12, atol=1e-9)
        assert result.resolution == pytest.approx(resolution)
        assert len(result) == len(pairs)


def test_a_ratio_is_held_in_logs_with_relative_resolution() -> None:
    r = ratio(measured([20, 40], resolution=1), measured([10, 10], resolution=1))
    np.testing.assert_allclose(np.exp(r.values), [2, 4])
    assert r.logarithmic
    assert r.resolution == pytest.approx(1 / 30 + 1 / 10)
    np.testing.assert_allclose((-r).values, -r.values)
    np.testing.assert_allclose(np.exp(mean_of([r, -r]).values), [1, 1])


def test_a_ratio_of_numbers_that_are_not_positive_is_unusable_and_not_diverged() -> None:
    r = ratio(measured([0, -1, 2, math.nan]), measured([1, 1, 0, 1]))
    assert r.unusable.tolist() == [True, True, True, False]
    assert r.diverged.tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    "misuse",
    [lambda r: r + 1, lambda r: r * 2, lambda r: 1 - r, lambda r: r - measured([1, 1])],
    ids=["shifted", "scaled", "subtracted", "mixed"],
)
def test_ratios_are_not_mixed_with_plain_numbers(misuse: Callable[[Measured], Measured]) -> None:
    with pytest.raises(ValueError, match="ratio"):
        misuse(ratio(measured([1, 2]), measured([2, 1])))


def test_products_and_quotients_name_the_way_out() -> None:
    with pytest.raises(TypeError, match="ratio"):
        measured([1]) * measured([2])  # type: ignore[operator]
    with pytest.raises(TypeError, match="ratio"):
        measured([1]) / measured([2])  # type: ignore[operator]


def test_a_censored_value_stays_a_lower_bound_or_becomes_unusable() -> None:
    late, other = measured([60, 30], censored="c."), measured([10, 10])
    for still_bounded in (
        late + other,
        late - other,
        2 * late,
        late + 1,
        ratio(late, other),
        logarithm(late),
    ):
        assert still_bounded.censored.tolist() == [True, False]
        assert not still_bounded.unusable.any()
    for spoiled in (other - late, -late, -2 * late, 100 - late, ratio(other, late)):
        assert spoiled.unusable.tolist() == [True, False]
        assert not spoiled.censored.any()
    assert (0 * late).unusable.tolist() == (0 * late).censored.tolist() == [False, False]
    assert ((other - late) + other).unusable.tolist() == [True, False]


def test_extremes_of_censored_values() -> None:
    late, other = measured([60, 60, 60], censored="ccc"), measured([50, 70, 60])
    assert larger_of(late, other).values.tolist() == [60, 70, 60]
    assert larger_of(late, other).censored.all()
    assert smaller_of(late, other).values.tolist() == [50, 60, 60]
    assert smaller_of(late, other).censored.tolist() == [False, True, False]


def test_a_diverged_run_is_never_dropped() -> None:
    a, b = measured([math.nan, 1]), measured([1, 1])
    for result in (a + b, b - a, a * 0, ratio(a, b), larger_of(a, b), smaller_of(a, b), mean_of([a, b])):
        assert result.diverged.tolist() == [True, False]


@pytest.mark.parametrize(
    "names, phrase, ending",
    [
        (
            ("half corrupted test_error", "true test_error"),
            "(half corrupted - true) test_error",
            "test_error",
        ),
        (("test_error", "test_error"), "(test_error - test_error)", "test_error"),
        (("a", "b"), "(a - b)", "(a, b)"),
        (("(a - b c)", "(d - b c)"), "((a - b c) - (d - b c))", "((a - b c), (d - b c))"),
        (("old best test_error", "new best test_error"), "(old - new) best test_error", "best test_error"),
    ],
)
def test_names_share_their_ending(names: tuple[str, str], phrase: str, ending: str) -> None:
    assert joined(names, " - ") == phrase
    assert shared(names) == ending


def test_names_follow_the_arithmetic() -> None:
    slow, fast = measured([2], name="slow epochs"), measured([1], name="fast epochs")
    assert (slow - fast).name == "(slow - fast) epochs"
    assert ratio(slow, fast).name == "(slow / fast) epochs"
    assert (slow - 3).name == "(slow epochs - 3)"
    assert mean_of([slow, fast]).name == "mean of (slow, fast) epochs"
    assert larger_of(slow, fast).name == "larger of (slow, fast) epochs"
    assert (2 * slow).named("twice").name == "twice"


@pytest.mark.parametrize(
    "compare, written",
    [
        (lambda x: x > 1.2, "x > 1.2 knows no interval: write check(above(x, 1.2, because=...))"),
        (lambda x: x >= 1, "check(above(x, 1, because=...))"),
        (lambda x: x < 0.1, "check(below(x, 0.1, because=...))"),
        (lambda x: x <= 0.25, "check(below(x, 0.25, because=...))"),
        (lambda x: x == 0.5, "check(equivalent(x - 0.5, margin, because=...))"),
        (lambda x: x < x + 1, "check(below(x - y, 0, because=...))"),
        (lambda x: "yes" if x else "no", "neither true nor false: check(...) it"),
    ],
)
def test_a_plain_comparison_says_which_check_to_write(
    compare: Callable[[Measured], object], written: str
) -> None:
    with pytest.raises(TypeError, match=re.escape(written)):
        compare(Measured(np.array([1.0, 2.0]), name="x"))


@pytest.mark.parametrize(
    "values, told",
    [
        (np.ma.array([1.0, 2.0], mask=[False, True]), "x: some of the values are masked"),
        (np.array([1.0 + 1j, 2.0]), "x: values of type complex128 are no real numbers"),
        (["1.0", "2.0"], "x: values of type <U3 are no real numbers"),
        (np.array(["2026-01-01"], dtype="M8[D]"), "x: values of type datetime64[D] are no real numbers"),
    ],
)
def test_values_of_which_numpy_would_leave_something_out_are_refused(values: Any, told: str) -> None:
    with pytest.raises(WrongKind) as error:
        Measured(values, name="x")
    assert str(error.value).startswith(told)


def test_a_measure_is_equal_to_itself_alone() -> None:
    x = Measured(np.array([1.0, 2.0]))
    assert x in [x]
    assert x != "x"
    assert len({x, x}) == 1
