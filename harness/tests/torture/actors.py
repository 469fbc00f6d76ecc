"""Actors: what a process would do with a store, stopped before each of its calls on the disk.

An actor is a thread of this process. Before every call that changes the disk it waits to be told to go on, to
fail with an error of the system, or to be killed; then no further call of it reaches the disk, as after
``kill -9``. Exactly one thread runs at any moment, so what happens depends on what is told alone.
"""

from __future__ import annotations

import builtins
import contextlib
import errno
import io
import os
import random
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from harness.lab import durable
from harness.tests.torture.disk import UNWATCHED, Disk, Stored, StoredFile, StoredFolder

PATIENCE = 60.0
"""Seconds that a call of the actor's may take before the simulation is given up."""


class Killed(BaseException):
    """The actor's process is no more."""


class Actor(threading.Thread):
    """One operation of a process, call by call.

    Attributes:
        answer: what the operation returned; failure: what it raised; calls: on the disk, so far.
    """

    def __init__(self, operation: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.operation = operation
        self.answer: Any = None
        self.failure: BaseException | None = None
        self.calls: list[str] = []
        self.ended = False
        self._dead = False
        self._refusal = 0
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)

    def run(self) -> None:
        """Do it, from call to call."""
        self._go.acquire()
        try:
            self.answer = self.operation()
        except Killed:
            pass
        except BaseException as failure:
            self.failure = failure
        self.ended = True
        self._stopped.release()

    def arrive(self, call: str) -> None:
        """Wait before a call on the disk; reading is never refused.

        Raises:
            Killed: it was killed meanwhile.
            OSError: the call is refused.
        """
        if not self._dead:
            self.calls.append(call)
            self._stopped.release()
            self._go.acquire()
        if self._dead:
            raise Killed
        refusal, self._refusal = self._refusal, 0
        if refusal and call != "read":
            raise OSError(refusal, os.strerror(refusal))

    def advance(self, refusal: int = 0) -> bool:
        """Let it do one call (or refuse it by this number of an error); say whether it has more to do."""
        if not self.ended:
            self._refusal = refusal
            self._resume()
        return not self.ended

    def finish(self) -> None:
        """Let it do all that is left."""
        while self.advance():
            pass

    def kill(self) -> None:
        """No further call of it reaches the disk."""
        self._dead = True
        if not self.ended:
            self._resume()

    def _resume(self) -> None:
        if self.ident is None:
            self.start()
        self._go.release()
        if not self._stopped.acquire(timeout=PATIENCE):
            raise TimeoutError(f"an actor stands still after {self.calls[-3:]}")


class Watched:
    """Sends the disk's calls of actors through a simulated disk; those of others pass by."""

    def __init__(self, disk: Disk, exchanges: bool = True, seed: int = 0) -> None:
        self.disk, self.exchanges = disk, exchanges
        self._opened: dict[int, Path] = {}
        self._chance = random.Random(seed)
        self._exchanged, self._bytes = durable.exchanged, durable.plain_bytes
        self._open, self._os_open, self._fsync = io.open, os.open, os.fsync

    @contextlib.contextmanager
    def calls(self) -> Iterator[None]:
        """Calls of actors go there as long as this lasts."""
        with contextlib.ExitStack() as patches:
            for name in ("mkdir", "rmdir", "unlink", "rename", "replace"):
                patches.enter_context(mock.patch.object(os, name, self._entries(name, getattr(os, name))))
            for module, name, call in (
                (os, "open", self._os_opened),
                (os, "fsync", self._synced),
                (io, "open", self._file),
                (builtins, "open", self._file),
                (durable, "exchanged", self._swapped),
                (durable, "plain_bytes", self._read),
                (uuid, "uuid4", lambda: uuid.UUID(int=self._chance.getrandbits(128), version=4)),
            ):
                patches.enter_context(mock.patch.object(module, name, call))
            yield

    def _actor(self, *paths: Any) -> Actor | None:
        """Whose call it is, if it is one on the disk's entries."""
        thread = threading.current_thread()
        if not isinstance(thread, Actor) or not all(isinstance(path, (str, Path)) for path in paths):
            return None
        inside = all(self.disk.folder in Path(path).parents for path in paths)
        return thread if inside and not any(Path(path).parent.name == UNWATCHED for path in paths) else None

    def _entries(self, name: str, call: Callable[..., None]) -> Callable[..., None]:
        def watched(*arguments: Any, **more: Any) -> None:
            paths = [Path(path) for path in arguments[: 2 if name.startswith("re") else 1]]
            actor = self._actor(*paths)
            if actor is None:
                return call(*arguments, **more)
            actor.arrive(name)
            first = StoredFolder() if name == "mkdir" else self.disk.at(paths[0])
            call(*arguments, **more)
            if len(paths) == 2:
                return self.disk.put((paths[0], None), (paths[1], first))
            return self.disk.put((paths[0], first if name == "mkdir" else None))

        return watched

    def _swapped(self, one: Path, other: Path) -> bool:
        actor = self._actor(one, other)
        if actor is None or not self.exchanges:
            return actor is None and self._exchanged(one, other)
        actor.arrive("exchange")
        before: tuple[Stored | None, Stored | None] = self.disk.at(one), self.disk.at(other)
        assert self._exchanged(one, other), "this file system exchanges nothing"
        self.disk.put((one, before[1]), (other, before[0]))
        return True

    def _read(self, path: Path, *arguments: Any, **more: Any) -> bytes:
        if actor := self._actor(path):
            actor.arrive("read")
        return self._bytes(path, *arguments, **more)

    def _os_opened(self, path: Any, *arguments: Any, **more: Any) -> int:
        number = self._os_open(path, *arguments, **more)
        self._opened[number] = Path(path) if isinstance(path, (str, Path)) else self.disk.folder.parent
        return number

    def _synced(self, number: int) -> None:
        actor = self._actor()
        if actor is None:
            return self._fsync(number)
        path = self._opened[number]
        if self.disk.folder in (path, *path.parents):
            actor.arrive("fsync")
            self.disk.sync(path)
        return None

    def _file(self, path: Any, mode: str = "r", *arguments: Any, **more: Any) -> Any:
        actor = self._actor(path)
        if actor is None or not set(mode) & set("wxa+"):
            return self._open(path, mode, *arguments, **more)
        actor.arrive("create")
        return _Writing(self, actor, Path(path), self._open(path, "wb", buffering=0))

    def written(self, actor: Actor, path: Path, real: io.FileIO, data: bytes) -> None:
        """Write to an open file, in two calls: between them half of it is there."""
        stored = self.disk.at(path)
        assert isinstance(stored, StoredFile)
        for part in filter(None, (data[: len(data) // 2], data[len(data) // 2 :])):
            actor.arrive("write")
            real.write(part)
            stored.seen += part


class _Writing(contextlib.AbstractContextManager["_Writing"]):
    """A file open for writing, of an actor."""

    def __init__(self, watched: Watched, actor: Actor, path: Path, real: Any) -> None:
        self.watched, self.actor, self.path, self.real = watched, actor, path, real
        watched.disk.put((path, StoredFile()))
        watched._opened[real.fileno()] = path

    def write(self, data: bytes | str) -> int:
        """Write it, seen at once."""
        encoded = data.encode() if isinstance(data, str) else bytes(data)
        self.watched.written(self.actor, self.path, self.real, encoded)
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def fileno(self) -> int:
        """The number of the real file."""
        return int(self.real.fileno())

    def __exit__(self, *_: object) -> None:
        self.real.close()


REFUSALS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EACCES, errno.EROFS)
"""What a call may be refused with: full, over quota, broken, forbidden, read-only."""
