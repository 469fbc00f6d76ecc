"""What is a store's and what is not: its mark, the names in it, and removal by what a thing is.

Whoever removes asks here. A thing is a store's if the folder bears a store's mark (or holds nothing but what
a store holds, and is marked when it is first written to), if its name is that of a run's record, checkpoint,
lock or draft, and if it is a plain file or a real folder of plain files with known names. No link is
followed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from harness.lab import durable
from harness.lab.records import RECORD, WEIGHTS
from harness.spec.untrusted import decoded

MARK = "store.json"
CONTENT = "overclaim store"
PARTS = ("tmp", "locks", "partial", "aside", "timings", "exact", "rehearsals", "judgements", "drawings")
"""The folders that a store makes for itself beside those of its records."""

_KEY = "[0-9a-f]{64}"
KINDS = {
    "record": ("[0-9a-f]{2}", _KEY),
    "checkpoint": ("partial", _KEY),
    "lock": ("locks", rf"{_KEY}\.lock"),
    "exact outcome": ("exact", _KEY),
    "rehearsal": ("rehearsals", _KEY),
    "judgement": ("judgements", _KEY),
    "drawing": ("drawings", _KEY),
    "set aside": ("aside", rf"{_KEY}-[0-9a-f]{{8}}"),
    "draft": ("tmp", rf"(?:probe-)?[0-9a-f]{{32}}|{_KEY}-[0-9a-f]{{8}}"),
}
"""What a store can do without, and where it lies: patterns of the folder's name and of its own."""
KEPT = {
    "timing": ("timings", "[0-9a-f]+"),
    "status": ("status", r"[0-9a-f]+-\w+\.(?:json|txt|tmp|draft)"),
    "samples": ("carrying", "[0-9a-f]+"),
}
"""What else stores have, or had before; nothing removes it."""


class Belonging(NamedTuple):
    """A thing in a store: what it is ("" for none of a store's), and where."""

    kind: str
    path: Path


class _Mark(msgspec.Struct, frozen=True):
    content: str
    layout: str


def is_marked(root: Path) -> bool:
    """Whether a folder bears the mark of a store of this layout."""
    try:
        return decoded(durable.plain_bytes(root / MARK, most=4096), _Mark) == _Mark(CONTENT, root.name)
    except (OSError, ValueError):
        return False


def mark(root: Path, draft: Path) -> None:
    """Mark a folder as a store.

    Raises:
        OSError: it cannot be written.
    """
    durable.write(draft, msgspec.json.encode(_Mark(CONTENT, root.name)) + b"\n")
    os.replace(draft, root / MARK)
    durable.sync_folder(root)


def foreign(root: Path) -> str:
    """The first thing in a folder that no store holds, relative to it; empty where there is none."""
    if root.is_symlink():
        return root.name
    return next((shown(path, root) for kind, path in entries(root) if not kind), "")


def shown(path: Path, root: Path) -> str:
    """A path of a store as people may be shown it: whatever a name holds, it is one line of plain text."""
    name = str(path.relative_to(root.parent))
    return name if name.isprintable() else ascii(name)


def entries(root: Path, only: str = "") -> Iterator[Belonging]:
    """All that lies in a store, sorted within each of its folders.

    Args:
        root: the store's folder of this layout.
        only: look into the folders of this kind alone.
    """
    for part in _inside(root):
        kinds = [
            (k, pattern) for k, (where, pattern) in (KINDS | KEPT).items() if re.fullmatch(where, part.name)
        ]
        if only and only not in dict(kinds):
            continue
        if part.name == MARK and part.is_file(follow_symlinks=False):
            continue
        if not (kinds and part.is_dir(follow_symlinks=False)):
            yield Belonging("", root / part.name)
            continue
        for inner in _inside(root / part.name):
            yield Belonging(_kind(inner, part.name, kinds), root / part.name / inner.name)


def _kind(inner: os.DirEntry[str], part: str, kinds: list[tuple[str, str]]) -> str:
    """What a thing in a folder of a store is, by its name; "" for a link, or for what no store names so."""
    if not (inner.is_file(follow_symlinks=False) or inner.is_dir(follow_symlinks=False)):
        return ""
    fitting = (kind for kind, pattern in kinds if re.fullmatch(pattern, inner.name))
    kind = next(fitting, "")
    return "" if kind == "record" and not inner.name.startswith(part) else kind


def _inside(folder: Path) -> list[os.DirEntry[str]]:
    """What lies in a folder, sorted by name; nothing where it cannot be read."""
    try:
        with os.scandir(folder) as inside:
            return sorted(inside, key=lambda entry: entry.name)
    except OSError:
        return []


def is_removable(path: Path) -> bool:
    """Whether a thing is a plain file, or a real folder that holds nothing but a record's plain files."""
    if not durable.is_folder(path):
        return durable.is_file(path)
    inside = _inside(path)
    return all(each.name in (RECORD, WEIGHTS) and each.is_file(follow_symlinks=False) for each in inside)


def remove(path: Path) -> bool:
    """Remove a plain file, or a real folder of a record's files; say whether it is gone.

    A folder that holds anything else keeps it: nothing is removed that is not known by its name.
    """
    try:
        if durable.is_file(path):
            path.unlink()
        elif durable.is_folder(path):
            for name in (RECORD, WEIGHTS):
                if durable.is_file(path / name):
                    (path / name).unlink()
            path.rmdir()
    except OSError:
        pass
    return not os.path.lexists(path)
