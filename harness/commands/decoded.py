"""``python -m harness data gc``: decoded images that no claim of this checkout reads, told and removed."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness import commands as shared
from harness.commands import selection

if TYPE_CHECKING:
    from harness.data.decoded_folders import DecodedFolder

REMEDY = "python -m harness data gc"
"""What removes them."""
DAY = 86_400.0


class KeptImages(msgspec.Struct, frozen=True, kw_only=True):
    """Decoded images as ``--json`` tells them.

    Attributes:
        folder: its name; bytes: of the disk; days: since it was written to; is_read: a claim here reads it.
    """

    folder: str
    bytes: int
    days: float
    is_read: bool


def add(actions: Any) -> None:
    """Add the parser of ``gc``."""
    what = "remove decoded images that no claim of this checkout reads: of other sizes, contents or decoders"
    action = actions.add_parser("gc", help=what, description=what)
    selection.add_place(action, store=False)
    action.add_argument("--all", action="store_true", help="also what was written within a day")
    action.add_argument("--dry-run", action="store_true", help="say what would be removed")
    action.add_argument("--json", action="store_true", help="as JSON, for programs")
    action.set_defaults(run=gc)


def gc(options: argparse.Namespace) -> int:
    """Remove folders of decoded images that no claim here reads, or say which; 1 if one could not be.

    What was written within a day may be another checkout's, which is at it.

    Raises:
        ValueError: there are no claims here, or the data root cannot be used.
    """
    from harness.data.archives import DataError
    from harness.data.decoded_folders import remove

    folders = here(selection.data_root_of(options))
    before = time.time() + (DAY if options.all else -DAY)
    refused: list[str] = []
    gone: list[DecodedFolder] = []
    for folder in (folder for folder in folders if not folder.is_read and folder.changed < before):
        try:
            if not options.dry_run:
                remove(folder)
            gone.append(folder)
        except DataError as error:
            refused.append(str(error))
    if options.json:
        removed, kept = [plain(f) for f in gone], [plain(f) for f in folders if f not in gone]
        shared.print_json({"dry_run": options.dry_run, "removed": removed, "kept": kept, "refused": refused})
        return 1 if refused else 0
    verb = "would remove" if options.dry_run else "removed"
    lines = [f"{verb} {told(folder)}" for folder in gone]
    reasons = {True: "claims here read it", False: "it was written within a day: --all removes it too"}
    kept_ones = (folder for folder in folders if folder.is_read or folder.changed >= before)
    lines += [f"kept {told(folder)}: {reasons[folder.is_read]}" for folder in kept_ones]
    print("\n".join(lines or ["nothing to remove"]))
    for why in refused:
        print(why, file=sys.stderr)
    return 1 if refused else 0


def here(root: Path) -> list[DecodedFolder]:
    """The folders of decoded images of this data root, those that claims here read marked so.

    Raises:
        ValueError: there are no claims here.
    """
    from harness.data.decoded_folders import decoded_folders
    from harness.data.image_folder import ImageFolder
    from harness.data.kept_pixels import place_of
    from harness.spec import plain as plain_of
    from harness.spec import values_in
    from harness.suite.entries import item_of
    from harness.suite.listing import selected

    place = place_of(root)
    if place is None or not place.is_dir():
        return []
    values = (v for f in selected(Path.cwd()) for v in item_of(f).computed())
    inner = (part for value in values for part in values_in(plain_of(value)))
    return decoded_folders(place, root, {data for data in inner if isinstance(data, ImageFolder)})


def plain(folder: DecodedFolder) -> KeptImages:
    """What ``--json`` tells of a folder."""
    days = max(0.0, time.time() - folder.changed) / DAY
    return KeptImages(folder=folder.path.name, bytes=folder.size, days=round(days, 1), is_read=folder.is_read)


def told(folder: DecodedFolder) -> str:
    """A folder's name, size and age, for people."""
    days = plain(folder).days
    ago = f"{days:,.0f} days ago" if days >= 2 else "lately"
    return f"{folder.path.name} ({shared.sized(folder.size)}, last written {ago})"
