"""Outcomes of exact claims on disk: what a body found that computes the same in every session.

    <root>/v1/exact/abcd...        examples tried, and the counterexample where there was one, sealed

They are worth seconds, so they are not synced to the disk: one that is torn or foreign is computed again.
"""

from __future__ import annotations

import contextlib
import os
import uuid

import msgspec

from harness.lab import durable
from harness.lab.records import sealed, unsealed
from harness.lab.store import Store, StoreError

FOLDER = "exact"
MOST_BYTES = 2**20


class ExactOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an exact body came out in one world.

    Attributes:
        key: the name by which it is kept, 64 hex digits.
        examples: how many examples were tried, those of the search for a smaller counterexample included.
        counterexample: the smallest one in words, "" where there was none.
    """

    key: str
    examples: int
    counterexample: str = ""


class ExactOutcomes:
    """The exact outcomes of a store.

    Args:
        fresh: whether none is read, so that all are computed anew.

    Attributes:
        reused: the names of those that were read.
    """

    def __init__(self, store: Store, *, fresh: bool = False) -> None:
        self.store, self.fresh = store, fresh
        self.reused: set[str] = set()

    def read(self, key: str) -> ExactOutcome | None:
        """The outcome of this name; None if there is none that can be trusted."""
        if self.fresh:
            return None
        try:
            data = durable.plain_bytes(self.store.root / FOLDER / key, MOST_BYTES)
        except OSError:
            return None
        outcome = unsealed(data, ExactOutcome)
        if outcome is None or outcome.key != key or outcome.examples < 0:
            return None
        self.reused.add(key)
        return outcome

    def keep(self, outcome: ExactOutcome) -> None:
        """Keep it for later sessions; where the disk refuses, it is computed again then."""
        with contextlib.suppress(OSError, StoreError):
            self.store.prepare()
            draft = self.store.root / "tmp" / uuid.uuid4().hex
            draft.write_bytes(sealed(outcome))
            os.replace(draft, self.store.root / FOLDER / outcome.key)
