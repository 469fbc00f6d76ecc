"""How far verdicts can be trusted: how sure each is to come again, and what no control makes fail."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.evidence.outcome import Evidence, uncovered
from harness.evidence.schema import ClaimReport

SURE = 0.99
"""Verdicts whose chance to come again is at least this are counted and not listed."""


@dataclass(frozen=True)
class Recurring:
    """The items of which chance decides, the least sure first; ``sure`` and ``certain`` are counts.

    ``certain`` items rest on nothing that is left to chance, or on too few replicates to say.
    """

    items: tuple[tuple[ClaimReport, float], ...]
    sure: int
    certain: int


def recurring(claims: Iterable[ClaimReport]) -> Recurring:
    """The chance of each verdict to come again on fresh replicates, lowest first."""
    everything = list(claims)
    chances = [(claim, claim.chance) for claim in everything if claim.chance is not None]
    unsure = sorted(((c, p) for c, p in chances if p < SURE), key=lambda pair: pair[1])
    return Recurring(tuple(unsure), len(chances) - len(unsure), len(everything) - len(chances))


def uncontrolled(claims: Iterable[ClaimReport]) -> tuple[tuple[ClaimReport, Evidence, str], ...]:
    """Checks that fail in no negative control, with why none can make them fail ("" if nothing is said).

    Only claims that have a negative control are asked. Reports from before controls told which checks
    fail in them say nothing of this.
    """
    rows = []
    for claim in claims:
        negative = [control for control in claim.controls if not control.positive]
        if not negative or any(c.discriminates and not c.failing for c in negative):
            continue
        free = set(uncovered(claim.checks, claim.controls))
        rows += [
            (claim, check, check.uncontrolled)
            for position, check in enumerate(claim.checks)
            if position in free or check.uncontrolled
        ]
    return tuple(rows)
