"""``python -m harness store gc``: remove what no claim of this checkout can read."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness import commands as shared
from harness.commands import selection
from harness.spec import TIERS

if TYPE_CHECKING:
    from harness.lab.store import Store, Unneeded


def gc(options: argparse.Namespace) -> int:
    """Remove what no claim of this checkout can read, or say what would be removed.

    Raises:
        ValueError: there are no claims here, there is no store, or it is a file of shipped records.
    """
    from harness.lab.shipped import Shipped
    from harness.lab.store import DAY

    store = selection.opened(options)
    if isinstance(store, Shipped):
        raise ValueError("shipped records are only read: give a directory")
    readable, unsure = _readable(options, tuple(options.tiers) or TIERS)
    before = time.time() + (DAY if options.all else -DAY)
    removable = [u for u in store.unneeded(readable, before) if not _perhaps_read(store, u, unsure)]
    if not options.dry_run:
        for unneeded in removable:
            store.remove(unneeded)
    sizes: dict[str, list[int]] = {}
    for unneeded in removable:
        sizes.setdefault(unneeded.kind, []).append(unneeded.size)
    if options.json:
        told = {kind: {"count": len(each), "bytes": sum(each)} for kind, each in sizes.items()}
        shared.print_json({"dry_run": options.dry_run, "removed": told, "kept_without_data": sorted(unsure)})
        return 0
    for what in sorted(unsure):
        print(f"kept, because its data is not here to tell whether a claim reads it: {what}")
    verb = "would remove" if options.dry_run else "removed"
    rows = [(verb, len(each), kind, shared.sized(sum(each))) for kind, each in sizes.items()]
    print("\n".join(shared.table(rows, right="13")) if rows else "nothing to remove")
    return 0


def _readable(options: argparse.Namespace, tiers: Sequence[str]) -> tuple[set[str], set[str]]:
    """Keys of all runs that claims can read on any rung, and one-line names of what cannot be addressed.

    Those that they read when a tier is judged on fresh replicates are among them.
    """
    from harness.data.archives import DataError
    from harness.lab.names import Names
    from harness.lab.replicates import FRESH
    from harness.lab.runs import parts, with_parents
    from harness.suite.entries import item_of
    from harness.suite.listing import functions

    names = Names(selection.place_of(options).data_root)
    keys: set[str] = set()
    unsure: set[str] = set()
    for item in map(item_of, functions(Path.cwd(), tiers)):
        most = item.rungs()[-1][0]
        for value in (value for value, _ in item.needs()):
            try:
                replicates = [r + first for first in (0, FRESH) for r in range(most)]
                runs = [names.run(part, r) for part in parts(value) for r in replicates]
                keys |= {run.key for run in with_parents(runs)}
            except DataError:
                unsure |= selection.whats(value)
    return keys, unsure


def _perhaps_read(store: Store, unneeded: Unneeded, unsure: set[str]) -> bool:
    """Say whether a claim might read it whose address cannot be told, because its data is not here."""
    if not unsure or unneeded.kind not in ("record", "checkpoint"):
        return False
    record = store.peek(unneeded.path.name)
    return record.what in unsure if record else unneeded.kind == "checkpoint"
