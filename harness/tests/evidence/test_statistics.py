"""Invariances of the judge, what must stay inconclusive, and how controls are told apart."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evidence.contrasts import contrasts, failing
from harness.evidence.outcome import Evidence
from harness.evidence.statistics import (
    QUICK_RUNGS,
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
        *ordered([x, x, x + bound], because=WHY),
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
    failing(relations, relations, contrasts(relations, relations))


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
    assert rungs("quick") == QUICK_RUNGS
    assert rungs("quick", 50) == ((50, 0.05),)
    for tier, fixed in (("tiny", None), ("quick", 0)):
        with pytest.raises(ValueError, match=r"unknown tier|at least one"):
            rungs(tier, fixed)
