"""What is kept in a store because it is worth seconds, and computed again where it is torn, foreign or gone.

    <root>/v1/exact/abcd...        examples tried, and the counterexample where there was one, sealed
    <root>/v1/rehearsals/abcd...   which curves a claim's body was heard to read, sealed
    <root>/v1/judgements/abcd...   how an item came out, and the records that it read, sealed
    <root>/v1/drawings/abcd...     a figure as it was drawn, sealed

Being worth seconds, none of it is synced to the disk.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from typing import Generic, TypeVar

import msgspec

from harness.lab import durable
from harness.lab.records import sealed, unsealed
from harness.lab.store import Store, StoreError

MOST_BYTES = 2**20


class Keyed(msgspec.Struct, frozen=True, kw_only=True):
    """A value with the name by which it is kept.

    Attributes:
        key: a digest of all that it was computed from, 64 hex digits.
    """

    key: str


N = TypeVar("N", bound=Keyed)


class Unsynced(Generic[N]):
    """The values of one kind that a store keeps unsynced.

    Args:
        folder: where in the store they lie, one of ``marked.PARTS``.
        kind: their type.
        fresh: whether none is read, so that all are computed anew.
    """

    def __init__(self, store: Store, folder: str, kind: type[N], *, fresh: bool = False) -> None:
        self.store, self.folder, self.kind, self.fresh = store, folder, kind, fresh

    def read(self, key: str) -> N | None:
        """The value of this name; None if there is none that can be trusted."""
        if self.fresh:
            return None
        try:
            data = durable.plain_bytes(self.store.root / self.folder / key, MOST_BYTES)
        except OSError:
            return None
        value = unsealed(data, self.kind)
        return value if value is not None and value.key == key else None

    def keep(self, value: N) -> None:
        """Keep it for later sessions; where the disk refuses, it is computed again then."""
        with contextlib.suppress(OSError, StoreError):
            self.store.prepare()
            draft = self.store.root / "tmp" / uuid.uuid4().hex
            draft.write_bytes(sealed(value))
            os.replace(draft, self.store.root / self.folder / value.key)
