"""Whether checks tell a control's world from the claim's: by their verdicts there, or by a contrast."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import NamedTuple

from harness.evidence.inference import mean_interval
from harness.evidence.kinds import OfMean, OfRate, OfSome, Relation, Replicated
from harness.evidence.measured import Measured
from harness.evidence.outcome import Contrast, Evidence
from harness.evidence.statistics import CONTROL_LEVEL, held, judge, span, successes
from harness.spec.verdict import Verdict

CONTRAST_LEVEL = 0.01
"""One-sided level of a contrast at each look.

By simulation a control in which the claim holds by half a deviation then passes in 7.8 % at most over three
looks, and one that fails by as much costs 1 % of true claims.
"""


class Failing(NamedTuple):
    """A check's position in the claim, and the contrast that shows it to fail (None: it was refuted)."""

    position: int
    contrast: Contrast | None


def contrasts(
    claim_relations: Sequence[Relation], control_relations: Sequence[Relation]
) -> dict[int, Contrast]:
    """Claim minus control for each check they share (same position and kind), paired by replicate.

    t intervals, each side at ``CONTRAST_LEVEL``, of ratios in logs, by the check's position. Where the
    control's runs were censored at their budget its true numbers are larger, so the interval's lower side
    is open; where the claim's were, its upper side. Checks without a number per replicate, and those with
    a run that diverged, are left out.

    Raises:
        ValueError: claim and control have different numbers of replicates.
    """
    paired = {}
    for position, (claim, control) in enumerate(zip(claim_relations, control_relations, strict=False)):
        if (
            isinstance(claim, Replicated)
            and isinstance(control, Replicated)
            and claim.kind == control.kind
            and (contrast := _contrast(claim.x, control.x)) is not None
        ):
            paired[position] = contrast
    return paired


def _contrast(claim: Measured, control: Measured) -> Contrast | None:
    seen = (dataclasses.replace(x, censored=x.censored & False) for x in (claim, control))
    estimate, low, high = mean_interval(next(seen) - next(seen), CONTRAST_LEVEL)
    if not all(map(math.isfinite, (estimate, low, high))):
        return None
    return Contrast(
        statement=f"claim - control of {'log ' * claim.logarithmic}{claim.name}",
        estimate=estimate,
        low=None if control.censored.any() else low,
        high=None if claim.censored.any() else high,
    )


def failing(
    claim_relations: Sequence[Relation],
    control_relations: Sequence[Relation],
    paired: dict[int, Contrast],
) -> tuple[Failing, ...]:
    """The claim's checks that fail in the control's world, each judged alone.

    A check fails where it is refuted at ``CONTROL_LEVEL``, or where its estimate lies on the wrong side of
    its bound and claim and control differ, by their contrast, towards that side.
    """
    fails = []
    for position, (claim, control) in enumerate(zip(claim_relations, control_relations, strict=False)):
        if claim.kind != control.kind:
            continue
        if judge(control, CONTROL_LEVEL).verdict is Verdict.REFUTED:
            fails.append(Failing(position, None))
        elif position in paired and _wrong(control, paired[position]):
            fails.append(Failing(position, paired[position]))
    return tuple(fails)


def _wrong(control: Relation, contrast: Contrast) -> bool:
    """Is the control's estimate beyond a bound, and is the claim's surely less so?"""
    if not isinstance(control, (OfMean, OfRate, OfSome)):
        return False
    lower, upper = held(control)
    if isinstance(control, OfMean):
        mean = mean_interval(control.x, CONTRAST_LEVEL).mean
        too_low = lower is not None and mean <= lower
        too_high = upper is not None and mean >= upper
    else:  # a rate, or one success: where the typical run, or none at all, is within the bounds
        rate = control.rate if isinstance(control, OfRate) else 0.0
        missed = successes(control)[1] <= rate * len(control.x)
        too_low, too_high = missed and lower is not None, missed and upper is not None
    larger = contrast.low is not None and contrast.low > 0
    smaller = contrast.high is not None and contrast.high < 0
    return (too_low and larger) or (too_high and smaller)


def discriminates(
    positive: bool, checks: Sequence[Evidence], control_verdict: Verdict, fails: Sequence[Failing]
) -> tuple[bool, str]:
    """Whether the checks tell the control's world from the claim's, and by which rule."""
    came_out = f"it came out {control_verdict.value}"
    if positive:
        return control_verdict is Verdict.REPRODUCED, came_out
    if not fails:
        return False, f"{came_out}, and no check fails there, alone or by a paired contrast with the claim"
    how = came_out
    if len(checks) > 1:
        how += f", and {len(fails)} of {len(checks)} checks fail there"
    for contrast in (f.contrast for f in fails if f.contrast):
        how += f"; {contrast.statement} excludes zero: {span(contrast.low, contrast.high)}"
    return True, how
