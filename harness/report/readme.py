"""README's tables of verdicts: ``python -m harness.report.readme`` writes them from the committed reports."""

from __future__ import annotations

import html
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from harness.evidence.schema import ClaimReport, PaperEntry, Report
from harness.report import wording
from harness.report.contents import PageContents, gather
from harness.report.markup import plain
from harness.report.render import load
from harness.spec.verdict import Verdict

BEGIN = "<!-- verdicts, written by: python -m harness.report.readme -->"
END = "<!-- end of verdicts -->"
Cells = dict[tuple[str, str], dict[str, list[Verdict]]]
"""(paper, what a claim says) -> tier -> the verdicts of its items."""


def committed(root: Path) -> tuple[Report, ...]:
    """The reports below ``root/reports``, one per tier.

    Raises:
        ValueError: there are none, one cannot be read, or is a fresh judgement, which stands for no tier.
    """
    folders = sorted(path.parent for path in (root / "reports").glob("*/report.json"))
    if not folders:
        raise ValueError("no reports/*/report.json here; run it at the top of a checkout")
    reports = load(folders)
    for folder, report in zip(folders, reports, strict=True):
        if first := report.provenance.first_replicate:
            raise ValueError(f"{folder}: {wording.from_first(first)} were judged, and a tier's are 0 and up")
    return reports


def fill(text: str, reports: Iterable[Report]) -> str:
    """``text`` with the tables of these reports between its markers.

    Raises:
        ValueError: the markers are not there, each once and in order.
    """
    before, begin, rest = text.partition(BEGIN)
    inside, end, after = rest.partition(END)
    if not (begin and end) or any(marker in before + inside + after for marker in (BEGIN, END)):
        raise ValueError(f"README needs one line {BEGIN} and, after it, one line {END}")
    return f"{before}{BEGIN}\n\n{_joined(_blocks(gather(reports)))}\n\n{END}{after}"


def _joined(blocks: Iterable[str]) -> str:
    return "\n\n".join(block for block in blocks if block)


def _blocks(contents: PageContents) -> Iterator[str]:
    cells = _cells(contents)
    yield _counts(contents, cells)
    yield "\n".join(_scope(report) for report in contents.reports)
    yield from _exceptions(contents)
    yield from _papers(contents, cells)


def _cells(contents: PageContents) -> Cells:
    """Every item of the judged tiers; one that exists and was not judged counts as not run."""
    judged = {(claim.id, claim.tier): claim.verdict for claim in contents.claims}
    items = {
        (item.id, item.tier): item
        for report in contents.reports
        for item in report.collected
        if item.tier in contents.tiers
    }
    cells: Cells = {}
    for key, item in items.items():
        tiers = cells.setdefault((item.paper, item.says), {})
        tiers.setdefault(item.tier, []).append(judged.get(key, Verdict.NOT_RUN))
    return cells


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(map(_row, [head, ["---"] * len(head), *rows]))


def _sources(contents: PageContents, cells: Cells) -> list[PaperEntry]:
    """The papers of these items in the report's order; those of which nothing was judged come last."""
    described = {paper.key: paper for report in contents.reports for paper in report.papers}
    bare = {key: PaperEntry(key=key, authors="", title=key, venue="", year=None, url="") for key, _ in cells}
    keys = dict.fromkeys([section.paper.key for section in contents.sections] + list(bare))
    return [described.get(key) or bare[key] for key in keys if key in bare]


def _counts(contents: PageContents, cells: Cells) -> str:
    """Papers by tiers: how many items came out how."""
    shown = [v for v in Verdict if any(v in of for tiers in cells.values() for of in tiers.values())]
    rows = []
    for paper in _sources(contents, cells):
        for tier in contents.tiers:
            mine = [tiers.get(tier, []) for (key, _), tiers in cells.items() if key == paper.key]
            counts = Counter(verdict for of in mine for verdict in of)
            if counts:
                rows.append([_link(paper), tier, *(str(counts[verdict]) for verdict in shown)])
    return _table(["source", "tier", *(f"{verdict.symbol} {verdict}" for verdict in shown)], rows)


def _named(paper: PaperEntry) -> str:
    return f"{paper.title} ({paper.year})" if paper.year else paper.title


def _link(paper: PaperEntry) -> str:
    name = plain(_named(paper))
    return f"[{name}]({paper.url})" if re.fullmatch(r"https://[^\s()<>|]+", paper.url) else name


def _scope(report: Report) -> str:
    """What a tier's report rests on, in a line."""
    seen = report.provenance
    data = ", ".join(plain(name) for name in seen.data) or "none"
    runs = seen.trained_runs + seen.reused_runs
    cold = f", all trained in this session of {wording.duration(seen.wall_seconds)}" * (not seen.reused_runs)
    name = f"[{', '.join(report.tiers)}](reports/{report.tiers[0]}/report.md)"
    return (
        f"- {name}: data {data}; {runs:,} runs{cold}; judged on {plain(seen.device)}, {seen.cores} cores, "
        f"at commit {seen.commit[:7] or 'unknown'}"
    )


def _exceptions(contents: PageContents) -> Iterator[str]:
    """What did not come out as the sources say, and what did so by chance, each with why."""
    reproduced = [claim for claim in contents.claims if claim.verdict is Verdict.REPRODUCED]
    as_said = (Verdict.REPRODUCED, Verdict.NOT_RUN)
    yield _listed("Not as the sources say:", (c for c in contents.claims if c.verdict not in as_said))
    yield _listed("As the sources say, where chance decides:", (c for c in reproduced if c.expected.is_set))


def _listed(title: str, claims: Iterable[ClaimReport]) -> str:
    """One line for a claim's tiers of equal outcome; "" where there are no claims."""
    outcomes: dict[tuple[Verdict, str], list[str]] = {}
    for claim in claims:
        outcomes.setdefault((claim.verdict, _told(claim)), []).append(claim.tier)
    lines = [
        f"- {verdict.symbol} {verdict} ({', '.join(tiers)}): {told}"
        for (verdict, told), tiers in outcomes.items()
    ]
    return "\n".join([f"{title}\n", *lines]) if lines else ""


def _told(claim: ClaimReport) -> str:
    values = f" ({wording.params(claim)})" if wording.params(claim) else ""
    why = claim.reason if claim.unexpected else claim.expected_because
    if claim.expected.is_set and not claim.unexpected:
        why = wording.expectation(claim)
    return f"{plain(claim.says + values)} ({plain(claim.paper)}, {plain(claim.where)}): {plain(why)}"


def _papers(contents: PageContents, cells: Cells) -> Iterator[str]:
    """A folded table per paper: claims by tiers."""
    where = {(claim.paper, claim.says): claim.where for claim in contents.claims}
    for paper in _sources(contents, cells):
        mine = {key: tiers for key, tiers in cells.items() if key[0] == paper.key}
        rows = [
            [plain(key[1]), plain(where.get(key, "")), *(_outcome(tiers.get(t, [])) for t in contents.tiers)]
            for key, tiers in mine.items()
        ]
        count = f"{len(rows)} claim{'s' * (len(rows) != 1)}"
        yield f"<details><summary>{html.escape(wording.printable(_named(paper)))}: {count}</summary>"
        yield _table(["claim", "where", *contents.tiers], rows)
        yield "</details>"


def _outcome(verdicts: Sequence[Verdict]) -> str:
    """``✓ reproduced``, ``✓ reproduced, 4 of 4``, ``✓ 3, ✗ 1``; "" for a tier that a claim does not have."""
    counts = Counter(verdicts)
    if len(counts) == 1:
        (verdict,) = counts
        count = f", {len(verdicts)} of {len(verdicts)}" if len(verdicts) > 1 else ""
        return f"{verdict.symbol} {verdict}{count}"
    return ", ".join(f"{verdict.symbol} {counts[verdict]}" for verdict in Verdict if counts[verdict])


def main(arguments: Sequence[str] = ()) -> int:
    """Write the tables into ``README.md`` of the current directory; the exit status."""
    readme = Path("README.md")
    if arguments:
        print(f"python -m harness.report.readme: takes no arguments, not {arguments[0]}", file=sys.stderr)
        return 2
    try:
        readme.write_text(fill(readme.read_text(encoding="utf-8"), committed(Path())), encoding="utf-8")
    except (ValueError, OSError) as error:
        print(f"python -m harness.report.readme: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
