"""The report as GitHub-flavoured Markdown, for a step summary: tables; the page has the detail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from harness.evidence.schema import ClaimReport
from harness.report import costs, counted, multiplicity, trust, wording, words
from harness.report.contents import PageContents
from harness.report.markup import LIMIT, cut, joined, marked, plain, table
from harness.report.wording import NOTHING
from harness.spec.said import Saying
from harness.spec.verdict import Verdict

LEAST_SURE = 10
"""So many of the verdicts that are least sure to come again are listed."""
DEAREST = 10
"""So many of the dearest families are listed."""


def render(contents: PageContents, limit: int = LIMIT) -> str:
    """The report in at most ``limit`` bytes.

    Where that is too little, rows of what was reproduced as expected go, and a line says so; the tables of
    verdicts stay as long as they fit.
    """
    text = joined(
        [
            *_head(contents),
            *_otherwise(contents),
            *_summary(contents, contents.claims),
            *_trust(contents),
            *_contested(contents),
            *_scope(contents),
            *_cost(contents),
            *_provenance(contents),
        ]
    )
    if len(text.encode()) <= limit:
        return text
    said = "*Only what was not reproduced is listed, for length; the page and `report.json` have everything.*"
    return cut(joined([*_head(contents), said, *_otherwise(contents)]), limit)


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
        f"{plain(wording.expectation(claim))}: {plain(claim.says or claim.id)}"
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


def _otherwise(contents: PageContents) -> Iterator[str]:
    """What did not come out as it is said, each outcome with why."""
    as_said = (Verdict.REPRODUCED, Verdict.NOT_RUN)
    outcomes: dict[tuple[Verdict, str, str, str], list[ClaimReport]] = {}
    for claim in contents.claims:
        if claim.verdict not in as_said:
            why = claim.expected_because if claim.expected_because and not claim.unexpected else claim.reason
            outcomes.setdefault((claim.verdict, claim.says or claim.id, claim.paper, why), []).append(claim)
    rows = (
        [marked(verdict), plain(says), plain(paper), _at(of), plain(why)]
        for (verdict, says, paper, why), of in outcomes.items()
    )
    if outcomes:
        yield "## Not as it is said"
        yield table(["verdict", "claim", "paper", "tier", "why"], rows)


def _at(claims: Iterable[ClaimReport]) -> str:
    """The tiers of items, with how many there are at each."""
    counts = Counter(claim.tier for claim in claims)
    return ", ".join(plain(tier) + f" × {count}" * (count > 1) for tier, count in counts.items())


def _summary(contents: PageContents, claims: Iterable[ClaimReport]) -> Iterator[str]:
    """One row per item: its verdict, and the check that decides."""
    rows = [_summary_row(contents, claim) for claim in claims]
    if rows:
        yield "## Every claim"
        yield (
            "Of each claim the check that decides; the page has the others, controls and curves. p is that "
            "of all its checks together, of mean and typical run, and counts the looks; Holm's is adjusted "
            "for the claims of the same paper and tier; neither changes a verdict. Again: the chance of the "
            "same verdict on fresh replicates. After a paper, why no number of it stands here: a *t*heorem, "
            "*f*igure or *w*ords without one, or *u*nconfirmed."
        )
        head = ["verdict", "claim", "paper", "tier", "holds where", "estimate", "interval", "n"]
        yield table([*head, "p", "Holm's p", "again"], rows)


def _summary_row(contents: PageContents, claim: ClaimReport) -> list[str]:
    parameters = f" ({wording.params(claim)})" if wording.params(claim) else ""
    verdict = f"{'⚠ ' if claim.unexpected else ''}{marked(claim.verdict)}"
    paper = plain(claim.paper) + (f" *{claim.unprinted[0]}*" if claim.unprinted else "")
    told = [verdict, plain((claim.says or claim.id) + parameters), paper, plain(claim.tier)]
    if not claim.checks:
        return [*told, "no check was made", *[""] * 6]
    check = next((c for c in claim.checks if c.verdict is not Verdict.REPRODUCED), claim.checks[0])
    chances = multiplicity.p_value(claim), contents.adjusted.get((claim.id, claim.tier))
    numbers = [wording.estimate(check), wording.interval(check), str(check.n)]
    asked = plain(words.must_hold(check))
    return [*told, asked, *numbers, *map(wording.p, chances), wording.chance(claim.chance)]


def _trust(contents: PageContents) -> Iterator[str]:
    """The verdicts that are least sure to come again, and how many checks no control makes fail."""
    if not contents.claims:
        return
    again = trust.recurring(contents.claims)
    yield "## How sure the verdicts are"
    yield wording.trusted(again.sure, again.certain)
    rows = [
        [wording.chance(p), marked(c.verdict), plain(c.says or c.id), plain(c.tier), plain(c.expected.value)]
        for c, p in again.items[:LEAST_SURE]
    ]
    yield table(["comes again", "verdict", "claim", "tier", "declared"], rows) if rows else ""
    more = len(again.items) - len(rows)
    yield f"{more} more below {100 * wording.SURE:.0f} %: on the page." if more > 0 else ""
    free = len(trust.uncontrolled(contents.claims))
    yield f"No control makes {free} check{'s' * (free != 1)} fail; the page says why." if free else ""


def _contested(contents: PageContents) -> Iterator[str]:
    count = sum(map(len, contents.disputes))
    are = "statement is" if count == 1 else "statements are"
    yield f"{count} {are} contested: the page shows both sides." if count else ""


def _scope(contents: PageContents) -> Iterator[str]:
    """How much was not tested, by reason; the statements of what is tested at no tier are on the page."""
    yield "## Scope: what was not tested"
    groups = Counter(f"{item.tier}: {item.why}" for item in contents.missing)
    lines = [f"- {plain(why)} ({count} item{'s' * (count != 1)})" for why, count in groups.items()]
    yield "\n".join(lines) if lines else "Every claim that was collected was tested."


def _cost(contents: PageContents) -> Iterator[str]:
    yield "## Cost"
    yield "Wall seconds of the runs; each counts once in a row and once in the total, controls included."
    *families, total = costs.costs(contents.claims)
    rows = [
        [plain(wording.family(cost.family)), plain(cost.tier), *_cells(cost)] for cost in families[:DEAREST]
    ]
    rest = len(families) - DEAREST
    rows += [[f"{rest} more on the page", *[""] * 5]] if rest > 0 else []
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
