"""Every number stands in the cell of its name: of each claim, check, control and difference."""

from __future__ import annotations

import re

from harness.evidence.outcome import Contrast, Evidence
from harness.evidence.schema import ClaimReport
from harness.report import html, markdown, multiplicity, track, wording, words
from harness.report.contents import gather
from harness.spec.verdict import Expected, Verdict
from harness.tests import reports
from harness.tests.report import site

FIRST = reports.evidence(p_value=0.011, p_typical=0.031, statement="a > 0.1")
DECIDES = reports.evidence(
    Verdict.INCONCLUSIVE, statement="b < 0.02", relation="below", estimate=0.03, low=0.01, high=0.05, n=10,
    lower_bound=None, upper_bound=0.02, level=0.025, p_value=0.6, values=(0.03,) * 10,
)  # fmt: skip
THERE = reports.evidence(
    Verdict.REFUTED, statement="a > 0.1", estimate=0.007, low=-0.07, high=0.08, level=0.05
)
APART = Contrast(statement="claim - control of a", estimate=0.305, low=0.222, high=0.388)
TWO = reports.claim(
    figures=(),
    checks=(FIRST, DECIDES),
    controls=(reports.control(checks=(THERE,), contrasts=(APART,)),),
    verdict=Verdict.INCONCLUSIVE,
    unexpected=True,
)
OTHERS = [reports.claim(f"c{i}", figures=(), checks=(reports.evidence(p_value=0.02),)) for i in range(3)]
CONTENTS = gather([reports.report(TWO, *OTHERS)])


def tables(text: str) -> list[list[dict[str, str]]]:
    """Every table of a Markdown text, as rows by the names of their columns."""
    rows = []
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        head, _, *body = [[cell.strip(" |") for cell in line.split(" | ")] for line in table.splitlines()]
        rows.append([dict(zip(head, line, strict=True)) for line in body])
    return rows


def cells(check: Evidence) -> dict[str, str]:
    """What the cells of a check must say, as a report words it."""
    return {
        "estimate": wording.estimate(check),
        "interval": wording.interval(check),
        "bound": wording.bound(check),
        "level": wording.level(check),
        "n": str(check.n),
    }


def test_a_claims_row_has_the_check_that_decides_and_the_p_values_of_all() -> None:
    (summary,) = [t for t in tables(markdown.render(CONTENTS)) if "Holm's p" in t[0] and "again" in t[0]]
    row = next(r for r in summary if r["verdict"].endswith("inconclusive"))
    said = cells(DECIDES)
    assert {name: row[name] for name in ("estimate", "interval", "n")} == {
        name: said[name] for name in ("estimate", "interval", "n")
    }
    assert row["holds where"] == "b: below 0.02"
    assert row["p"] == wording.p(multiplicity.p_value(TWO)) == wording.p(0.6)
    other = summary[1]
    assert other["p"] == wording.p(0.02)
    assert other["Holm's p"] == wording.p(CONTENTS.adjusted[OTHERS[0].id, "quick"]) != other["p"]


SOURCE = html.pages(CONTENTS)["pages/river2017.html"]


def test_the_checks_of_a_claim_have_their_numbers() -> None:
    rows = site.tables(SOURCE, "checks")[0]
    for row, check in zip(rows, (FIRST, DECIDES), strict=True):
        said = cells(check)
        assert {name: row[name] for name in ("estimate", "interval", "n")} == {
            name: said[name] for name in ("estimate", "interval", "n")
        }
        assert row["what must hold"].startswith(words.must_hold(check))
        assert row["verdict"] == check.verdict


def test_checks_controls_and_differences_have_their_numbers() -> None:
    first, decides, there = site.tables(SOURCE, "numbers")[0]
    for row, check in ((first, FIRST), (decides, DECIDES), (there, THERE)):
        said = {**cells(check), **({"bound": ""} if check is THERE else {})}
        assert {name: row[name] for name in said} == said, "a control's bound is its claim's"
        assert row["p: mean; typical run"] == wording.readings(check)
        assert row["each replicate"] == wording.values(check)
        assert check.verdict in row["verdict"]
    assert first["check"] == FIRST.statement
    assert there["check"].startswith("the same")
    assert there["claim − control"] == f"{wording.difference(APART)} ({wording.interval(APART)})"
    assert first["claim − control"] == ""


def test_what_was_not_reproduced_is_listed_where_space_is_short() -> None:
    claims: list[ClaimReport] = [reports.claim(f"c{i}", figures=()) for i in range(200)]
    refuted = reports.claim(
        "it_fails", says="It fails.", figures=(), verdict=Verdict.REFUTED, expected=Expected.REFUTED
    )
    text = markdown.render(gather([reports.report(*claims, refuted)]), 8000)
    assert "Only what was not reproduced is listed" in text
    assert "It fails." in text
    assert "Training error reaches zero" not in text


def test_the_page_counts_verdicts_by_their_names() -> None:
    ((row,),) = site.tables(html.pages(CONTENTS)["pages/trust.html"], "counts")
    counted = {label: text for label, text in row.items() if label.startswith(("✓", "✗", "?"))}
    assert counted == {"✓ reproduced": "1", "✗ refuted": "0", "? inconclusive": "1"}, "three are one"
    assert row["same evidence"] == "2"
    elsewhere = [reports.claim(f"d{i}", figures=(), paper="MEADOW2019", runs=()) for i in range(3)]
    table = site.tables(html.pages(gather([reports.report(TWO, *elsewhere)]))["pages/trust.html"], "counts")[
        0
    ]
    assert [row["⚠ unexpected"] for row in table if row["paper"] == "all"] == ["1"]


def test_a_drawn_interval_goes_from_its_lower_to_its_upper_end() -> None:
    laid = track.track(FIRST, THERE)
    assert laid is not None
    assert laid.low is not None
    assert laid.high is not None
    paths = [e["d"] for e in site.Elements(SOURCE).of("path") if "table" in e["inside"]]
    spans = [path for path in paths if "H" in path]
    assert spans[0].startswith(f"M{200 * laid.low:.0f} 10H{200 * laid.high:.0f}")
