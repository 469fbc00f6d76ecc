"""What each relation says and when it is reproduced, refuted or neither."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import scipy.stats

from harness.evidence.measured import WrongKind, WrongUse
from harness.evidence.statistics import (
    Measured,
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
    judge_all,
    larger_of,
    matches,
    most_reach,
    ordered,
    ratio,
    slope,
    smaller_of,
)
from harness.spec.verdict import Verdict
from harness.tests.samples import WHY, measured

REPRODUCED, REFUTED, INCONCLUSIVE = Verdict.REPRODUCED, Verdict.REFUTED, Verdict.INCONCLUSIVE


def verdict_of(relation: Relation, level: float = 0.035) -> Verdict:
    return judge(relation, level).verdict


def test_all_reach() -> None:
    x = measured([0, 0, 0, 0, 0], 0.001, "train_error")
    evidence = judge(all_reach(x, 0.0), 0.035)
    assert evidence.statement == "train_error <= 0 in every run (rate above 1/2)"
    assert evidence.verdict is REPRODUCED
    assert (evidence.estimate, evidence.high, evidence.lower_bound) == (1.0, 1.0, 0.5)
    assert evidence.low == pytest.approx(0.035**0.2)
    assert verdict_of(all_reach(measured([0, 0, 0, 0, 1]), 0.0)) is INCONCLUSIVE
    assert verdict_of(all_reach(measured([1, 1, 1, 1, 1]), 0.0)) is REFUTED
    assert verdict_of(all_reach(measured([1, 1, 1, 1, 1]), 1.0, at="least")) is REPRODUCED
    assert verdict_of(all_reach(x, 0.0, rate=0.9)) is INCONCLUSIVE
    assert "(rate above 0.9)" in all_reach(x, 0.0, rate=0.9).statement


def test_one_failure_among_twenty_is_not_every_time() -> None:
    assert verdict_of(all_reach(measured([0.0] * 19 + [1.0]), 0.0), 0.005) is INCONCLUSIVE


def test_a_diverged_run_is_a_failure_to_reach_and_leaves_no_mean() -> None:
    x = measured([0, 0, 0, 0, math.nan])
    assert verdict_of(all_reach(x, 0.0)) is INCONCLUSIVE
    assert verdict_of(all_reach(measured([math.nan] * 5), 0.0)) is REFUTED
    assert verdict_of(all_reach(measured([math.inf] * 5), 0.0, at="least")) is REFUTED
    evidence = judge(above(x, -1.0, because=WHY), 0.035)
    assert (evidence.verdict, evidence.reason) == (INCONCLUSIVE, "1 of 5 runs diverged")
    assert evidence.estimate is evidence.low is evidence.high is None
    assert evidence.values == (0, 0, 0, 0, None)


def test_exists_is_settled_by_one_success_and_never_refuted() -> None:
    evidence = judge(exists(measured([0.5, math.nan, 0.0]), 0.0), 0.035)
    assert (evidence.verdict, evidence.level, evidence.estimate, evidence.reason) == (
        REPRODUCED,
        0.0,
        0.0,
        "",
    )
    evidence = judge(exists(measured([0.5] * 20), 0.0), 0.035)
    assert (evidence.verdict, evidence.estimate) == (INCONCLUSIVE, 0.5)
    assert "absence proves nothing" in evidence.reason


def test_exists_is_refuted_by_proof_alone() -> None:
    x, target = measured([0.5, 0.4]), 0.1
    evidence = judge(exists(x, target, least=measured([0.3, 0.2])), 0.035)
    assert (evidence.verdict, evidence.level) == (REFUTED, 0.0)
    assert evidence.reason == "proved: nothing can be below 0.2 there"
    assert verdict_of(exists(x, target, least=measured([0.3, 0.0]))) is INCONCLUSIVE
    assert verdict_of(exists(measured([0.5, 0.1]), target, least=measured([0.3, 0.0]))) is REPRODUCED
    with pytest.raises(ValueError, match="paired by replicate"):
        exists(x, target, least=measured([0.3]))
    with pytest.raises(ValueError, match='needs at="most"'):
        exists(x, target, at="least", least=measured([0.3, 0.2]))


def test_effect_reads_as_a_sentence() -> None:
    half = measured([0.40, 0.42, 0.41, 0.43, 0.40], 0.001, "half corrupted test_error")
    true = measured([0.30, 0.31, 0.30, 0.33, 0.29], 0.001, "true test_error")
    evidence = judge(above(half - true, 0.05, because="five points are visible in a plot"), 0.035)
    assert evidence.statement == "(half corrupted - true) test_error > 0.05"
    assert (evidence.relation, evidence.verdict, evidence.n, evidence.level) == (
        "above",
        REPRODUCED,
        5,
        0.035,
    )
    assert evidence.estimate == pytest.approx(0.106)
    assert (evidence.lower_bound, evidence.upper_bound) == (0.05, None)


def test_ratios_are_judged_in_logs_and_shown_as_ratios() -> None:
    slow = measured([20, 40, 30, 25, 35], name="slow epochs")
    fast = measured([10, 10, 10, 10, 10], name="fast epochs")
    r = ratio(slow, fast)
    evidence = judge(below(r, 5.0, because=WHY), 0.035)
    assert evidence.statement == "(slow / fast) epochs < 5"
    assert evidence.verdict is REPRODUCED
    assert evidence.estimate == pytest.approx(math.exp(np.mean(np.log([2, 4, 3, 2.5, 3.5]))))
    assert evidence.values == pytest.approx((2, 4, 3, 2.5, 3.5))
    assert evidence.upper_bound == 5.0
    assert verdict_of(below(r, 1.5, because=WHY)) is REFUTED
    assert verdict_of(above(r, 1.5, because=WHY)) is REPRODUCED
    assert verdict_of(equivalent(r, 10, because=WHY)) is REPRODUCED
    assert equivalent(r, 10, because=WHY).statement == "(slow / fast) epochs within a factor 10 of 1"
    with pytest.raises(ValueError, match="above 1"):
        equivalent(r, 0.5, because=WHY)
    with pytest.raises(ValueError, match="not a positive number"):
        above(r, -1, because=WHY)


def test_matches_and_equivalent_are_inside_outside_or_undecided() -> None:
    x = measured([1.0, 1.1, 0.9, 1.05, 0.95] * 2)
    assert verdict_of(matches(x, 1, 0.2, because=WHY)) is REPRODUCED
    assert verdict_of(matches(x, 1.1, 0.1, because=WHY)) is INCONCLUSIVE
    assert verdict_of(matches(x, 3, 0.2, because=WHY)) is REFUTED
    assert verdict_of(equivalent(x, 2, because=WHY)) is REPRODUCED
    assert verdict_of(equivalent(x, 0.5, because=WHY)) is REFUTED
    assert matches(x, 1, 0.2, because=WHY).statement == "x = 1 ± 0.2"
    assert equivalent(x, 2, because=WHY).statement == "|x| < 2"


@pytest.mark.parametrize("beyond, verdict", [(10, REPRODUCED), (9, REPRODUCED), (8, INCONCLUSIVE)])
def test_a_mean_beyond_its_bound_is_not_enough_where_the_typical_run_is_not(
    beyond: int, verdict: Verdict
) -> None:
    """The mean is far above 0 by t in each case; 9 of 10 say so of the typical run at .025, 8 do not."""
    x = measured([1.0 + 0.01 * i for i in range(beyond)] + [-0.01] * (10 - beyond))
    evidence = judge(above(x, 0.0, because=WHY), 0.025)
    assert evidence.verdict is verdict
    assert evidence.p_value is not None
    assert evidence.p_value < 0.001
    assert evidence.p_typical == pytest.approx(
        scipy.stats.binomtest(beyond, 10, alternative="greater").pvalue
    )
    assert ("rests on the shape of the distribution: the mean decides" in evidence.reason) == (beyond == 8)


def test_typical_runs_beyond_the_bound_are_not_enough_where_the_mean_is_not() -> None:
    x = measured([0.1, 0.1, 0.2, 0.1, 0.2, 0.1, 0.3, 0.1, 0.1, -9])
    evidence = judge(above(x, 0.0, because=WHY), 0.025)
    assert evidence.verdict is INCONCLUSIVE
    assert "the typical run decides (p = 0.011), the mean does not" in evidence.reason
    mirrored = judge(below(x, 0.0, because=WHY), 0.025)
    assert mirrored.verdict is INCONCLUSIVE
    assert "the typical run decides" in mirrored.reason


def test_a_replicate_on_the_bound_lies_beyond_it_for_neither_side() -> None:
    x = measured([0.0, 0.0, 5.0, 5.1, 5.2, 5.3, 5.1, 5.2, 5.0, 5.1], 0.001)
    assert judge(above(x, 0.0, because=WHY), 0.025).p_typical == pytest.approx(56 / 1024)  # 8 of 10
    assert verdict_of(below(x, 0.0, because=WHY)) is not REPRODUCED


def test_ordered_is_the_conjunction_of_its_steps() -> None:
    xs = [
        measured(np.array([0, 0.01, 0.02, 0.01, 0]) + level, name=f"{level} test_error")
        for level in (0, 1, 3)
    ]
    steps = ordered(xs, because=WHY)
    assert [step.statement for step in steps] == [
        "(0 < 1) test_error (step 1 of 2)",
        "(1 < 3) test_error (step 2 of 2)",
    ]
    assert [judge(step, 0.035).values[0] for step in steps] == pytest.approx([1, 2])
    assert judge_all(steps, 0.035)[0] is REPRODUCED
    assert [verdict_of(step) for step in ordered(xs[::-1], because=WHY)] == [REFUTED] * 2
    assert judge_all(ordered([xs[0], xs[1], xs[1]], because=WHY), 0.035)[0] is INCONCLUSIVE
    (flat,) = ordered([xs[0], xs[0]], slack=0.1, because=WHY)
    assert verdict_of(flat) is REPRODUCED
    assert flat.statement.endswith(", each step above -0.1 (step 1 of 1)")
    with pytest.raises(ValueError, match="at least two"):
        ordered(xs[:1], because=WHY)


def test_the_steps_of_an_order_of_ratios_are_factors() -> None:
    ys = [ratio(measured([2.0 + n, 2.1 + n, 2.2 + n]), measured([1.0, 1, 1])) for n in (0, 5)]
    (step,) = ordered(ys, slack=0.1, because=WHY)
    assert (step.lower, step.x.logarithmic) == (0.9, True)


NOISY = tuple(measured([1.0, 2, 3, 4, v], name=f"x{v}") for v in (5, 6))


@pytest.mark.parametrize(
    "make",
    [
        lambda: above(larger_of(*NOISY), 0, because=WHY),
        lambda: above(larger_of(*NOISY) - NOISY[0], 0, because=WHY),
        lambda: above(NOISY[0] - smaller_of(*NOISY), 0, because=WHY),
        lambda: above(ratio(NOISY[0], smaller_of(*NOISY)), 1, because=WHY),
        lambda: above(2 * larger_of(*NOISY).named("best") + 1, 1, because=WHY),
        lambda: below(smaller_of(*NOISY), 9, because=WHY),
        lambda: below(-larger_of(*NOISY), 9, because=WHY),
        lambda: equivalent(larger_of(*NOISY), 9, because=WHY),
        lambda: matches(smaller_of(*NOISY), 9, 1, because=WHY),
        lambda: ordered([NOISY[0], larger_of(*NOISY)], because=WHY),
        lambda: all_reach(smaller_of(*NOISY), 9),
        lambda: most_reach(larger_of(*NOISY), 9, at="least"),
    ],
    ids=map(str, range(12)),
)
def test_what_is_chosen_among_noisy_measures_in_the_claims_favour_is_refused(
    make: Callable[[], object],
) -> None:
    with pytest.raises(WrongUse, match="in the claim's own favour"):
        make()


def test_what_is_chosen_against_the_claim_or_from_one_is_judged() -> None:
    for relation in (
        above(smaller_of(*NOISY), -9, because=WHY),
        below(larger_of(*NOISY), 99, because=WHY),
        below(larger_of(*NOISY) - NOISY[0], 99, because=WHY),
        all_reach(larger_of(*NOISY), 9),
        most_reach(smaller_of(*NOISY), 0, at="least"),
        above(larger_of(NOISY[0]), -9, because=WHY),
        exists(smaller_of(*NOISY), 9),
    ):
        assert verdict_of(relation) is REPRODUCED


def test_most_reach_is_about_the_typical_run_and_survives_a_failure() -> None:
    fails = {k: measured([0.0] * (10 - k) + [1.0] * k) for k in range(3)}
    assert judge(most_reach(measured([0.0] * 4 + [1.0]), 0.0), 0.032).verdict is INCONCLUSIVE
    assert [judge(most_reach(x, 0.0), 0.025).verdict for x in fails.values()] == [
        REPRODUCED,
        REPRODUCED,
        INCONCLUSIVE,
    ]
    assert [judge(all_reach(x, 0.0), 0.025).verdict for x in fails.values()] == [
        REPRODUCED,
        INCONCLUSIVE,
        INCONCLUSIVE,
    ]
    assert verdict_of(most_reach(measured([1.0] * 10), 0.0)) is REFUTED
    assert most_reach(fails[0], 0.0).statement == "x <= 0 in more than 1/2 of all runs"


def test_all_reach_says_at_which_rate_it_would_pass_as_well() -> None:
    evidence = judge(all_reach(measured([0.0] * 5), 0.0), 0.032)
    assert evidence.statement == "x <= 0 in every run (rate above 1/2)"
    assert "half of the time at a true rate of 0.87" in evidence.reason  # 0.87 ** 5 = 1 / 2


def test_slope_is_the_order_of_a_power_law() -> None:
    noise = np.array([1.0, 1.02, 0.98, 1.01, 0.99])
    ns = (10, 20, 40, 80)
    ys = [measured(noise * n**-0.5, name="excess error") for n in ns]
    evidence = judge(slope(ns, ys, -0.6, -0.4, log=True, because=WHY), 0.035)
    assert evidence.statement == "-0.6 < log-log slope of excess error < -0.4 over 10 to 80"
    assert (evidence.verdict, evidence.estimate) == (REPRODUCED, pytest.approx(-0.5))
    straight = slope([0, 1, 2], [measured([1.0 + 3 * p] * 5) for p in (0, 1, 2)], 2.9, 3.1, because=WHY)
    assert judge(straight, 0.035).estimate == pytest.approx(3)
    for positions, log in (((1, 1, 1), False), ((0, 1, 2), True), ((1, 2), False)):
        with pytest.raises(ValueError, match="slope"):
            slope(positions, ys[:3], 0, 1, log=log, because=WHY)


def test_argmax_in_asks_where_the_peak_is_in_each_replicate() -> None:
    heights = {4: 0.2, 8: 0.5, 16: 0.4, 32: 0.1}
    ys = [measured([h] * 5, name=f"{w} test_error") for w, h in heights.items()]
    evidence = judge(argmax_in(list(heights), ys, 6, 20, because=WHY), 0.035)
    assert evidence.statement == "test_error is largest within [6, 20] in more than 1/2 of all runs"
    assert (evidence.verdict, evidence.estimate) == (REPRODUCED, 1.0)
    assert verdict_of(argmax_in(list(heights), ys, 16, 40, because=WHY)) is REFUTED
    tied = [measured([1.0] * 5)] * 4
    assert verdict_of(argmax_in(list(heights), tied, 6, 20, because=WHY)) is REFUTED
    for low, high in ((0, 100), (5, 6)):
        with pytest.raises(ValueError, match="leave some out"):
            argmax_in(list(heights), ys, low, high, because=WHY)
    with pytest.raises(WrongUse, match=r"3 of 4 positions lie within \[6, 40\], so noise alone"):
        argmax_in(list(heights), ys, 6, 40, because=WHY)
    assert argmax_in(list(heights), ys, 6, 40, rate=0.75, because=WHY).rate == 0.75


def test_frequencies_need_an_n_that_could_have_refuted_them() -> None:
    assert verdict_of(frequencies([1, 1], [0.5, 0.5], because=WHY)) is INCONCLUSIVE
    assert verdict_of(frequencies([500, 500], [0.5, 0.5], because=WHY)) is REPRODUCED
    assert verdict_of(frequencies([560, 440], [0.5, 0.5], because=WHY)) is REFUTED
    assert verdict_of(frequencies([0, 0], [0.5, 0.5], because=WHY)) is INCONCLUSIVE
    for counts, chances in (([1.5, 1], [0.5, 0.5]), ([1, 2], [0.5, 0.4]), ([1], [1]), ([-1, 2], [0.5, 0.5])):
        with pytest.raises(ValueError, match="frequencies"):
            frequencies(counts, chances, because=WHY)  # type: ignore[arg-type]


def test_exact_compares_two_sides() -> None:
    evidence = judge(exact(np.arange(3.0), [0, 1, 2]), 0.035)
    assert (evidence.verdict, evidence.n, evidence.level, evidence.estimate) == (REPRODUCED, 1, 0.0, 0.0)
    assert verdict_of(exact(1.0, 1.1, tolerance=0.2, because="rounding")) is REPRODUCED
    assert verdict_of(exact(math.inf, math.inf)) is REPRODUCED
    for apart in ([0, 0, 0, 1], [0, 0.5, -0.5, 0]):  # one outlier; differences that cancel
        assert verdict_of(exact(apart, 0, tolerance=0.3, because="rounding")) is REFUTED
    evidence = judge(exact([1.0, math.nan], 1.0), 0.035)
    assert (evidence.verdict, evidence.estimate) == (REFUTED, None)
    with pytest.raises(ValueError, match="shapes"):
        exact([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="nothing to compare"):
        exact([], [])
    with pytest.raises(ValueError, match="say why"):
        exact(1, 1, tolerance=0.1)


@pytest.mark.parametrize(
    "make",
    [
        lambda x, why: above(x, 0, because=why),
        lambda x, why: below(x, 0, because=why),
        lambda x, why: equivalent(x, 1, because=why),
        lambda x, why: matches(x, 1, 1, because=why),
        lambda x, why: ordered([x, x], because=why)[0],
        lambda x, why: slope([1, 2], [x, x], 0, 1, because=why),
        lambda x, why: argmax_in([1, 2], [x, x], 0, 1, because=why),
        lambda x, why: frequencies([1, 1], [0.5, 0.5], because=why),
    ],
    ids=["above", "below", "equivalent", "matches", "ordered", "slope", "argmax_in", "frequencies"],
)
def test_a_chosen_bound_needs_a_reason(make: Callable[[Measured, str], Relation]) -> None:
    x = measured([1] * 5)
    assert make(x, WHY).because == WHY
    for empty in ("", "  "):
        with pytest.raises(ValueError, match="say why"):
            make(x, empty)


X = measured([1.0, 2.0, 3.0, 4.0, 5.0], 0.0, "x")
NO_NUMBERS: tuple[tuple[str, Callable[[], object]], ...] = (
    ("above x: margin '0.5' is no number", lambda: above(X, "0.5", because=WHY)),  # type: ignore[arg-type]
    ("margin None is no number", lambda: above(X, None, because=WHY)),  # type: ignore[arg-type]
    ("margin x is no number: write above(x - y", lambda: above(X, X, because=WHY)),  # type: ignore[arg-type]
    ("bound of type ndarray is no number", lambda: below(X, np.ones(5), because=WHY)),  # type: ignore[arg-type]
    ("bound True is no number", lambda: most_reach(X, True)),
    ("rate '1/2' is no number", lambda: all_reach(X, 1.0, rate="1/2")),  # type: ignore[arg-type]
    ("margin (1+0j) is no number", lambda: equivalent(X, 1 + 0j, because=WHY)),  # type: ignore[arg-type]
    ("tolerance '5 %' is no number", lambda: matches(X, 1, "5 %", because=WHY)),  # type: ignore[arg-type]
    ("slack None is no number", lambda: ordered([X, X], slack=None, because=WHY)),  # type: ignore[arg-type]
    ("position 'b' is no number", lambda: slope([1, "b"], [X, X], 0, 1, because=WHY)),  # type: ignore[list-item]
    ("high '1' is no number", lambda: argmax_in([1, 2], [X, X], 0, "1", because=WHY)),  # type: ignore[arg-type]
    ("probability '1' is no number", lambda: frequencies([1, 2], ["1", 0], because=WHY)),  # type: ignore[list-item]
    ("tolerance False is no number", lambda: exact(1, 1, tolerance=False)),
    ("exact: values of type <U1 are no real numbers", lambda: exact("1", 1)),
    ("exact: some of the values are masked", lambda: exact(np.ma.array([1, 2], mask=[False, True]), [1, 2])),
    ("because= is a reason in words, not None", lambda: above(X, 1, because=None)),  # type: ignore[arg-type]
    ("above takes a number for each replicate", lambda: above(X.values, 1, because=WHY)),  # type: ignore[arg-type]
    ("exists takes a number for each replicate", lambda: exists(0.5, 1)),  # type: ignore[arg-type]
    ("ratio takes a number for each replicate", lambda: ratio(X, 2.0)),  # type: ignore[arg-type]
    ("larger_of takes a number for each", lambda: larger_of([X, X])),  # type: ignore[arg-type]
    ("ordered takes a list of measures, not x alone", lambda: ordered(X, because=WHY)),  # type: ignore[arg-type]
)  # fmt: skip


@pytest.mark.parametrize("told, make", NO_NUMBERS, ids=[told for told, _ in NO_NUMBERS])
def test_what_is_no_number_or_no_measure_is_said_to_be_none(told: str, make: Callable[[], object]) -> None:
    with pytest.raises(WrongKind) as error:
        make()
    assert told in str(error.value)


def test_numbers_of_other_libraries_are_numbers() -> None:
    for bound in (Decimal("0.5"), Fraction(1, 2), np.float16(0.5), np.array(0.5)):
        assert above(X, bound, because=WHY).lower == 0.5  # type: ignore[arg-type]


def test_probabilities_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="with sum 1"):
        frequencies([5, 5], [math.nan, 0.5], because=WHY)
