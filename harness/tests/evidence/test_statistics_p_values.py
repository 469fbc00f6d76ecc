"""p-values say when a check begins to be reproduced; intervals of changes agree with the books."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW, ttost_paired

from harness.evidence.inference import rate_change_interval, welch_interval
from harness.evidence.measured import Measured, logarithm
from harness.evidence.statistics import (
    Relation,
    above,
    all_reach,
    argmax_in,
    below,
    equivalent,
    exact,
    exists,
    frequencies,
    judge,
    matches,
    most_reach,
    ordered,
    ratio,
)
from harness.spec.verdict import Verdict
from harness.tests.samples import WHY, exhaustive, measured

samples = st.lists(st.floats(-50, 50).map(lambda v: round(v, 3)), min_size=1, max_size=15)
levels = st.floats(0.001, 0.2)
Maker = Callable[[list[float], float], Relation]


def _positive(values: list[float]) -> Measured:
    return logarithm(measured([abs(v) + 0.1 for v in values]))


MAKERS: dict[str, Maker] = {
    "above": lambda v, b: above(measured(v), b, because=WHY),
    "above, rounded": lambda v, b: above(measured(v, 1.0), b, because=WHY),
    "below": lambda v, b: below(measured(v), b, because=WHY),
    "below, censored": lambda v, b: below(measured(v, censored="c"), b, because=WHY),
    "above, censored": lambda v, b: above(measured(v, censored="c"), b, because=WHY),
    "above, diverged": lambda v, b: above(measured([*v, float("nan")]), b, because=WHY),
    "below, ratio": lambda v, b: below(_positive(v), abs(b) + 0.1, because=WHY),
    "equivalent": lambda v, b: equivalent(measured(v), abs(b) + 0.1, because=WHY),
    "equivalent ratio": lambda v, b: equivalent(_positive(v), abs(b) + 1.1, because=WHY),
    "matches": lambda v, b: matches(measured(v), b, 3.0, because=WHY),
    "ordered": lambda v, b: ordered([measured(v), measured([b] * len(v))], because=WHY)[0],
    "most_reach": lambda v, b: most_reach(measured(v), b),
    "all_reach": lambda v, b: all_reach(measured(v), b),
    "all_reach at a higher rate": lambda v, b: all_reach(measured(v), b, rate=0.8),
    "argmax_in": lambda v, b: argmax_in([1, 2], [measured(v), measured([b] * len(v))], 1, 1, because=WHY),
    "frequencies": lambda v, b: frequencies(
        [len(v) * 40, int(abs(b) * 20)], [0.5, 0.5], within=0.2, because=WHY
    ),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@exhaustive
@given(values=samples, bound=st.floats(-40, 40).map(lambda v: round(v, 2)), level=levels)
def test_p_is_at_most_the_level_exactly_where_the_check_is_reproduced(
    make: Maker, values: list[float], bound: float, level: float
) -> None:
    evidence = judge(make(values, bound), level)
    p = None if evidence.p_value is None else max(evidence.p_value, evidence.p_typical or 0.0)
    assume(p is None or abs(p - level) > 1e-9)
    assert (p is not None and p <= level) == (evidence.verdict is Verdict.REPRODUCED)
    assert p is None or 0 <= p <= 1


def test_p_values_are_those_of_the_t_test() -> None:
    values = np.random.default_rng(0).normal(1.0, 0.7, size=8)
    x = measured(values)
    greater = scipy.stats.ttest_1samp(values, 0.4, alternative="greater").pvalue
    less = scipy.stats.ttest_1samp(values, 1.5, alternative="less").pvalue
    assert judge(above(x, 0.4, because=WHY), 0.035).p_value == pytest.approx(greater, rel=1e-12)
    assert judge(below(x, 1.5, because=WHY), 0.035).p_value == pytest.approx(less, rel=1e-12)


def test_the_p_value_of_an_equivalence_is_that_of_two_one_sided_tests() -> None:
    first, second = np.random.default_rng(1).normal(1.0, 0.3, size=(2, 9))
    oracle = ttost_paired(first, second, -0.4, 0.4)[0]
    evidence = judge(equivalent(measured(first) - measured(second), 0.4, because=WHY), 0.035)
    assert evidence.p_value == pytest.approx(oracle, rel=1e-9)
    logs = ttost_paired(np.log(first), np.log(second), -np.log(1.3), np.log(1.3))[0]
    evidence = judge(equivalent(ratio(measured(first), measured(second)), 1.3, because=WHY), 0.035)
    assert evidence.p_value == pytest.approx(logs, rel=1e-9)


def test_the_p_value_of_a_rate_is_that_of_the_binomial_test() -> None:
    evidence = judge(all_reach(measured([0.0] * 10), 0.0, rate=0.7), 0.035)
    oracle = scipy.stats.binomtest(10, 10, 0.7, alternative="greater").pvalue
    assert evidence.p_value == pytest.approx(oracle, rel=1e-12)
    assert judge(all_reach(measured([0.0] * 9 + [1.0]), 0.0), 0.035).p_value == 1.0


def test_exact_checks_and_mere_examples_have_none() -> None:
    assert judge(exact(1.0, 1.0), 0.035).p_value is None
    assert judge(exists(measured([0.0] * 5), 0.0), 0.035).p_value is None


def test_the_spread_is_that_of_what_was_judged() -> None:
    values = np.array([1.0, 2.0, 4.0, 8.0, 9.0])
    plain = judge(above(measured(values), 0.0, because=WHY), 0.035)
    assert (plain.spread, plain.logarithmic) == (pytest.approx(np.std(values, ddof=1)), False)
    logs = judge(above(logarithm(measured(values)), 0.5, because=WHY), 0.035)
    assert (logs.spread, logs.logarithmic) == (pytest.approx(np.std(np.log(values), ddof=1)), True)
    assert judge(above(measured([2.0] * 5, 1.0), 0.0, because=WHY), 0.035).spread == pytest.approx(12**-0.5)
    assert judge(all_reach(measured(values), 9.0), 0.035).spread is None


@exhaustive
@given(*[st.lists(st.floats(-9, 9), min_size=2, max_size=9)] * 2, levels)
def test_welch_agrees_with_statsmodels(a: list[float], b: list[float], level: float) -> None:
    spreads = float(np.std(a, ddof=1)), float(np.std(b, ddof=1))
    assume(min(spreads) > 1e-3)
    interval = welch_interval(float(np.mean(b) - np.mean(a)), spreads, (len(a), len(b)), level)
    both = CompareMeans(DescrStatsW(b), DescrStatsW(a))
    assert interval == pytest.approx(both.tconfint_diff(level, usevar="unequal"), rel=1e-6, abs=1e-9)


@exhaustive
@given(st.integers(1, 20), st.integers(1, 20), st.data(), levels)
def test_the_interval_of_a_change_of_rates_agrees_with_statsmodels(
    n: int, m: int, data: st.DataObject, level: float
) -> None:
    k, j = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    oracle = confint_proportions_2indep(j, m, k, n, method="newcomb", compare="diff", alpha=level)
    assert rate_change_interval((k, j), (n, m), level) == pytest.approx(oracle, abs=1e-9)
