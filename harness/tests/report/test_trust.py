"""What a report says of how sure its verdicts are: chances lowest first, and what no control makes fail."""

from __future__ import annotations

import msgspec

from harness.report import trust
from harness.report.contents import gather
from harness.report.markdown import render as in_markdown
from harness.tests import reports
from harness.tests.report.site import whole

FAILS = msgspec.structs.replace(reports.control(), failing=(0,))
TWO = (reports.evidence(statement="x > 0"), reports.evidence(statement="y > 0"))


def test_chances_are_listed_lowest_first_and_the_sure_ones_counted() -> None:
    chances = {"a": 0.97, "b": 0.5, "c": 0.995, "d": None}
    claims = [reports.claim(name, chance=chance) for name, chance in chances.items()]
    seen = trust.recurring(claims)
    assert [(claim.id, chance) for claim, chance in seen.items] == [
        (claims[1].id, 0.5),
        (claims[0].id, 0.97),
    ]
    assert (seen.sure, seen.certain) == (1, 1)


def test_checks_that_fail_in_no_control_are_listed_with_their_reason() -> None:
    said = (TWO[0], msgspec.structs.replace(TWO[1], uncontrolled="both worlds fit"))
    silent, excused = (reports.claim(n, checks=c, controls=(FAILS,)) for n, c in (("s", TWO), ("e", said)))
    rows = [(claim.id, check.statement, why) for claim, check, why in trust.uncontrolled([silent, excused])]
    assert rows == [(silent.id, "y > 0", ""), (excused.id, "y > 0", "both worlds fit")]
    before = reports.claim("old", checks=TWO, controls=(reports.control(),))  # which told no positions
    assert trust.uncontrolled([before, reports.claim("none", checks=TWO, controls=())]) == ()


def test_page_and_markdown_say_how_sure_verdicts_are_and_what_is_uncontrolled() -> None:
    said = (TWO[0], msgspec.structs.replace(TWO[1], uncontrolled="both worlds fit <b>"))
    claim = reports.claim("e", checks=said, controls=(FAILS,), chance=0.62)
    contents = gather([reports.report(claim)])
    page, text = whole(contents), in_markdown(contents)
    for shown in (page, text):
        assert "62 %" in shown
        assert "comes again" in shown
    assert "both worlds fit &lt;b&gt;" in page
    assert "both worlds fit <b>" not in page
    assert "No control makes 1 check fail; the page says why." in text


def test_both_p_values_of_a_check_are_shown() -> None:
    check = reports.evidence(p_value=0.012, p_typical=0.031)
    contents = gather([reports.report(reports.claim("p", checks=(check,)))])
    assert "0.012; 0.031" in whole(contents)
