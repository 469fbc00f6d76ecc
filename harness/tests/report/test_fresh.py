"""Verdicts on fresh replicates beside earlier ones, and that such a report never passes for a tier's."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from harness.evidence.schema import ClaimReport, Report
from harness.report import badge, diff, fresh, markdown, readme, render
from harness.report.contents import gather
from harness.report.fresh import Recurrence
from harness.spec.verdict import Expected, Verdict
from harness.tests import reports
from harness.tests.report.site import whole

REPRODUCED, REFUTED, INCONCLUSIVE = Verdict.REPRODUCED, Verdict.REFUTED, Verdict.INCONCLUSIVE
OUTCOMES = {
    (REPRODUCED, REPRODUCED): Recurrence.SAME,
    (REFUTED, REFUTED): Recurrence.SAME,
    (INCONCLUSIVE, INCONCLUSIVE): Recurrence.SAME,
    (REPRODUCED, INCONCLUSIVE): Recurrence.OTHER,
    (INCONCLUSIVE, REPRODUCED): Recurrence.OTHER,
    (REFUTED, INCONCLUSIVE): Recurrence.OTHER,
    (REPRODUCED, Verdict.ERROR): Recurrence.OTHER,
    (REPRODUCED, REFUTED): Recurrence.OPPOSITE,
    (REFUTED, REPRODUCED): Recurrence.OPPOSITE,
}


def of(*claims: ClaimReport, first: int = 0) -> Report:
    """A report of these claims on the replicates from ``first`` on."""
    plain = reports.report(*claims)
    said = f"{first} to {first + 9}" if first else plain.provenance.replicates
    seen = msgspec.structs.replace(plain.provenance, first_replicate=first, replicates=said)
    return msgspec.structs.replace(plain, provenance=seen)


def sides() -> tuple[Report, Report]:
    """An earlier report and a fresh one, in which every outcome occurs."""
    names = [f"x{number}" for number in range(len(OUTCOMES))]
    old = [reports.claim(name, verdict=a) for name, (a, _) in zip(names, OUTCOMES, strict=True)]
    new = [
        reports.claim(name, verdict=b, reason=f"why {name}", checks=(reports.evidence(b, n=10),))
        for name, (_, b) in zip(names, OUTCOMES, strict=True)
    ]
    return of(*old), of(*new, first=3000)


def test_every_pair_of_verdicts_is_the_same_another_or_the_opposite() -> None:
    comparison = fresh.compare(*sides(), "quick")
    assert {(item.before, item.after): item.outcome for item in comparison.items} == OUTCOMES
    assert (comparison.same, comparison.other, comparison.opposite) == (3, 4, 2)
    assert comparison.headline == (
        "3 of 9 the same, 1 reproduced instead, 2 inconclusive instead, 1 error instead, 2 opposite"
    )
    worst, *_ = comparison.items
    assert (worst.outcome, worst.n_before, worst.n_after, worst.reason) == ("opposite", 5, 10, "why x7")
    order = [list(Recurrence).index(item.outcome) for item in comparison.items]
    assert order == sorted(order)


def test_another_verdict_that_the_claim_declares_is_told_apart() -> None:
    """Where chance decides between two verdicts either may come; a third would be another."""
    either = {"expected": Expected.PERHAPS_REPRODUCED, "expected_because": "chance"}
    verdicts = [(REPRODUCED, INCONCLUSIVE), (INCONCLUSIVE, REPRODUCED), (REPRODUCED, Verdict.ERROR)]
    old, new = (
        [reports.claim(f"x{i}", verdict=pair[side], **either) for i, pair in enumerate(verdicts)]
        for side in (0, 1)
    )
    comparison = fresh.compare(of(*old), of(*new, first=3000), "quick")
    assert (comparison.same, comparison.declared, comparison.other) == (0, 2, 1)
    assert comparison.headline == (
        "0 of 3 the same, 2 another that they declare, 1 error instead, none opposite"
    )


def test_where_nothing_came_out_otherwise_one_line_says_so() -> None:
    old = reports.claim()
    comparison = fresh.compare(of(old), of(old, first=3000), "quick")
    assert comparison.headline == "1 of 1 the same, none opposite"
    assert (comparison.unknown, comparison.restated) == ((), 0)


def test_items_are_of_one_tier_and_what_the_earlier_report_lacks_is_named() -> None:
    old = of(reports.claim(), reports.claim(tier="standard", verdict=REFUTED))
    either = {"expected": Expected.PERHAPS_REPRODUCED, "expected_because": "chance"}
    new = of(reports.claim(**either), reports.claim("another"), first=3000)
    comparison = fresh.compare(old, new, "quick")
    (item,) = comparison.items
    assert (item.tier, item.expected, item.expected_because) == (
        "quick",
        "reproduced or inconclusive",
        "chance",
    )
    assert [name.rpartition("::")[2] for name in comparison.unknown] == ["test_another[quick]"]
    assert comparison.restated == 1


def test_what_says_nothing_beside_it_is_refused() -> None:
    new = of(reports.claim(), first=3000)
    with pytest.raises(ValueError, match="no claim of tier full: it is of quick"):
        fresh.compare(of(reports.claim()), new, "full")
    with pytest.raises(ValueError, match=r"of the same replicates \(3000 to 3009\)"):
        fresh.compare(new, new, "quick")
    assert fresh.compare(of(reports.claim(), first=4000), new, "quick").same == 1


# -- it never passes for a report of the tier -----------------------------------------------------------


def test_all_that_is_rendered_says_which_replicates_they_are() -> None:
    ordinary, other = (gather([of(reports.claim(), first=first)]) for first in (0, 3000))
    for contents, said in ((ordinary, False), (other, True)):
        shown = [whole(contents), markdown.render(contents)]
        assert ["at quick scale, on replicates 3000 and up." in text for text in shown] == [said, said]
        label = json.loads(badge.render(contents))["label"]
        assert label == ("claims at quick scale, replicates 3000 and up" if said else "claims at quick scale")


def test_reports_of_different_replicates_make_no_page_together(tmp_path: Path) -> None:
    mixed = (of(reports.claim()), of(reports.claim(), first=3000))
    with pytest.raises(ValueError, match="replicates 0 and up and replicates 3000 and up make no page"):
        render.write(mixed, tmp_path)
    assert not list(tmp_path.iterdir())
    assert gather([mixed[1], of(reports.claim(tier="full"), first=3000)]).tiers == ("quick", "full")


def test_readme_takes_no_table_from_it(tmp_path: Path) -> None:
    render.write(of(reports.claim(), first=3000), tmp_path / "reports" / "quick")
    with pytest.raises(
        ValueError, match="quick: replicates 3000 and up were judged, and a tier's are 0 and up"
    ):
        readme.committed(tmp_path)


def test_a_comparison_of_reports_says_so_first() -> None:
    old, new = sides()
    assert (
        diff.text(diff.compare(old, new))
        .splitlines()[0]
        .endswith("unexpectedly; replicates 0 and up against replicates 3000 and up")
    )
    assert "0 and up" not in diff.headline(diff.compare(old, old))
