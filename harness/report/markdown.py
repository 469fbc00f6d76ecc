"""The report as GitHub-flavoured Markdown, never longer than a step summary may be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from harness.evidence.outcome import ControlOutcome, Evidence
from harness.evidence.schema import ClaimReport
from harness.report import costs, figures, multiplicity, track, trust, wording
from harness.report.contents import Family, PageContents, Section
from harness.spec.verdict import Verdict

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


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are Markdown already."""
    names = list(head)
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _verdict(verdict: Verdict) -> str:
    return f"{verdict.symbol} {verdict}"


def render(contents: PageContents, limit: int = LIMIT) -> str:
    """The report in at most ``limit`` bytes.

    Where that is too little, figures and runs go first, then the sections of the single claims, then rows
    of what was reproduced as expected, and a line says so; the table of verdicts stays as long as it fits.
    """
    head, rows = list(_head(contents)), [*_summary(contents), *_trust(contents)]
    tail = [*_scope(contents), *_cost(contents), *_provenance(contents)]
    for said, details in (
        ("", [*_details(contents, runs=True), *_figures(contents)]),
        ("Figures and runs are left out for length", _details(contents, runs=False)),
        ("The sections of the single claims are left out for length", ()),
    ):
        text = _joined([*head, _left_out(said), *rows, *details, *tail])
        if len(text.encode()) <= limit:
            return text
    said = "Only what was not reproduced is listed, for length"
    return cut(_joined([*head, _left_out(said), *_summary(contents, every=False)]), limit)


def _left_out(said: str) -> str:
    return f"*{said}; the page and `report.json` have everything.*" if said else ""


def _joined(blocks: Iterable[str]) -> str:
    return "\n\n".join(block for block in blocks if block) + "\n"


def cut(text: str, limit: int) -> str:
    """Whole lines up to ``limit`` bytes, and a line that says so."""
    said = "\n*Cut here for length; `report.json` has the rest.*\n"
    if len(text.encode()) <= limit:
        return text
    kept = text.encode()[: max(limit - len(said.encode()), 0)].decode(errors="ignore")
    return (kept.rpartition("\n")[0] + "\n" + said)[-limit:] if limit else ""


def _head(contents: PageContents) -> Iterator[str]:
    yield "# Papers' claims, tested"
    tiers = " and ".join(wording.scale(tier) for tier in contents.tiers)
    scope = "".join(
        f", {plain(part)}" for part in (tiers, f"on {contents.fresh}" * bool(contents.fresh)) if part
    )
    yield f"**{wording.tally(contents.counts)}**{scope}."
    rows = (
        [
            plain(wording.short(row.paper)),
            plain(row.tier),
            *(str(row.counts[verdict]) for verdict in Verdict),
            str(row.unexpected),
            f"≤ {wording.number(row.expected_false)}",
        ]
        for row in contents.rows
    )
    head = ["paper", "tier", *map(_verdict, Verdict), "⚠ unexpected", "false by chance"]
    yield table(head, rows) if contents.rows else ""
    unexpected = [
        f"- ⚠ **{_verdict(claim.verdict)}** {plain(wording.scale(claim.tier))}, "
        f"{claim.expected} was expected: {plain(claim.says or claim.id)}"
        for claim in contents.unexpected
    ]
    yield "\n".join(["**Unexpected**\n", *unexpected]) if unexpected else ""


def _summary(contents: PageContents, every: bool = True) -> Iterator[str]:
    """One row per item: its verdict, and the check that decides against its bound."""
    claims = [c for c in contents.claims if every or c.verdict is not Verdict.REPRODUCED or c.unexpected]
    if claims:
        yield "## Checks against their bounds"
        yield (
            "Of each claim the check that decides, on a scale of its own: ● the estimate, ├─┤ its interval, "
            "░ and ═ where the claim holds. p is that of all its checks together, of mean and typical run, "
            "and counts the looks; Holm's is adjusted for the claims of the same paper and tier; neither "
            "changes a verdict. Again: the chance of the same verdict on fresh replicates."
        )
        head = [
            "verdict",
            "claim",
            "paper",
            "tier",
            "",
            "estimate",
            "interval",
            "bound",
            "n",
            "p",
            "Holm's p",
            "again",
        ]
        yield table(head, (_summary_row(contents, claim) for claim in claims))


def _summary_row(contents: PageContents, claim: ClaimReport) -> list[str]:
    parameters = f" ({wording.params(claim)})" if wording.params(claim) else ""
    verdict = f"{'⚠ ' if claim.unexpected else ''}{_verdict(claim.verdict)}"
    told = [verdict, plain((claim.says or claim.id) + parameters), plain(claim.paper), plain(claim.tier)]
    if not claim.checks:
        return [*told, "no check was made", *[""] * 7]
    check = next((c for c in claim.checks if c.verdict is not Verdict.REPRODUCED), claim.checks[0])
    chances = multiplicity.p_value(claim), contents.adjusted.get((claim.id, claim.tier))
    drawn = code(track.text(check)) if check.level else plain(wording.exactly(check))
    again = wording.chance(claim.chance)
    return [*told, drawn, *_numbers(check), str(check.n), *map(wording.p, chances), again]


def _numbers(check: Evidence) -> list[str]:
    return [wording.estimate(check), wording.interval(check), wording.bound(check)]


def _trust(contents: PageContents) -> Iterator[str]:
    """The verdicts that are least sure to come again, and what no control makes fail."""
    again = trust.recurring(contents.claims)
    yield "## How sure the verdicts are" if contents.claims else ""
    yield wording.trusted(again.sure, again.certain) if contents.claims else ""
    rows = (
        [
            wording.chance(p),
            _verdict(c.verdict),
            plain(c.says or c.id),
            plain(c.tier),
            plain(c.expected.value),
        ]
        for c, p in again.items
    )
    yield table(["comes again", "verdict", "claim", "tier", "declared"], rows) if again.items else ""
    free = [
        [plain(c.says or c.id), plain(c.tier), plain(check.statement), plain(why or "nothing is said")]
        for c, check, why in trust.uncontrolled(contents.claims)
    ]
    yield wording.UNCONTROLLED if free else ""
    yield table(["claim", "tier", "check", "why no control makes it fail"], free) if free else ""


def _details(contents: PageContents, *, runs: bool) -> Iterator[str]:
    for section in contents.sections:
        yield from _section(section)
        for family in section.families:
            yield from _family(family, runs=runs)
    yield from _contested(contents)


def _section(section: Section) -> Iterator[str]:
    paper = section.paper
    yield f"## {plain(wording.citation(paper))}" + (f": {plain(paper.title)}" if paper.title else "")
    yield ". ".join(plain(text) for text in (paper.key, paper.venue, paper.url) if text)


def _family(family: Family, *, runs: bool) -> Iterator[str]:
    yield f"### {plain(wording.family(family.name))}"
    yield plain(family.thesis)
    for claim in family.claims:
        yield from _claim(claim)
        yield _runs(claim) if runs else ""
        yield fenced(claim.command)


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
        "Comes again on fresh replicates: ": wording.chance(claim.chance) if claim.chance is not None else "",
        "Changed from the source: ": plain(claim.adapted or "not stated"),
        "Reported by the source: ": plain(reported),
        "Contested: ": plain(claim.contested),
    }
    yield "\n".join(f"- {name}{fact}" for name, fact in facts.items() if fact)
    yield _checks(claim.checks)
    for control in claim.controls:
        yield from _control(control)
    yield "" if claim.controls else "No control."


def _checks(checks: Iterable[Evidence]) -> str:
    rows = [
        [
            _verdict(check.verdict),
            plain(f"{check.relation}: {check.statement}"),
            *_numbers(check),
            wording.level(check),
            str(check.n),
            wording.readings(check),
            plain("; ".join(text for text in (check.because, check.reason) if text)),
        ]
        for check in checks
    ]
    head = [
        "verdict",
        "what must hold",
        "estimate",
        "interval",
        "bound",
        "level",
        "n",
        "p: mean; typical run",
        "because",
    ]
    return table(head, rows) if rows else "No check was made."


def _control(control: ControlOutcome) -> Iterator[str]:
    kind = "Positive control" if control.positive else "Control"
    outcome = wording.control_says(control.positive, control.discriminates)
    how = f" ({plain(control.how)})" if control.how else ""
    yield f"**{kind}:** {plain(control.says)}: {_verdict(control.verdict)} there, **{outcome}**{how}."
    yield _checks(control.checks)
    rows = [
        [
            plain(c.statement),
            wording.difference(c),
            wording.interval(c),
        ]
        for c in control.contrasts
    ]
    yield table(["claim minus control, paired", "estimate", "interval"], rows) if rows else ""


def _runs(claim: ClaimReport) -> str:
    """The runs by name and content, twelve digits of each address: the JSON has them whole."""
    lines = [
        f"- {plain(of.name)} ({plain(of.what)}), replicates {of.replicates}, {wording.duration(of.seconds)}"
        f"{', ' + plain(of.kernel) if of.kernel else ''}: {code(of.address[:12])}"
        for of in (*wording.runs(claim.runs), *wording.runs(claim.control_runs))
    ]
    if not lines:
        return ""
    count = len(claim.runs) + len(claim.control_runs)
    return "\n".join([f"<details><summary>{count} runs it read</summary>\n", *lines, "\n</details>"])


def _figures(contents: PageContents) -> Iterator[str]:
    """Curves as a row of bars; the page has them drawn."""
    panels = figures.panels(contents.claims)
    rows = [
        [plain(f"{panel.paper}, {panel.title}"), plain(name), code(sparkline(figures.mean_curve(series)[1]))]
        for panel in panels
        for name, series in panel.series
    ]
    if rows:
        yield "## Figures"
        yield table(["figure", "series", "mean over replicates"], rows)


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


def _contested(contents: PageContents) -> Iterator[str]:
    lines = [
        f"- {plain(c.says or c.id)} ({plain(c.paper)}, {_verdict(c.verdict)} "
        f"{plain(wording.scale(c.tier))}). Against it: {plain(c.contested)}"
        for group in contents.disputes
        for statement in group
        for c in statement.items
    ]
    yield "\n".join(["## Where sources disagree\n", *lines]) if lines else ""


def _scope(contents: PageContents) -> Iterator[str]:
    yield "## Scope: what was not tested"
    rows = [
        [code(m.id), plain(m.paper), plain(m.tier), plain(m.says), plain(m.why)] for m in contents.missing
    ]
    head = ["item", "paper", "tier", "claim", "why"]
    yield table(head, rows) if rows else "Every claim that was collected was tested."


def _cost(contents: PageContents) -> Iterator[str]:
    yield "## Cost"
    yield "Wall seconds of the runs; each counts once in a row and once in the total, controls included."
    *families, total = costs.costs(contents.claims)
    rows = [[plain(wording.family(cost.family)), plain(cost.tier), *_cells(cost)] for cost in families]
    rows.append(["**all**", "", *_cells(total)])
    yield table(["family", "tier", "items", "runs", "seconds", "shared with other rows"], rows)


def _cells(cost: costs.Cost) -> list[str]:
    counts = (wording.count(cost.claims), wording.count(cost.runs))
    return [*counts, wording.seconds(cost.seconds), wording.seconds(cost.shared)]


def _provenance(contents: PageContents) -> Iterator[str]:
    yield "## Provenance"
    for report in contents.reports:
        rows = [[name, "<br>".join(map(plain, lines))] for name, lines in wording.provenance(report).items()]
        tiers = " and ".join(wording.scale(tier) for tier in report.tiers) or "without a tier"
        yield table([f"session {plain(tiers)}", ""], rows)
