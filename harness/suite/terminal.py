"""The verdicts below pytest's output: surprises, counts, costs, and the command for what was not run.

Of many claims those that came out reproduced as declared are counted and not listed; a few are a table.
Colour comes on top of words and symbols, never instead of them, and only by way of pytest's markup.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from harness.evidence.outcome import Evidence
from harness.evidence.schema import ClaimReport, Collected
from harness.lab.progress import spoken
from harness.report import costs, counted, tally, wording
from harness.report.printed import tallies
from harness.report.wording import chance, from_first, printable
from harness.spec.verdict import Expected, Verdict

Line = tuple[str, dict[str, bool]]
Cells = tuple[str, str, str, str]

HEADINGS = ("estimate", "interval", "bound", "n")
NAME = 44
"""A name is cut only on a terminal that has room for so much of it beside the numbers."""
FEW = 8
"""So many claims are all listed, reproduced ones too: who judges a single claim wants to see its numbers."""
LEAST = 16
"""Columns that must be left beside a name for anything to be told there."""
SLOWEST = 5
COMMANDS = 3

COLOURS = {
    Verdict.REPRODUCED: "green",
    Verdict.REFUTED: "red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.NOT_RUN: "cyan",
    Verdict.ERROR: "red",
}


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What a session took.

    Attributes:
        runs, seconds: trained in it, and the sum of what each took; wall: from start to end.
        fleets: what was trained -> (runs, seconds); unit: of the seconds, a core's or a GPU's.
    """

    runs: int = 0
    seconds: float = 0.0
    wall: float = 0.0
    fleets: Mapping[str, tuple[int, float]] = {}
    unit: str = "core"


def summary(
    claims: Sequence[ClaimReport],
    collected: Sequence[Collected],
    spent: Spent,
    *,
    width: int,
    verbosity: int = 0,
    first: int = 0,
    priced: bool = False,
) -> Iterator[Line]:
    """What came out otherwise than reproduced, a line each, counts, costs and commands.

    Args:
        claims: judged, in the order in which they are written.
        collected: every item that exists.
        spent: what the session took.
        width: columns of the terminal; only commands may be longer.
        verbosity: below 0 (``-q``) only what is not plainly reproduced, and no costs; above 0 (``-v``)
            every claim and check, nothing cut.
        first: the replicate that was read first.
        priced: list what each family cost, and the slowest of what was trained (``--costs``).
    """
    title = f" verdicts on {from_first(first)} " if first else " verdicts "
    yield title.center(width, "="), {"bold": True}
    for text, markup in _lines(claims, collected, spent, width, verbosity, priced):
        yield printable(text).replace("\n", " "), markup


def _lines(
    claims: Sequence[ClaimReport],
    collected: Sequence[Collected],
    spent: Spent,
    width: int,
    verbosity: int,
    priced: bool,
) -> Iterator[Line]:
    shown = sorted(claims, key=_rank)
    if verbosity < 0 or (verbosity == 0 and len(shown) > FEW):
        shown = [claim for claim in shown if _rank(claim) < _rank_of(Verdict.REPRODUCED)]
    if verbosity == 0 and len(claims) > FEW:
        yield from _surprises(shown, width)
        yield from _reproduced(claims)
    else:
        yield from _table(shown, width, verbosity > 0)
    yield from ((text, {"bold": True}) for text in textwrap.wrap(_counts(claims), width))
    if any(claim.tier == "quick" for claim in claims):
        yield "quick evidence is evidence at quick scale: small data, small models", {}
    if verbosity >= 0:
        below = (*(_costs(claims, spent.unit) if priced else ()), *_trained(spent, priced))
        yield from ((text if verbosity else _cut(text, width), {}) for text in below)
    yield from ((text, {}) for text in _unrun(claims, collected))


def _rank(claim: ClaimReport) -> int:
    """What needs a look comes first; within a rank the order stays."""
    return -1 if claim.unexpected else _rank_of(claim.verdict)


def _rank_of(verdict: Verdict) -> int:
    order = (Verdict.ERROR, Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.NOT_RUN, Verdict.REPRODUCED)
    return order.index(verdict)


def _surprises(claims: Sequence[ClaimReport], width: int) -> Iterator[Line]:
    """A line for each claim: symbol, verdict, tier and name, and in what room is left why it is told."""
    for claim in claims:
        start = f" {claim.verdict.symbol} {claim.verdict.value:<12} {claim.tier:<8} "
        line = start + _cut(_name(claim.id), width - len(start))
        room = width - len(line) - 2
        told = _cut(" ".join(_told(claim).split()), room) if room >= LEAST else ""
        yield f"{line}  {told}".rstrip(), {COLOURS[claim.verdict]: True}


def _told(claim: ClaimReport) -> str:
    """Why a claim is no plain reproduction: what was expected, its deciding numbers, and the reason."""
    if claim.unexpected:
        return ": ".join(filter(None, (f"UNEXPECTED, expected {claim.expected.value}", claim.reason)))
    cells = _cells(_checks(claim, full=False)[0]) if claim.checks else None
    numbers = f"{cells[0]} {cells[1]}, bound {cells[2]}" if cells else ""
    declared = claim.expected is not Expected.REPRODUCED and claim.expected.allows(claim.verdict)
    why = f"as expected: {claim.expected_because}" if declared else claim.reason
    return "; ".join(filter(None, (numbers, why)))


def _reproduced(claims: Sequence[ClaimReport]) -> Iterator[Line]:
    """How many came out reproduced as declared, which are not listed."""
    plainly = sum(_rank(claim) == _rank_of(Verdict.REPRODUCED) for claim in claims)
    if plainly:
        symbol = Verdict.REPRODUCED.symbol
        yield f" {symbol} {plainly:,} reproduced as expected (-v lists them)", {"green": True}


def _counts(claims: Sequence[ClaimReport]) -> str:
    """How many items were judged, and how the pieces of evidence came out, by who says it if several do."""
    pieces = tally.pieces(claims)
    kinds = tallies(claims, pieces)
    said = counted.tallies(kinds) if len(kinds) > 1 else wording.tally(next(iter(kinds.values()), {}))
    once = f", {len(pieces)} pieces of evidence" if len(pieces) < len(claims) else ""
    unexpected = sum(claim.unexpected for claim in claims)
    return f"{len(claims)} claims judged{once}: {said}; {unexpected or 'none'} unexpected"


# -- the table ----------------------------------------------------------------------------------------


def _table(claims: Sequence[ClaimReport], width: int, full: bool) -> Iterator[Line]:
    """A line per claim; where it would not fit, the numbers go below the name."""
    if not claims:
        return
    rows = [_cells(check) for claim in claims for check in _checks(claim, full)]
    sizes = [max(map(len, column)) for column in zip(HEADINGS, *filter(None, rows), strict=True)]
    head = f"   {'verdict':<12} {'tier':<8} "
    names = [_name(claim.id) for claim in claims]
    longest = max(map(len, names))
    room = width - len(head) - sum(sizes) - 2 * len(sizes)
    beside = not full and room >= min(longest, NAME)
    column = min(longest, room) if beside else 0
    headings = _aligned(HEADINGS, sizes)
    yield f"{head}{'claim':<{column}}{'  ' + headings if beside else ''}".rstrip(), {"bold": True}
    if not beside:
        yield " " * len(head) + headings, {"bold": True}
    for claim, name in zip(claims, names, strict=True):
        start = f" {claim.verdict.symbol} {claim.verdict.value:<12} {claim.tier:<8} "
        colour = {COLOURS[claim.verdict]: True}
        if beside:
            before = f"{start}{_cut(name, column):<{column}}  "
            yield (before + _numbers(claim, sizes, width - len(before))).rstrip(), colour
        else:
            yield start + (name if full else _cut(name, width - len(start))), colour
            yield from _below(claim, sizes, len(start), width, full)
        yield from _remarks(claim, len(start), width, full)


def _below(claim: ClaimReport, sizes: Sequence[int], indent: int, width: int, full: bool) -> Iterator[Line]:
    """The numbers on lines of their own; in full, every check with what it states, and the controls."""
    if not full:
        numbers = _numbers(claim, sizes, width - indent)
        yield from [(" " * indent + numbers, {})] if numbers else []
        return
    for check in claim.checks:
        cells = _cells(check)
        yield (
            f"{'':{indent - 2}}{check.verdict.symbol} {_aligned(cells, sizes) if cells else ''}".rstrip(),
            {},
        )
        yield from _wrapped(check.statement, indent, width, full)
    for control in claim.controls:
        kind = "positive control" if control.positive else "control"
        yield from _wrapped(f"{kind}: {control.verdict.value}; {control.how}", indent, width, full)


def _remarks(claim: ClaimReport, indent: int, width: int, full: bool) -> Iterator[Line]:
    """Whether the verdict was expected, and why it is what it is."""
    if claim.unexpected:
        why = f"UNEXPECTED, expected {claim.expected.value}"
        yield from _wrapped(f"{why}: {claim.reason}" if claim.reason else why, indent, width, full)
    elif claim.expected is not Expected.REPRODUCED and claim.expected.allows(claim.verdict):
        which = f" ({claim.expected.value})" if claim.expected.is_set else ""
        yield from _wrapped(f"as expected{which}: {claim.expected_because}", indent, width, full)
    elif full and claim.reason:
        yield from _wrapped(claim.reason, indent, width, full)
    if full and claim.chance is not None:
        yield from _wrapped(f"comes again on fresh replicates: {chance(claim.chance)}", indent, width, full)


def _wrapped(text: str, indent: int, width: int, full: bool) -> Iterator[Line]:
    """One line, cut; in full, as many as it takes."""
    one, room = " ".join(text.split()), max(width - indent, 20)
    for line in textwrap.wrap(one, room) if full else [_cut(one, room)]:
        yield " " * indent + line, {}


def _checks(claim: ClaimReport, full: bool) -> Sequence[Evidence]:
    """The check that decides, in short: the first that is not reproduced, else the first."""
    if full or not claim.checks:
        return claim.checks
    return [next((e for e in claim.checks if e.verdict is not Verdict.REPRODUCED), claim.checks[0])]


def _numbers(claim: ClaimReport, sizes: Sequence[int], room: int) -> str:
    """The deciding check's numbers; in words where it has none."""
    if not claim.checks:
        return "" if claim.unexpected else _cut(" ".join(claim.reason.split()), room)
    (check,) = _checks(claim, full=False)
    cells = _cells(check)
    if cells:
        others = f"  1 of {len(claim.checks)} checks" if len(claim.checks) > 1 else ""
        numbers = _aligned(cells, sizes)
        return numbers + others if len(numbers + others) <= room else numbers
    said = check.statement if check.verdict is Verdict.REPRODUCED else check.reason or check.statement
    return _cut(" ".join(said.split()), room)


def _cells(check: Evidence) -> Cells | None:
    """Estimate, interval, bound and n; None for what has no estimate."""
    if check.relation == "exact" or check.estimate is None:
        return None
    interval = f"[{_number(check.low)}, {_number(check.high)}]"
    return _number(check.estimate), interval, _bound(check), str(check.n)


def _bound(check: Evidence) -> str:
    low, high = check.lower_bound, check.upper_bound
    if low is not None and high is not None:
        return _number(low) if low == high else f"{_number(low)} to {_number(high)}"
    if low is None and high is None:
        return "none"
    return f"> {_number(low)}" if high is None else f"< {_number(high)}"


def _aligned(cells: Sequence[str], sizes: Sequence[int]) -> str:
    """Estimates and n to the right, intervals and bounds to the left."""
    signs = (">", "<", "<", ">")
    return "  ".join(f"{cell:{sign}{size}}" for cell, sign, size in zip(cells, signs, sizes, strict=True))


def _number(value: float | None) -> str:
    """Three significant digits; dots on a side without a limit."""
    return "…" if value is None else f"{value:.3g}"


def _name(identity: str) -> str:
    return identity.rpartition("::")[2].removeprefix("test_")


def _cut(text: str, room: int) -> str:
    """Shorten a name to so many signs at most; parameters at its end are kept."""
    if len(text) <= room:
        return text
    end = text[text.rindex("[") :] if text.endswith("]") and "[" in text else ""
    if len(end) > room // 2:
        end = ""
    return f"{text[: max(room - len(end) - 1, 0)]}…{end}"


# -- below the table ----------------------------------------------------------------------------------


def _costs(claims: Sequence[ClaimReport], unit: str) -> Iterator[str]:
    """A line for each family and tier that reads runs; the heading has the sum, each run once."""
    *families, total = costs.costs(claims)
    if not total.runs:
        return
    yield f"{_seconds(total.seconds)} {unit} seconds in all that was judged, controls included; by family:"
    for cost in (cost for cost in families if cost.runs):
        tier = f", {cost.tier}" if len({c.tier for c in families}) > 1 else ""
        shared = f", of which {_seconds(cost.shared)} are shared" if cost.shared else ""
        yield f"{_seconds(cost.seconds):>10}  {cost.family}{tier}{shared}"


def _trained(spent: Spent, priced: bool) -> Iterator[str]:
    """What was trained in this session; ``priced``: and the slowest of it."""
    if not spent.runs:
        return
    took = f"{_seconds(spent.seconds)} {spent.unit} seconds, {spoken(spent.wall)} by the clock"
    slowest = sorted(spent.fleets.items(), key=lambda pair: -pair[1][1])[:SLOWEST]
    several = priced and len(spent.fleets) > 1
    yield f"trained here: {spent.runs:,} runs, {took}{'; the slowest:' if several else ''}"
    for what, (runs, seconds) in slowest if several else ():
        yield f"{_seconds(seconds):>10}  {runs:,} run{'s' if runs > 1 else ''} of {what}"


def _seconds(seconds: float) -> str:
    return f"{seconds:,.0f}" if seconds >= 10 else f"{seconds:.1f}"


def _unrun(claims: Sequence[ClaimReport], collected: Sequence[Collected]) -> Iterator[str]:
    """The commands for what was not selected, and for what was but did not run."""
    for tier in dict.fromkeys(c.tier for c in collected if not c.selected):
        left = [c.id for c in collected if c.tier == tier and not c.selected]
        yield f"not selected: {len(left)} at tier {tier} ({_command(left, tier)})"
    stopped = [claim for claim in claims if claim.verdict is Verdict.NOT_RUN]
    if len(stopped) <= COMMANDS:
        yield from (f"not run: {_name(claim.id)} ({claim.command})" for claim in stopped)
        return
    for tier in dict.fromkeys(claim.tier for claim in stopped):
        left = [claim.id for claim in stopped if claim.tier == tier]
        yield f"not run: {len(left)} at tier {tier} ({_command(left, tier)})"


def _command(identities: Sequence[str], tier: str) -> str:
    """What runs all of these, and perhaps some more of the same files."""
    files = sorted({identity.partition("::")[0] for identity in identities})
    where = files[0] if len(files) == 1 else os.path.commonpath(files)
    return " ".join(filter(None, ("python -m pytest", where, f"-m {tier}")))
