"""The judge: relations over replicates become evidence, with both errors bounded.

A relation is reproduced when its interval at one-sided level α lies on the right side of its bound, and
refuted when it lies on the wrong side; anything else is inconclusive, so too little data never passes.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from harness.evidence.inference import (
    FEWEST,
    deviation,
    exponential,
    holm,
    mean_interval,
    mean_p,
    multinomial_p,
    power,
    rate_interval,
    rate_p,
    replicates_needed,
    within_p,
)
from harness.evidence.measured import Measured, larger_of, mean_of, ratio, smaller_of
from harness.evidence.numbers import finite
from harness.evidence.outcome import Contrast, Evidence, conjunction
from harness.evidence.relations import (
    OfCounts,
    OfIdentity,
    OfMean,
    OfRate,
    OfSome,
    Relation,
    Replicated,
    above,
    all_reach,
    argmax_in,
    below,
    equivalent,
    exact,
    exists,
    frequencies,
    matches,
    ordered,
    slope,
)
from harness.spec.verdict import Verdict

__all__ = [
    "CONTROL_LEVEL", "FEWEST", "RUNGS", "Measured", "Relation", "above", "all_reach", "argmax_in", "below",
    "contrasts", "discriminates", "equivalent", "exact", "exists", "frequencies", "holm", "judge",
    "judge_all", "larger_of", "matches", "mean_interval", "mean_of", "multinomial_p", "ordered", "power",
    "rate_interval", "ratio", "replicates_needed", "rungs", "slope", "smaller_of",
]  # fmt: skip

RUNGS = ((5, 0.035), (10, 0.01), (20, 0.005))
"""(replicates, one-sided level) of each look; the levels sum to .05, and 5 of 5 bounds a rate above .51."""

CONTROL_LEVEL = 0.05


def rungs(tier: str, fixed: int | None = None) -> tuple[tuple[int, float], ...]:
    """The looks a claim may take: (replicates, level), in order; a fixed n is one look at level .05.

    Raises:
        ValueError: an unknown tier, or a fixed number below one.
    """
    if tier not in ("quick", "standard", "full"):
        raise ValueError(f"unknown tier {tier!r}")
    if fixed is None:
        return RUNGS[:2] if tier == "quick" else RUNGS
    if fixed < 1:
        raise ValueError(f"replicates={fixed}: at least one is needed")
    return ((fixed, 0.05),)


def judge(relation: Relation, level: float, refute_level: float | None = None) -> Evidence:
    """Hold a relation against its replicates.

    Args:
        relation: what must hold.
        level: one-sided error level of the interval shown, by which the relation is reproduced.
        refute_level: the probability allowed for refuting what is true; default ``level``. A relation
            with two bounds splits it between its sides.

    Raises:
        ValueError: a level outside (0, 1/2).
    """
    refute_level = level if refute_level is None else refute_level
    if not (0 < level < 0.5 and 0 < refute_level < 0.5):
        raise ValueError(f"levels {level!r} and {refute_level!r} must lie between 0 and 1/2")
    match relation:
        case OfMean():
            return _judge_mean(relation, level, refute_level)
        case OfRate():
            return _judge_rate(relation, level, refute_level)
        case OfSome():
            return _judge_some(relation)
        case OfCounts():
            return _judge_counts(relation, level, refute_level)
        case OfIdentity():
            return _judge_identity(relation)
    raise TypeError(f"{type(relation).__name__} is not a relation that can be judged")


def judge_all(relations: Sequence[Relation], level: float) -> tuple[Verdict, tuple[Evidence, ...]]:
    """The conjunction of k relations: each reproduced at ``level``, or one refuted at ``level`` / k."""
    evidence = tuple(judge(relation, level, level / len(relations)) for relation in relations)
    return conjunction(e.verdict for e in evidence), evidence


def contrasts(
    claim_relations: Sequence[Relation], control_relations: Sequence[Relation], level: float = 0.05
) -> tuple[Contrast, ...]:
    """Claim minus control for each check they share (same position and kind), paired by replicate.

    Two-sided t intervals that hold together at ``level`` (Bonferroni), of ratios in logs. Where the
    control's runs were censored at their budget its true numbers are larger, so the interval's lower side
    is open; where the claim's were, its upper side. Checks without a number per replicate, and those with
    a run that diverged, are left out.

    Raises:
        ValueError: claim and control have different numbers of replicates.
    """
    pairs = [
        (claim.x, control.x, f"claim - control of {'log ' * claim.x.logarithmic}{claim.x.name}")
        for claim, control in zip(claim_relations, control_relations, strict=False)
        if isinstance(claim, Replicated) and isinstance(control, Replicated) and claim.kind == control.kind
    ]
    paired = []
    for claim, control, name in pairs:
        seen = (dataclasses.replace(x, censored=x.censored & False) for x in (claim, control))
        estimate, low, high = mean_interval(next(seen) - next(seen), level / 2 / len(pairs))
        if all(map(math.isfinite, (estimate, low, high))):
            open_low, open_high = bool(control.censored.any()), bool(claim.censored.any())
            paired.append(
                Contrast(
                    statement=name,
                    estimate=estimate,
                    low=None if open_low else low,
                    high=None if open_high else high,
                )
            )
    return tuple(paired)


def discriminates(
    positive: bool, control_verdict: Verdict, contrasts: Sequence[Contrast]
) -> tuple[bool, str]:
    """Whether the checks can tell the control's world from the claim's, and by which rule."""
    came_out = f"it came out {control_verdict.value}"
    if positive:
        return control_verdict is Verdict.REPRODUCED, came_out
    if control_verdict is Verdict.REFUTED:
        return True, came_out
    if control_verdict is not Verdict.INCONCLUSIVE:
        return False, came_out
    for contrast in contrasts:
        larger = contrast.low is not None and contrast.low > 0
        if larger or (contrast.high is not None and contrast.high < 0):
            span = _span(contrast.low, contrast.high)
            return True, f"{came_out}, and {contrast.statement} excludes zero: {span}"
    return False, f"{came_out}, and no paired contrast of claim and control excludes zero"


def _judge_mean(r: OfMean, level: float, refute_level: float) -> Evidence:
    x = r.x
    lower, upper = (_held(x, bound) for bound in (r.lower, r.upper))
    sides = (lower is not None) + (upper is not None)
    mean, low, high = mean_interval(x, level)
    _, refute_low, refute_high = mean_interval(x, refute_level / sides)
    reproduced = (lower is None or low > lower) and (upper is None or high < upper)
    refuted = (lower is not None and refute_high < lower) or (upper is not None and refute_low > upper)
    verdict = _verdict(reproduced, refuted, len(x) >= FEWEST)
    notes = _notes(x)
    if math.isfinite(low) and deviation(x).floored:
        notes.append("no spread beyond the measure's resolution, which is not certainty: deviation floored")
    estimate, low_shown, high_shown = (_shown(x, value) for value in (mean, low, high))
    if verdict is not Verdict.REPRODUCED and estimate is not None:
        where = "lies beyond the bound" if verdict is Verdict.REFUTED else "decides neither way"
        notes.append(f"interval {_span(low_shown, high_shown)} {where}")
    numbers = {"estimate": estimate, "low": low_shown, "high": high_shown}
    numbers["spread"] = deviation(x).value if math.isfinite(low) else None
    numbers["p_value"] = mean_p(x, lower, upper) if len(x) >= FEWEST else None
    return _evidence(r, verdict, level, notes, lower_bound=r.lower, upper_bound=r.upper, **numbers)


def _judge_rate(r: OfRate, level: float, refute_level: float) -> Evidence:
    n = len(r.x)
    surely, perhaps = _successes(r)
    low, high = rate_interval(surely, n, level).low, rate_interval(perhaps, n, level).high
    refuted = rate_interval(perhaps, n, refute_level).high < r.rate
    verdict = _verdict(surely == n and low > r.rate, refuted, n >= FEWEST)
    notes = _notes(r.x)
    if verdict is not Verdict.REPRODUCED:
        notes.append(f"{surely} of {n} replicates, a rate within {_span(low, high)}")
    numbers = {"estimate": surely / n if n else None, "low": low, "high": high}
    numbers["p_value"] = rate_p(surely, n, r.rate) if n >= FEWEST else None
    return _evidence(r, verdict, level, notes, lower_bound=r.rate, **numbers)


def _judge_some(r: OfSome) -> Evidence:
    x, (surely, _) = r.x, _successes(r)
    usable = x.values[~x.unusable & ~x.diverged]
    best = max(usable, default=math.nan, key=lambda value: value if r.upper is None else -value)
    if surely:
        verdict, notes = Verdict.REPRODUCED, []
    elif r.least is not None and r.upper is not None and len(x) and (r.least.values > r.upper).all():
        verdict, notes = Verdict.REFUTED, [f"proved: nothing can be below {min(r.least.values):.4g} there"]
    else:
        verdict = Verdict.INCONCLUSIVE
        notes = [*_notes(x, fewest=1), f"in none of {len(x)}, and absence proves nothing"]
    bounds = {"lower_bound": r.lower, "upper_bound": r.upper}
    return _evidence(r, verdict, 0.0, notes, estimate=_shown(x, float(best)), **bounds)


def _judge_counts(r: OfCounts, level: float, refute_level: float) -> Evidence:
    n = sum(r.counts)
    chance = multinomial_p(r.counts, r.probabilities)
    pairs = tuple(zip(r.counts, r.probabilities, strict=True))
    furthest = max(abs(end - p) for count, p in pairs for end in rate_interval(count, n, level))
    rejected = chance < refute_level
    verdict = _verdict(furthest < r.within, rejected, n > 0)
    reason = (
        f"exact multinomial p = {chance:.3g}; each probability bounded to {furthest:.3g} of the given one"
    )
    return Evidence(
        relation=r.kind,
        statement=r.statement,
        verdict=verdict,
        n=n,
        level=level,
        because=r.because,
        estimate=max(abs(count / n - p) for count, p in pairs) if n else None,
        high=furthest,
        upper_bound=r.within,
        reason=reason,
        values=tuple(map(float, r.counts)),
        p_value=1.0 if rejected else within_p(r.counts, r.probabilities, r.within),
    )


def _judge_identity(r: OfIdentity) -> Evidence:
    holds = r.difference <= r.tolerance
    return Evidence(
        relation=r.kind,
        statement=r.statement,
        verdict=Verdict.REPRODUCED if holds else Verdict.REFUTED,
        n=1,
        level=0.0,
        because=r.because,
        estimate=finite(r.difference),
        upper_bound=r.tolerance,
        reason="" if holds else f"the largest difference is {r.difference:.4g}",
        values=(finite(r.difference),),
    )


def _evidence(
    r: Replicated, verdict: Verdict, level: float, notes: Sequence[str], **numbers: float | None
) -> Evidence:
    return Evidence(
        relation=r.kind,
        statement=r.statement,
        verdict=verdict,
        n=len(r.x),
        level=level,
        because=r.because,
        reason="; ".join(notes),
        values=tuple(_shown(r.x, float(value)) for value in r.x.values),
        logarithmic=isinstance(r, OfMean) and r.x.logarithmic,
        **numbers,
    )


def _verdict(reproduced: bool, refuted: bool, enough: bool) -> Verdict:
    if not enough:
        return Verdict.INCONCLUSIVE
    if refuted:
        return Verdict.REFUTED
    return Verdict.REPRODUCED if reproduced else Verdict.INCONCLUSIVE


def _successes(r: OfRate | OfSome) -> tuple[int, int]:
    """How many replicates surely and how many perhaps lie within the bounds; a diverged run does not."""
    import numpy as np

    x = r.x
    lower, upper = _held(x, r.lower), _held(x, r.upper)
    low = -math.inf if lower is None else lower
    high = math.inf if upper is None else upper
    inside = (x.values >= low) & (x.values <= high)
    if isinstance(r, OfRate) and r.strict:
        inside &= (x.values != low) & (x.values != high)
    could_rise_into = x.censored & (x.values <= high)
    surely = inside & ~x.unusable & ~(x.censored & np.isfinite(high))
    return int(surely.sum()), int((inside | could_rise_into | x.unusable).sum())


def _notes(x: Measured, fewest: int = FEWEST) -> list[str]:
    n, notes = len(x), []
    if n < fewest:
        notes.append(f"{n} replicates, but fewer than {fewest} are not judged")
    if diverged := int(x.diverged.sum()):
        notes.append(f"{diverged} of {n} runs diverged")
    if unusable := int(x.unusable.sum()):
        notes.append(
            f"{unusable} of {n} replicates unusable (a censored run subtracted or divided by, "
            "or a ratio of numbers that are not positive)"
        )
    if censored := int((x.censored & ~x.unusable).sum()):
        notes.append(f"{censored} of {n} runs censored at their budget: lower bounds")
    return notes


def _held(x: Measured, bound: float | None) -> float | None:
    """A bound in the units in which values are held (logs, for a ratio)."""
    return math.log(bound) if x.logarithmic and bound is not None else bound


def _shown(x: Measured, value: float) -> float | None:
    """A held value in the units shown; None if it is not a finite number."""
    if x.logarithmic:
        value = exponential(value)
    return finite(value)


def _span(low: float | None, high: float | None) -> str:
    ends = ("−∞" if low is None else f"{low:.4g}", "∞" if high is None else f"{high:.4g}")
    return f"[{ends[0]}, {ends[1]}]"
