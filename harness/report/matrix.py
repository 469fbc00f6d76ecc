"""The sources against the tiers, in the order of the story: how much of what each says came out how."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from harness.evidence.schema import PaperEntry
from harness.report.contents import PageContents
from harness.report.story import chapters
from harness.spec import TIERS
from harness.spec.said import OURS, Saying
from harness.spec.verdict import Verdict

Cell = tuple[str, str]
"""A source's key, and a tier."""


@dataclass(frozen=True)
class SourceRow:
    """A source: how its own statements and printed numbers came out at each tier, and what was unexpected."""

    paper: PaperEntry
    cells: tuple[Counter[Verdict], ...]
    unexpected: int


@dataclass(frozen=True)
class ChapterRows:
    """A chapter's rows."""

    title: str
    rows: tuple[SourceRow, ...]


@dataclass(frozen=True)
class Matrix:
    """Tiers across, chapters down; ``most`` is the largest number of any cell."""

    tiers: tuple[str, ...]
    parts: tuple[ChapterRows, ...]
    most: int


def matrix(contents: PageContents) -> Matrix:
    """Count pieces of evidence and printed numbers; what was collected and not judged is not run."""
    cells = _counts(contents)
    told = {section.paper.key: section.paper for section in contents.sections}
    described = {paper.key: paper for report in contents.reports for paper in report.papers}
    papers = {**told, **{key: described[key] for key, _ in cells if key in described and key not in told}}
    known = sorted(
        {tier for _, tier in cells}, key=lambda t: (TIERS.index(t) if t in TIERS else len(TIERS), t)
    )
    unexpected = Counter(claim.paper for claim in contents.unexpected)
    parts = tuple(
        ChapterRows(
            chapter.title,
            tuple(
                SourceRow(
                    papers[key],
                    tuple(cells.get((key, tier), Counter()) for tier in known),
                    unexpected[key],
                )
                for key in chapter.keys
            ),
        )
        for chapter in chapters(papers)
    )
    return Matrix(tuple(known), parts, max((sum(cell.values()) for cell in cells.values()), default=0))


def _counts(contents: PageContents) -> dict[Cell, Counter[Verdict]]:
    """(source, tier) -> verdicts; a source has what it says itself, we our counter-claims."""
    cells: dict[Cell, Counter[Verdict]] = {}
    for row in contents.rows:
        if row.kind is Saying.STATEMENT or row.paper.key == OURS:
            cells.setdefault((row.paper.key, row.tier), Counter()).update(row.counts)
    for number in contents.printed:
        cells.setdefault((number.claim.paper, number.claim.tier), Counter())[number.verdict] += 1
    judged = {(claim.id, claim.tier) for claim in contents.claims}
    items = {(i.id, i.tier): i for report in contents.reports for i in report.collected}
    for key, item in items.items():
        if key not in judged and (item.kind.is_source or item.paper == OURS):
            cells.setdefault((item.paper, item.tier), Counter())[Verdict.NOT_RUN] += 1
    return cells
