"""Undecided items climb together: what they read next is known before any of it is computed."""

from __future__ import annotations

from typing import Any

import pytest

from harness.fleet import pausing
from harness.fleet.pausing import Paused
from harness.judging.climbing import Climb, climbed
from harness.judging.ladder import Item, judged
from harness.lab.lab import Lab
from harness.spec.verdict import Verdict
from harness.tests.items import ABOVE, NEGATIVE, item, looking
from harness.tests.simulated import drawn, named, raising

UNCLEAR = named(drawn, shift=1.2, spread=-1.0)  # above zero in 4 of 5, 8 of 10 and 18 of 20 replicates


def begun(lab: Lab, items: dict[str, Item]) -> Climb:
    """How items stand when the runs of their first look are there."""
    for each in items.values():
        lab.ensure(run for value, count in each.needs() for run in lab.runs(value, count))
    return climbed(items, lab)


def test_what_is_decided_reads_no_more_and_the_others_read_their_next_rung(lab: Lab) -> None:
    items = {
        "clear": item(looking()[0], NEGATIVE, x=ABOVE),
        "unclear": item(looking()[0], NEGATIVE, tier="standard", x=UNCLEAR),
    }
    climb = begun(lab, items)
    assert (climb.decided, list(climb.undecided), climb.failed) == (1, ["unclear"], {})
    assert {run.replicate for run in climb.runs} == set(range(10))
    computed = len(lab.computed)
    assert not lab.complete(climb.runs)
    rounds = 0
    while climb.undecided:
        lab.ensure(climb.runs)
        climb = climbed({name: items[name] for name in climb.undecided}, lab)
        rounds += 1
    assert rounds == 2  # ten replicates, then twenty
    assert len(lab.computed) > computed
    before = len(lab.computed)
    assert judged(items["unclear"], lab).verdict is not Verdict.INCONCLUSIVE
    assert len(lab.computed) == before  # judging finds all that it reads


@pytest.mark.parametrize("error", [SystemExit(3), ValueError("no such\ncurve"), Exception()])
def test_a_body_that_raises_is_told_and_the_others_climb(lab: Lab, error: BaseException) -> None:
    def body(x: Any, check: Any) -> None:
        raise error

    climb = begun(lab, {"wrong": item(body, x=ABOVE), "unclear": item(looking()[0], NEGATIVE, x=UNCLEAR)})
    assert list(climb.undecided) == ["unclear"]
    (why,) = climb.failed.values()
    assert why.startswith(f"{type(error).__name__}: ")
    assert "\n" not in why


def test_what_cannot_be_computed_is_no_reason_to_climb(lab: Lab) -> None:
    climb = begun(lab, {"failing": item(looking()[0], x=named(raising))})
    assert climb.undecided == {}
    assert climb.failed == {"failing": "OverflowError: the first line"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, Paused])
def test_who_is_to_end_judges_no_more(lab: Lab, error: type[BaseException]) -> None:
    def body(x: Any, check: Any) -> None:
        raise error

    with pausing.heeded(), pytest.raises(error):
        begun(lab, {"any": item(body, x=ABOVE)})
