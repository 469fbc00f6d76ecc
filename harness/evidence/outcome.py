"""What a check says, and how several checks and a control become one verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from harness.spec.verdict import Verdict


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """One relation, judged.

    Attributes:
        relation: the check's name (``all_reach``, ``above``, ...).
        statement: what must hold, in words and numbers.
        estimate, low, high: in the units of the measure; None where a side is unbounded or undefined.
        lower_bound, upper_bound: what the interval is held against; None where there is no such side.
        level: one-sided error level of the interval (0 for exact checks).
        n: replicates (or examples) judged.
        because: why this bound.
        verdict: reproduced, refuted or inconclusive.
        reason: why not reproduced, or what was noteworthy (censored runs, floored deviation).
        values: the per-replicate numbers judged, None where a run diverged.
        p_value: how often chance would look as good at this n: for a mean by Student's t, for a rate by the
            binomial distribution; None for what is exact and where nothing can be computed (too few
            replicates, a run that diverged).
        p_typical: the same of the typical run, by the exact binomial test of the replicates beyond the
            bound; None where no mean is judged.
        spent: the levels of earlier looks together; a p-value that counts the looks adds them.
        spread: standard deviation over replicates of what was judged, raised to its floor: in the units of
            the measure, or of logs where ``logarithmic``; None where the estimate is no mean.
        logarithmic: a mean of logs, shown as a ratio.
        uncontrolled: why no control can make this check fail; "" where one must.
    """

    relation: str
    statement: str
    verdict: Verdict
    n: int
    level: float
    because: str
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    lower_bound: float | None = None
    upper_bound: float | None = None
    reason: str = ""
    values: tuple[float | None, ...] = ()
    p_value: float | None = None
    spread: float | None = None
    logarithmic: bool = False
    p_typical: float | None = None
    spent: float = 0.0
    uncontrolled: str = ""


class Contrast(msgspec.Struct, frozen=True, kw_only=True):
    """Claim minus control, paired by replicate, for one check; None on a side left open by censoring."""

    statement: str
    estimate: float
    low: float | None
    high: float | None


class ControlOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The same body, judged in a world where its outcome is known.

    Attributes:
        says: what was changed, and why the claim must fail (or hold, if ``positive``).
        positive: True for a world where the claim must hold, needed to believe a refutation.
        verdict: how the body came out there.
        discriminates: the body told this world from the claim's.
        how: by which rule it discriminates, or why it does not.
        checks, contrasts, runs: the evidence, the paired differences and the runs read.
        failing: positions among the claim's checks of those that fail in this world.
        trivial: why it compares a world with itself, or exchanges two; "" if it does neither.
    """

    says: str
    positive: bool
    verdict: Verdict
    discriminates: bool
    how: str
    checks: tuple[Evidence, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    runs: tuple[str, ...] = ()
    failing: tuple[int, ...] = ()
    trivial: str = ""


def conjunction(verdicts: Iterable[Verdict]) -> Verdict:
    """All reproduced: reproduced; any refuted: refuted; else inconclusive; none at all: error."""
    seen = set(verdicts)
    if not seen:
        return Verdict.ERROR
    if Verdict.REFUTED in seen:
        return Verdict.REFUTED
    return Verdict.REPRODUCED if seen == {Verdict.REPRODUCED} else Verdict.INCONCLUSIVE


def uncovered(checks: Sequence[Evidence], controls: Sequence[ControlOutcome]) -> tuple[int, ...]:
    """Positions of the checks that fail in no negative control and do not say why none can make them fail."""
    covered = {position for control in controls if not control.positive for position in control.failing}
    return tuple(i for i, check in enumerate(checks) if i not in covered and not check.uncontrolled)


def with_controls(
    judged: Verdict,
    checks: Sequence[Evidence],
    controls: Sequence[ControlOutcome],
    *,
    proof: bool = False,
) -> tuple[Verdict, str]:
    """What the claim may be called once its controls are known, and why if that is less than its checks say.

    A reproduction needs negative controls of which each discriminates, and every check must fail in one of
    them; a refutation needs a positive control that came out reproduced, unless it rests on ``proof`` (a
    counterexample needs no second world).
    """
    if judged is Verdict.REPRODUCED:
        reason = _reproduction_doubted(checks, controls)
    elif judged is Verdict.REFUTED and not proof:
        reason = _refutation_doubted(controls)
    else:
        reason = ""
    return (Verdict.INCONCLUSIVE, reason) if reason else (judged, "")


def _reproduction_doubted(checks: Sequence[Evidence], controls: Sequence[ControlOutcome]) -> str:
    negative = [c for c in controls if not c.positive]
    if not negative:
        return "no control: nothing shows that this test can fail"
    if blind := [c for c in negative if not c.discriminates]:
        return f"its control does not discriminate ({blind[0].says}: {blind[0].how})"
    if free := uncovered(checks, controls):
        more = f" and {len(free) - 1} more" if free[1:] else ""
        return f"no control makes a check fail ({checks[free[0]].statement}){more}: add one, or uncontrolled="
    return ""


def _refutation_doubted(controls: Sequence[ControlOutcome]) -> str:
    positive = [c for c in controls if c.positive]
    if not positive:
        return "refuted by its checks, but no positive control shows that it can hold"
    if failed := [c for c in positive if not c.discriminates]:
        return f"its positive control did not come out reproduced ({failed[0].says})"
    return ""
