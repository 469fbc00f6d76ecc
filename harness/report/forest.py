"""Checks of different units on one axis: the distance of estimate and bound in half-widths of the interval.

Where the claim holds is to the right of zero, whatever the side of the bound. One half-width is what the
interval reaches from the estimate towards the bound, so an interval that clears its bound lies right of
zero as a whole, one on the wrong side lies left of it, and one that covers the bound crosses it. Of two
bounds the nearer one counts. Far values are drawn closer together (asinh), and those beyond a hundred
half-widths at the edge.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.evidence.outcome import Evidence
from harness.spec.verdict import Verdict

FAR = 100.0
"""Half-widths beyond which a value is drawn at the edge."""
TICKS = (-100.0, -30.0, -10.0, -3.0, -1.0, 0.0, 1.0, 3.0, 10.0, 30.0, 100.0)
APART = 4
"""Units from a bar of a profile to the next."""
LEAST = (-3.0, 10.0)
"""What every axis shows at least."""


@dataclass(frozen=True)
class HalfWidths:
    """Half-widths from the bound, positive where the claim holds: estimate and both ends of its interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Axis:
    """The common axis, from its left to its right end in half-widths."""

    left: float
    right: float

    @property
    def ticks(self) -> tuple[float, ...]:
        """The ticks that lie on it, in half-widths."""
        return tuple(tick for tick in TICKS if self.left <= tick <= self.right)

    def percent(self, value: float) -> float:
        """Where a value is drawn, from 0 (left) to 100."""
        low, high = math.asinh(self.left), math.asinh(self.right)
        kept = min(max(value, self.left), self.right)
        return 100 * (math.asinh(kept) - low) / (high - low)

    def beyond(self, value: float) -> bool:
        """Is a value off the axis, so that it is drawn at the edge?"""
        return not self.left <= value <= self.right


def place(check: Evidence) -> HalfWidths | None:
    """Where a check lies on the common axis; None for what has no interval (exact checks, diverged runs)."""
    sides = [
        relative
        for relative in (
            _towards(check, check.lower_bound, check.low, check.high, 1.0),
            _towards(check, check.upper_bound, check.high, check.low, -1.0),
        )
        if relative is not None
    ]
    return min(sides, key=lambda side: side.estimate, default=None)


def _towards(
    check: Evidence, bound: float | None, near: float | None, far: float | None, sign: float
) -> HalfWidths | None:
    """The check's place relative to one bound: ``near`` is the interval's end on the side of that bound."""
    if check.estimate is None or bound is None or (near is None and far is None):
        return None
    ends = (-math.inf * sign if near is None else near, math.inf * sign if far is None else far)
    values = [check.estimate, bound, *ends]
    if check.logarithmic:
        values = [math.log(value) if value > 0 else math.nan for value in values]
    estimate, held, near_end, far_end = (sign * value for value in values)
    widths = [estimate - near_end, far_end - estimate]
    facing = widths if estimate >= held else widths[::-1]
    width = next((w for w in facing if math.isfinite(w) and w > 0), None)
    if width is None or not math.isfinite(estimate - held):
        return None
    return HalfWidths(*((value - held) / width for value in (estimate, near_end, far_end)))


def axis(checks: Iterable[Evidence]) -> Axis:
    """One axis for all of them, from a tick to a tick."""
    places: Sequence[HalfWidths] = [drawn for check in checks if (drawn := place(check)) is not None]
    low = min([LEAST[0], *(drawn.low for drawn in places if math.isfinite(drawn.low))])
    high = max([LEAST[1], *(drawn.high for drawn in places if math.isfinite(drawn.high))])
    left = max((tick for tick in TICKS if tick <= low), default=-FAR)
    return Axis(left, min((tick for tick in TICKS if tick >= high), default=FAR))


@dataclass(frozen=True)
class Bar:
    """A check on the axis, from 0 (top, where the claim holds) to 100."""

    verdict: Verdict
    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class CheckProfile:
    """Checks side by side, the surest first; ``bound`` is where all their bounds lie."""

    bars: tuple[Bar, ...]
    bound: float
    alt: str

    @property
    def paths(self) -> tuple[tuple[Verdict, str, str], ...]:
        """The bars and the dots of each verdict, as paths; the axis is 1,000 units high."""
        drawn = []
        for verdict in dict.fromkeys(bar.verdict for bar in self.bars):
            mine = [(APART * place + APART // 2, bar) for place, bar in enumerate(self.bars)]
            mine = [(x, bar) for x, bar in mine if bar.verdict is verdict]
            bars = "".join(f"M{x} {10 * bar.low:.0f}V{10 * bar.high:.0f}" for x, bar in mine)
            drawn.append((verdict, bars, "".join(f"M{x} {10 * bar.estimate:.0f}h.01" for x, bar in mine)))
        return tuple(drawn)


def profile(checks: Iterable[Evidence]) -> CheckProfile | None:
    """All checks that have an interval, each against its bound; None where there are fewer than two."""
    several = list(checks)
    scale = axis(several)
    placed = [(at, check) for check in several if (at := place(check)) is not None]
    placed.sort(key=lambda pair: -pair[0].estimate)
    if len(placed) < 2:
        return None

    def down(value: float) -> float:
        return 100 - scale.percent(value)

    bars = tuple(Bar(c.verdict, down(at.estimate), down(at.low), down(at.high)) for at, c in placed)
    clear = sum(at.low >= 0 for at, _ in placed)
    alt = f"{len(placed)} checks against their bounds: intervals of {clear} lie wholly where the check holds"
    return CheckProfile(bars, down(0.0), alt)
