"""Seconds that runs took, as a store tells them: of a core as they were noted, of a GPU by its records."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from harness.lab import gpu_kinds
from harness.lab.durations import is_of_gpu
from harness.lab.records import Record
from harness.lab.runs import Run
from harness.lab.store import Store


class Timings:
    """Asks a store about runs; no record is read twice.

    Args:
        store: where runs are kept; device: on which the others are to be computed.
    """

    def __init__(self, store: Store, device: str) -> None:
        self._store, self._device = store, device
        self._seconds: dict[str, float | None] = {}

    def of(self, runs: Iterable[Run]) -> dict[str, float]:
        """Seconds by kind: of what a GPU computes only those of the same kind of GPU."""
        runs = list(runs)
        if self._device == "cpu":
            return self._store.timings(run.kind for run in runs)
        apart = {kind: is_of_gpu(value) for kind, value in {run.kind: run.value for run in runs}.items()}
        noted = self._store.timings(kind for kind, on_gpu in apart.items() if not on_gpu)
        by_kind: dict[str, list[float]] = {}
        for run in runs:
            if apart[run.kind] and (seconds := self._on_such_a_gpu(run)):
                by_kind.setdefault(run.kind, []).append(seconds)
        return noted | {kind: statistics.fmean(each) for kind, each in by_kind.items()}

    def _on_such_a_gpu(self, run: Run) -> float | None:
        """Seconds of its record, if such a GPU computed it."""
        if run.key not in self._seconds and (record := self._store.peek(run.key)):
            self._seconds[run.key] = record.seconds if _alike(record, self._device) else None
        return self._seconds.get(run.key)  # what is not there yet may come


def _alike(record: Record, device: str) -> bool:
    """Whether a record is of the kind of GPU that a device is planned as."""
    called, card = record.provenance.get("gpu", ""), gpu_kinds.of(device)
    told = gpu_kinds.named_in(called)
    return bool(called) and (called == card.called or (told is not None and told.name == card.name))
