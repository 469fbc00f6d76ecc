"""Controls that compare a world with itself or exchange the claim's, and worlds that are read anew."""

from __future__ import annotations

from typing import Any

import pytest

from harness import Anew
from harness.evidence.statistics import above
from harness.judging import near_misses
from harness.judging.check import Check
from harness.judging.ladder import judged
from harness.lab.lab import Lab
from harness.lab.results import Results
from harness.spec import ANEW
from harness.spec.claim import Control
from harness.spec.verdict import Verdict
from harness.tests.items import ABOVE, BELOW, WHY, item

OTHER = BELOW.but(params={**dict(BELOW.params), "shift": -2.0})


@pytest.mark.parametrize(
    "claimed, control, why",
    [
        ({"a": ABOVE, "b": BELOW}, {"b": ABOVE}, "one world"),
        ({"a": ABOVE, "b": BELOW}, {"b": Anew(ABOVE)}, ""),
        ({"a": ABOVE, "b": BELOW}, {"a": BELOW, "b": ABOVE}, "another order"),
        ({"a": ABOVE, "b": BELOW}, {"b": OTHER}, ""),
        ({"a": ABOVE, "b": ABOVE}, {"a": BELOW, "b": BELOW}, ""),  # the claim compares one world, too
        ({"x": ABOVE}, {"x": BELOW}, ""),
        ({"x": {1: ABOVE, 2: BELOW}}, {"x": {1: ABOVE, 2: ABOVE}}, "one world"),
        ({"x": [ABOVE, BELOW, OTHER]}, {"x": [BELOW, ABOVE, OTHER]}, "another order"),
        ({"x": [ABOVE, BELOW, OTHER]}, {"x": [ABOVE, ABOVE, OTHER]}, ""),
        ({"a": ABOVE, "b": ABOVE, "c": BELOW}, {"a": BELOW}, ""),  # what was alike is told apart
        ({"x": ABOVE, "bound": 1.0}, {"bound": 2.0}, ""),
    ],
)
def test_what_says_nothing_is_refused(claimed: dict[str, Any], control: dict[str, Any], why: str) -> None:
    told = near_misses.refused(claimed, {**claimed, **control})
    assert why in told
    assert bool(why) is bool(told)


def difference(a: Results, b: Results, check: Check) -> None:
    check(above(a.final("x") - b.final("x"), 0.0, because=WHY))


def test_a_check_of_a_world_against_itself_does_not_count_as_failing(lab: Lab) -> None:
    itself = Control(says="one world on both sides", positive=False, worlds={"a": BELOW})
    judgement = judged(item(difference, itself, a=ABOVE, b=BELOW), lab)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "compare a world with itself" in judgement.controls[0].how
    assert not judgement.controls[0].failing


def test_a_mirror_does_not_count_as_failing(lab: Lab) -> None:
    mirror = Control(says="exchanged", positive=False, worlds={"a": BELOW, "b": ABOVE})
    judgement = judged(item(difference, mirror, a=ABOVE, b=BELOW), lab)
    assert judgement.verdict is Verdict.INCONCLUSIVE


def test_a_reason_lets_such_a_control_count_and_stands_in_the_outcome(lab: Lab) -> None:
    itself = Control(says="one world", positive=False, worlds={"a": BELOW}, trivial="there is no other")
    judgement = judged(item(difference, itself, a=ABOVE, b=BELOW), lab)
    assert judgement.verdict is Verdict.REPRODUCED
    assert judgement.controls[0].trivial == "there is no other"


def test_the_same_world_read_anew_is_independent_of_it(lab: Lab) -> None:
    assert [run.replicate for run in lab.runs(Anew(BELOW), 2)] == [ANEW, ANEW + 1]
    assert lab.runs(Anew(BELOW), 1)[0].address == lab.runs(BELOW, 1)[0].address
    anew = Control(says="nothing differs but chance", positive=False, worlds={"a": Anew(BELOW)})
    judgement = judged(item(difference, anew, a=ABOVE, b=BELOW), lab)
    assert judgement.verdict is Verdict.REPRODUCED
    assert judgement.controls[0].failing == (0,)
    assert {run.replicate >= ANEW for run in judgement.control_runs} == {True, False}
