"""What changed between two reports: verdicts first, then claims, tiers, estimates and provenance.

The change of an estimate gets an interval as if the replicates of both reports were independent (Welch's t
for means, of logs for ratios; Newcombe's score interval for rates). Where both used the same seeds that
interval is wider than it need be, and an unchanged computation gives a change of exactly zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec

from harness.evidence.inference import Interval, exponential, rate_change_interval, welch_interval
from harness.evidence.outcome import Evidence
from harness.evidence.schema import ClaimReport, Report
from harness.report import markup as gfm
from harness.report import wording
from harness.report.causes import FactChange, cause, moved
from harness.spec.verdict import Expected, Verdict

LEVEL = 0.05
"""Two-sided, of each interval; nothing is adjusted for their number, which is why it is shown beside them."""


LISTED = 20
"""Changes of estimates that a terminal shows."""


class Flip(msgspec.Struct, frozen=True, kw_only=True):
    """An item whose verdict is another.

    Attributes:
        unexpected: the claim does not declare the new verdict.
        cause: what may have made the difference (``causes.cause``).
    """

    id: str
    tier: str
    says: str
    before: Verdict
    after: Verdict
    unexpected: bool
    reason: str
    expected: Expected = Expected.REPRODUCED
    expected_because: str = ""
    cause: str = ""

    @property
    def told(self) -> tuple[str, ...]:
        """Why it came out so, why either verdict was declared, if it was, and what made the difference."""
        either = f"{self.expected} was expected: {self.expected_because}"
        return tuple(filter(None, (self.reason, either if self.expected.is_set else "", self.cause)))


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """An item with a result in one report only, and why not in the other."""

    id: str
    tier: str
    says: str
    verdict: Verdict
    why: str


class Restated(msgspec.Struct, frozen=True, kw_only=True):
    """An item that asks something else than before, so that its numbers answer another question."""

    id: str
    tier: str
    what: str
    before: str
    after: str


class CheckChange(msgspec.Struct, frozen=True, kw_only=True):
    """The change of one check's estimate: a difference, or a factor where ``ratio``.

    ``low`` and ``high`` are None where a report does not carry what the interval needs; ``size``: the change
    in half-widths of its interval.
    """

    id: str
    tier: str
    statement: str
    before: float
    after: float
    n_before: int
    n_after: int
    change: float
    low: float | None
    high: float | None
    ratio: bool
    size: float

    @property
    def clear(self) -> bool:
        """Does the interval exclude no change?"""
        none = 1.0 if self.ratio else 0.0
        return self.low is not None and self.high is not None and not self.low <= none <= self.high


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that differs between one report and another.

    Attributes:
        flips: unexpected ones first.
        added, removed: items of tiers that both reports cover.
        tiers_added, tiers_removed: tiers that only one report covers; their items are not listed.
        changes: estimates that are not the same number, the largest in half-widths first.
        compared: checks whose estimates were compared; stayed: items whose verdict is the same.
        replicates: the first that each report read, if they are not the same; else empty.
    """

    flips: tuple[Flip, ...]
    added: tuple[Gone, ...]
    removed: tuple[Gone, ...]
    tiers_added: tuple[str, ...]
    tiers_removed: tuple[str, ...]
    restated: tuple[Restated, ...]
    changes: tuple[CheckChange, ...]
    provenance: tuple[FactChange, ...]
    compared: int
    stayed: int
    replicates: tuple[int, ...] = ()

    @property
    def unexpected_flips(self) -> tuple[Flip, ...]:
        """The flips to a verdict that the claim does not declare."""
        return tuple(flip for flip in self.flips if flip.unexpected)


def compare(before: Report, after: Report) -> Difference:
    """What changed from one report to another."""
    before = _aligned(before, after)
    old, new = ({(c.id, c.tier): c for c in report.claims} for report in (before, after))
    shared = [(old[key], new[key]) for key in old if key in new]
    tiers = set(before.tiers) & set(after.tiers)
    firsts = (before.provenance.first_replicate, after.provenance.first_replicate)
    flips = [_flip(a, b, before, after) for a, b in shared if a.verdict is not b.verdict]
    pairs = [pair for a, b in shared for pair in _pairs(a, b)]
    changes = [change for item, x, y in pairs if (change := _change(item, x, y)) is not None]
    return Difference(
        flips=tuple(sorted(flips, key=lambda flip: not flip.unexpected)),
        added=tuple(_gone(c, before) for key, c in new.items() if key not in old and c.tier in tiers),
        removed=tuple(_gone(c, after) for key, c in old.items() if key not in new and c.tier in tiers),
        tiers_added=tuple(tier for tier in after.tiers if tier not in before.tiers),
        tiers_removed=tuple(tier for tier in before.tiers if tier not in after.tiers),
        restated=tuple(restated for a, b in shared for restated in _restated(a, b)),
        changes=tuple(sorted((c for c in changes if c.before != c.after), key=lambda c: -c.size)),
        provenance=tuple(moved(before, after)),
        compared=len(changes),
        stayed=len(shared) - len(flips),
        replicates=firsts if firsts[0] != firsts[1] else (),
    )


def _aligned(before: Report, after: Report) -> Report:
    """``before`` with its claims' ids as in ``after``, which pytest started elsewhere writes otherwise.

    A claim is its module's file and its function; the folders above count only where both say them.
    """
    shorter, longer = _by_ending(before), _by_ending(after)
    names = {}
    for ending in shorter.keys() & longer.keys():
        (a, *others), (b, *more) = sorted(shorter[ending]), sorted(longer[ending])
        if not (others or more) and (a.endswith(f"/{b}") or b.endswith(f"/{a}")):
            names[a] = b
    replace = msgspec.structs.replace
    return replace(
        before,
        collected=tuple(replace(item, id=names.get(item.id, item.id)) for item in before.collected),
        claims=tuple(replace(claim, id=names.get(claim.id, claim.id)) for claim in before.claims),
    )


def _by_ending(report: Report) -> dict[str, set[str]]:
    """A claim's file without its folders, and its function -> the ids of such claims."""
    endings: dict[str, set[str]] = {}
    ids = {item.id for item in report.collected} | {claim.id for claim in report.claims}
    for identity in ids:
        file, _, function = identity.partition("::")
        endings.setdefault(f"{file.rpartition('/')[2]}::{function}", set()).add(identity)
    return endings


def _flip(a: ClaimReport, b: ClaimReport, before: Report, after: Report) -> Flip:
    return Flip(
        id=b.id,
        tier=b.tier,
        says=b.says,
        before=a.verdict,
        after=b.verdict,
        unexpected=b.unexpected,
        reason=b.reason,
        expected=b.expected,
        expected_because=b.expected_because,
        cause=cause(a, b, before, after),
    )


def _gone(claim: ClaimReport, other: Report) -> Gone:
    item = next((c for c in other.collected if (c.id, c.tier) == (claim.id, claim.tier)), None)
    if item is None:
        why = "not in the other report"
    else:
        why = "left no result in the other" if item.selected else item.reason or "not selected in the other"
    return Gone(id=claim.id, tier=claim.tier, says=claim.says, verdict=claim.verdict, why=why)


def _pairs(a: ClaimReport, b: ClaimReport) -> Iterator[tuple[ClaimReport, Evidence, Evidence]]:
    """The checks that two reports of an item share: same position and kind."""
    for x, y in zip(a.checks, b.checks, strict=False):
        if x.relation == y.relation:
            yield b, x, y


def _restated(a: ClaimReport, b: ClaimReport) -> Iterator[Restated]:
    asked = [
        ("statement", a.says, b.says),
        ("source", a.where, b.where),
        ("changed from the source", a.adapted, b.adapted),
        ("expected verdict", a.expected, b.expected),
        ("number of checks", str(len(a.checks)), str(len(b.checks))),
        *((f"bound: {y.statement}", wording.bound(x), wording.bound(y)) for _, x, y in _pairs(a, b)),
    ]
    for what, before, after in asked:
        if before != after:
            yield Restated(id=b.id, tier=b.tier, what=what, before=before, after=after)


def _change(item: ClaimReport, x: Evidence, y: Evidence) -> CheckChange | None:
    """The change of a check's estimate, or None where one is missing or they are of different kinds."""
    if x.estimate is None or y.estimate is None:
        return None
    if x.logarithmic != y.logarithmic or (x.logarithmic and min(x.estimate, y.estimate) <= 0):
        return None
    change = math.log(y.estimate / x.estimate) if x.logarithmic else y.estimate - x.estimate
    ends = _interval(x, y, change)
    half = abs(ends.high - ends.low) / 2 if ends else math.inf
    shown = exponential if x.logarithmic else float
    return CheckChange(
        id=item.id,
        tier=item.tier,
        statement=y.statement,
        before=x.estimate,
        after=y.estimate,
        n_before=x.n,
        n_after=y.n,
        change=shown(change),
        low=shown(ends.low) if ends else None,
        high=shown(ends.high) if ends else None,
        ratio=x.logarithmic,
        size=abs(change) / half if half > 0 else 0.0,
    )


def _interval(x: Evidence, y: Evidence, change: float) -> Interval | None:
    if min(x.n, y.n) < 2 or x.estimate is None or y.estimate is None:
        return None
    if y.relation in wording.RATES:
        successes = round(x.estimate * x.n), round(y.estimate * y.n)
        return rate_change_interval(successes, (x.n, y.n), LEVEL)
    if not x.spread or not y.spread:
        return None
    return welch_interval(change, (x.spread, y.spread), (x.n, y.n), LEVEL)


def text(difference: Difference) -> str:
    """The difference for a terminal: verdicts first, one line each."""
    d, lines = difference, [headline(difference)]
    for flip in d.flips:
        lines.append(f"  {_flipped(flip)}  {flip.tier:<8} {_name(flip.id)}: {flip.says}")
        lines += [f"      {why}" for why in flip.told]
    for title, gone in (("only in the new report", d.added), ("only in the old report", d.removed)):
        lines += [f"{title}:"] if gone else []
        lines += [f"  {g.verdict.symbol} {g.verdict:<12} {g.tier:<8} {_name(g.id)} ({g.why})" for g in gone]
    lines += [_tiers(d)] if d.tiers_added or d.tiers_removed else []
    lines += ["asks something else than before:"] if d.restated else []
    lines += [f"  {r.tier:<8} {_name(r.id)}, {r.what}: {r.before} -> {r.after}" for r in d.restated]
    lines += [_about(d)] if d.compared else []
    for c in d.changes[:LISTED]:
        lines.append(
            f"  {'*' if c.clear else ' '} {_changed(c):<32} {c.tier:<8} {_name(c.id)}: {c.statement}"
        )
    lines += [f"    and {len(d.changes) - LISTED} smaller ones"] if len(d.changes) > LISTED else []
    lines += ["provenance:"] if d.provenance else []
    lines += [f"  {m.name}: {m.before} -> {m.after}" for m in d.provenance]
    return wording.printable("\n".join(lines)) + "\n"


def markdown(difference: Difference, limit: int = gfm.LIMIT) -> str:
    """The difference as tables for a step summary, cut at ``limit`` bytes, verdicts first."""
    return gfm.cut("\n\n".join(filter(None, _blocks(difference))) + "\n", limit)


def headline(difference: Difference) -> str:
    """The verdicts in one line."""
    flips, unexpected = len(difference.flips), len(difference.unexpected_flips)
    others = " against ".join(map(wording.from_first, difference.replicates))
    of = f"; {others}" if others else ""
    if not flips:
        return f"no verdict flipped, {difference.stayed} stayed{of}"
    return f"{flips} of {flips + difference.stayed} verdicts flipped, {unexpected or 'none'} unexpectedly{of}"


def _blocks(d: Difference) -> Iterator[str]:
    plain = gfm.plain
    yield f"# What changed\n\n**{headline(d)}**"
    rows = [[_flipped(f), f.tier, gfm.code(f.id), plain(f.says), plain("; ".join(f.told))] for f in d.flips]
    yield gfm.table(["verdict", "tier", "item", "claim", "why"], rows) if rows else ""
    for title, gone in (("Only in the new report", d.added), ("Only in the old report", d.removed)):
        rows = [[f"{g.verdict.symbol} {g.verdict}", g.tier, gfm.code(g.id), plain(g.why)] for g in gone]
        yield f"## {title}\n\n" + gfm.table(["verdict", "tier", "item", "why"], rows) if rows else ""
    yield _tiers(d) if d.tiers_added or d.tiers_removed else ""
    rows = [[r.tier, gfm.code(r.id), *map(plain, (r.what, r.before, r.after))] for r in d.restated]
    head = ["tier", "item", "what", "before", "after"]
    yield "## Asks something else than before\n\n" + gfm.table(head, rows) if rows else ""
    yield f"## Estimates\n\n{_about(d)}" if d.compared else ""
    rows = [
        [
            "*" * c.clear,
            _changed(c),
            *map(wording.number, (c.before, c.after)),
            c.tier,
            gfm.code(c.id),
            plain(c.statement),
        ]
        for c in d.changes
    ]
    yield gfm.table(["", "change", "before", "after", "tier", "item", "check"], rows) if rows else ""
    rows = [[plain(m.name), plain(m.before), plain(m.after)] for m in d.provenance]
    yield "## Provenance\n\n" + gfm.table(["", "before", "after"], rows) if rows else ""


def _name(identity: str) -> str:
    return identity.rpartition("::")[2].removeprefix("test_")


def _flipped(flip: Flip) -> str:
    sides = (f"{verdict.symbol} {verdict}" for verdict in (flip.before, flip.after))
    return f"{'⚠ unexpected: ' if flip.unexpected else ''}{' → '.join(sides)}"


def _tiers(d: Difference) -> str:
    told = [("new", d.tiers_added), ("old", d.tiers_removed)]
    return "; ".join(f"only in the {which} report: tier {', '.join(of)}" for which, of in told if of)


def _about(d: Difference) -> str:
    """How many estimates changed, and how many of them chance would move as far."""
    clear = sum(change.clear for change in d.changes)
    if not d.changes:
        return f"estimates: all {d.compared} are the same numbers"
    changed = f"estimates: {len(d.changes)} of {d.compared} changed"
    judged = sum(change.low is not None for change in d.changes)
    if not judged:
        return f"{changed}; no intervals, for the reports do not carry the standard deviations"
    chance = wording.number(LEVEL * judged)
    return (
        f"{changed}, of {clear} the 95 % interval of the change excludes none (marked *; chance alone would "
        f"mark about {chance}); largest first, replicates taken as independent"
    )


def _changed(change: CheckChange) -> str:
    if change.low is None or change.high is None:
        return f"{_signed(change.change, change.ratio)} (no interval)"
    ends = (_signed(end, change.ratio) for end in (change.low, change.high))
    return f"{_signed(change.change, change.ratio)} [{', '.join(ends)}]"


def _signed(value: float, ratio: bool) -> str:
    shown = wording.number(float(f"{value:.3g}"))
    return f"×{shown}" if ratio else f"{'+' * (value > 0)}{shown}"
