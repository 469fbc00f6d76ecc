"""``python -m harness store gc``: remove what no claim of this checkout can read."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness import commands as shared
from harness.commands import selection
from harness.spec import ANEW, TIERS, Anew, plain

if TYPE_CHECKING:
    from harness.lab.store import Store, Unneeded


def gc(options: argparse.Namespace) -> int:
    """Remove what no claim of this checkout can read, or say what would be removed.

    Only what a marked store holds under the name of a run or a draft goes; 1 if some of it could not.

    Raises:
        ValueError: there are no claims here, there is no store, it is a file of shipped records or not a
            store's folder alone, or it cannot be written.
    """
    from harness.lab.store import DAY

    store = selection.opened(options)
    if not options.dry_run:
        store.prepare()
    readable, unsure = _readable(options, tuple(options.tiers) or TIERS)
    before = time.time() + (DAY if options.all else -DAY)
    removable = [u for u in store.unneeded(readable, before) if not _perhaps_read(store, u, unsure)]
    refused: list[str] = []
    gone = removable if options.dry_run else [u for u in removable if _removed(store, u, refused)]
    sizes: dict[str, list[int]] = {}
    for unneeded in gone:
        sizes.setdefault(unneeded.kind, []).append(unneeded.size)
    left = store.left()
    if options.json:
        removed = {kind: {"count": len(each), "bytes": sum(each)} for kind, each in sizes.items()}
        told = {"dry_run": options.dry_run, "removed": removed, "kept_without_data": sorted(unsure)}
        shared.print_json(told | {"left": left, "refused": refused})
        return 1 if refused else 0
    for what in sorted(unsure):
        print(f"kept, because its data is not here to tell whether a claim reads it: {what}")
    verb = "would remove" if options.dry_run else "removed"
    rows = [(verb, len(each), kind, shared.sized(sum(each))) for kind, each in sizes.items()]
    print("\n".join(shared.table(rows, right="13")) if rows else "nothing to remove")
    if left:
        print(f"left where they are, because no store names such: {len(left)}, {left[0]} among them")
    for why in refused:
        print(why, file=sys.stderr)
    return 1 if refused else 0


def _removed(store: Store, unneeded: Unneeded, refused: list[str]) -> bool:
    """Remove one thing; why it could not be is added to ``refused``, and the others go on."""
    from harness.lab.store import StoreError

    try:
        return store.remove(unneeded)
    except StoreError as error:
        refused.append(f"{unneeded.kind} {unneeded.path.name[:12]} stays: {error}")
        return False


def _readable(options: argparse.Namespace, tiers: Sequence[str]) -> tuple[set[str], set[str]]:
    """Keys of all runs that claims can read on any rung, and one-line names of what cannot be addressed.

    Those that they read when a tier is judged on fresh replicates are among them.
    """
    from harness.data.archives import DataError
    from harness.lab.names import Names
    from harness.lab.replicates import FRESH
    from harness.lab.runs import parts, with_parents
    from harness.suite.entries import item_of
    from harness.suite.listing import selected

    names = Names(selection.place_of(options).data_root)
    keys: set[str] = set()
    unsure: set[str] = set()
    for item in map(item_of, selected(Path.cwd(), tiers)):
        most = item.rungs()[-1][0]
        for value in (value for value, _ in item.needs()):
            try:
                anew = ANEW if isinstance(value, Anew) else 0
                replicates = [r + first + anew for first in (0, FRESH) for r in range(most)]
                runs = [names.run(part, r) for part in parts(plain(value)) for r in replicates]
                keys |= {run.key for run in with_parents(runs)}
            except DataError:
                unsure |= selection.whats(plain(value))
    return keys, unsure


def _perhaps_read(store: Store, unneeded: Unneeded, unsure: set[str]) -> bool:
    """Say whether a claim might read it whose address cannot be told, because its data is not here."""
    if not unsure or unneeded.kind not in ("record", "checkpoint"):
        return False
    record = store.peek(unneeded.path.name)
    return record.what in unsure if record else unneeded.kind == "checkpoint"
