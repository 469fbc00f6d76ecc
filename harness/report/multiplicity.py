"""Many claims, each judged alone: p-values adjusted for their number, and how many verdicts may be false.

Nothing here changes a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.evidence.outcome import Evidence
from harness.evidence.schema import ClaimReport
from harness.evidence.statistics import holm
from harness.spec.verdict import Verdict

ERROR = 0.05
"""The most a claim's looks, or its one look at a fixed n, may err by together."""


def _statistical(claim: ClaimReport) -> bool:
    return any(check.level > 0 for check in claim.checks)


def _p(check: Evidence) -> float | None:
    """A check's p-value in both readings, to which the levels of the looks before it are added."""
    if check.p_value is None:
        return None
    return min(1.0, check.spent + max(check.p_value, check.p_typical or 0.0))


def p_value(claim: ClaimReport) -> float | None:
    """The p-value of a claim's checks together: the largest, for all of them must hold (Berger 1982).

    It counts the looks, so that it is a p-value wherever the ladder stopped. None where every check is exact,
    and where a check has none (too few replicates, a run that diverged, or a report that was written before
    p-values were).
    """
    values = [_p(check) for check in claim.checks if check.level > 0]
    known = [p for p in values if p is not None]
    if not values or len(known) < len(values):
        return None
    exact = (check.verdict for check in claim.checks if check.level == 0)
    return max(known) if all(verdict is Verdict.REPRODUCED for verdict in exact) else 1.0


def adjusted(claims: Iterable[ClaimReport]) -> dict[tuple[str, str], float]:
    """(id, tier) to Holm's p-value among all statistical claims of the same paper at the same tier.

    A claim without a p-value counts as one more test, and has none.
    """
    cells: dict[tuple[str, str], list[ClaimReport]] = {}
    for claim in filter(_statistical, claims):
        cells.setdefault((claim.paper, claim.tier), []).append(claim)
    p_values = {}
    for members in cells.values():
        raw = [p_value(claim) for claim in members]
        for claim, p, alone in zip(members, holm([1.0 if p is None else p for p in raw]), raw, strict=True):
            if alone is not None:
                p_values[claim.id, claim.tier] = p
    return p_values


def expected_false(claims: Iterable[ClaimReport]) -> float:
    """The most false verdicts to expect among those that rest on statistics: ``ERROR`` for each.

    If a claim is false it is reproduced, and if it is true refuted, with at most that probability: of the
    typical run whatever the distribution, of the mean where numbers per replicate are nearly normal.
    """
    decided = (Verdict.REPRODUCED, Verdict.REFUTED)
    return ERROR * sum(claim.verdict in decided and _statistical(claim) for claim in claims)
