"""Readings of samples: what lies on a bound is on neither side of it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from harness.evidence.inference import sample
from harness.evidence.readings import MOST_TABULATED, fails, holds, share_p
from harness.evidence.statistics import below, equivalent, judge
from harness.spec.verdict import Verdict
from harness.tests.samples import WHY, measured


def test_censored_runs_are_surely_above_and_perhaps_not_below() -> None:
    x = sample(measured([5.0, 1.0, 2.0, 1.0, 2.0], censored="c...."))
    below, above = holds(x, None, 9.0), holds(x, 0.0, None)
    assert float(below.mean) == 1.0
    assert float(below.typical) == pytest.approx(6 / 32)
    assert float(above.mean) < 0.05
    assert float(above.typical) == pytest.approx(1 / 32)


def test_a_relation_with_two_bounds_is_refuted_at_half_the_level_on_each_side() -> None:
    x = measured([7.0, 7.1, 6.9, 7.05, 6.95])  # all five beyond a bound: once in 32 times by chance
    assert judge(below(x, 1, because=WHY), 0.05).verdict is Verdict.REFUTED
    assert judge(equivalent(x, 1, because=WHY), 0.05).verdict is Verdict.INCONCLUSIVE
    assert judge(equivalent(x, 1, because=WHY), 0.07).verdict is Verdict.REFUTED


def test_what_lies_on_a_bound_is_not_beyond_it() -> None:
    x = sample(measured([0.0, 1.0, 1.0, 1.0, 1.0]))
    four_of_five, none = 6 / 32, 1.0
    assert float(holds(x, 0.0, None).typical) == pytest.approx(four_of_five)
    assert float(holds(x, None, 1.0).typical) == pytest.approx(1 - 1 / 32)
    (below,) = fails(x, 0.0, None)
    assert float(below.typical) == pytest.approx(none)
    (above,) = fails(x, None, 0.0)
    assert float(above.typical) == pytest.approx(four_of_five)


@pytest.mark.parametrize("n", [1, 20, MOST_TABULATED, MOST_TABULATED + 1])
def test_p_values_of_rates_are_the_binomial_ones_tabulated_or_not(n: int) -> None:
    counts = np.array([[0, 1, n], [n // 2, n, 0]])
    for rate in (0.5, 0.75, 0.5):  # a table is asked twice
        expected = np.where(counts > 0, binom.sf(counts - 1, n, rate), 1.0)
        assert share_p(counts, n, rate) == pytest.approx(expected, rel=1e-9)
        assert float(share_p(n, n, rate)) == pytest.approx(rate**n)
