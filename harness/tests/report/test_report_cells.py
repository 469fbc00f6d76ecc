"""Every number stands in the cell of its name: of each claim, check, control and difference."""

from __future__ import annotations

import re

import pytest

from harness.evidence.outcome import Contrast, Evidence
from harness.evidence.schema import ClaimReport
from harness.report import html, markdown, multiplicity, track, wording
from harness.report.contents import gather
from harness.spec.verdict import Expected, Verdict
from harness.tests import reports
from harness.tests.report.test_html import Elements

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
    assert {name: row[name] for name in ("estimate", "interval", "bound", "n")} == {
        name: said[name] for name in ("estimate", "interval", "bound", "n")
    }
    assert row["p"] == wording.p(multiplicity.p_value(TWO)) == wording.p(0.6)
    other = summary[1]
    assert other["p"] == wording.p(0.02)
    assert other["Holm's p"] == wording.p(CONTENTS.adjusted[OTHERS[0].id, "quick"]) != other["p"]


def of_markdown(text: str) -> tuple[list[dict[str, str]], dict[str, str]]:
    """The rows of checks, and the first difference, of a Markdown text; a control's bound is its claim's."""
    every = [row for table in tables(text) for row in table]
    checks = [row for row in every if "what must hold" in row or "there" in row]
    for row in (row for row in checks if row.get("there", "").startswith("check ")):
        row["bound"] = checks[int(row["there"].removeprefix("check ")) - 1]["bound"]
    first = next(row for row in every if row.get("claim minus control"))
    return checks, {"estimate": first["claim minus control"], "interval": first["its interval"]}


def of_page(text: str) -> tuple[list[dict[str, str]], dict[str, str]]:
    """The rows of checks, and of the first difference, of a page: an estimate begins each."""
    rows: list[dict[str, str]] = []
    for cell in Elements(text).of("td"):
        if "article" in cell["inside"] and "data-label" in cell:
            if cell["data-label"] == "estimate":
                rows.append({})
            rows[-1][cell["data-label"]] = " ".join(cell["text"].split())
    return [row for row in rows if "level" in row], next(row for row in rows if "level" not in row)


@pytest.mark.parametrize(
    "checks, apart",
    [of_markdown(markdown.render(CONTENTS)), of_page(html.render(CONTENTS))],
    ids=["Markdown", "page"],
)
def test_checks_controls_and_differences_have_their_numbers(
    checks: list[dict[str, str]], apart: dict[str, str]
) -> None:
    for row, check in zip(checks, (FIRST, DECIDES, THERE), strict=False):
        assert {name: row[name] for name in cells(check)} == cells(check)
        p = next(cell for name, cell in row.items() if name == "p" or name.startswith("p:"))
        assert p == wording.readings(check)
        assert check.verdict in row["verdict"]
    assert (apart["estimate"], apart["interval"]) == (wording.difference(APART), wording.interval(APART))


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
    cells_of = [e for e in Elements(html.render(CONTENTS)).of("td") if "article" not in e["inside"]]
    labelled = [(e.get("data-label", ""), e["text"]) for e in cells_of]
    counted = {label: text for label, text in labelled if label.startswith(("✓", "✗", "?"))}
    assert counted == {"✓ reproduced": "1", "✗ refuted": "0", "? inconclusive": "1"}, "three are one"
    same = [text for label, text in labelled if label == "same evidence"]
    assert same == ["2"]
    elsewhere = [reports.claim(f"d{i}", figures=(), paper="MEADOW2019", runs=()) for i in range(3)]
    page = Elements(html.render(gather([reports.report(TWO, *elsewhere)])))
    totals = [e for e in page.of("td") if "tfoot" in e["inside"] and e.get("data-label") == "⚠ unexpected"]
    assert [e["text"] for e in totals] == ["1"]


def test_a_drawn_interval_goes_from_its_lower_to_its_upper_end() -> None:
    laid = track.track(FIRST)
    assert laid is not None
    assert laid.low is not None
    assert laid.high is not None
    paths = [e["d"] for e in Elements(html.render(CONTENTS)).of("path") if e.get("class") == "span"]
    spans = [path for path in paths if "H" in path]
    assert spans[0].startswith(f"M{200 * laid.low:.1f} 11H{200 * laid.high:.1f}")
