"""What many files hold: a SHA-256 of each, computed once and remembered while nobody touches it.

A file counts as untouched while its number, size, time stamp and time of last change of any kind are what
they were; the last is the system's, and nobody sets it. ImageNet's 150 GB take minutes once, then seconds.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from harness.data import digests
from harness.data.npz import npz_arrays
from harness.spec.untrusted import contents

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

READERS = 8
"""Threads that read and hash: enough for a disk that serves several at once."""
KEPT_SECONDS = 60.0
"""Seconds after which what was hashed so far is kept, should the process be stopped."""
LONG = 2**33
"""Bytes, 8 GiB, whose hashing takes so long that it is announced."""
LARGEST = 2**30
"""Bytes of a file: 1 GiB."""


class Manifest(NamedTuple):
    """The files of a folder.

    Attributes:
        names: bytes [n], paths below the folder.
        states: int64 [n, 4]: number, size, time stamp and time of last change (nanoseconds).
        hashes: uint8 [n, 32], SHA-256; of a file that is not hashed yet, zeros.
    """

    names: NDArray[np.bytes_]
    states: NDArray[np.int64]
    hashes: NDArray[np.uint8]


def hashes_of(folder: Path, names: NDArray[np.bytes_]) -> NDArray[np.uint8]:
    """SHA-256 of each file, uint8 [n, 32]: remembered of what is untouched, else of the bytes now.

    Args:
        folder: where the files lie.
        names: bytes [n], their paths below it.

    Raises:
        OSError: a file cannot be read.
    """
    import numpy as np

    paths = [folder / os.fsdecode(name) for name in names.tolist()]
    states = np.array([_state(path) for path in paths], np.int64).reshape(-1, 4)
    cache = _cache(folder)
    manifest = Manifest(names, states, np.zeros((len(names), 32), np.uint8))
    waiting = np.flatnonzero(~_recalled(cache, manifest))
    if len(waiting):
        _announce(folder, int(states[waiting, 1].sum()))
        kept = time.monotonic()
        with ThreadPoolExecutor(READERS) as readers:
            for begin in range(0, len(waiting), 1024):
                rows = waiting[begin : begin + 1024]
                for row, digest in zip(rows, readers.map(lambda i: _hash(paths[i]), rows), strict=True):
                    manifest.hashes[row] = np.frombuffer(digest, np.uint8)
                if time.monotonic() - kept > KEPT_SECONDS:
                    _keep(cache, manifest)
                    kept = time.monotonic()
        _keep(cache, manifest)
    return manifest.hashes


def forget(folder: Path) -> None:
    """Remember nothing of a folder's files."""
    with contextlib.suppress(OSError):
        _cache(folder).unlink()


def _state(path: Path) -> tuple[int, int, int, int]:
    state = path.stat()
    return state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


def _hash(path: Path) -> bytes:
    return hashlib.sha256(contents(path, LARGEST)).digest()


def _announce(folder: Path, size: int) -> None:
    if size > LONG:
        text = f"hashing {size / 2**30:,.0f} GiB in {folder.name}, once: runs are named by what files hold"
        print(text, file=sys.stderr, flush=True)


def _cache(folder: Path) -> Path:
    """Where a folder's manifest is remembered, beside the other digests."""
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:32]
    return digests.cache_file().with_name("manifests") / f"{name}.npz"


def _recalled(cache: Path, manifest: Manifest) -> NDArray[np.bool_]:
    """Fill in what is remembered of untouched files; bool [n], where that was so."""
    import numpy as np

    nothing = np.zeros(len(manifest.names), bool)
    try:
        before = Manifest(**npz_arrays(cache, Manifest._fields))
    except (OSError, ValueError, TypeError):
        return nothing
    n = len(before.names)
    fits = before.names.dtype.kind == "S" and before.states.shape == (n, 4) and before.hashes.shape == (n, 32)
    if not (fits and before.hashes.dtype == np.uint8 and n and len(manifest.names)):
        return nothing
    order = np.argsort(before.names)
    places = order[np.searchsorted(before.names, manifest.names, sorter=order).clip(max=n - 1)]
    same = (before.names[places] == manifest.names) & (before.states[places] == manifest.states).all(1)
    same &= before.hashes[places].any(1)
    manifest.hashes[same] = before.hashes[places[same]]
    return np.asarray(same)


def _keep(cache: Path, manifest: Manifest) -> None:
    """Remember a manifest, whole or not at all; a cache that cannot be written is no reason to stop."""
    import numpy as np

    with contextlib.suppress(OSError):
        cache.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=cache.parent, delete=False) as draft:
            try:
                np.savez(draft, **manifest._asdict())
                draft.flush()
                os.replace(draft.name, cache)
            except OSError:
                os.unlink(draft.name)
                raise
