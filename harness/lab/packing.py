"""What a unit takes along when it leaves: what its runs start from, and their last checkpoints."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from harness.lab import arrays, durable
from harness.lab.away import Files, Luggage
from harness.lab.engine import Engine
from harness.lab.records import RECORD, WEIGHTS
from harness.lab.runs import Fleet
from harness.lab.store import Store

PARENTS_BYTES = 2**30
"""Bytes of parents' records that are kept on the way, so that each is sent but once."""


class Packing:
    """Packs for units; a parent of many is sent once, and referred to by all.

    Args:
        store: where records and checkpoints are; engine: what sends them.
        only_of: the session whose checkpoints count alone; empty where all do.
    """

    def __init__(self, store: Store, engine: Engine, only_of: str) -> None:
        self._store, self._engine, self._only_of = store, engine, only_of
        self._parents: OrderedDict[str, tuple[Any, int]] = OrderedDict()

    def packed(self, unit: Fleet) -> list[Any]:
        """References to all that a unit takes along."""
        return [*self._parents_of(unit), *map(self._engine.put, self._reached(unit))]

    def _parents_of(self, unit: Fleet) -> list[Any]:
        """References to the records that a unit's runs start from; each is sent once."""
        keys = dict.fromkeys(parent.key for run in unit.runs for parent in run.parents)
        for key in keys:
            if key not in self._parents and (files := self._files_of(key)):
                reference = self._engine.put(Luggage(key=key, files=files))
                self._parents[key] = reference, sum(map(len, files.values()))
            elif key in self._parents:
                self._parents.move_to_end(key)
        references = [self._parents[key][0] for key in keys if key in self._parents]
        while len(self._parents) > len(keys) and self._bytes > PARENTS_BYTES:
            self._parents.popitem(last=False)
        return references

    @property
    def _bytes(self) -> int:
        return sum(size for _, size in self._parents.values())

    def _files_of(self, key: str) -> Files:
        """The files of a record; none if it is not whole, which who computes finds out."""
        folder = self._store.path(key)
        try:
            size = {name: (folder / name).stat().st_size for name in (RECORD, WEIGHTS)}
            return {name: durable.plain_bytes(folder / name, most=size[name]) for name in size}
        except (OSError, ValueError):
            return {}

    def _reached(self, unit: Fleet) -> Iterator[Luggage]:
        """The last checkpoints of a unit's runs."""
        for run in unit.runs:
            if resumed := self._store.resume(run.key, self._only_of):
                state, held = resumed
                yield Luggage(key=run.key, reached=(state, arrays.packed(held)))
