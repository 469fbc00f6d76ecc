"""The report as GitHub-flavoured Markdown, never longer than a step summary may be."""

from __future__ import annotations

from collections.abc import Iterator

from harness.evidence.schema import ClaimReport
from harness.report import costs, counted, figures, multiplicity, sections, track, trust, wording
from harness.report.contents import PageContents
from harness.report.markup import LIMIT, code, cut, joined, marked, plain, table
from harness.report.sections import numbers
from harness.report.wording import NOTHING
from harness.spec.said import Saying
from harness.spec.verdict import Verdict

BARS = "▁▂▃▄▅▆▇█"


def render(contents: PageContents, limit: int = LIMIT) -> str:
    """The report in at most ``limit`` bytes.

    Where that is too little, figures and runs go first, then the numbers of controls that did as they must,
    then the sections of the single claims, then rows of what was reproduced as expected, and a line says so;
    the tables of verdicts stay as long as they fit.
    """
    head, rows = list(_head(contents)), [*_summary(contents), *_trust(contents)]
    tail = [*_scope(contents), *_cost(contents), *_provenance(contents)]
    for said, details in (
        ("", [*_details(contents, runs=True), *_figures(contents)]),
        ("Figures and runs are left out for length", _details(contents)),
        (
            "Figures, runs and the numbers of controls are left out for length",
            _details(contents, controls=False),
        ),
        ("The sections of the single claims are left out for length", ()),
    ):
        text = joined([*head, _left_out(said), *rows, *details, *tail])
        if len(text.encode()) <= limit:
            return text
    said = "Only what was not reproduced is listed, for length"
    return cut(joined([*head, _left_out(said), *_summary(contents, every=False)]), limit)


def _left_out(said: str) -> str:
    return f"*{said}; the page and `report.json` have everything.*" if said else ""


def _head(contents: PageContents) -> Iterator[str]:
    yield "# Papers' claims, tested"
    tiers = " and ".join(wording.scale(tier) for tier in contents.tiers)
    scope = "".join(
        f", {plain(part)}" for part in (tiers, f"on {contents.fresh}" * bool(contents.fresh)) if part
    )
    yield f"**{plain(counted.tallies(contents.tallies))}**{scope}."
    yield counted.shared(len(contents.claims), len(contents.pieces), contents.sets) if contents.claims else ""
    yield from _counts(contents)
    yield counted.ledger(contents.ledger.counts, len(contents.ledger.entries), contents.ledger.of)
    unexpected = [
        f"- ⚠ **{marked(claim.verdict)}** {plain(wording.scale(claim.tier))}, "
        f"{claim.expected} was expected: {plain(claim.says or claim.id)}"
        for claim in contents.unexpected
    ]
    yield "\n".join(["**Unexpected**\n", *unexpected]) if unexpected else ""


def _counts(contents: PageContents) -> Iterator[str]:
    """The verdicts by paper and tier, a table for each kind of claim; of printed numbers the numbers."""
    head = [
        "paper",
        "tier",
        *map(marked, Verdict),
        "⚠ unexpected",
        "false by chance",
        "sets of runs",
        counted.SAME,
    ]
    for kind in contents.tallies:
        yield f"**{counted.HEADINGS[kind]}**"
        if kind is Saying.PRINTED:
            yield printed_table(contents)
            continue
        rows = (
            [
                plain(wording.short(row.paper)),
                plain(row.tier),
                *(str(row.counts[verdict]) for verdict in Verdict),
                str(row.unexpected),
                f"≤ {wording.number(row.expected_false)}",
                str(row.sets),
                str(row.already),
            ]
            for row in contents.rows_of(kind)
        )
        yield table(head, rows)


def printed_table(contents: PageContents) -> str:
    """The printed numbers, each with ours."""
    rows = []
    for number in contents.printed:
        check = number.check
        place = ", ".join(
            filter(None, (number.claim.paper, number.claim.where, wording.params(number.claim)))
        )
        ours = [NOTHING] * 2 if check is None else [wording.estimate(check), wording.interval(check)]
        rows.append(
            [
                plain(number.name),
                plain(place),
                plain(number.claim.tier),
                wording.number(number.printed),
                *ours,
                "" if number.tolerance is None else f"± {wording.number(number.tolerance)}",
                marked(number.verdict),
            ]
        )
    head = ["what", "where", "tier", "printed", "ours", "interval", "tolerance", "verdict"]
    return table(head, rows)


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
    verdict = f"{'⚠ ' if claim.unexpected else ''}{marked(claim.verdict)}"
    told = [verdict, plain((claim.says or claim.id) + parameters), plain(claim.paper), plain(claim.tier)]
    if not claim.checks:
        return [*told, "no check was made", *[""] * 7]
    check = next((c for c in claim.checks if c.verdict is not Verdict.REPRODUCED), claim.checks[0])
    chances = multiplicity.p_value(claim), contents.adjusted.get((claim.id, claim.tier))
    drawn = code(track.text(check)) if check.level else plain(wording.exactly(check))
    again = wording.chance(claim.chance)
    return [*told, drawn, *numbers(check), str(check.n), *map(wording.p, chances), again]


def _trust(contents: PageContents) -> Iterator[str]:
    """The verdicts that are least sure to come again, and what no control makes fail."""
    again = trust.recurring(contents.claims)
    yield "## How sure the verdicts are" if contents.claims else ""
    yield wording.trusted(again.sure, again.certain) if contents.claims else ""
    rows = (
        [
            wording.chance(p),
            marked(c.verdict),
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


def _details(contents: PageContents, *, runs: bool = False, controls: bool = True) -> Iterator[str]:
    for section in contents.sections:
        yield from sections.of_section(contents, section, runs=runs, controls=controls)
    yield from _contested(contents)


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
        f"- {plain(c.says or c.id)} ({plain(c.paper)}, {marked(c.verdict)} "
        f"{plain(wording.scale(c.tier))}). Against it: {plain(c.contested)}"
        for group in contents.disputes
        for statement in group
        for c in statement.items
    ]
    yield "\n".join(["## Where sources disagree\n", *lines]) if lines else ""


def _scope(contents: PageContents) -> Iterator[str]:
    """What was not tested, by reason and file; the statements of what is tested at no tier."""
    yield "## Scope: what was not tested"
    stated = {claim.id for claim in contents.claims}
    groups: dict[str, dict[str, list[str]]] = {}
    for item in contents.missing:
        file, _, name = item.id.rpartition("::")
        says = "" if item.id in stated else f" ({plain(item.says)}; {plain(item.paper)})"
        groups.setdefault(f"{item.tier}: {item.why}", {}).setdefault(file, []).append(f"{code(name)}{says}")
    for why, files in groups.items():
        count = sum(map(len, files.values()))
        yield f"**{plain(why)}** ({count} item{'s' * (count != 1)})"
        yield "\n".join(f"- {code(file)}: {', '.join(names)}" for file, names in files.items())
    yield "" if groups else "Every claim that was collected was tested."


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
