"""Outcomes of exact claims, kept in a store: what a body found that computes the same in every session."""

from __future__ import annotations

from harness.lab.store import Store
from harness.lab.unsynced import Keyed, Unsynced


class ExactOutcome(Keyed, frozen=True, kw_only=True):
    """How an exact body came out in one world.

    Attributes:
        examples: how many examples were tried, those of the search for a smaller counterexample included.
        counterexample: the smallest one in words, "" where there was none.
    """

    examples: int
    counterexample: str = ""


class ExactOutcomes(Unsynced[ExactOutcome]):
    """The exact outcomes of a store.

    Attributes:
        reused: the names of those that were read.
    """

    def __init__(self, store: Store, *, fresh: bool = False) -> None:
        super().__init__(store, "exact", ExactOutcome, fresh=fresh)
        self.reused: set[str] = set()

    def read(self, key: str) -> ExactOutcome | None:
        """The outcome of this name; None if there is none that can be trusted."""
        outcome = super().read(key)
        if outcome is None or outcome.examples < 0:
            return None
        self.reused.add(key)
        return outcome
