"""The results that a page begins with: every run's number against the bound, beside the control's."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.evidence.outcome import ControlOutcome, Evidence
from harness.evidence.schema import ClaimReport
from harness.report import wording, words
from harness.report.contents import PageContents, Statement
from harness.report.story import HEADLINES
from harness.spec import TIERS
from harness.spec.verdict import Verdict

MOST = 40
"""Dots of a row at most: more would hide each other."""
MARGIN = 0.06
"""Space beside the outermost dots, as a share of what is shown."""
LEAST = 1e-9
"""What is smaller than this share of a scale is its rounding, and shown as zero."""
FAILS, HOLDS = 0.0, 1.0
"""Where examples of an exact claim are drawn."""


@dataclass(frozen=True)
class Strip:
    """Dots from 0 (left edge) to 1: every run of the claim and of its control, and where the claim holds."""

    claim: tuple[float, ...]
    control: tuple[float, ...]
    hold: tuple[float, float]
    limits: tuple[float, ...]


@dataclass(frozen=True)
class CardTier:
    """A card's line: how the claim came out at a tier, in numbers, and why not where it did not run."""

    name: str
    verdicts: Counter[Verdict]
    told: str
    strip: Strip | None
    why: str


@dataclass(frozen=True)
class Card:
    """A result: its title, the claim, its tiers, what must hold, and its first control."""

    title: str
    statement: Statement
    tiers: tuple[CardTier, ...]
    asks: tuple[str, ...]
    ends: tuple[str, str]
    control: ControlOutcome | None


@dataclass(frozen=True)
class _Dots:
    """Numbers of runs in their units, before they are laid out."""

    claim: tuple[float, ...]
    control: tuple[float, ...]
    low: float | None
    high: float | None


def cards(contents: PageContents) -> tuple[Card, ...]:
    """A card for each headline whose claim these reports have."""
    statements = [s for section in contents.sections for f in section.families for s in f.statements]
    by_test = {s.first.id.rpartition("::")[2].partition("[")[0]: s for s in reversed(statements)}
    told = ((headline.title, by_test.get(headline.test)) for headline in HEADLINES)
    return tuple(_card(contents, title, statement) for title, statement in told if statement)


def _card(contents: PageContents, title: str, statement: Statement) -> Card:
    at = {tier: [i for i in statement.items if i.tier == tier] for tier in TIERS}
    dots = {tier: _dots(items) for tier, items in at.items() if items}
    window = _window(dots.values())
    checks = [item.checks[0] for item in statement.items if item.checks]
    negative = [c for item in statement.items for c in item.controls if not c.positive]
    return Card(
        title,
        statement,
        tuple(_tier(contents, statement, tier, at[tier], dots.get(tier), window) for tier in TIERS),
        tuple(dict.fromkeys(words.must_hold(check) for check in checks)),
        _ends(checks, window),
        next(iter(negative), None),
    )


def _tier(
    contents: PageContents,
    statement: Statement,
    tier: str,
    items: Sequence[ClaimReport],
    dots: _Dots | None,
    window: tuple[float, float] | None,
) -> CardTier:
    if items:
        strip = _strip(dots, window) if dots and window else None
        return CardTier(tier, Counter(item.verdict for item in items), _told(items), strip, "")
    test = statement.first.id.partition("[")[0]
    why = next((m.why for m in contents.missing if m.tier == tier and m.id.partition("[")[0] == test), "")
    verdicts = Counter({Verdict.NOT_RUN: 1})
    return CardTier(tier, verdicts, "", None, why or f"not declared at the {tier} tier")


def _told(items: Sequence[ClaimReport]) -> str:
    """The number of each test, in a few words."""
    checks = [item.checks[0] for item in items if item.checks]
    if checks and all(check.relation in wording.RATES for check in checks):
        total = sum(check.n for check in checks)
        return f"{round(sum((check.estimate or 0.0) * check.n for check in checks))} of {total} runs"
    if checks and all(check.level == 0 for check in checks):
        return f"{sum(check.n for check in checks)} examples"
    return "; ".join(dict.fromkeys(map(wording.estimate, checks)))


def _finite(values: Iterable[float | None]) -> tuple[float, ...]:
    return tuple(value for value in values if value is not None and math.isfinite(value))


def _dots(items: Sequence[ClaimReport]) -> _Dots | None:
    """What each run measured in the first check, and in that of the first negative control."""
    checks = [item.checks[0] for item in items if item.checks]
    worlds = {c.says: c for item in items for c in item.controls if not c.positive and c.checks}
    there = [control.checks[0] for control in worlds.values()][:1]
    if not checks:
        return None
    if all(check.level == 0 for check in checks):
        return _Dots(_outcomes(checks), _outcomes(there), 0.5, None)
    low, high = words.target(checks[0])
    claim = _finite(value for check in checks for value in check.values)[:MOST]
    control = _finite(value for check in there for value in check.values)[:MOST]
    return _Dots(claim, control, low, high) if claim else None


def _outcomes(checks: Iterable[Evidence]) -> tuple[float, ...]:
    """A dot for each example that held, or one where one failed."""
    return tuple(
        dot
        for check in checks
        for dot in ([HOLDS] * min(check.n, MOST) if check.verdict is Verdict.REPRODUCED else [FAILS])
    )


def _window(dots: Iterable[_Dots | None]) -> tuple[float, float] | None:
    """What all rows of a card show."""
    seen = [v for d in dots if d for v in (*d.claim, *d.control, *_finite((d.low, d.high)))]
    if not seen:
        return None
    span = (max(seen) - min(seen)) or abs(seen[0]) or 1.0
    return min(seen) - MARGIN * span, max(seen) + MARGIN * span


def _strip(dots: _Dots, window: tuple[float, float]) -> Strip:
    left, right = window

    def place(value: float) -> float:
        return (value - left) / (right - left)

    hold = 0.0 if dots.low is None else place(dots.low), 1.0 if dots.high is None else place(dots.high)
    limits = tuple(place(side) for side in _finite((dots.low, dots.high)))
    return Strip(tuple(map(place, dots.claim)), tuple(map(place, dots.control)), hold, limits)


def _ends(checks: Sequence[Evidence], window: tuple[float, float] | None) -> tuple[str, str]:
    """What stands at the ends of the scale."""
    if checks and all(check.level == 0 for check in checks):
        return "fails", "holds"
    if window is None:
        return "", ""
    left, right = window
    margin = (right - left) * MARGIN / (1 + 2 * MARGIN)
    ends = (left + margin, right - margin)
    least = (right - left) * LEAST
    low, high = (wording.number(float(f"{value:.2g}") if abs(value) > least else 0.0) for value in ends)
    return low, high
