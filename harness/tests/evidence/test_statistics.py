"""Invariances of the judge, what must stay inconclusive, and how controls are told apart."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evidence.outcome import Contrast, Evidence
from harness.evidence.statistics import (
    CONTROL_LEVEL,
    RUNGS,
    Measured,
    Relation,
    above,
    all_reach,
    argmax_in,
    below,
    equivalent,
    exact,
    exists,
    judge,
    judge_all,
    matches,
    mean_interval,
    ordered,
    ratio,
    rungs,
    slope,
)
from harness.spec.verdict import Verdict
from harness.tests.samples import WHY, exhaustive, measured

REPRODUCED, REFUTED, INCONCLUSIVE = Verdict.REPRODUCED, Verdict.REFUTED, Verdict.INCONCLUSIVE
samples = st.lists(st.floats(-100, 100), min_size=5, max_size=20)


def verdict_of(relation: Relation, level: float = 0.035) -> Verdict:
    return judge(relation, level).verdict


@exhaustive
@given(samples, st.randoms(use_true_random=False), st.floats(-5, 5))
def test_the_order_of_replicates_does_not_matter(values: list[float], shuffler: object, bound: float) -> None:
    shuffled = list(values)
    shuffler.shuffle(shuffled)  # type: ignore[attr-defined]
    for make in (lambda x: above(x, bound, because=WHY), lambda x: all_reach(x, bound)):
        one, other = (judge(make(measured(v)), 0.035) for v in (values, shuffled))
        for field in ("estimate", "low", "high"):
            assert getattr(one, field) == pytest.approx(getattr(other, field), rel=1e-9, abs=1e-9)
        assert sorted(map(float, filter(None, one.values))) == sorted(map(float, filter(None, other.values)))


@exhaustive
@given(st.lists(st.integers(-50, 50), min_size=5, max_size=20), st.integers(-64, 64), st.integers(-8, 8))
def test_shifting_or_scaling_values_and_bound_alike_changes_no_verdict(
    values: list[int], shift: int, exponent: int
) -> None:
    scale = 2.0**exponent
    x = measured(values, 1.0)
    plain = judge(above(x, 3, because=WHY), 0.035)
    moved = judge(above(x + shift, 3 + shift, because=WHY), 0.035)
    scaled = judge(above(scale * x, scale * 3, because=WHY), 0.035)
    assert plain.verdict is scaled.verdict
    assert scaled.low == pytest.approx(scale * (plain.low or 0))
    assert moved.low == pytest.approx((plain.low or 0) + shift, abs=1e-9)


@exhaustive
@given(samples, st.floats(-10, 10), st.floats(0.01, 10), st.floats(0, 10), st.sampled_from([0.0, 0.1, 5.0]))
def test_an_easier_bound_never_makes_a_verdict_worse(
    values: list[float], bound: float, margin: float, more: float, resolution: float
) -> None:
    x, rank = measured(values, resolution), {REFUTED: 0, INCONCLUSIVE: 1, REPRODUCED: 2}
    for strict, easy in (
        (above(x, bound, because=WHY), above(x, bound - more, because=WHY)),
        (below(x, bound, because=WHY), below(x, bound + more, because=WHY)),
        (equivalent(x, margin, because=WHY), equivalent(x, margin + more, because=WHY)),
        (matches(x, bound, margin, because=WHY), matches(x, bound, margin + more, because=WHY)),
        (all_reach(x, bound), all_reach(x, bound + more)),
    ):
        assert rank[judge(strict, 0.05).verdict] <= rank[judge(easy, 0.05).verdict]


@exhaustive
@given(samples, st.floats(-10, 10))
def test_above_and_below_are_each_other_s_mirror(values: list[float], bound: float) -> None:
    x = measured(values)
    one, other = above(x, bound, because=WHY), below(-x, -bound, because=WHY)
    assert judge(one, 0.01).verdict is judge(other, 0.01).verdict
    opposite = {REPRODUCED: REFUTED, REFUTED: REPRODUCED, INCONCLUSIVE: INCONCLUSIVE}
    assert judge(below(x, bound, because=WHY), 0.01).verdict is opposite[judge(one, 0.01).verdict]


@exhaustive
@given(
    st.lists(st.tuples(st.floats(), st.booleans()), max_size=7),
    st.sampled_from([0.0, 1.0, 1e300]),
    st.sampled_from([1e-300, 0.5, 1e300]),
)
def test_no_number_crashes_the_judge_and_evidence_is_plain(
    pairs: list[tuple[float, bool]], resolution: float, bound: float
) -> None:
    x = Measured(np.array([v for v, _ in pairs]), resolution, np.array([c for _, c in pairs], dtype=bool))
    relations: list[Relation] = [
        above(x, bound, because=WHY),
        below(x, -bound, because=WHY),
        equivalent(x, bound, because=WHY),
        matches(ratio(x, x + 1), 2, 1, because=WHY),
        ordered([x, x, x + bound], because=WHY),
        slope([1, 2, 4], [x, x, x], -1, 1, log=True, because=WHY),
        argmax_in([1, 2, 3], [x, x + 1, -x], 2, 2, because=WHY),
        all_reach(x, bound, at="least"),
        exists(x, bound),
        exact(x, x) if len(x) else exact(0, 0),
    ]
    verdict, evidence = judge_all(relations, 0.035)
    assert verdict in (REPRODUCED, REFUTED, INCONCLUSIVE)
    assert msgspec.json.decode(msgspec.json.encode(evidence), type=tuple[Evidence, ...]) == evidence
    for e in evidence:
        shown = (e.estimate, e.low, e.high, e.lower_bound, e.upper_bound, *e.values)
        assert all(v is None or (type(v) is float and math.isfinite(v)) for v in shown)
        assert type(e.reason) is type(e.statement) is str
    contrasts(relations, relations)


@pytest.mark.parametrize("n", [0, 1, 2, 4])
def test_fewer_than_five_are_shown_and_not_judged(n: int) -> None:
    x = measured([1.0, 1.1, 0.9, 1.0][:n])
    for relation in (above(x, 0, because=WHY), below(x, 0, because=WHY), all_reach(x, 9)):
        evidence = judge(relation, 0.05)
        assert (evidence.verdict, evidence.n, len(evidence.values)) == (INCONCLUSIVE, n, n)
        assert "fewer than 5" in evidence.reason
        assert (evidence.estimate is None) == (n == 0)


def test_zero_spread_is_not_certainty() -> None:
    epochs = measured([10] * 5, 1.0)
    evidence = judge(above(epochs, 9.8, because=WHY), 0.035)
    assert evidence.verdict is INCONCLUSIVE
    half = 2.4558919925977 / math.sqrt(12) / math.sqrt(5)
    assert (evidence.low, evidence.high) == pytest.approx((10 - half, 10 + half))
    assert "floored" in evidence.reason
    assert verdict_of(above(epochs, 9, because=WHY)) is REPRODUCED


def test_a_censored_run_bounds_from_below_only() -> None:
    x = measured([60, 60, 55, 58, 57], 1.0, censored="cc...")
    evidence = judge(above(x, 50, because=WHY), 0.035)
    assert (evidence.verdict, evidence.high) == (REPRODUCED, None)
    assert "2 of 5 runs censored" in evidence.reason
    assert verdict_of(above(x, 90, because=WHY)) is INCONCLUSIVE
    assert verdict_of(below(x, 90, because=WHY)) is INCONCLUSIVE
    assert verdict_of(below(x, 50, because=WHY)) is REFUTED
    assert verdict_of(equivalent(x, 90, because=WHY)) is INCONCLUSIVE
    assert verdict_of(all_reach(x, 50, at="least")) is REPRODUCED
    assert verdict_of(all_reach(x, 70, at="least")) is INCONCLUSIVE
    never = measured([60] * 5, 1.0, censored="ccccc")
    assert verdict_of(all_reach(never, 50)) is REFUTED
    assert verdict_of(all_reach(never, 60)) is INCONCLUSIVE
    assert verdict_of(exists(never, 60)) is INCONCLUSIVE


def test_a_censored_run_as_numerator_bounds_and_as_denominator_decides_nothing() -> None:
    late, other = measured([60] * 5, 1.0, "late epochs", "c...."), measured([10, 11, 9, 10, 12], 1.0)
    assert verdict_of(above(ratio(late, other), 2, because=WHY)) is REPRODUCED
    for spoiled in (ratio(other, late), other - late):
        for relation in (below(spoiled, 99, because=WHY), all_reach(spoiled, 99)):
            evidence = judge(relation, 0.035)
            assert evidence.verdict is INCONCLUSIVE
            assert "1 of 5 replicates unusable" in evidence.reason


def test_a_conjunction_refutes_at_its_share_of_the_level() -> None:
    just = above(measured([0, 0, 0, 0, 2.0]) * -1, 0.5, because=WHY)
    level = 0.06
    assert judge(just, level).verdict is REFUTED
    fine = above(measured([1, 2, 3, 2, 1]), 0, because=WHY)
    assert judge_all([just], level)[0] is REFUTED
    verdict, evidence = judge_all([just, fine, fine], level)
    assert [e.verdict for e in evidence] == [INCONCLUSIVE, REPRODUCED, REPRODUCED]
    assert verdict is INCONCLUSIVE
    assert judge_all([], level) == (Verdict.ERROR, ())


@pytest.mark.parametrize("level", [0.0, 0.5, -1.0, math.nan])
def test_a_level_is_a_small_probability(level: float) -> None:
    with pytest.raises(ValueError, match="levels"):
        judge(above(measured([1] * 5), 0, because=WHY), level)


def test_rungs() -> None:
    assert rungs("full") == rungs("standard") == RUNGS
    assert rungs("quick") == RUNGS[:2]
    assert rungs("quick", 50) == ((50, 0.05),)
    assert sum(level for _, level in RUNGS) == pytest.approx(0.05)
    for tier, fixed in (("tiny", None), ("quick", 0)):
        with pytest.raises(ValueError, match=r"unknown tier|at least one"):
            rungs(tier, fixed)


def test_contrasts_are_paired_and_hold_together() -> None:
    claim, control = measured([5, 6, 7, 8, 9.0], name="gap"), measured([1, 2, 3, 4, 5.5], name="gap")
    make = [lambda x: above(x, 1, because=WHY), lambda x: exact(x, x), lambda x: all_reach(x, 9)]
    paired = contrasts([m(claim) for m in make], [m(control) for m in make])
    assert [c.statement for c in paired] == ["claim - control of gap"] * 2
    assert paired[0].estimate == pytest.approx(3.9)
    _, low, high = mean_interval(claim - control, CONTROL_LEVEL / 2 / 2)
    assert (paired[0].low, paired[0].high) == pytest.approx((low, high))
    with pytest.raises(ValueError, match="paired by replicate"):
        contrasts([make[0](claim)], [make[0](measured([1, 2]))])


def test_contrasts_leave_out_what_cannot_be_subtracted() -> None:
    x, one, other = measured([1, 2, 3, 4, 5.0]), measured([1, 2, 3, 4, math.nan]), measured([1.0])
    for claim, control in ((x, one), (one, x), (other, other)):
        assert contrasts([above(claim, 0, because=WHY)], [above(control, 0, because=WHY)]) == ()
    assert contrasts([above(x, 0, because=WHY)], [below(x, 0, because=WHY)]) == ()


def test_a_contrast_with_censored_runs_is_open_on_the_side_they_may_lie_on() -> None:
    x, late = measured([1, 2, 3, 4, 5.0]), measured([9, 9, 9, 9, 9], censored="c....")
    plain = mean_interval(x - measured(late.values), CONTROL_LEVEL / 2)
    (control_late,) = contrasts([above(x, 0, because=WHY)], [above(late, 0, because=WHY)])
    assert control_late.low is None
    assert control_late.high == pytest.approx(plain[2])
    assert discriminates(False, Verdict.INCONCLUSIVE, [control_late])[0]  # x lies below all that late can be
    (claim_late,) = contrasts([above(late, 0, because=WHY)], [above(x, 0, because=WHY)])
    assert claim_late.high is None
    (both_late,) = contrasts([above(late, 0, because=WHY)], [above(late, 0, because=WHY)])
    assert (both_late.low, both_late.high) == (None, None)
    assert not discriminates(False, Verdict.INCONCLUSIVE, [both_late])[0]


def test_a_contrast_of_ratios_is_in_logs() -> None:
    x = ratio(measured([2, 4, 2, 4, 3], name="a"), measured([1, 1, 1, 1, 1], name="b"))
    (contrast,) = contrasts([above(x, 1, because=WHY)], [above(-x, 1, because=WHY)])
    assert contrast.statement == "claim - control of log (a / b)"
    assert contrast.estimate == pytest.approx(2 * np.mean(x.values))


def test_which_controls_discriminate() -> None:
    apart = Contrast(statement="claim - control of gap", estimate=2.0, low=1.0, high=3.0)
    near = Contrast(statement="claim - control of gap", estimate=0.0, low=-1.0, high=1.0)
    assert discriminates(False, REFUTED, []) == (True, "it came out refuted")
    assert discriminates(False, INCONCLUSIVE, [near, apart])[0]
    assert "excludes zero: [1, 3]" in discriminates(False, INCONCLUSIVE, [near, apart])[1]
    for verdict, discriminating in (
        (INCONCLUSIVE, [near]),
        (INCONCLUSIVE, []),
        (REPRODUCED, [apart]),
        (Verdict.ERROR, [apart]),
        (Verdict.NOT_RUN, [apart]),
    ):
        assert not discriminates(False, verdict, discriminating)[0]
    assert discriminates(True, REPRODUCED, [])[0]
    for verdict in (REFUTED, INCONCLUSIVE, Verdict.ERROR):
        assert not discriminates(True, verdict, [apart])[0]
