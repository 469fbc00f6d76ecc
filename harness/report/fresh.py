"""What a judgement on fresh replicates says of an earlier one: which verdicts came again."""

from __future__ import annotations

import enum
from collections import Counter

import msgspec

from harness.evidence.schema import ClaimReport, Report
from harness.report import diff
from harness.spec.verdict import Expected, Verdict

DECIDED = {Verdict.REPRODUCED, Verdict.REFUTED}


class Recurrence(enum.StrEnum):
    """How a verdict on fresh replicates stands to the one before, the worst first.

    ``DECLARED``: another one, but the claim declares both, since chance decides between them.
    """

    OPPOSITE = "opposite"
    OTHER = "other"
    DECLARED = "declared"
    SAME = "same"


class JudgedAgain(msgspec.Struct, frozen=True, kw_only=True):
    """An item's verdict before and on fresh replicates.

    ``chance``: of the same verdict, as foretold before (None where it was not).
    ``n_before`` and ``n_after``: replicates (or examples) of the check that had most; ``reason``: why it
    came out so on the fresh ones; ``expected``: what the claim declares, and why.
    """

    id: str
    tier: str
    says: str
    outcome: Recurrence
    before: Verdict
    after: Verdict
    n_before: int
    n_after: int
    reason: str
    expected: Expected
    expected_because: str
    chance: float | None = None


class FreshComparison(msgspec.Struct, frozen=True, kw_only=True):
    """A judgement on fresh replicates beside an earlier one.

    Attributes:
        tier: what was judged.
        replicates_before, replicates_after: as ``Provenance.replicates`` has them.
        same, declared, other, opposite: how many items came out so.
        items: those that both reports have, the worst first.
        unknown: items that the earlier report lacks, by id.
        restated: how many ask something else than in the earlier report, so that it foretells nothing.
    """

    tier: str
    replicates_before: str
    replicates_after: str
    same: int
    declared: int
    other: int
    opposite: int
    items: tuple[JudgedAgain, ...]
    unknown: tuple[str, ...]
    restated: int

    @property
    def headline(self) -> str:
        """``257 of 263 the same, 4 another that they declare, 2 inconclusive instead, none opposite``."""
        instead = Counter(item.after for item in self.items if item.outcome is Recurrence.OTHER)
        others = (f"{instead[verdict]} {verdict} instead" for verdict in Verdict if instead[verdict])
        counted = f"{self.same} of {len(self.items)} the same"
        declared = [f"{self.declared} another that they declare"] if self.declared else []
        return ", ".join([counted, *declared, *others, f"{self.opposite or 'none'} opposite"])


def compare(before: Report, after: Report, tier: str) -> FreshComparison:
    """How the items of a tier came out on fresh replicates.

    Raises:
        ValueError: the earlier report has nothing of the tier, or read the same replicates (one line).
    """
    require_comparable(before, tier, after.provenance.first_replicate)
    old, new = ({c.id: c for c in report.claims if c.tier == tier} for report in (before, after))
    items = [_judged_again(old[name], claim) for name, claim in new.items() if name in old]
    counts = Counter(item.outcome for item in items)
    restated = {item.id for item in diff.compare(before, after).restated if item.tier == tier}
    return FreshComparison(
        tier=tier,
        replicates_before=before.provenance.replicates,
        replicates_after=after.provenance.replicates,
        same=counts[Recurrence.SAME],
        declared=counts[Recurrence.DECLARED],
        other=counts[Recurrence.OTHER],
        opposite=counts[Recurrence.OPPOSITE],
        items=tuple(sorted(items, key=_worst)),
        unknown=tuple(name for name in new if name not in old),
        restated=len(restated),
    )


def _worst(item: JudgedAgain) -> tuple[int, float]:
    """The opposite first, then what was least sure."""
    return list(Recurrence).index(item.outcome), 1.0 if item.chance is None else item.chance


def require_comparable(before: Report, tier: str, first: int) -> None:
    """Refuse a report with which nothing can be compared that reads replicates from ``first`` on.

    Raises:
        ValueError: it has nothing of the tier, or read the same replicates (one line).
    """
    if not any(claim.tier == tier for claim in before.claims):
        raise ValueError(f"that report has no claim of tier {tier}: it is of {' and '.join(before.tiers)}")
    if before.provenance.first_replicate == first:
        raise ValueError(f"that report is of the same replicates ({before.provenance.replicates})")


def _judged_again(a: ClaimReport, b: ClaimReport) -> JudgedAgain:
    if a.verdict is b.verdict:
        outcome = Recurrence.SAME
    elif {a.verdict, b.verdict} == DECIDED:
        outcome = Recurrence.OPPOSITE
    elif b.expected.is_set and b.expected.allows(a.verdict) and b.expected.allows(b.verdict):
        outcome = Recurrence.DECLARED
    else:
        outcome = Recurrence.OTHER
    return JudgedAgain(
        id=b.id,
        tier=b.tier,
        says=b.says,
        outcome=outcome,
        before=a.verdict,
        after=b.verdict,
        n_before=_most(a),
        n_after=_most(b),
        reason=b.reason,
        expected=b.expected,
        expected_because=b.expected_because,
        chance=a.chance,
    )


def _most(claim: ClaimReport) -> int:
    return max((check.n for check in claim.checks), default=0)
