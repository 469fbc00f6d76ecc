"""Controls of an item: how far they climb, what they must tell, and what becomes of the claim otherwise."""

from __future__ import annotations

import pytest

from harness.evidence.statistics import above, below, exact
from harness.judging.check import Check
from harness.judging.ladder import judged
from harness.lab.lab import Lab
from harness.lab.results import Results
from harness.spec.claim import Control
from harness.spec.verdict import Verdict
from harness.tests.items import ABOVE, BELOW, NEGATIVE, POSITIVE, WHY, item, looking
from harness.tests.simulated import drawn, named


def test_a_claim_whose_control_does_not_discriminate_is_inconclusive(lab: Lab) -> None:
    body, _ = looking()
    same = Control(says="nothing is changed", positive=False, worlds={"x": ABOVE})
    judgement = judged(item(body, same, x=ABOVE), lab)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "does not discriminate (nothing is changed" in judgement.reason
    assert judged(item(body, x=ABOVE), lab).verdict is Verdict.INCONCLUSIVE  # and so is one without any


def test_a_refutation_needs_a_positive_control(lab: Lab) -> None:
    body, _ = looking()
    alone = judged(item(body, x=BELOW), lab)
    assert alone.verdict is Verdict.INCONCLUSIVE
    assert "no positive control" in alone.reason
    believed = judged(item(body, POSITIVE, x=BELOW), lab)
    assert believed.verdict is Verdict.REFUTED
    assert believed.controls[0].verdict is Verdict.REPRODUCED
    failed = Control(says="as it is", positive=True, worlds={"x": BELOW})
    assert "did not come out reproduced (as it is)" in judged(item(body, failed, x=BELOW), lab).reason


def test_a_control_must_change_something_that_is_trained(lab: Lab) -> None:
    body, _ = looking()
    slip = Control(says="a slip of the pen", positive=False, worlds={"X": BELOW})
    with pytest.raises(LookupError, match="@control names X, which @trained does not"):
        judged(item(body, slip, x=ABOVE), lab)


def test_a_conjunction_is_refuted_by_one_of_its_parts(lab: Lab) -> None:
    def body(x: Results, check: Check) -> None:
        check(above(x.final("x"), 0.0, because=WHY))
        check(below(x.final("x"), 0.0, because=WHY))

    judgement = judged(item(body, POSITIVE, x=ABOVE), lab)
    assert [e.verdict for e in judgement.checks] == [Verdict.REPRODUCED, Verdict.REFUTED]
    assert judgement.verdict is Verdict.INCONCLUSIVE  # its positive control is refuted likewise


def test_a_broken_identity_refutes_without_a_second_world(lab: Lab) -> None:
    def body(sides: tuple[float, float], check: Check) -> None:
        check(exact(sides[0], sides[1], because=WHY))

    judgement = judged(item(body, sides=(1.0, 2.0)), lab)
    assert judgement.verdict is Verdict.REFUTED
    assert judgement.checks[0].level == 0


def test_a_control_climbs_on_where_it_does_not_tell_yet(lab: Lab) -> None:
    """Its mean is on the right side of zero over five replicates and on the wrong one over ten."""
    weak = named(drawn, shift=-0.1)
    means = [lab.results("x", weak, n).final("x").values.mean() for n in (5, 10)]
    assert means[0] > 0 > means[1]
    body, seen = looking()
    near = Control(says="a little below", positive=False, worlds={"x": weak})
    judgement = judged(item(body, near, x=ABOVE), lab)
    assert judgement.verdict is Verdict.REPRODUCED
    assert (judgement.checks[0].n, judgement.controls[0].checks[0].n) == (5, 10)
    assert seen == [5, 5, 10, 10]
    read = {(run.address, run.replicate) for run in judgement.control_runs}
    of_claim = judgement.runs[0].address
    assert {replicate for address, replicate in read if address == of_claim} == set(range(5, 10))
    assert len(read) == 5 + 10


def test_a_control_climbs_on_for_a_check_that_may_still_fail_in_it(lab: Lab) -> None:
    """It tells by its first check at once, and by its second over ten replicates alone."""

    def body(x: Results, y: Results, check: Check) -> None:
        check(above(x.final("x"), 0.0, because=WHY))
        check(above(y.final("x"), 0.0, because=WHY))

    weak = {"x": BELOW, "y": named(drawn, shift=-0.1)}
    both = Control(says="x far below, y a little", positive=False, worlds=weak)
    judgement = judged(item(body, both, x=ABOVE, y=ABOVE), lab)
    assert judgement.verdict is Verdict.REPRODUCED
    assert [check.n for check in judgement.controls[0].checks] == [10, 10]
    assert judgement.controls[0].failing == (0, 1)


def test_a_blind_control_does_not_climb_once_the_claim_holds_there(lab: Lab) -> None:
    body, seen = looking()
    same = Control(says="nothing is changed", positive=False, worlds={"x": ABOVE})
    judged(item(body, same, x=ABOVE), lab)
    assert seen == [5, 5]


def test_a_positive_control_climbs_until_it_holds(lab: Lab) -> None:
    body, _ = looking()
    weak = named(drawn, shift=1.2, spread=-1.0)
    little = Control(says="a little above", positive=True, worlds={"x": weak})
    judgement = judged(item(body, little, x=BELOW), lab)
    assert judgement.verdict is Verdict.REFUTED
    assert (judgement.checks[0].n, judgement.controls[0].checks[0].n) == (5, 20)


def test_every_check_must_fail_in_a_control_or_say_why_none_can(lab: Lab) -> None:
    def body(x: Results, check: Check) -> None:
        check(above(x.final("x"), 0.0, because=WHY))
        check(above(x.final("x"), -99.0, because=WHY), uncontrolled=why)

    why = ""
    judgement = judged(item(body, NEGATIVE, x=ABOVE), lab)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "no control makes a check fail (x (x) > -99)" in judgement.reason
    assert judgement.controls[0].failing == (0,)
    lower = Control(says="far below", positive=False, worlds={"x": named(drawn, shift=-200.0)})
    assert judged(item(body, NEGATIVE, lower, x=ABOVE), lab).verdict is Verdict.REPRODUCED
    why = "it is a bound of the sampler"
    judgement = judged(item(body, NEGATIVE, x=ABOVE), lab)
    assert judgement.verdict is Verdict.REPRODUCED
    assert judgement.checks[1].uncontrolled == why
