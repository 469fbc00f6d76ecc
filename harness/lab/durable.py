"""Files written to last and read without trust: synced, put in place whole, opened only if plain."""

from __future__ import annotations

import ctypes
import errno
import functools
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from harness.spec.untrusted import contents

MOST_BYTES = 2**28
"""The largest record or checkpoint's account that is read: 256 MiB, a thousand times what a claim needs."""
PLAIN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
CHEAP = 1.0
"""Seconds that a run took below which its record is not waited for: a disk takes some ten milliseconds to be
sure, and what a loss of power takes is noticed by its digest and computed again."""
AT_WORKING_FOLDER, EXCHANGE = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of Linux's ``renameat2``."""


def write(file: Path, data: bytes, *, synced: bool = True) -> None:
    """Write a file to the disk; only to the system's memory unless it is to be synced."""
    with open(file, "wb") as handle:
        handle.write(data)
        if synced:
            handle.flush()
            os.fsync(handle.fileno())


def require_folder(folder: Path, top: Path) -> None:
    """Refuse what is no folder of its own, a link to one for instance.

    Raises:
        NotADirectoryError: with its place below ``top``.
    """
    if not is_folder(folder):
        raise NotADirectoryError(errno.ENOTDIR, f"{folder.relative_to(top)} is no folder of its own")


def sync_folder(folder: Path) -> None:
    """Write a folder's entries to the disk."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sync_entry(folder: Path) -> None:
    """Write to the disk that there is such a folder, as far up as this user may look and the disk is one."""
    device = folder.stat().st_dev
    for above in folder.parents:
        try:
            if above.stat().st_dev != device:
                return
            sync_folder(above)
        except OSError:
            return


def plain_bytes(file: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a plain file: no link is followed, and nobody waits for what is no file.

    Raises:
        OSError: it is not there, no plain file, too large, or cannot be read.
    """
    if file.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(file))
    return contents(file, most)


def sha256(file: Path) -> str:
    """SHA-256 (hex) of a plain file; empty where there is none that can be read."""
    try:
        with open(file, "rb", opener=lambda path, _: os.open(path, PLAIN)) as handle:
            if stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
                return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError:
        pass
    return ""


def is_folder(path: Path) -> bool:
    """Whether there is a real folder, and not a link to one."""
    return _is(path, stat.S_ISDIR)


def is_file(path: Path) -> bool:
    """Whether there is a plain file, and not a link to one."""
    return _is(path, stat.S_ISREG)


def _is(path: Path, kind: Callable[[int], bool]) -> bool:
    try:
        return kind(path.lstat().st_mode)
    except (OSError, ValueError):  # a name too long, or with a character that none has
        return False


def exchanged(one: Path, other: Path) -> bool:
    """Swap two folders at one stroke; False where system or file system cannot, and nothing has happened."""
    rename = _renameat2()
    if rename is None:
        return False
    paths = (AT_WORKING_FOLDER, os.fsencode(one), AT_WORKING_FOLDER, os.fsencode(other))
    return bool(rename(*paths, EXCHANGE) == 0)


@functools.cache
def _renameat2() -> Callable[..., int] | None:
    """The call of glibc on Linux; None elsewhere."""
    try:
        rename: Callable[..., int] = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError, TypeError):
        return None
    return rename


def size(path: Path) -> int:
    """Bytes of a file, or of the plain files of a folder."""
    try:
        files = list(path.iterdir()) if is_folder(path) else [path]
        return sum(file.stat().st_size for file in files if is_file(file))
    except OSError:
        return 0


def written(path: Path) -> float:
    """When a file, or the last one of a folder, was written (seconds since 1970); 0 if it is gone."""
    try:
        inside = path.iterdir() if is_folder(path) else ()
        return max(each.lstat().st_mtime for each in (path, *inside))
    except OSError:
        return 0.0
