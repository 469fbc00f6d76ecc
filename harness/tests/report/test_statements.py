"""What the tests of a claim share is said once, and what is one test's stays with it."""

from __future__ import annotations

from typing import Any

from harness.evidence.outcome import Contrast
from harness.report import statements
from harness.report.contents import Statement
from harness.spec.verdict import Verdict
from harness.tests import reports


def statement(*changes: dict[str, Any], **shared: Any) -> Statement:
    items = [
        reports.claim(id=f"claims/test_a.py::test_x[{place}]", figures=(), **{**shared, **one})
        for place, one in enumerate(changes)
    ]
    return Statement("x", tuple(items))


def test_a_text_of_all_tests_is_said_of_none_and_that_of_a_tier_of_the_tier() -> None:
    of = statement(
        {"params": {"net": "a"}}, {"params": {"net": "b"}}, {"tier": "standard", "adapted": "less"}
    )
    texts = statements.said(of.items, statements.changed_from)
    assert [one.of for one in texts] == ["quick", "standard"]
    assert [one.of for one in statements.said(of.items, lambda item: "same")] == [""]
    assert statements.said(of.items, lambda item: "") == ()
    single = statements.said(of.items, lambda item: "x" if item.params.get("net") == "b" else "")
    assert [one.of for one in single] == ["quick, net = b"]


def test_checks_that_ask_the_same_are_one_group_on_one_scale() -> None:
    far = reports.evidence(estimate=0.6, low=0.5, high=0.7)
    other = reports.evidence(because="another reason")
    of = statement({}, {"checks": (far,)}, {"checks": (other,)})
    (group,) = statements.groups(of)
    assert [line.mark for line in group.lines] == ["a", "a", "b"]
    tracks = [line.track for line in group.lines]
    assert tracks[0] is not None
    assert tracks[1] is not None
    assert tracks[0].limits == tracks[1].limits
    assert (tracks[0].estimate or 0.0) < (tracks[1].estimate or 0.0)
    assert list(statements.reasons(of).values()) == ["a", "b"]
    assert list(statements.reasons(statement({}, {})).values()) == [""]


def test_a_control_is_said_once_with_how_often_it_came_out_so() -> None:
    blind = reports.control(discriminates=False, verdict=Verdict.REPRODUCED, how="it holds there")
    of = statement({}, {}, {"tier": "standard", "controls": (blind,)})
    (control,) = statements.controls(of)
    assert [(verdict, whose, tells) for verdict, _, whose, tells in control.told] == [
        (Verdict.REFUTED, "quick", True),
        (Verdict.REPRODUCED, "standard", False),
    ]


def test_differences_stand_beside_the_checks_whose_measure_they_name() -> None:
    checks = tuple(reports.evidence(statement=f"{name} > 0.1") for name in ("error", "loss"))
    named = Contrast(statement="claim - control of log loss", estimate=1.0, low=0.5, high=1.5)
    odd = Contrast(statement="the same difference", estimate=1.0, low=0.5, high=1.5)
    beside, apart = statements.contrasts(reports.control(checks=checks, contrasts=(named, odd)))
    assert (beside, apart) == ({1: named}, [odd])


def test_what_a_row_says_anyway_is_not_noted() -> None:
    check = reports.evidence(reason=f"{statements.FLOORED}; interval [0, 1] lies beyond the bound; censored")
    assert statements.noted(check) == "deviation floored; censored"
    alone = reports.evidence(reason="interval [-0.1, 0.2] of the mean")
    assert statements.noted(alone) == "", "its row has the interval"


def test_a_claims_tests_are_judged_again_by_one_line_and_the_brackets_of_each() -> None:
    lines = [
        f'python -m pytest "claims/test_a.py::test_x[{at}]" --first-replicate 9' for at in ("quick-1", "full")
    ]
    of = statement({"command": lines[0]}, {"command": lines[1], "tier": "full"})
    line = statements.again(of)
    assert line == 'python -m pytest "claims/test_a.py::test_x[…]" --first-replicate 9'
    assert [line.replace("[…]", statements.bracket(item)) for item in of.items] == lines
    assert statements.again(statement({"command": lines[0]})) == "", "one test has its command whole"
    assert statements.again(statement({"command": lines[0]}, {"command": "another"})) == ""


def test_experiments_are_told_by_their_replicates_and_a_control_has_only_others() -> None:
    runs = reports.claim(figures=()).runs
    (group,) = statements.read(runs)[:1]
    assert group.seconds > 0
    assert statements.read(runs, runs) == ()
    assert statements.read(runs, ()) == statements.read(runs)
