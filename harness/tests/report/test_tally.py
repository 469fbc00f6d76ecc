"""What tables count: one piece of evidence once, by who says it; printed numbers beside ours; the ledger."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from harness.evidence.schema import ClaimReport
from harness.report import badge, html, markdown
from harness.report.contents import gather
from harness.report.tally import pieces
from harness.spec.said import Change, Saying
from harness.spec.verdict import Expected, Verdict
from harness.suite.terminal import Spent, summary
from harness.tests import reports
from harness.tests.report import site
from harness.tests.report.site import whole

ABOVE = reports.evidence(statement="error of widths above 0.1")
BELOW = reports.evidence(relation="below", statement="error < 0.5", lower_bound=None, upper_bound=0.5)
NUMBER = reports.evidence(
    relation="matches", statement="accuracy = 0.9 ± 0.03", lower_bound=0.87, upper_bound=0.93, estimate=0.91,
    low=0.9, high=0.92,
)  # fmt: skip
OTHER_RUNS = (reports.run_read("9e" * 32, 1.0),)


def said(name: str, *checks: Any, **fields: Any) -> ClaimReport:
    """A claim without figures whose checks are these."""
    return reports.claim(name, **{"figures": (), "checks": checks or (ABOVE,), **fields})


def merged(*claims: ClaimReport) -> list[list[str]]:
    """The names of the items that are one piece, for each piece."""
    return [
        [one.id.partition("test_")[2].partition("::")[2][5:-7] for one in (piece.first, *piece.others)]
        for piece in pieces(claims)
    ]


RENAMED = reports.evidence(statement="loss of nets above 0.1")
ANOTHER = reports.evidence(statement="error of widths above 0.2", lower_bound=0.2)


@pytest.mark.parametrize(
    "second, counted",
    [
        (said("b"), [["a", "b"]]),
        (said("b", RENAMED), [["a", "b"]]),
        (said("b", ANOTHER), [["a"], ["b"]]),
        (said("b", ABOVE, BELOW), [["b", "a"]]),
        (said("b", runs=OTHER_RUNS), [["a"], ["b"]]),
        (said("b", verdict=Verdict.INCONCLUSIVE), [["a"], ["b"]]),
        (said("b", kind=Saying.COUNTER), [["a", "b"]]),
        (said("b", ABOVE, BELOW, kind=Saying.COUNTER), [["a"], ["b"]]),
    ],
    ids=["same", "names", "bound", "more", "runs", "verdict", "counter", "more-counter"],
)
def test_one_experiment_is_one_piece_of_evidence(second: ClaimReport, counted: list[list[str]]) -> None:
    assert merged(said("a"), second) == counted
    assert sorted(map(sorted, merged(second, said("a")))) == sorted(map(sorted, counted))


def test_items_without_runs_are_pieces_of_their_own() -> None:
    assert merged(said("a", runs=()), said("b", runs=())) == [["a"], ["b"]]


KINDS = (
    said("statement"),
    said("again", paper="MEADOW2019"),
    said("told", ANOTHER, kind=Saying.RETOLD, verdict=Verdict.REFUTED, expected=Expected.REFUTED),
    said("ours", BELOW, kind=Saying.COUNTER, paper="OVERCLAIM"),
    said(
        "number", NUMBER, reports.evidence(relation="matches", lower_bound=0.4, upper_bound=0.6),
        kind=Saying.PRINTED, reported={"accuracy": 0.9, "loss": 0.5, "optimizer": "SGD"},
    ),
)  # fmt: skip
CONTENTS = gather([reports.report(*KINDS)])


def test_each_kind_has_rows_and_a_tally_of_its_own() -> None:
    assert [(row.kind, row.paper.key, row.already) for row in CONTENTS.rows] == [
        ("statement", "RIVER2017", 0),
        ("statement", "MEADOW2019", 1),
        ("printed", "RIVER2017", 0),
        ("retold", "RIVER2017", 0),
        ("counter", "OVERCLAIM", 0),
    ]
    one = Counter({Verdict.REPRODUCED: 1})
    assert CONTENTS.tallies == {
        Saying.STATEMENT: one,
        Saying.PRINTED: Counter({Verdict.REPRODUCED: 2}),
        Saying.RETOLD: Counter({Verdict.REFUTED: 1}),
        Saying.COUNTER: one,
    }
    assert CONTENTS.sets == 1
    message = json.loads(badge.render(CONTENTS))["message"]
    assert message == "The sources' own statements: 1 reproduced; numbers they print: 2 reproduced"
    for shown in (whole(CONTENTS), markdown.render(CONTENTS)):
        assert "5 claims on 1 set of runs; one claim makes only checks that another makes" in shown
    below = "\n".join(line for line, _ in summary(KINDS, (), Spent(), width=400))
    assert "5 claims judged, 4 pieces of evidence: The sources' own statements: 1 reproduced" in below
    assert "as often retold: 1 refuted; counter-claims of our own: 1 reproduced; none unexpected" in below


def test_an_item_says_which_others_read_its_runs_and_with_which_it_is_counted() -> None:
    first, again, told, *_ = KINDS
    assert list(CONTENTS.counted_with) == [(again.id, "quick")]
    assert CONTENTS.counted_with[again.id, "quick"] == first
    assert [other.id for other in CONTENTS.sharing[told.id, "quick"]] == [
        claim.id for claim in KINDS if claim is not told
    ]
    page = whole(CONTENTS)
    assert page.count("<i>counted with</i> <a href=") == 1
    assert page.count("The same runs are read by ") == 5
    assert all(page.count(f">{name}</a>") >= 4 for name in ("Statement", "Again")), "each names the others"
    alone = gather([reports.report(said("a"), said("b", runs=OTHER_RUNS))])
    assert (alone.sharing, alone.counted_with) == ({}, {})


def test_printed_numbers_stand_beside_ours_with_interval_tolerance_and_place() -> None:
    first, second = CONTENTS.printed
    assert (first.name, first.printed, first.check) == ("accuracy", 0.9, NUMBER)
    assert first.tolerance == pytest.approx(0.03)
    assert (second.name, second.printed) == ("loss", 0.5)
    where = "RIVER2017, Section 2.1, Table 1"
    row = f"| accuracy | {where} | quick | 0.9 | 0.910 | 0.900 to 0.920 | ± 0.03 | ✓ reproduced |"
    assert row in markdown.render(CONTENTS)
    shown = site.tables(html.pages(CONTENTS)["pages/numbers.html"], "printed")[0][0]
    assert {name: shown[name] for name in ("printed", "ours", "interval", "tolerance", "verdict")} == {
        "printed": "0.9", "ours": "0.910", "interval": "0.900 to 0.920", "tolerance": "± 0.03",
        "verdict": "reproduced",
    }  # fmt: skip


def test_a_printed_number_is_no_surer_than_its_claim() -> None:
    doubted = said(
        "number", NUMBER, kind=Saying.PRINTED, reported={"accuracy": 0.9}, verdict=Verdict.INCONCLUSIVE
    )
    absent = reports.claim(
        "late", kind=Saying.PRINTED, reported={"a": 0.9}, verdict=Verdict.NOT_RUN, runs=(), checks=()
    )
    shown = gather([reports.report(doubted, absent)]).printed
    assert [(n.name, n.verdict) for n in shown] == [("accuracy", "inconclusive"), ("a", "not run")]


def test_the_ledger_is_counted_and_stands_beside_the_verdict() -> None:
    wider = Change("window", "The window was wider, and the claim inconclusive.")
    moved = Change("tier", "At quick it had come out inconclusive.")
    claims = (
        said("a", changed=(wider, moved)),
        said("b", BELOW, changed=(wider,)),
        said("c", RENAMED, NUMBER),
    )
    contents = gather([reports.report(*claims)])
    assert contents.ledger.counts == (("window", 2), ("tier", 1))
    line = "2 of 3 claims were changed after a verdict on them had been seen: window 2, tier 1."
    page, text = whole(contents), markdown.render(contents)
    assert line in page
    assert line in text
    assert page.count(wider.says) == 4, "twice in the ledger, and at both claims"
    assert "No ledger says that any of 5 claims" in whole(CONTENTS)
