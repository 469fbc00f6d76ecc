"""What a claim may assert about its measurements.

Relations are data; ``harness.evidence.statistics`` judges them.

Bounds are in the units shown: for a ratio, ``above(ratio(a, b), 1.5)`` says that a is over 1.5 times b.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from harness.evidence.identities import apart
from harness.evidence.kinds import OfCounts, OfIdentity, OfMean, OfRate, OfSome
from harness.evidence.measured import (
    Measured,
    WrongKind,
    WrongUse,
    combined,
    larger_of,
    logarithm,
    measured,
    measured_each,
    number,
)
from harness.evidence.phrases import joined, shared


def most_reach(
    x: Measured, target: float, *, rate: float = 0.5, at: str = "most", because: str = ""
) -> OfRate:
    """The typical run ends at most (least) at the target: more than ``rate`` of all runs do.

    A run that diverged did not. Reproduced if a rate of ``rate`` or less is rejected (5 of 5, 9 of 10 and 16
    of 20 do, at 1/2), refuted if ``rate`` or more is.

    Raises:
        ValueError: a rate outside (0, 1), or ``x`` chosen among several in the claim's favour.
    """
    lower, upper = _reached(x, target, at)
    statement = f"{x.name} {_sign(at)} {target:g} in more than {_rate(rate)} of all runs"
    return OfRate(
        kind="most_reach", statement=statement, because=because, x=x, lower=lower, upper=upper, rate=rate
    )


def all_reach(
    x: Measured, target: float, *, rate: float = 0.5, at: str = "most", because: str = ""
) -> OfRate:
    """Every run ends at most (least) at the target: for claims that say "always", "every" or "never".

    Reproduced if all replicates do and a rate of ``rate`` or less is rejected; one that does not ends that
    for good. No number of replicates shows a rate of one: the evidence says at which it would pass as well.

    Raises:
        ValueError: as ``most_reach``.
    """
    lower, upper = _reached(x, target, at)
    statement = f"{x.name} {_sign(at)} {target:g} in every run (rate above {_rate(rate)})"
    return OfRate(
        kind="all_reach",
        statement=statement,
        because=because,
        x=x,
        lower=lower,
        upper=upper,
        rate=rate,
        every=True,
    )


def exists(
    x: Measured, target: float, *, at: str = "most", least: Measured | None = None, because: str = ""
) -> OfSome:
    """Some replicate ends at most (least) at the target. Absence proves nothing: only ``least`` refutes.

    Args:
        least: what ``x`` is proved never to fall below, measured in the same replicates (the share of
            labels that contradict each other, say); refuted if that is above the target in all of them.

    Raises:
        ValueError: ``least`` with ``at="least"``, or not paired with ``x``.
    """
    measured("exists", x)
    lower, upper = _side(x, target, at)
    statement = f"{x.name} {_sign(at)} {target:g} in some replicate"
    if least is not None:
        if upper is None or x.logarithmic:
            raise WrongUse('exists(least=...) is a bound from below: it needs at="most" and no ratio')
        measured("exists(least=...)", least)
        combined((x, least), (1, -1), "paired")  # refuses other replicates
    return OfSome(
        kind="exists", statement=statement, because=because, x=x, lower=lower, upper=upper, least=least
    )


def above(x: Measured, margin: float, *, because: str) -> OfMean:
    """The measure is above the margin, a level or the smallest effect that matters: mean and typical run.

    Raises:
        ValueError: no reason, no finite margin, or ``x`` is the largest of several noisy measures.
    """
    measured("above", x)
    margin = number(f"above {x.name}: margin", margin)
    return _above("above", x, margin, f"{x.name} > {margin:g}", because)


def below(x: Measured, limit: float, *, because: str) -> OfMean:
    """The measure is below the limit: mean and typical run.

    Raises:
        ValueError: no reason, no finite limit, or ``x`` is the smallest of several noisy measures.
    """
    measured("below", x)
    _refuse_chosen("below", x, low=True)
    upper = _bound(x, limit)
    statement = f"{x.name} < {upper:g}"
    return OfMean(kind="below", statement=statement, because=_reason("below", because), x=x, upper=upper)


def equivalent(x: Measured, margin: float, *, because: str) -> OfMean:
    """The mean is within the margin of zero; for a ratio, within a factor ``margin`` > 1 of one."""
    measured("equivalent", x)
    margin = number("equivalent: margin", margin)
    least = 1.0 if x.logarithmic else 0.0
    if not (math.isfinite(margin) and margin > least):
        raise ValueError(f"equivalent: margin={margin!r} must be finite and above {least:g}")
    lower = 1 / margin if x.logarithmic else -margin
    statement = f"{x.name} within a factor {margin:g} of 1" if x.logarithmic else f"|{x.name}| < {margin:g}"
    return _within("equivalent", x, lower, margin, statement, because)


def matches(x: Measured, value: float, tolerance: float, *, because: str) -> OfMean:
    """The mean is within the tolerance of a given value."""
    measured("matches", x)
    value, tolerance = number("matches: value", value), number("matches: tolerance", tolerance)
    statement = f"{x.name} = {value:g} ± {tolerance:g}"
    return _within("matches", x, value - tolerance, value + tolerance, statement, because)


def ordered(xs: Sequence[Measured], *, slack: float = 0.0, because: str) -> tuple[OfMean, ...]:
    """Each measure is above the one before by more than -slack: a relation for each step, all must hold.

    For ratios a step is a factor, which must be above 1 - slack.

    Raises:
        ValueError: fewer than two measures, or a step that is chosen among several in the claim's favour.
    """
    measured_each("ordered", xs)
    slack = number("ordered: slack", slack)
    if len(xs) < 2:
        raise WrongUse("ordered needs at least two measures")
    steps = [after - before for before, after in itertools.pairwise(xs)]
    lower = 1 - slack if steps[0].logarithmic else 0.0 - slack
    statements = [f"{joined([a.name, b.name], ' < ')}" for a, b in itertools.pairwise(xs)]
    least = f", each step above {lower:g}" if slack else ""
    return tuple(
        _above("ordered", step, lower, f"{said}{least} (step {i} of {len(steps)})", because)
        for i, (step, said) in enumerate(zip(steps, statements, strict=True), 1)
    )


def slope(
    positions: Sequence[float],
    ys: Sequence[Measured],
    low: float,
    high: float,
    *,
    log: bool = False,
    because: str,
) -> OfMean:
    """The least-squares slope of each replicate's ys over positions; its mean is between low and high.

    With ``log`` both are taken in logs: the slope is the order of a power law.

    Raises:
        ValueError: fewer than two different positions, or a position that is not positive with ``log``.
    """
    positions, low, high = _places("slope", positions, ys, low, high)
    if log and min(positions) <= 0:
        raise ValueError("slope: log=True needs positive positions")
    places = [math.log(p) if log else float(p) for p in positions]
    centre = math.fsum(places) / len(places)
    spread = math.fsum((p - centre) ** 2 for p in places)
    if not spread > 0:
        raise ValueError("slope needs at least two different positions")
    name = f"{'log-log ' if log else ''}slope of {shared([y.name for y in ys])}"
    parts = [logarithm(y) for y in ys] if log else ys
    x = combined(parts, [(p - centre) / spread for p in places], name, logarithmic=False)
    where = f"over {positions[0]:g} to {positions[-1]:g}"
    return _within("slope", x, low, high, f"{low:g} < {name} < {high:g} {where}", because)


def argmax_in(
    positions: Sequence[float],
    ys: Sequence[Measured],
    low: float,
    high: float,
    *,
    rate: float = 0.5,
    because: str,
) -> OfRate:
    """The largest of the ys is in the typical run at a position in [low, high], and nowhere else.

    Judged as ``most_reach``; the number per replicate is the largest inside minus the largest outside.

    Raises:
        ValueError: no position inside, or none outside; or so many inside that noise alone puts the largest
            of the ys there in a share ``rate`` of all runs.
    """
    positions, low, high = _places("argmax_in", positions, ys, low, high)
    inside = [y for p, y in zip(positions, ys, strict=True) if low <= p <= high]
    outside = [y for p, y in zip(positions, ys, strict=True) if not low <= p <= high]
    if not inside or not outside:
        raise ValueError(f"argmax_in: [{low:g}, {high:g}] must hold some of the positions and leave some out")
    if len(inside) > rate * len(ys):
        shares = f"{len(inside)} of {len(ys)} positions lie within [{low:g}, {high:g}]"
        raise WrongUse(
            f"argmax_in: {shares}, so noise alone has the largest there more often than {rate:g}: "
            "narrow the range, or raise rate="
        )
    what = shared([y.name for y in ys])
    x = (larger_of(*inside) - larger_of(*outside)).named(f"peak of {what} above the rest")
    statement = f"{what} is largest within [{low:g}, {high:g}] in more than {_rate(rate)} of all runs"
    reason = _reason("argmax_in", because)
    floor = 1.0 if x.logarithmic else 0.0
    return OfRate(
        kind="argmax_in", statement=statement, because=reason, x=x, lower=floor, rate=rate, strict=True
    )


def frequencies(
    counts: Sequence[int], probabilities: Sequence[float], *, within: float = 0.1, because: str
) -> OfCounts:
    """Counts of outcomes, at an n fixed beforehand, come from the given probabilities.

    Refuted if the exact multinomial test rejects them. Not being rejected is no evidence, so reproduced
    only if n is large enough to also bound each probability to ``within`` of the given one.

    Raises:
        ValueError: counts are not whole numbers, or the probabilities do not sum to one.
    """
    whole = tuple(int(number("frequencies: count", c)) for c in counts)
    chances = tuple(number("frequencies: probability", p) for p in probabilities)
    if whole != tuple(counts) or len(whole) < 2 or min(whole) < 0:
        raise ValueError("frequencies: counts must be two or more whole numbers, none negative")
    if len(chances) != len(whole) or not min(chances) >= 0 or not abs(math.fsum(chances) - 1) <= 1e-9:
        raise ValueError("frequencies: one probability per count, none negative, with sum 1")
    within = number("frequencies: within", within)
    if not 0 < within < 1:
        raise ValueError(f"frequencies: within={within!r} must be between 0 and 1")
    statement = f"{len(whole)} outcomes have the given probabilities, each to {within:g}"
    reason = _reason("frequencies", because)
    return OfCounts(
        kind="frequencies",
        statement=statement,
        because=reason,
        counts=whole,
        probabilities=chances,
        within=within,
    )


def exact(left: Any, right: Any, *, tolerance: float = 0.0, because: str = "") -> OfIdentity:
    """An identity between numbers, arrays or measures: |left - right| <= tolerance everywhere.

    Raises:
        ValueError: nothing to compare, different shapes, or a tolerance that is negative or has no reason.
    """
    tolerance = number("exact: tolerance", tolerance)
    worst = apart(left, right)
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"exact: tolerance={tolerance!r} must be finite and not negative")
    statement = f"both sides agree to {tolerance:g}" if tolerance else "both sides are equal"
    reason = _reason("exact", because) if tolerance else because
    return OfIdentity(
        kind="exact", statement=statement, because=reason, difference=worst, tolerance=tolerance
    )


def _above(kind: str, x: Measured, margin: float, statement: str, because: str) -> OfMean:
    _refuse_chosen(kind, x, high=True)
    lower, reason = _bound(x, margin), _reason(kind, because)
    return OfMean(kind=kind, statement=statement, because=reason, x=x, lower=lower)


def _within(kind: str, x: Measured, low: float, high: float, statement: str, because: str) -> OfMean:
    if not low < high:
        raise ValueError(f"{kind}: nothing lies between {low:g} and {high:g}")
    _refuse_chosen(kind, x, low=True, high=True)
    lower, upper, reason = _bound(x, low), _bound(x, high), _reason(kind, because)
    return OfMean(kind=kind, statement=statement, because=reason, x=x, lower=lower, upper=upper)


def _bound(x: Measured, value: float) -> float:
    value = number(f"{x.name}: the bound", value)
    if not math.isfinite(value) or (x.logarithmic and value <= 0):
        raise ValueError(f"{x.name}: the bound {value!r} is not a {'positive ' * x.logarithmic}number")
    return value


def _reached(x: Measured, target: float, at: str) -> tuple[float | None, float | None]:
    """The sides of a target that runs reach."""
    measured("a rate", x)
    _refuse_chosen("a rate", x, low=at == "most", high=at == "least")
    return _side(x, target, at)


def _refuse_chosen(kind: str, x: Measured, *, low: bool = False, high: bool = False) -> None:
    """Refuse what is chosen among noisy measures where being low (or high) is in the claim's favour."""
    chosen = "largest" if high and x.raised else "smallest" if low and x.lowered else ""
    if chosen:
        raise WrongUse(
            f"{kind}: {x.name} takes the {chosen} of several noisy measures in the claim's own favour, "
            "which noise alone makes it seem to hold: name one of them beforehand, take mean_of(...), "
            "or check each"
        )


def _side(x: Measured, target: float, at: str) -> tuple[float | None, float | None]:
    bound = _bound(x, target)
    return (None, bound) if at == "most" else (bound, None)


def _sign(at: str) -> str:
    if at not in ("most", "least"):
        raise WrongUse(f'at={at!r}: use "most" or "least"')
    return "<=" if at == "most" else ">="


def _rate(rate: float) -> str:
    rate = number("rate", rate)
    if not 0 < rate < 1:
        raise ValueError(f"rate={rate!r} must be between 0 and 1")
    return "1/2" if rate == 0.5 else f"{rate:g}"


def _reason(kind: str, because: str) -> str:
    if not isinstance(because, str):
        raise WrongKind(f"{kind}: because= is a reason in words, not {because!r:.40}")
    if not because.strip():
        raise WrongUse(f"{kind} needs because=: its bound is chosen, so say why")
    return because


def _places(
    kind: str, positions: Sequence[float], ys: Sequence[Measured], low: float, high: float
) -> tuple[list[float], float, float]:
    """The positions of measures and a range, as plain numbers.

    Raises:
        TypeError, ValueError: something else stands there, or there is not a position for each measure.
    """
    measured_each(kind, ys)
    if len(positions) != len(ys) or not ys:
        raise ValueError(f"{kind}: {len(positions)} positions for {len(ys)} measures")
    plain = [number(f"{kind}: position", p) for p in positions]
    return plain, number(f"{kind}: low", low), number(f"{kind}: high", high)
