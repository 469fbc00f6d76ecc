"""Finds a collection under the data root, reads it, and says what it may be called."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from harness.data import digests
from harness.data.archives import KNOWN, MNIST, Archive, Arrays, DataError, Source
from harness.data.readers import read_batches, read_idx, read_npz

__all__ = ["DataError", "Found", "Source", "default_root", "find", "source"]


class Found(NamedTuple):
    """Where a collection lies.

    Attributes:
        files: all files it is read from.
        verified: whether reading checks the originals' checksums.
        read: reads it; raises DataError.
        signature: changes when a file does.
    """

    files: tuple[Path, ...]
    verified: bool
    read: Callable[[], Arrays]
    signature: str


def default_root() -> Path:
    """``HARNESS_DATA`` or a folder in the user's cache."""
    import platformdirs

    named = os.environ.get("HARNESS_DATA")
    return Path(named) if named else platformdirs.user_cache_path("overclaim") / "data"


def find(archive: Archive, root: Path | None) -> Found:
    """The npz file if there is one, else torchvision's layout.

    Raises:
        DataError: no root, or nothing of this collection under it.
    """
    if root is None or not root.is_dir():
        cause = "no data root" if root is None else "the data root is no folder"
        raise DataError(f"{archive.name}: {cause}; {archive.remedy}")
    npz, folder = root / f"{archive.key}.npz", root / archive.folder
    names = [name for name, _ in (*archive.train, *archive.test)]
    if npz.exists():
        return _found((npz,), verified=False, read=lambda: read_npz(archive, npz), archive=archive)
    if any((folder / name).exists() for name in names):
        reader = read_idx if archive.key == MNIST.key else read_batches
        files = tuple(folder / name for name in names)
        return _found(files, verified=True, read=lambda: reader(archive, folder), archive=archive)
    raise DataError(f"neither {npz.name} nor {archive.folder} is in the data root: {archive.remedy}")


def source(archive: Archive, root: Path | None) -> Source:
    """Name and digest of the collection under ``root``; hashes it at most once per change of a file.

    Raises:
        DataError: missing, damaged or of another shape.
    """
    file = find(archive, root)
    each = digests.remembered(file.signature, lambda: tuple(digests.of_array(a) for a in file.read()))
    digest = digests.combined(each)
    if file.verified:
        return Source(archive.name, digest)
    return Source(KNOWN.get(each, f"{archive.name} (unknown copy, sha256 {digest[:8]})"), digest)


def _found(files: tuple[Path, ...], *, verified: bool, read: Callable[[], Arrays], archive: Archive) -> Found:
    try:
        return Found(files, verified, read, digests.signature(files, repr(archive)))
    except OSError as error:
        name = Path(error.filename or archive.folder).name
        raise DataError(f"{name} cannot be read ({error.strerror}): {archive.remedy}") from None
