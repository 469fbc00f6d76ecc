"""Folders of decoded images that lie there, whoever left them: which, how large, and how one is removed."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from harness.data.archives import DataError
from harness.data.decoding import shorter_side
from harness.data.image_folder import ImageFolder

NAMED = re.compile(r"(.+)-(\d+)px-[0-9a-f]{32}")
"""What a folder of decoded images is called (``kept_pixels.folder_of``)."""
INSIDE = re.compile(r"[^.]+\.(pixels|index|begun)|stopped")
"""What lies in one."""
BLOCK = 512
"""Bytes of a block as the system counts them."""


class DecodedFolder(NamedTuple):
    """A folder of decoded images.

    Attributes:
        path: where it is; size: bytes that it takes of the disk; changed: when something was last written to
            it, in seconds since 1970.
        is_read: a data set that is asked about reads it, or may, because its files are not here to tell.
    """

    path: Path
    size: int
    changed: float
    is_read: bool


def decoded_folders(place: Path, root: Path, read: Iterable[ImageFolder]) -> list[DecodedFolder]:
    """The folders of decoded images in a place, by name.

    Args:
        place: where decoded images are kept; root: the data root.
        read: the data sets that are asked about.
    """
    known: set[Path] = set()
    perhaps: set[str] = set()
    for data in read:
        extent = None if data.blank else data.undecoded(root)
        if extent and NAMED.fullmatch(extent.folder.name):
            known.add(extent.folder)
        elif extent:  # of what files hold the name is made
            perhaps.add(f"{data.folder}-{shorter_side(data.size)}px-")
    return [_looked_at(path, known, tuple(perhaps)) for path in _named(place)]


def _named(place: Path) -> list[Path]:
    try:
        return sorted(p for p in place.iterdir() if NAMED.fullmatch(p.name) and _is_folder(p))
    except OSError:
        return []


def _is_folder(path: Path) -> bool:
    return stat.S_ISDIR(path.lstat().st_mode)


def _looked_at(path: Path, known: set[Path], perhaps: tuple[str, ...]) -> DecodedFolder:
    states = [entry.stat(follow_symlinks=False) for entry in os.scandir(path)]
    return DecodedFolder(
        path=path,
        size=sum(BLOCK * state.st_blocks for state in states),
        changed=max((state.st_mtime for state in states), default=path.stat().st_mtime),
        is_read=path in known or (bool(perhaps) and path.name.startswith(perhaps)),
    )


def remove(folder: DecodedFolder) -> None:
    """Remove a folder of decoded images, which will be decoded anew if anybody asks for them.

    Raises:
        DataError: something else lies in it, or it cannot be removed (one line).
    """
    path = folder.path
    try:
        strange = [e.name for e in os.scandir(path) if not (INSIDE.fullmatch(e.name) and e.is_file())]
        if strange:
            raise DataError(f"{path.name} is left: {strange[0]} in it is nothing that decoding writes")
        shutil.rmtree(path)
    except OSError as error:
        raise DataError(f"{path.name} cannot be removed ({error.strerror}): remove it by hand") from None
