"""A sample of a stranger's runs, computed again: only that shows that records came of such trainings."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import msgspec

from harness.commands import trees
from harness.lab import provenance
from harness.report.audit import Audited, Finding, shown

if TYPE_CHECKING:
    from harness.commands.trees import CodeNames
    from harness.evidence.schema import Report
    from harness.lab.records import Record

SECONDS = 60
"""Of a longer training only the first epochs are computed, about so many seconds."""


def findings(
    done: Audited,
    records: Mapping[str, Record],
    code: CodeNames,
    tree: Path,
    data_root: Path,
    count: int,
    report: Report,
) -> Iterator[Finding]:
    """Compute so many runs again by a tree's code; what of their records came out otherwise.

    On the processor that is told every number must be equal to the bit; on another one rounding differs, and
    with it what was trained: then it is a note, with the largest difference.
    """
    seed = secrets.randbits(32)
    sample = sampled(records, code, count, seed)
    done.notes.append(f"{len(sample)} runs to compute again were drawn with seed {seed}")
    alike = report.provenance.processor == provenance.processor()
    for record, computed, epochs in _computed(sample, tree, data_root):
        if computed is None:
            done.notes.append(f"record {record.key[:12]} could not be computed again: {shown(record.what)}")
            continue
        done.again += 1
        if wrong := _difference(record, computed, epochs):
            says = f"computed again {wrong}, of {shown(record.what, most=120)}"
            if alike:
                yield Finding(where=f"record {record.key[:12]}", says=says)
            else:
                done.notes.append(f"record {record.key[:12]}: {says} (told of another processor)")


def sampled(
    records: Mapping[str, Record], code: CodeNames, count: int, seed: int
) -> list[tuple[Record, int | None]]:
    """Records drawn by chance, and how many of their first epochs to compute (None: all)."""
    known = {one.address for one in code.names.values() if not one.believed}
    fit = sorted(key for key, record in records.items() if record.address in known and _short(record))
    drawn = Random(seed).sample(fit, min(count, len(fit)))
    return [(records[key], _epochs(records[key])) for key in drawn]


def _short(record: Record) -> bool:
    """Can it be computed in time, or be cut?"""
    return record.seconds <= SECONDS or record.epochs > 0


def _epochs(record: Record) -> int | None:
    if record.seconds <= SECONDS or not record.epochs:
        return None
    return max(1, int(record.epochs * SECONDS / record.seconds))


def _computed(
    sample: list[tuple[Record, int | None]], tree: Path, data_root: Path
) -> Iterator[tuple[Record, Record | None, int | None]]:
    """Each record of a sample beside what the tree's code computes here, in a store of its own."""
    from harness.lab.store import Store

    with tempfile.TemporaryDirectory() as folder:
        asked, store = Path(folder) / "requests.json", Path(folder) / "store"
        requests = [[record.address, record.replicate, epochs] for record, epochs in sample]
        asked.write_bytes(msgspec.json.encode(requests))
        processes = str(provenance.cores())
        keys = trees.told(tree, "train", str(data_root), str(store), str(asked), processes)
        kept = Store(store)
        for record, epochs in sample:
            key = keys.get(f"{record.address} {record.replicate}", "")
            yield record, kept.read(key) if key else None, epochs


def _difference(record: Record, computed: Record, epochs: int | None) -> str:
    """What of a computation differs from its record, with the numbers; "" where it is equal to the bit."""
    from harness.lab.carrying import differs

    wrong = differs(record, computed, epochs)
    if not wrong:
        return ""
    pairs = [(n, x, computed.finals.get(n)) for n, x in record.finals.items() if epochs is None]
    for name, before, after in pairs:
        if before != after:
            return f"{shown(name, quoted=False)} is {after}, not {before}"
    return f"its {wrong} differ"
