"""The common axis: bars on the side that their verdict says, in order, within the axis."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evidence.statistics import above, all_reach, below, judge, matches
from harness.report import forest
from harness.spec.verdict import Verdict
from harness.tests import reports
from harness.tests.samples import WHY, exhaustive, measured


@exhaustive
@given(
    st.lists(st.floats(-9, 9), min_size=5, max_size=8),
    st.floats(-9, 9),
    st.sampled_from(["above", "below", "matches", "all_reach"]),
)
def test_a_bar_lies_on_the_side_that_its_verdict_says(values: list[float], bound: float, kind: str) -> None:
    x = measured([round(v, 2) for v in values])
    relation = {
        "above": lambda: above(x, bound, because=WHY),
        "below": lambda: below(x, bound, because=WHY),
        "matches": lambda: matches(x, bound, 2.0, because=WHY),
        "all_reach": lambda: all_reach(x, bound),
    }[kind]()
    check = judge(relation, 0.035)
    place = forest.place(check)
    if place is None:
        assert check.low == check.high
        return
    assert place.low <= place.estimate <= place.high
    if abs(place.low) > 1e-9:
        typical = check.p_typical is None or check.p_typical <= check.level
        assert (place.low > 0 and typical) == (check.verdict is Verdict.REPRODUCED)
    if check.verdict is Verdict.REFUTED:
        assert place.high < 0


def test_ratios_are_placed_by_their_logs() -> None:
    place = forest.place(
        reports.evidence(
            logarithmic=True, estimate=4.0, low=2.0, high=8.0, lower_bound=None, upper_bound=16.0
        )
    )
    assert place is not None
    assert (place.low, place.estimate, place.high) == pytest.approx((1, 2, 3))


def test_half_widths_are_those_of_the_side_that_faces_the_bound() -> None:
    for bound, expected in ((0.6, (-5, -2, -1)), (0.25, (-0.5, 0.5, 5 / 6))):
        place = forest.place(reports.evidence(lower_bound=bound, estimate=0.4, low=0.1, high=0.5))
        assert place is not None
        assert (place.low, place.estimate, place.high) == pytest.approx(expected)


def test_a_profile_has_every_check_with_an_interval_the_surest_first() -> None:
    exact = reports.evidence(relation="exact", level=0.0, estimate=3.0, low=None, high=None, lower_bound=None,
                             upper_bound=0.0, verdict=Verdict.REFUTED)  # fmt: skip
    assert forest.place(exact) is None
    sure = reports.evidence(estimate=0.9, low=0.85, high=0.95)
    lost = reports.evidence(Verdict.REFUTED, estimate=-0.2, low=-0.3, high=-0.1)
    drawn = forest.profile([exact, lost, reports.evidence(), sure])
    assert drawn is not None
    assert [bar.verdict for bar in drawn.bars] == [Verdict.REPRODUCED, Verdict.REPRODUCED, Verdict.REFUTED]
    assert [bar.estimate for bar in drawn.bars] == sorted(bar.estimate for bar in drawn.bars)
    above, below = drawn.bars[0], drawn.bars[-1]
    assert above.low < drawn.bound < below.high, "higher is where the check holds"
    assert "3 checks" in drawn.alt
    assert "intervals of 2 lie wholly where the check holds" in drawn.alt
    assert [verdict for verdict, _, _ in drawn.paths] == [Verdict.REPRODUCED, Verdict.REFUTED]
    assert forest.profile([exact, sure]) is None


@exhaustive
@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_the_axis_keeps_order_and_stays_within_itself(one: float, other: float) -> None:
    axis = forest.axis([reports.evidence()])
    low, high = sorted((axis.percent(one), axis.percent(other)))
    assert 0 <= low <= high <= 100
    assert (axis.percent(one) <= axis.percent(other)) or one > other
    assert axis.ticks[0] == axis.left
    assert axis.ticks[-1] == axis.right
