"""Numbers that sources print, each with ours: what the checks of claims of that kind are held against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.evidence.outcome import Evidence
from harness.evidence.schema import ClaimReport
from harness.report.tally import Piece, by_kind
from harness.spec.said import Saying, numbers, printed_at
from harness.spec.verdict import Verdict


@dataclass(frozen=True)
class PrintedNumber:
    """One number of a source: its name there, and the check that judged it, if one could be made."""

    claim: ClaimReport
    name: str
    printed: float
    check: Evidence | None

    @property
    def tolerance(self) -> float | None:
        """How far the mean may be from it, in its own units."""
        if self.check is None or self.check.lower_bound is None or self.check.upper_bound is None:
            return None
        return (self.check.upper_bound - self.check.lower_bound) / 2

    @property
    def verdict(self) -> Verdict:
        """That of the number: its check's, as far as the controls of the claim allow it."""
        if self.check is None or self.claim.verdict is Verdict.INCONCLUSIVE:
            return self.claim.verdict
        return self.check.verdict


def tallies(claims: Sequence[ClaimReport], pieces: Iterable[Piece]) -> dict[Saying, Counter[Verdict]]:
    """Pieces of evidence by verdict for each kind that there is; of printed numbers, the numbers."""
    counts = by_kind(pieces)
    if Saying.PRINTED in counts:
        counts[Saying.PRINTED] = Counter(number.verdict for number in printed(claims))
    return counts


def printed(claims: Iterable[ClaimReport]) -> tuple[PrintedNumber, ...]:
    """The numbers of all claims of the kind, in their order."""
    return tuple(number for claim in claims if claim.kind is Saying.PRINTED for number in _numbers_of(claim))


def _numbers_of(claim: ClaimReport) -> Iterator[PrintedNumber]:
    """A number for each check, or each reported one where none was made."""
    known = numbers(claim.reported)
    if not claim.checks:
        yield from (PrintedNumber(claim, name, value, None) for name, value in known.items())
    for check in claim.checks:
        bounds = check.lower_bound, check.upper_bound
        for name, value in known.items():
            if printed_at(bounds, value):
                yield PrintedNumber(claim, name, value, check)
                break
