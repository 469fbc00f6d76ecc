"""Locks of a store: one file for each run, held by the process that computes it, which writes who it is.

They are locks of the system (``flock``), which end with their process however it ends. Where a file system
has none, or some that exclude nobody, none is taken: a file that merely exists would outlive a dead process.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import importlib.util
import inspect
import os
import platform
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from harness.lab import durable
from harness.spec.untrusted import decoded

MOST_BYTES = 4096
"""The largest account of a holder that is read."""
REMEDY = (
    "mount it with locks (Lustre: -o flock; NFS: version 4, or 3 with a lock daemon), or reach other machines"
    " by --on ray, which shares no folder"
)
WITHOUT = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, getattr(errno, "ENOTSUP", errno.EOPNOTSUPP))
"""How a system says that a file system has no locks, or that their server cannot be reached."""


class Unlockable(OSError):
    """No lock can be had there; the message says why and what to do."""


class Holder(msgspec.Struct, frozen=True):
    """Who holds a lock: a process of a host, and since when (seconds since 1970)."""

    host: str
    process: int
    since: float


@contextlib.contextmanager
def locked(file: Path) -> Iterator[bool]:
    """Try to take a lock, and hold it inside; False at once if another process has it.

    Raises:
        Unlockable: no locks can be had there.
        OSError: the file cannot be made or opened.
    """
    from filelock import FileLock, Timeout

    require_locks(file.parent)
    if os.path.lexists(file) and not durable.is_file(file):  # it would empty what a link leads to
        raise FileExistsError(errno.EEXIST, f"{file.name[:12]}... is no lock")
    lock = FileLock(file, mode=file.parent.stat().st_mode & 0o666, **_hard())
    try:
        lock.acquire(blocking=False)
    except Timeout:
        yield False
        return
    except NotImplementedError:
        raise Unlockable(errno.ENOSYS, f"{os.strerror(errno.ENOSYS)}; {REMEDY}") from None
    try:
        _write_holder(getattr(getattr(lock, "_context", None), "lock_file_fd", None))
        yield True
    finally:
        lock.release()


def holder(file: Path) -> Holder | None:
    """Who wrote last that it holds a lock; None where that cannot be read."""
    try:
        told = decoded(durable.plain_bytes(file, most=MOST_BYTES), Holder)
    except (OSError, ValueError):
        return None
    return told if told and told.host.isprintable() else None


@functools.cache  # once in a process, where it holds
def require_locks(folder: Path) -> None:
    """Try whether one file can be locked twice there: then locks exclude nobody.

    Locks that hold on one machine only cannot be told from here; what they lead to is told when it happens.

    Raises:
        Unlockable: no locks can be had there.
        OSError: nothing can be written there.
    """
    if not importlib.util.find_spec("fcntl"):  # another system, whose locks are of another kind
        return
    probe = folder / f"{uuid.uuid4().hex * 2}.lock"
    try:
        with open(probe, "ab") as one, open(probe, "ab") as other:
            if _taken(one.fileno()) and _taken(other.fileno()):
                raise Unlockable(errno.ENOLCK, f"one file can be locked twice there; {REMEDY}")
    except OSError as error:
        if isinstance(error, Unlockable) or error.errno not in WITHOUT:
            raise
        raise Unlockable(error.errno, f"{error.strerror}; {REMEDY}") from None
    finally:
        probe.unlink(missing_ok=True)


def _taken(file: int) -> bool:
    """Whether the lock of an open file could be taken, or another handle has it."""
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK):
            return False
        raise
    return True


@functools.cache
def _hard() -> dict[str, Any]:
    """What tells this filelock not to take to soft locks, if it is one that would."""
    from filelock import FileLock

    asked = inspect.signature(FileLock.__init__).parameters
    return {"fallback_to_soft": False} if "fallback_to_soft" in asked else {}


@functools.cache
def _host() -> str:
    return platform.node()


def _write_holder(file: object) -> None:
    """Write this process into the file of a lock that it holds; it is told where that can be read."""
    if isinstance(file, int) and hasattr(os, "pwrite"):
        with contextlib.suppress(OSError):
            os.ftruncate(file, 0)
            os.pwrite(file, msgspec.json.encode(Holder(_host(), os.getpid(), time.time())), 0)
