"""What came out, for readers of the repository: ``python -m harness.report.readme`` writes it.

It is written from the committed reports alone: ``reports/README.md`` with every claim, the picture, and
between two markers of ``README.md`` a line for each source and the statements refuted at every scale.
"""

from __future__ import annotations

import html
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from harness.evidence.schema import ClaimReport, PaperEntry, Report
from harness.report import counted, wording
from harness.report.contents import PageContents, gather
from harness.report.markdown import printed_table
from harness.report.markup import plain
from harness.report.picture import picture
from harness.report.render import load
from harness.spec.said import Saying
from harness.spec.verdict import Verdict

BEGIN = "<!-- verdicts, written by: python -m harness.report.readme -->"
END = "<!-- end of verdicts -->"
MOST = 12
"""So many refuted statements stand in README."""
NOUNS = {
    Saying.STATEMENT: "",
    Saying.PRINTED: "printed numbers ",
    Saying.RETOLD: "as often retold ",
    Saying.COUNTER: "counter-claims ",
}
"""What is counted in a line of README."""
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
    """``text`` with what came out by these reports, in short, between its markers.

    Raises:
        ValueError: the markers are not there, each once and in order.
    """
    before, begin, rest = text.partition(BEGIN)
    inside, end, after = rest.partition(END)
    if not (begin and end) or any(marker in before + inside + after for marker in (BEGIN, END)):
        raise ValueError(f"README needs one line {BEGIN} and, after it, one line {END}")
    return f"{before}{BEGIN}\n\n{_joined(_short(gather(reports)))}\n\n{END}{after}"


def tables(reports: Iterable[Report]) -> str:
    """``reports/README.md``: counts by kind, source and tier, what did not come out as said, every claim."""
    blocks = (
        "# What came out",
        "Written from the reports beside this file by `python -m harness.report.readme`; a claim on several "
        "models or settings is counted once for each. How a verdict is reached: "
        "[docs/VERDICTS.md](../docs/VERDICTS.md).",
        *_blocks(gather(reports)),
    )
    return _joined(blocks) + "\n"


def _joined(blocks: Iterable[str]) -> str:
    return "\n\n".join(block for block in blocks if block)


def _blocks(contents: PageContents) -> Iterator[str]:
    cells = _cells(contents)
    yield counted.shared(len(contents.claims), len(contents.pieces), contents.sets) if contents.claims else ""
    for kind in Saying:
        yield from _counts(contents, kind)
    yield counted.ledger(contents.ledger.counts, len(contents.ledger.entries), contents.ledger.of)
    yield "\n".join(_scope(report) for report in contents.reports)
    yield from _exceptions(contents)
    yield from _papers(contents, cells)


def _short(contents: PageContents) -> Iterator[str]:
    """README's part: a line for each source, then what was refuted of what sources say."""
    lines = []
    for paper in _sources(contents, _cells(contents)):
        of_kinds = {
            kind: [told for tier in contents.tiers if (told := _tier(contents, kind, paper.key, tier))]
            for kind in Saying
        }
        parts = [f"{NOUNS[kind]}{', '.join(tiers)}" for kind, tiers in of_kinds.items() if tiers]
        lines.append(f"- [{plain(_named(paper))}](reports/README.md#{_anchor(paper)}): {'; '.join(parts)}")
    yield "\n".join(lines)
    yield _refutations(contents)


def _refutations(contents: PageContents) -> str:
    """What sources say and all tests of it refute, at two tiers where there are two; "" for nothing."""
    judged: dict[tuple[str, str], list[ClaimReport]] = {}
    for claim in contents.claims:
        if claim.kind.is_source and claim.verdict is not Verdict.NOT_RUN:
            judged.setdefault((claim.says, f"{claim.paper}, {claim.where}"), []).append(claim)
    tiers = min(len(contents.tiers), 2)
    refutations = [
        f"- {plain(says)} ({plain(where)})"
        for (says, where), claims in judged.items()
        if {claim.verdict for claim in claims} == {Verdict.REFUTED} and len({c.tier for c in claims}) >= tiers
    ]
    beyond = len(refutations) - MOST
    more = f"- and {beyond} more: [reports/README.md](reports/README.md)" if beyond > 0 else ""
    every = " at each scale" * (tiers > 1)
    title = f"What sources say and our tests refute{every} (why: [reports/README.md](reports/README.md)):\n"
    return "\n".join(filter(None, [title, *refutations[:MOST], more])) if refutations else ""


def _tier(contents: PageContents, kind: Saying, paper: str, tier: str) -> str:
    """How one kind of what a paper says came out at a tier, in a few signs; "" where there is none."""
    counts = _outcomes(contents).get((kind, paper, tier))
    if not counts:
        return ""
    return f"{tier} " + " ".join(
        f"{counts[verdict]} {verdict.symbol}" for verdict in Verdict if counts[verdict]
    )


def _outcomes(contents: PageContents) -> dict[tuple[Saying, str, str], Counter[Verdict]]:
    """(kind, paper, tier) -> pieces of evidence by verdict, and what was not judged at a judged tier."""
    outcomes = {(row.kind, row.paper.key, row.tier): Counter(row.counts) for row in contents.rows}
    judged = {(claim.id, claim.tier) for claim in contents.claims}
    items = {(item.id, item.tier): item for report in contents.reports for item in report.collected}
    for key, item in items.items():
        if item.tier in contents.tiers and key not in judged:
            outcomes.setdefault((item.kind, item.paper, item.tier), Counter())[Verdict.NOT_RUN] += 1
    numbers: dict[tuple[Saying, str, str], Counter[Verdict]] = {}
    for number in contents.printed:
        cell = Saying.PRINTED, number.claim.paper, number.claim.tier
        numbers.setdefault(cell, Counter())[number.verdict] += 1
    return {**outcomes, **numbers}


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


def _counts(contents: PageContents, kind: Saying) -> Iterator[str]:
    """Papers by tiers: how much of one kind came out how; of printed numbers, the numbers."""
    mine = {cell[1:]: counts for cell, counts in _outcomes(contents).items() if cell[0] is kind}
    shown = [verdict for verdict in Verdict if any(counts[verdict] for counts in mine.values())]
    rows = [
        [_link(paper), tier, *(str(mine[paper.key, tier][verdict]) for verdict in shown)]
        for paper in _sources(contents, _cells(contents))
        for tier in contents.tiers
        if (paper.key, tier) in mine
    ]
    if rows:
        yield f"## {counted.HEADINGS[kind]}"
        yield _table(["source", "tier", *(f"{verdict.symbol} {verdict}" for verdict in shown)], rows)
    if rows and kind is Saying.PRINTED:
        yield printed_table(contents)


def _anchor(paper: PaperEntry) -> str:
    """The name of a paper's claims in ``reports/README.md``."""
    return re.sub(r"[^a-z0-9]+", "-", paper.key.lower())


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
    name = f"[{', '.join(report.tiers)}]({report.tiers[0]}/report.md)"
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
    kinds = {(i.paper, i.says): i.kind for report in contents.reports for i in report.collected}
    for paper in _sources(contents, cells):
        mine = {key: tiers for key, tiers in cells.items() if key[0] == paper.key}
        rows = [
            [
                _by_whom(kinds[key]) + plain(key[1]),
                plain(where.get(key, "")),
                *(_outcome(tiers.get(t, [])) for t in contents.tiers),
            ]
            for key, tiers in mine.items()
        ]
        count = f"{len(rows)} claim{'s' * (len(rows) != 1)}"
        yield f'<a name="{_anchor(paper)}"></a>'
        yield f"<details><summary>{html.escape(wording.printable(_named(paper)))}: {count}</summary>"
        yield _table(["claim", "where", *contents.tiers], rows)
        yield "</details>"


def _by_whom(kind: Saying) -> str:
    """Who says it, where it is not the source in words."""
    return f"*{NOUNS[kind].rstrip()}:* " if NOUNS[kind] else ""


def _outcome(verdicts: Sequence[Verdict]) -> str:
    """``✓ reproduced``, ``✓ reproduced, 4 of 4``, ``✓ 3, ✗ 1``; "" for a tier that a claim does not have."""
    counts = Counter(verdicts)
    if len(counts) == 1:
        (verdict,) = counts
        count = f", {len(verdicts)} of {len(verdicts)}" if len(verdicts) > 1 else ""
        return f"{verdict.symbol} {verdict}{count}"
    return ", ".join(f"{verdict.symbol} {counts[verdict]}" for verdict in Verdict if counts[verdict])


def main(arguments: Sequence[str] = ()) -> int:
    """Write ``reports/README.md``, the picture and README's part in this directory; the exit status."""
    readme = Path("README.md")
    if arguments:
        print(f"python -m harness.report.readme: takes no arguments, not {arguments[0]}", file=sys.stderr)
        return 2
    try:
        text, reports = readme.read_text(encoding="utf-8"), committed(Path())
        readme.write_text(fill(text, reports), encoding="utf-8")
        (Path("reports") / "README.md").write_text(tables(reports), encoding="utf-8")
        if drawn := picture(reports):
            (Path("reports") / "picture.svg").write_text(drawn, encoding="utf-8")
    except (ValueError, OSError) as error:
        print(f"python -m harness.report.readme: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
