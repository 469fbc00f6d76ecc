"""The sources of claims as references of ``CITATION.cff``: ``python -m harness.tests.citation`` writes it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from claims import papers
from harness.spec.claim import Paper
from harness.spec.said import OURS
from harness.tests.suites import ROOT

FILE = ROOT / "CITATION.cff"
HEAD = "\nreferences:\n"
CONFERENCES = ("ICLR", "ICML", "NeurIPS")


def cited(text: str) -> str:
    """The file's text with the sources as they are now."""
    before, head, _ = text.partition(HEAD)
    sources = [paper for paper in vars(papers).values() if isinstance(paper, Paper) and paper.key != OURS]
    return before + head + "".join(f"{line}\n" for paper in sources for line in _reference(paper))


def _reference(paper: Paper) -> Iterator[str]:
    yield f"  - type: {_type(paper.venue)}"
    yield f"    title: {_quoted(paper.title)}"
    yield "    authors:"
    authors = paper.authors.split(", ")
    if len(set(authors)) < len(authors):  # three of one name, which the format takes for one person
        yield f"      - name: {_quoted(paper.authors)}"
        authors = []
    for author in authors:
        first, family = _parts(author)
        yield f"      - family-names: {_quoted(family)}"
        if first:
            yield f"        given-names: {_quoted(first)}"
    if paper.year is not None:
        yield f"    year: {paper.year}"
    yield f"    url: {_quoted(paper.url)}"
    yield f"    notes: {_quoted(paper.venue)}"


def _type(venue: str) -> str:
    """What the format calls such a source."""
    if "report" in venue:
        return "report"
    return "conference-paper" if venue.startswith(CONFERENCES) else "article"


def _parts(author: str) -> tuple[str, str]:
    """Given names and family name, to which the particles before it belong."""
    names = author.split()
    first = next((i for i, name in enumerate(names[:-1]) if name[0].islower()), len(names) - 1)
    return " ".join(names[:first]), " ".join(names[first:])


def _quoted(text: str) -> str:
    """A text as YAML reads it, which JSON is a part of."""
    return json.dumps(text, ensure_ascii=False)


def main() -> int:
    """Write the file; the exit status."""
    FILE.write_text(cited(FILE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
