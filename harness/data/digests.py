"""Digests of large files, computed once: remembered by path, size and time of change."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

_remembered: dict[str, tuple[str, ...]] = {}


def of_array(array: NDArray[Any]) -> str:
    """SHA-256 (hex) of the bytes of an array in C order."""
    import numpy as np

    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def combined(digests: Sequence[str]) -> str:
    """One digest for several."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def signature(paths: Sequence[Path], expected: str) -> str:
    """Hash paths, sizes and times of change: the result changes when a file or what is expected of it does.

    Raises:
        OSError: a file cannot be examined.
    """
    states = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    return hashlib.sha256(json.dumps([expected, states]).encode()).hexdigest()


def remembered(key: str, compute: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
    """The digests of ``key`` from memory, else from the cache file, else computed and written there."""
    if key not in _remembered:
        known = _read().get(key)
        _remembered[key] = tuple(known) if known else compute()
        if not known:
            _write({**_read(), key: list(_remembered[key])})
    return _remembered[key]


def confirm(key: str, paths: Sequence[Path]) -> None:
    """Forget the digests of ``key`` if a file was written to since, whatever its size and time stamp say.

    The number of a file and the time of its last change of any kind are the system's, and nobody sets them.

    Raises:
        OSError: a file cannot be examined.
    """
    states = [(state.st_ino, state.st_ctime_ns) for state in (path.stat() for path in paths)]
    name, mark = f"{key} was", hashlib.sha256(json.dumps(states).encode()).hexdigest()
    if _read().get(name) != [mark]:
        forget(key)
        _write({**_read(), name: [mark]})


def forget(key: str) -> None:
    """Have the digests of ``key`` computed anew when they are asked for next."""
    _remembered.pop(key, None)
    entries = _read()
    if entries.pop(key, None):
        _write(entries)


def cache_file() -> Path:
    """A small JSON file in the user's cache folder; deleting it costs a second of hashing."""
    import platformdirs

    return platformdirs.user_cache_path("overclaim") / "digests.json"


def _read() -> dict[str, list[str]]:
    """Whatever well-formed entries the cache file has."""
    try:
        stored = json.loads(cache_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    entries = stored.items() if isinstance(stored, dict) else ()
    return {key: d for key, d in entries if isinstance(d, list) and all(isinstance(s, str) for s in d)}


def _write(entries: dict[str, list[str]]) -> None:
    """Atomically; a cache that cannot be written is no reason to stop."""
    with contextlib.suppress(OSError):
        target = cache_file()
        target.parent.mkdir(parents=True, exist_ok=True)
        number, draft = tempfile.mkstemp(dir=target.parent, prefix=target.name)
        try:
            with open(number, "w", encoding="utf-8") as file:
                json.dump(entries, file, sort_keys=True)
            os.replace(draft, target)
        except OSError:
            os.unlink(draft)
            raise
