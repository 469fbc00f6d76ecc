"""The judge: relations over replicates become evidence, with both errors bounded.

A relation is reproduced when its interval at one-sided level α lies on the right side of its bound, and
refuted when it lies on the wrong side; anything else is inconclusive, so too little data never passes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from harness.evidence.inference import (
    FEWEST,
    deviation,
    exponential,
    furthest_from,
    holm,
    mean_interval,
    multinomial_p,
    power,
    rate_interval,
    replicates_needed,
    sample,
    within_p,
)
from harness.evidence.kinds import OfCounts, OfIdentity, OfMean, OfRate, OfSome, Relation, Replicated
from harness.evidence.measured import Measured, larger_of, mean_of, ratio, smaller_of
from harness.evidence.numbers import finite
from harness.evidence.outcome import Evidence, conjunction
from harness.evidence.readings import Readings, fails, holds, reached, share_p
from harness.evidence.relations import (
    above,
    all_reach,
    argmax_in,
    below,
    equivalent,
    exact,
    exists,
    frequencies,
    matches,
    most_reach,
    ordered,
    slope,
)
from harness.spec.verdict import Verdict

__all__ = [
    "CONTROL_LEVEL", "CONTROL_RUNGS", "FEWEST", "QUICK_RUNGS", "RUNGS", "Measured", "Relation", "above",
    "all_reach", "argmax_in", "below", "equivalent", "exact", "exists", "frequencies", "holm", "judge",
    "judge_all", "larger_of", "matches", "mean_interval", "mean_of", "most_reach", "multinomial_p", "ordered",
    "power", "rate_interval", "ratio", "replicates_needed", "rungs", "slope", "smaller_of",
]  # fmt: skip

QUICK_RUNGS = ((5, 0.032), (10, 0.025))
RUNGS = ((5, 0.032), (10, 0.014), (20, 0.012))
"""(replicates, one-sided level) of each look.

5 of 5 are chance once in 32 times, so the first look must allow that. The later levels are the largest with
which a claim on its bound is falsely reproduced, and falsely refuted, at most 5 % of the time in each reading
alone (simulated, of a normal mean 4.9 %; exact, of the typical run of any distribution 3.9 %). They may sum
to a little more, as looks at growing samples overlap.
"""

CONTROL_LEVEL = 0.05
CONTROL_RUNGS = tuple(n for n, _ in RUNGS)
"""Replicates of each look at a control, at every tier: a weak one may need more than its claim did."""


def rungs(tier: str, fixed: int | None = None) -> tuple[tuple[int, float], ...]:
    """The looks a claim may take: (replicates, level), in order; a fixed n is one look at level .05.

    Raises:
        ValueError: an unknown tier, or a fixed number below one.
    """
    if tier not in ("quick", "standard", "full"):
        raise ValueError(f"unknown tier {tier!r}")
    if fixed is None:
        return QUICK_RUNGS if tier == "quick" else RUNGS
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


def judge_all(
    relations: Sequence[Relation], level: float, spent: float = 0.0
) -> tuple[Verdict, tuple[Evidence, ...]]:
    """The conjunction of k relations: each reproduced at ``level``, or one refuted at ``level`` / k.

    Args:
        relations: what must hold, all of it.
        level: one-sided, of this look.
        spent: the levels of earlier looks together, which the evidence of a sample records.
    """
    evidence = tuple(judge(relation, level, level / len(relations)) for relation in relations)
    if spent:
        evidence = tuple(msgspec.structs.replace(e, spent=spent) if e.level else e for e in evidence)
    return conjunction(e.verdict for e in evidence), evidence


def past_reproducing(relations: Sequence[Relation]) -> bool:
    """Whether a rate asked of every run has failed while most runs reach it: no further look can decide."""
    rates = [r for r in relations if isinstance(r, OfRate) and r.every]
    return any(len(r.x) * r.rate < successes(r)[1] < len(r.x) for r in rates)


def _judge_mean(r: OfMean, level: float, refute_level: float) -> Evidence:
    x, notes = r.x, _notes(r.x)
    verdict, p_value, p_typical = Verdict.INCONCLUSIVE, None, None
    mean, low, high = mean_interval(x, level)
    if len(x) >= FEWEST and math.isfinite(mean):
        holding, failing = holds(sample(x), *held(r)), fails(sample(x), *held(r))
        share = refute_level / len(failing)
        verdict = _verdict(bool(holding.both <= level), any(side.both <= share for side in failing))
        p_value, p_typical = float(holding.mean), float(holding.typical)
        if verdict is Verdict.INCONCLUSIVE:
            notes += _by_shape(holding, level) or [n for side in failing for n in _by_shape(side, share)]
    if math.isfinite(low) and deviation(x).floored:
        notes.append("no spread beyond the measure's resolution, which is not certainty: deviation floored")
    estimate, low_shown, high_shown = (shown(x, value) for value in (mean, low, high))
    if verdict is not Verdict.REPRODUCED and estimate is not None:
        where = "lies beyond the bound" if verdict is Verdict.REFUTED else "of the mean"
        notes.append(f"interval {span(low_shown, high_shown)} {where}")
    return _evidence(
        r,
        verdict,
        level,
        notes,
        estimate=estimate,
        low=low_shown,
        high=high_shown,
        lower_bound=r.lower,
        upper_bound=r.upper,
        spread=deviation(x).value if math.isfinite(low) else None,
        p_value=p_value,
        p_typical=p_typical,
    )


def _by_shape(reading: Readings, level: float) -> list[str]:
    """What to say where only one of the two readings decides."""
    mean, typical = reading.mean <= level, reading.typical <= level
    if mean == typical:
        return []
    sure, unsure = ("the mean", "the typical run") if mean else ("the typical run", "the mean")
    p, q = sorted((float(reading.mean), float(reading.typical)))
    said = f"{sure} decides (p = {p:.2g}), {unsure} does not (p = {q:.2g})"
    return [f"rests on the shape of the distribution: {said}"]


def _judge_rate(r: OfRate, level: float, refute_level: float) -> Evidence:
    n = len(r.x)
    surely, perhaps = successes(r)
    low, high = rate_interval(surely, n, level).low, rate_interval(perhaps, n, level).high
    p = float(share_p(surely, n, r.rate)) if surely == n or not r.every else 1.0
    refuted = rate_interval(perhaps, n, refute_level).high < r.rate
    verdict = _verdict(p <= level, refuted) if n >= FEWEST else Verdict.INCONCLUSIVE
    notes = _notes(r.x)
    if verdict is not Verdict.REPRODUCED:
        notes.append(f"{surely} of {n} replicates, a rate within {span(low, high)}")
    elif r.every:
        passing = 0.5 ** (1 / n)  # the rate at which n of n are as likely as not
        notes.append(f"every one of {n}, as would be half of the time at a true rate of {passing:.2f}")
    return _evidence(
        r,
        verdict,
        level,
        notes,
        estimate=surely / n if n else None,
        low=low,
        high=high,
        lower_bound=r.rate,
        p_value=p if n >= FEWEST else None,
    )


def _judge_some(r: OfSome) -> Evidence:
    x, (surely, _) = r.x, successes(r)
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
    return _evidence(r, verdict, 0.0, notes, estimate=shown(x, float(best)), **bounds)


def _judge_counts(r: OfCounts, level: float, refute_level: float) -> Evidence:
    import numpy as np

    n = sum(r.counts)
    chance = multinomial_p(r.counts, r.probabilities)
    pairs = tuple(zip(r.counts, r.probabilities, strict=True))
    furthest = float(furthest_from(np.asarray([r.counts]), r.probabilities, level)[0])
    rejected = chance < refute_level
    verdict = _verdict(furthest < r.within, rejected) if n else Verdict.INCONCLUSIVE
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
        uncontrolled=r.uncontrolled,
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
        uncontrolled=r.uncontrolled,
        estimate=finite(r.difference),
        upper_bound=r.tolerance,
        reason="" if holds else f"the largest difference is {r.difference:.4g}",
        values=(finite(r.difference),),
    )


def _evidence(
    r: Replicated, verdict: Verdict, level: float, notes: Sequence[str], **numbers: float | None
) -> Evidence:
    judged = Evidence(
        relation=r.kind,
        statement=r.statement,
        verdict=verdict,
        n=len(r.x),
        level=level,
        because=r.because,
        uncontrolled=r.uncontrolled,
        reason="; ".join(notes),
        values=tuple(shown(r.x, float(value)) for value in r.x.values),
        logarithmic=isinstance(r, OfMean) and r.x.logarithmic,
    )
    return msgspec.structs.replace(judged, **numbers)


def _verdict(reproduced: bool, refuted: bool) -> Verdict:
    if refuted:
        return Verdict.REFUTED
    return Verdict.REPRODUCED if reproduced else Verdict.INCONCLUSIVE


def successes(r: OfRate | OfSome) -> tuple[int, int]:
    """How many replicates surely and how many perhaps lie within the bounds; a diverged run does not."""
    surely, perhaps = reached(sample(r.x), *held(r), strict=isinstance(r, OfRate) and r.strict)
    return int(surely), int(perhaps)


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


def held(r: Replicated) -> tuple[float | None, float | None]:
    """The bounds in the units in which values are held (logs, for a ratio)."""
    lower, upper = (
        math.log(bound) if r.x.logarithmic and bound is not None else bound for bound in (r.lower, r.upper)
    )
    return lower, upper


def shown(x: Measured, value: float) -> float | None:
    """A held value in the units shown; None if it is not a finite number."""
    if x.logarithmic:
        value = exponential(value)
    return finite(value)


def span(low: float | None, high: float | None) -> str:
    """Both ends of an interval for people; None is an open end."""
    ends = ("−∞" if low is None else f"{low:.4g}", "∞" if high is None else f"{high:.4g}")
    return f"[{ends[0]}, {ends[1]}]"
