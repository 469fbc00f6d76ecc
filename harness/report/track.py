"""An interval against its bound on a scale of its own: the geometry of the small plots and their text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from harness.evidence.outcome import Evidence

MARGIN = 0.08
"""Space beside what is shown, as a share of its span."""
REACH = 3
"""A control farther away than so many spans of the claim is drawn at the edge."""
SMALLEST, LONE = 1e-12, 0.5
"""A single value is shown with half its size around it, or half of this if it is zero."""


@dataclass(frozen=True)
class Track:
    """Positions from 0 (left edge) to 1 (right edge); None where there is nothing to draw.

    Attributes:
        low, high: the interval's ends, at the edge where it is open on that side.
        open_low, open_high: the interval goes on past that edge.
        hold_low, hold_high: where the claim holds; an edge where it has no limit there.
        limits: the bounds themselves.
        control: the control's estimate, at the edge if it is far outside.
    """

    estimate: float | None
    low: float | None
    high: float | None
    open_low: bool
    open_high: bool
    hold_low: float | None
    hold_high: float | None
    limits: tuple[float, ...]
    control: float | None


def _finite(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]


def _window(seen: list[float], control: float | None) -> tuple[float, float]:
    """What to show: everything of the claim, and its control unless that would shrink the claim to a dot."""
    low, high = min(seen), max(seen)
    span = high - low
    if control is not None and low - REACH * span <= control <= high + REACH * span:
        low, high = min(low, control), max(high, control)
    span = (high - low) or max(abs(low), SMALLEST) * LONE
    return low - MARGIN * span, high + MARGIN * span


def window(several: Iterable[Evidence]) -> tuple[float, float] | None:
    """One scale for checks of the same units: all their numbers and bounds; None where there are none."""
    seen = [number for check in several for number in _numbers(check)]
    if not seen or not math.isfinite(max(seen) - min(seen)):
        return None
    return _window(seen, None)


def _numbers(check: Evidence) -> list[float]:
    return _finite((check.estimate, check.low, check.high, check.lower_bound, check.upper_bound))


def track(
    evidence: Evidence, control: Evidence | None = None, scale: tuple[float, float] | None = None
) -> Track | None:
    """Lay a check out on a scale, by default its own; None where it has no number that could be drawn."""
    sides = _finite((evidence.lower_bound, evidence.upper_bound))
    measured = _finite((evidence.estimate, evidence.low, evidence.high))
    beside = next(iter(_finite((control.estimate,)) if control else []), None)
    if not measured or not math.isfinite(max(measured + sides) - min(measured + sides)):
        return None
    left, right = scale or _window(measured + sides, beside)

    def place(value: float | None) -> float | None:
        if value is None or not math.isfinite(value):
            return None
        return min(max((value - left) / (right - left), 0.0), 1.0)

    interval = evidence.low is not None or evidence.high is not None
    low, high = place(evidence.low), place(evidence.high)
    hold_low, hold_high = place(evidence.lower_bound), place(evidence.upper_bound)
    return Track(
        estimate=place(evidence.estimate),
        low=0.0 if low is None and interval else low,
        high=1.0 if high is None and interval else high,
        open_low=interval and low is None,
        open_high=interval and high is None,
        hold_low=(hold_low or 0.0) if sides else None,
        hold_high=(1.0 if hold_high is None else hold_high) if sides else None,
        limits=tuple(side for side in (hold_low, hold_high) if side is not None),
        control=place(beside),
    )


def text(evidence: Evidence, cells: int = 24) -> str:
    """The same in characters: ``···░░░├═●═┤░░``, shaded where the claim holds; "" if undrawable."""
    laid = track(evidence)
    if laid is None:
        return ""
    line = ["·"] * cells

    def cell(position: float) -> int:
        return min(int(position * cells), cells - 1)

    if laid.hold_low is not None and laid.hold_high is not None:
        first, last = cell(laid.hold_low), cell(laid.hold_high)
        line[first : last + 1] = "░" * (last + 1 - first)
    if laid.low is not None and laid.high is not None:
        first, last = cell(laid.low), cell(laid.high)
        line[first : last + 1] = ["═" if sign == "░" else "─" for sign in line[first : last + 1]]
        line[first] = "◄" if laid.open_low else "├"
        line[last] = "►" if laid.open_high else "┤"
    if laid.estimate is not None:
        line[cell(laid.estimate)] = "●"
    return "".join(line)
