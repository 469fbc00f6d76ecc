"""How large the site of the committed reports is, and of one with twice the claims."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.evidence.schema import ClaimReport, Report, decode
from harness.report import figures, html, markdown, plates
from harness.report.contents import PageContents, gather

ROOT = Path(__file__).parents[3]
REPORTS = ("quick", "standard")
MOST_BYTES = 8_000_000
"""Of the site of both tiers, with twice as many claims as there are today."""
FIGURE = 4_200
"""Bytes of a figure in the mean; the 152 of November 2026 have 4,087."""
DRAWN = 5
"""So many are drawn to see whether that still holds: it takes a tenth of a second each."""


@pytest.fixture(scope="module")
def committed() -> list[Report]:
    return [decode((ROOT / "reports" / tier / "report.json").read_bytes()) for tier in REPORTS]


def test_twice_the_claims_are_a_site_of_eight_megabytes(committed: list[Report]) -> None:
    doubled = gather(
        msgspec.structs.replace(report, claims=tuple(c for one in report.claims for c in (one, _again(one))))
        for report in committed
    )
    assert len(doubled.claims) == 2 * sum(len(report.claims) for report in committed)
    assert _size(doubled) < MOST_BYTES


def _again(claim: ClaimReport) -> ClaimReport:
    """The same claim by another name, of runs and figures of its own."""
    place, test, name = claim.id.partition("::test_")

    def other(run: msgspec.Struct) -> msgspec.Struct:
        return msgspec.structs.replace(run, address="again" + run.address[5:])  # type: ignore[attr-defined]

    return msgspec.structs.replace(
        claim,
        id=f"{place}{test}again_{name}",
        runs=tuple(map(other, claim.runs)),
        control_runs=tuple(map(other, claim.control_runs)),
        figures=tuple(msgspec.structs.replace(f, figure=f"{f.figure} again") for f in claim.figures),
    )


def test_figures_are_as_long_as_that(committed: list[Report]) -> None:
    panels = sorted(html.Site(gather(committed)).figures().values(), key=_points)
    colors = plates.palette(html.css())
    several = [panels[(2 * place + 1) * len(panels) // (2 * DRAWN)] for place in range(DRAWN)]
    drawn = [len(plates.plate(figures.svg(panel), colors).encode()) for panel in several]
    assert sum(drawn) / DRAWN < 1.3 * FIGURE  # of so few the mean is uncertain by a fifth


def _points(panel: figures.Panel) -> tuple[int, str]:
    return sum(len(row) for _, series in panel.series for row in series.y), panel.figure


def _size(contents: PageContents) -> int:
    """Bytes of everything that ``python -m harness report`` writes."""
    site = html.Site(contents)
    texts = [*site.pages_as_written().values(), markdown.render(contents)]
    return sum(len(text.encode()) for text in texts) + FIGURE * len(site.figures())
