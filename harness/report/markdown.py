"""The report as GitHub-flavoured Markdown, never longer than a step summary may be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from harness.report import figures, track, wording
from harness.report.contents import Contents, Family, Section
from harness.report.schema import ClaimReport
from harness.verdict import ControlOutcome, Evidence, Verdict

LIMIT = 1_000_000
"""Bytes; GitHub drops a step summary of more than 1,024 kB as a whole."""

ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "|": "&#124;", "$": "&#36;", "@": "&#64;"}
BARS = "▁▂▃▄▅▆▇█"


def plain(text: str) -> str:
    """Untrusted text as text: no markup, formula, mention or table cell can come out of it."""
    line = " ".join(wording.printable(text).split())
    line = re.sub(r"[\\`*_\[\]#~!]", r"\\\g<0>", line)
    line = re.sub(r"[<>&|$@]", lambda sign: ENTITIES[sign[0]], line)
    return re.sub(r"^(\d+)([.)])|^([-+=])", lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", line)


def code(text: str) -> str:
    """A code span that holds whatever the text is, also in a cell of a table."""
    line = " ".join(wording.printable(text).split()).replace("|", "\\|")
    if not line:
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def fenced(text: str) -> str:
    """A code block, as long a fence as the text needs."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}\n{wording.printable(text)}\n{fence}"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _verdict(verdict: Verdict) -> str:
    return f"{verdict.symbol} {verdict}"


def render(contents: Contents, limit: int = LIMIT) -> str:
    """The report in at most ``limit`` bytes; where that is too little, less of it and a line that says so."""
    head, tail = [*_head(contents), *_summary(contents)], [*_scope(contents), *_provenance(contents)]
    whole = _joined([*head, *_details(contents), *tail])
    if len(whole.encode()) <= limit:
        return whole
    said = (
        "*The sections of the single claims are left out for length; the page and `report.json` have them.*"
    )
    short = _joined([*_head(contents), said, *_summary(contents), *tail])
    if len(short.encode()) <= limit:
        return short
    said = "*Only what was not reproduced is listed, for length; the page and `report.json` have everything.*"
    return _cut(_joined([*_head(contents), said, *_summary(contents, every=False)]), limit)


def _joined(blocks: Iterable[str]) -> str:
    return "\n\n".join(block for block in blocks if block) + "\n"


def _cut(text: str, limit: int) -> str:
    """Whole lines up to the limit."""
    said = "\n*Cut here for length; `report.json` has the rest.*\n"
    if len(text.encode()) <= limit:
        return text
    kept = text.encode()[: max(limit - len(said.encode()), 0)].decode(errors="ignore")
    return (kept.rpartition("\n")[0] + "\n" + said)[-limit:] if limit else ""


def _head(contents: Contents) -> Iterator[str]:
    yield "# Papers' claims, tested"
    tiers = " and ".join(wording.scale(tier) for tier in contents.tiers)
    yield f"**{wording.tally(contents.counts)}**{', ' + plain(tiers) if tiers else ''}."
    unexpected = [
        f"- ⚠ **{_verdict(claim.verdict)}** {plain(wording.scale(claim.tier))}, "
        f"{claim.expected} was expected: {plain(claim.says or claim.id)}"
        for claim in contents.unexpected
    ]
    yield "\n".join(["**Unexpected**\n", *unexpected]) if unexpected else ""
    rows = (
        [
            plain(wording.citation(row.paper)),
            plain(row.tier),
            *(str(row.counts[verdict]) for verdict in Verdict),
            str(row.unexpected),
        ]
        for row in contents.rows
    )
    yield _table(["paper", "tier", *map(_verdict, Verdict), "⚠ unexpected"], rows) if contents.rows else ""


def _summary(contents: Contents, every: bool = True) -> Iterator[str]:
    """One row per claim: its verdict, and its first check against the bound."""
    claims = [c for c in contents.claims if every or c.verdict is not Verdict.REPRODUCED or c.unexpected]
    if claims:
        yield "## First checks against their bounds"
        yield "Each on a scale of its own: ● the estimate, ├─┤ its interval, ░ and ═ where the claim holds."
        head = ["verdict", "claim", "paper", "tier", "", "estimate", "interval", "bound", "n"]
        yield _table(head, map(_summary_row, claims))


def _summary_row(claim: ClaimReport) -> list[str]:
    parameters = f" ({wording.params(claim)})" if wording.params(claim) else ""
    verdict = f"{'⚠ ' if claim.unexpected else ''}{_verdict(claim.verdict)}"
    told = [verdict, plain((claim.says or claim.id) + parameters), plain(claim.paper), plain(claim.tier)]
    if not claim.checks:
        return [*told, "no check was made", "", "", "", ""]
    check = claim.checks[0]
    return [*told, code(track.text(check)), *_numbers(check), str(check.n)]


def _numbers(check: Evidence) -> list[str]:
    return [wording.number(check.estimate), wording.interval(check), wording.bound(check)]


def _details(contents: Contents) -> Iterator[str]:
    for section in contents.sections:
        yield from _section(section)
        for family in section.families:
            yield from _family(family)
    yield from _figures(contents)
    yield from _contested(contents)


def _section(section: Section) -> Iterator[str]:
    paper = section.paper
    yield f"## {plain(wording.citation(paper))}" + (f": {plain(paper.title)}" if paper.title else "")
    yield ". ".join(plain(text) for text in (paper.key, paper.venue, paper.url) if text)


def _family(family: Family) -> Iterator[str]:
    yield f"### {plain(wording.family(family.name))}"
    yield plain(family.thesis)
    for claim in family.claims:
        yield from _claim(claim)


def _claim(claim: ClaimReport) -> Iterator[str]:
    scale = plain(wording.scale(claim.tier))
    yield f"#### {_verdict(claim.verdict)} {scale}: {plain(claim.says or claim.id)}"
    expected = wording.expectation(claim)
    marked = f"**⚠ {plain(expected)}**" if claim.unexpected else plain(expected)
    reported = "; ".join(f"{name}: {wording.reported(value)}" for name, value in claim.reported.items())
    facts = {
        "": marked,
        "Source: ": plain(
            ", ".join(text for text in (claim.paper, claim.where, wording.params(claim)) if text)
        ),
        "Note: ": plain(claim.reason),
        "Changed from the source: ": plain(claim.adapted or "not stated"),
        "Reported by the source: ": plain(reported),
        "Contested: ": plain(claim.contested),
    }
    yield "\n".join(f"- {name}{fact}" for name, fact in facts.items() if fact)
    yield _checks(claim.checks)
    for control in claim.controls:
        yield from _control(control)
    yield "" if claim.controls else "No control."
    yield _runs(claim)
    yield fenced(claim.command)


def _checks(checks: Iterable[Evidence]) -> str:
    rows = [
        [
            _verdict(check.verdict),
            plain(f"{check.relation}: {check.statement}"),
            *_numbers(check),
            wording.level(check),
            str(check.n),
            plain("; ".join(text for text in (check.because, check.reason) if text)),
        ]
        for check in checks
    ]
    head = ["verdict", "what must hold", "estimate", "interval", "bound", "level", "n", "because"]
    return _table(head, rows) if rows else "No check was made."


def _control(control: ControlOutcome) -> Iterator[str]:
    kind = "Positive control" if control.positive else "Control"
    outcome = wording.control_says(control.positive, control.discriminates)
    how = f" ({plain(control.how)})" if control.how else ""
    yield f"**{kind}:** {plain(control.says)}: {_verdict(control.verdict)} there, **{outcome}**{how}."
    yield _checks(control.checks)
    rows = [
        [
            plain(c.statement),
            wording.number(c.estimate),
            f"{wording.number(c.low)} to {wording.number(c.high)}",
        ]
        for c in control.contrasts
    ]
    yield _table(["claim minus control, paired", "estimate", "interval"], rows) if rows else ""


def _runs(claim: ClaimReport) -> str:
    """The runs by name and content, twelve digits of each address: the JSON has them whole."""
    lines = []
    for (name, what), runs in groupby(claim.runs, key=lambda run: (run.name, run.what)):
        found = ", ".join(f"{run.replicate} {code(run.address[:12])}" for run in runs)
        lines.append(f"- {plain(name)} ({plain(what)}): {found}")
    if not lines:
        return ""
    return "\n".join(
        [f"<details><summary>{len(claim.runs)} runs it read</summary>\n", *lines, "\n</details>"]
    )


def _figures(contents: Contents) -> Iterator[str]:
    """Curves as a row of bars; the page has them drawn."""
    panels = figures.panels(contents.claims)
    rows = [
        [plain(f"{panel.paper}, {panel.title}"), plain(name), code(sparkline(figures.mean_curve(series)[1]))]
        for panel in panels
        for name, series in panel.series
    ]
    if rows:
        yield "## Figures"
        yield _table(["figure", "series", "mean over replicates"], rows)


def sparkline(curve: tuple[float | None, ...], cells: int = 32) -> str:
    """The curve's shape in at most ``cells`` bars from its lowest to its highest value."""
    count = min(cells, len(curve))
    picked = [curve[round(i * (len(curve) - 1) / max(count - 1, 1))] for i in range(count)]
    finite = [value for value in picked if value is not None]
    if not finite:
        return ""
    low, span = min(finite), (max(finite) - min(finite)) or 1.0
    return "".join(
        "·" if v is None else BARS[min(int((v - low) / span * len(BARS)), len(BARS) - 1)] for v in picked
    )


def _contested(contents: Contents) -> Iterator[str]:
    lines = [
        f"- {plain(c.says or c.id)} ({plain(c.paper)}, {_verdict(c.verdict)} "
        f"{plain(wording.scale(c.tier))}). Against it: {plain(c.contested)}"
        for c in contents.contested
    ]
    yield "\n".join(["## Where sources disagree\n", *lines]) if lines else ""


def _scope(contents: Contents) -> Iterator[str]:
    yield "## Scope: what was not tested"
    rows = [
        [code(m.id), plain(m.paper), plain(m.tier), plain(m.says), plain(m.why)] for m in contents.missing
    ]
    head = ["item", "paper", "tier", "claim", "why"]
    yield _table(head, rows) if rows else "Every claim that was collected was tested."


def _provenance(contents: Contents) -> Iterator[str]:
    yield "## Provenance"
    for report in contents.reports:
        rows = [[name, "<br>".join(map(plain, lines))] for name, lines in wording.provenance(report).items()]
        tiers = " and ".join(wording.scale(tier) for tier in report.tiers) or "without a tier"
        yield _table([f"session {plain(tiers)}", ""], rows)
