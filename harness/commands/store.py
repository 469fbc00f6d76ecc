"""``python -m harness store``: see, verify, clean and export the records of runs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness import commands as shared
from harness.commands import carrying, selection
from harness.commands.carrying import carry
from harness.commands.cleaning import gc
from harness.commands.exporting import export
from harness.spec import TIERS, plain

if TYPE_CHECKING:
    from harness.lab.store import Store

EXAMPLES = """
ls                        what there is: records, bytes, seconds of training, tiers that read it
ls --json                 for programs
verify                    every checksum; what is torn is set aside and trained anew when needed
gc --dry-run              what no claim of this checkout can read any more
gc                        remove that, unless it is younger than a day (--all: also then)
gc quick                  keep only what the quick tier can read
carry --from 1f19304      records of that commit under their names of now, if a sample comes out equal
export reports/standard   what that report read, as one small file beside it, for --store FILE
"""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a store has of one specification.

    Attributes:
        what: the specification in one line; records: how many replicates there are, with their bytes.
        seconds: of training, of all of them.
        tiers: those of this checkout's claims that name it.
    """

    what: str
    records: int
    bytes: int
    seconds: float
    tiers: tuple[str, ...]


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What ``store ls --json`` prints."""

    records: int
    bytes: int
    seconds: float
    unreadable: int
    specifications: tuple[Kept, ...]


def add(commands: Any) -> None:
    """Add the parsers of ``store``."""
    parser = shared.parser(commands, "store", "see, verify, clean, export and carry the records", EXAMPLES)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ls|verify|gc|export|carry")
    listing = actions.add_parser("ls", help="what there is")
    verifying = actions.add_parser("verify", help="check every record; 1 if any was torn (it is set aside)")
    cleaning = actions.add_parser("gc", help="remove what no claim of this checkout can read")
    exporting = actions.add_parser("export", help="write what a report read as one file, without weights")
    proving = actions.add_parser(
        "carry", help="give records of an earlier commit their names of now, by proof"
    )
    for action, does in (
        (listing, ls),
        (verifying, verify),
        (cleaning, gc),
        (exporting, export),
        (proving, carry),
    ):
        action.set_defaults(run=does)
        selection.add_place(action, data=action in (cleaning, exporting, proving))
    for action in (listing, verifying, cleaning):
        action.add_argument("--json", action="store_true", help="as JSON, for programs")
    cleaning.add_argument(
        "tiers", nargs="*", type=selection.tier, metavar="TIER", help="keep what these read (default: all)"
    )
    cleaning.add_argument("--dry-run", action="store_true", help="say what would be removed, and stop")
    cleaning.add_argument("--all", action="store_true", help="also what is younger than a day")
    carrying.add(proving)
    exporting.add_argument(
        "report", type=selection.path, metavar="REPORT_DIR", help="the folder of report.json"
    )
    exporting.add_argument(
        "--out", type=selection.path, metavar="FILE", help="default: REPORT_DIR/records.jsonl.gz"
    )


def ls(options: argparse.Namespace) -> int:
    """List what there is by specification, the largest first."""
    contents = listed(selection.opened(options), _tiers_by_what())
    if options.json:
        shared.print_json(contents)
        return 0
    rows: list[Sequence[str]] = [("records", "size", "trained", "read by", "what")]
    for kept in contents.specifications:
        seconds = f"{kept.seconds:.0f} s"
        tiers = ", ".join(kept.tiers) or "no claim"
        rows.append((str(kept.records), shared.sized(kept.bytes), seconds, tiers, kept.what))
    print("\n".join(shared.table(rows, right="012")))
    print(f"{contents.records} records, {shared.sized(contents.bytes)}, {contents.seconds:.0f} s of training")
    if contents.unreadable:
        print(f"{contents.unreadable} more cannot be read: python -m harness store verify")
    return 0


def listed(store: Store, tiers: dict[str, set[str]]) -> Contents:
    """Everything in a store by specification; torn records are counted and left where they are."""
    records: dict[str, list[tuple[int, float]]] = {}
    unreadable = 0
    for key in store.keys():  # noqa: SIM118 - not a dict
        record = store.peek(key)
        if record is None:
            unreadable += 1
        else:
            records.setdefault(record.what, []).append((store.size(key), record.seconds))
    kept = [
        Kept(
            what=what,
            records=len(each),
            bytes=sum(size for size, _ in each),
            seconds=round(sum(seconds for _, seconds in each), 1),
            tiers=tuple(tier for tier in TIERS if tier in tiers.get(what, ())),
        )
        for what, each in records.items()
    ]
    return Contents(
        records=sum(each.records for each in kept),
        bytes=sum(each.bytes for each in kept),
        seconds=round(sum(each.seconds for each in kept), 1),
        unreadable=unreadable,
        specifications=tuple(sorted(kept, key=lambda each: (-each.bytes, each.what))),
    )


def _tiers_by_what() -> dict[str, set[str]]:
    """The tiers that name a specification, by its line; nothing outside a checkout."""
    from harness.suite.entries import item_of, tier_of
    from harness.suite.listing import functions

    if not Path("claims").is_dir():
        return {}
    tiers: dict[str, set[str]] = {}
    for function in functions(Path.cwd()):
        for value, _ in item_of(function).needs():
            for what in selection.whats(plain(value)):
                tiers.setdefault(what, set()).add(tier_of(function))
    return tiers


def verify(options: argparse.Namespace) -> int:
    """Check every record to the last byte; 1 if any was torn."""
    store = selection.opened(options)
    keys = store.keys()
    torn = [key for key in keys if not store.verify(key)]
    stays = set(store.keys()) & set(torn)
    if options.json:
        shared.print_json({"records": len(keys), "torn": torn})
        return 1 if torn else 0
    for key in torn:
        print(
            f"torn or unreadable, and cannot be set aside: {key}"
            if key in stays
            else f"torn, set aside: {key}"
        )
    print(f"{len(keys)} records, {len(torn)} torn")
    return 1 if torn else 0
