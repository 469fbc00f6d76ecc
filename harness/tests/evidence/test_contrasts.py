"""Checks that fail in a control's world: refuted there, or on the wrong side and apart from the claim."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from harness.evidence.contrasts import CONTRAST_LEVEL, Failing, contrasts, discriminates, failing
from harness.evidence.kinds import Relation
from harness.evidence.measured import Measured
from harness.evidence.outcome import Contrast
from harness.evidence.statistics import (
    above,
    all_reach,
    below,
    equivalent,
    exact,
    exists,
    judge,
    judge_all,
    mean_interval,
    most_reach,
    ratio,
)
from harness.spec.verdict import Verdict
from harness.tests.samples import WHY, measured

REPRODUCED, REFUTED, INCONCLUSIVE = Verdict.REPRODUCED, Verdict.REFUTED, Verdict.INCONCLUSIVE


def positions(claim: Sequence[Relation], control: Sequence[Relation]) -> list[int]:
    return [f.position for f in failing(claim, control, contrasts(claim, control))]


def test_contrasts_are_paired_by_position_kind_and_replicate() -> None:
    claim, control = measured([5, 6, 7, 8, 9.0], name="gap"), measured([1, 2, 3, 4, 5.5], name="gap")
    make = [lambda x: above(x, 1, because=WHY), lambda x: exact(x, x), lambda x: all_reach(x, 9)]
    paired = contrasts([m(claim) for m in make], [m(control) for m in make])
    assert {i: c.statement for i, c in paired.items()} == dict.fromkeys((0, 2), "claim - control of gap")
    assert paired[0].estimate == pytest.approx(3.9)
    _, low, high = mean_interval(claim - control, CONTRAST_LEVEL)
    assert (paired[0].low, paired[0].high) == pytest.approx((low, high))
    with pytest.raises(ValueError, match="paired by replicate"):
        contrasts([make[0](claim)], [make[0](measured([1, 2]))])


def test_contrasts_leave_out_what_cannot_be_subtracted() -> None:
    x, one, other = measured([1, 2, 3, 4, 5.0]), measured([1, 2, 3, 4, math.nan]), measured([1.0])
    for claim, control in ((x, one), (one, x), (other, other)):
        assert contrasts([above(claim, 0, because=WHY)], [above(control, 0, because=WHY)]) == {}
    assert contrasts([above(x, 0, because=WHY)], [below(x, 0, because=WHY)]) == {}


def test_a_contrast_with_censored_runs_is_open_on_the_side_they_may_lie_on() -> None:
    x, late = measured([1, 2, 3, 4, 5.0]), measured([9, 9, 9, 9, 9], censored="c....")
    plain = mean_interval(x - measured(late.values), CONTRAST_LEVEL)
    control_late = contrasts([below(x, 0, because=WHY)], [below(late, 0, because=WHY)])[0]
    assert control_late.low is None
    assert control_late.high == pytest.approx(plain[2])
    claim_late = contrasts([above(late, 0, because=WHY)], [above(x, 0, because=WHY)])[0]
    assert claim_late.high is None
    both_late = contrasts([above(late, 0, because=WHY)], [above(late, 0, because=WHY)])[0]
    assert (both_late.low, both_late.high) == (None, None)


def test_a_contrast_of_ratios_is_in_logs() -> None:
    x = ratio(measured([2, 4, 2, 4, 3], name="a"), measured([1, 1, 1, 1, 1], name="b"))
    contrast = contrasts([above(x, 1, because=WHY)], [above(-x, 1, because=WHY)])[0]
    assert contrast.statement == "claim - control of log (a / b)"
    assert contrast.estimate == pytest.approx(2 * np.mean(x.values))


SPREAD = np.array([-1.0, -0.5, 0, 0.5, 1.0])


def around(centre: float) -> Measured:
    return measured(centre + SPREAD)


def test_a_check_fails_where_it_is_refuted() -> None:
    claim = [above(around(9), 0, because=WHY), below(around(-9), 0, because=WHY)]
    assert positions(claim, [above(around(-9), 0, because=WHY), claim[1]]) == [0]
    assert positions(claim, [claim[0], below(around(9), 0, because=WHY)]) == [1]
    assert positions(claim, claim) == []
    assert positions(claim, claim[:1]) == []
    assert positions([above(around(9), 0, because=WHY)], [below(around(9), 0, because=WHY)]) == []


@pytest.mark.parametrize("centre, fails", [(-0.3, True), (0.3, False), (0.0, True)])
def test_a_contrast_counts_only_where_the_controls_estimate_is_on_the_wrong_side(
    centre: float, fails: bool
) -> None:
    control = around(centre)
    assert judge(above(control, 0, because=WHY), 0.05).verdict is INCONCLUSIVE
    assert positions([above(around(9), 0, because=WHY)], [above(control, 0, because=WHY)]) == [0] * fails
    assert positions([below(around(-9), 0, because=WHY)], [below(-control, 0, because=WHY)]) == [0] * fails
    inside, outside = (equivalent(x, 9, because=WHY) for x in (around(0), control - 9))
    assert positions([inside], [outside]) == [0] * fails


def test_a_contrast_towards_the_other_side_does_not_count() -> None:
    """A control that is on the wrong side by a little, and the claim by more, shows nothing for the claim."""
    assert positions([above(around(-9), 0, because=WHY)], [above(around(-0.3), 0, because=WHY)]) == []


@pytest.mark.parametrize("apart, fails", [(0.884, False), (2.0, True)])
def test_a_contrast_must_exclude_zero_at_one_in_a_hundred(apart: float, fails: bool) -> None:
    control = around(-0.1)
    claim = measured(control.values + apart + SPREAD)  # t = 2.5 of four degrees of freedom is p = .033
    assert positions([above(claim, 0, because=WHY)], [above(control, 0, because=WHY)]) == [0] * fails


def test_a_rate_fails_in_a_control_where_the_typical_run_does_not_reach() -> None:
    claim = most_reach(around(-9), 0)
    assert positions([claim], [most_reach(around(9), 0)]) == [0]  # refuted
    two_of_five = measured([-0.1, -0.1, 5, 5, 5])
    assert judge(most_reach(two_of_five, 0), 0.05).verdict is INCONCLUSIVE
    assert positions([claim], [most_reach(two_of_five, 0)]) == [0]
    assert positions([claim], [most_reach(-two_of_five, 0)]) == []


def test_an_example_fails_in_a_control_without_any_and_apart_from_it() -> None:
    claim = exists(around(-9), 0)
    assert positions([claim], [exists(around(9), 0)]) == [0]
    assert positions([claim], [exists(measured([-1.0, 9, 9, 9, 9]), 0)]) == []


def test_an_identity_fails_where_it_is_broken() -> None:
    assert positions([exact(1.0, 1.0)], [exact(1.0, 2.0)]) == [0]
    assert positions([exact(1.0, 1.0)], [exact(2.0, 2.0)]) == []


def test_which_controls_discriminate() -> None:
    apart = Contrast(statement="claim - control of gap", estimate=2.0, low=1.0, high=3.0)
    checks = judge_all([above(around(9), 0, because=WHY)] * 2, 0.05)[1]
    assert discriminates(False, checks[:1], REFUTED, [Failing(0, None)]) == (True, "it came out refuted")
    tells, how = discriminates(False, checks, INCONCLUSIVE, [Failing(1, apart)])
    assert tells
    assert "1 of 2 checks fail there" in how
    assert "excludes zero: [1, 3]" in how
    assert not discriminates(False, checks, INCONCLUSIVE, [])[0]
    assert discriminates(True, checks, REPRODUCED, [])[0]
    for verdict in (REFUTED, INCONCLUSIVE, Verdict.ERROR):
        assert not discriminates(True, checks, verdict, [Failing(0, apart)])[0]
