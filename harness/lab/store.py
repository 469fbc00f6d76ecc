"""Records on disk: content-addressed directories, published whole or not at all.

    <root>/v1/store.json                        the mark: what is in here is a store's
    <root>/v1/ab/abcd.../record.json            numbers, curves, provenance, checksums of its siblings
                        weights.safetensors     final weights, where there are any
    <root>/v1/locks/abcd...lock                 held by the process that computes abcd...
    <root>/v1/partial/abcd.../                  the last checkpoint of a long training or solver
    <root>/v1/aside/                            torn or foreign records: kept for a look, never trusted
    <root>/v1/tmp/                              drafts, and what is on its way out
    <root>/v1/timings/                          seconds per kind of run, for the plan's estimate
    <root>/v1/exact/, judgements/, ...          what is worth seconds, unsynced (harness.lab.unsynced)

A record is written under ``tmp/`` and renamed into place, so a reader sees all of it or none, and ``kill -9``
at any moment loses at most the current checkpoint interval. Before that it is synced unless it was ``CHEAP``.
Nothing is pickled. Opening a store writes and deletes nothing: one can be read where it cannot be written.
"""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from harness.lab import arrays, durable, locks, marked, notes, records
from harness.lab.locks import Holder, Unlockable
from harness.lab.records import RECORD, WEIGHTS, Checkpoint, Reached, Record, sealed, unsealed, unsound
from harness.spec.watched import NOTHING, Watched

if TYPE_CHECKING:
    import numpy as np

__all__ = ["DAY", "LAYOUT", "RECORD", "WEIGHTS", "Record", "Store", "StoreError", "Unneeded"]

Kind = TypeVar("Kind")

LAYOUT = "v1"
DAY = 86_400.0  # seconds
NEARLY = 0.2  # share of a timing: a plan's estimates are off by more


class StoreError(ValueError):
    """The store cannot be used; the message is one line with the cause and the fix."""


class Unneeded(NamedTuple):
    """What ``gc`` may remove: a record, checkpoint, set-aside record, draft or lock, and its bytes."""

    kind: str
    path: Path
    size: int


class Store:
    """A directory of records, shared by any number of processes on one machine or a file system with flock.

    Opening it neither makes nor removes anything; what is missing for writing is made by ``prepare``, which
    everything that writes calls.

    Raises:
        StoreError: what is there is no directory, or cannot be read.
    """

    def __init__(self, root: Path) -> None:
        self.root = root / LAYOUT
        self._prepared, self._noted = False, dict[str, float]()
        try:
            if os.path.lexists(root) and not root.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            if self.exists:
                os.listdir(self.root)
        except OSError as error:
            verb = "read" if isinstance(error, PermissionError) else "write to"
            raise StoreError(self._refusal(error, verb)) from None

    @property
    def exists(self) -> bool:
        """Whether there is a store; otherwise the first writing makes one."""
        return self.root.is_dir()

    @property
    def foreign(self) -> str:
        """Something that no store holds in a folder without mark, from which nothing is removed; else ""."""
        is_marked = marked.is_marked(self.root) and not self.root.is_symlink()
        return "" if is_marked else marked.foreign(self.root)

    def prepare(self) -> None:
        """Make what is missing for writing, and mark a folder that holds nothing but what a store holds.

        Raises:
            StoreError: it cannot be written.
        """
        if self._prepared and durable.is_folder(self.root / "tmp"):  # nobody has removed it since
            return
        probe = self.root / "tmp" / f"probe-{uuid.uuid4().hex}"
        try:
            if os.path.lexists(self.root):
                durable.require_folder(self.root, self.root.parent)
            for part in marked.PARTS:
                (self.root / part).mkdir(parents=True, exist_ok=True)
                durable.require_folder(self.root / part, self.root.parent)
            probe.write_bytes(b"")
            if self.foreign or marked.is_marked(self.root):
                probe.unlink()
            else:  # who sees the mark need not ask whether the folder would outlast a loss of power
                durable.sync_entry(self.root)
                marked.mark(self.root, probe)
        except OSError as error:
            raise StoreError(self._refusal(error)) from None
        self._prepared = True

    def path(self, key: str) -> Path:
        """Where the record of a run lies, or would lie."""
        return self.root / key[:2] / key

    def has(self, key: str, session: str = "", watched: Watched = NOTHING) -> bool:
        """Say whether there is a record, not yet verified; of a session and with curves, if any are named."""
        if session or watched != NOTHING:
            record = self.peek(key)
            if record is None or session not in ("", record.provenance.get("session")):
                return False
            return not record.epochs or watched.within(record.curves)
        return durable.is_file(self.path(key) / RECORD)

    def read(self, key: str) -> Record | None:
        """The record of a run; None if there is none or if what is there cannot be trusted.

        A torn or foreign record is moved to ``aside/`` so that the run is computed again.
        """
        record = self.peek(key)
        return self._doubted(key, self.peek) if record is None and os.path.lexists(self.path(key)) else record

    def peek(self, key: str) -> Record | None:
        """The record as ``read`` gives it, but what cannot be trusted stays where it is."""
        folder = self.path(key)
        try:
            record = unsealed(durable.plain_bytes(folder / RECORD), Record)
        except (OSError, ValueError):  # a name too long, or with a character that none has
            return None
        if record is None or record.key != key or unsound(record):
            return None
        return record if all(durable.is_file(folder / name) for name in record.files) else None

    def weights(self, key: str) -> dict[str, np.ndarray] | None:
        """The final weights of a run, verified; None (and the record set aside) if they are not whole."""
        if self.read(key) is None:
            return None
        weights = self._weights(key)
        return self._doubted(key, self._weights) if weights is None else weights

    def _weights(self, key: str) -> dict[str, np.ndarray] | None:
        record = self.peek(key)
        digest = record.files.get(WEIGHTS, "") if record else ""
        return arrays.loaded(self.path(key) / WEIGHTS, digest)

    def publish(self, record: Record, weights: Mapping[str, np.ndarray] | None = None) -> None:
        """Make a record visible, whole, and durable if it was dear; one of the same key is replaced.

        Raises:
            StoreError: the disk is full or not writable.
        """
        dear = not record.seconds < durable.CHEAP
        with self._writing(), self._draft(record.key) as draft:
            files = {}
            if weights is not None:
                files[WEIGHTS] = arrays.saved(draft / WEIGHTS, weights, synced=dear)
            whole = sealed(msgspec.structs.replace(record, files=files))
            durable.write(draft / RECORD, whole, synced=dear)
            self._install(draft, self.path(record.key), synced=dear)

    def keys(self) -> list[str]:
        """The names of all records, verified or not, sorted."""
        return sorted(entry.path.name for entry in marked.entries(self.root, "record") if entry.kind)

    def size(self, key: str) -> int:
        """Bytes of a record with its weights; 0 if there is none."""
        return durable.size(self.path(key))

    def verify(self, key: str) -> bool:
        """Say whether the record is whole, to the last byte of its weights; if not, it is set aside."""
        return self.read(key) is not None and bool(self._whole(key) or self._doubted(key, self._whole))

    def _whole(self, key: str) -> Record | None:
        record, folder = self.peek(key), self.path(key)
        files = record.files if record else {}
        return record if all(durable.sha256(folder / n) == digest for n, digest in files.items()) else None

    def _doubted(self, key: str, look: Callable[[str], Kind | None]) -> Kind | None:
        """Look again, as the only one who may publish it: only what is not whole then is set aside."""
        try:
            with self.claimed(key) as mine:
                seen = look(key)
                if mine and seen is None:
                    self.set_aside(key)
                return seen
        except StoreError:
            return look(key)

    def unneeded(self, readable: Collection[str], before: float) -> Iterator[Unneeded]:
        """What no run in ``readable`` needs and nobody has written since ``before`` (seconds since 1970).

        Raises:
            StoreError: the folder is not a store's alone, so that nothing may be removed from it.
        """
        if self.foreign:
            says = f"bears no mark of a store and holds {self.foreign}, which none does"
            raise StoreError(f"nothing is removed from {self.root.parent}: it {says}")
        order = list(marked.KINDS)
        removable = (entry for entry in marked.entries(self.root) if entry.kind in order)
        for kind, path in sorted(removable, key=lambda entry: order.index(entry.kind)):
            key = path.name.removesuffix(".lock")
            needed = key in readable and not (kind == "checkpoint" and self.has(key))
            if not needed and marked.is_removable(path) and durable.written(path) < before:
                yield Unneeded(kind, path, durable.size(path))

    def left(self) -> list[str]:
        """What lies in the store and is none of its things, so that nothing removes it."""
        return [
            marked.shown(path, self.root)
            for kind, path in marked.entries(self.root)
            if not kind or (kind in marked.KINDS and not marked.is_removable(path))
        ]

    def remove(self, unneeded: Unneeded) -> bool:
        """Remove it, renamed away first, so that no reader sees half of it; say whether it is gone.

        A lock that is held stays, and so does a checkpoint or draft of a run that is being computed.

        Raises:
            StoreError: the store cannot be written.
        """
        self.prepare()
        kind, path, _ = unneeded
        key = path.name[:64]
        held = kind == "lock" or (kind in ("checkpoint", "draft") and self._lock(key).exists())
        with self.claimed(key) if held else contextlib.nullcontext(True) as mine, self._writing():
            if not (mine and marked.is_removable(path) and not self.foreign):
                return False
            if kind == "lock":
                return marked.remove(path)
            gone = self.root / "tmp" / uuid.uuid4().hex
            os.rename(path, gone)
            return marked.remove(gone)

    def make_room(self, key: str) -> None:
        """Set aside what lies in a record's place and is none, before the run is computed and not after it.

        Raises:
            StoreError: it cannot be moved: another user's, say.
        """
        if os.path.lexists(self.path(key)) and self.peek(key) is None and not self.set_aside(key):
            raise StoreError(f"the record {key[:12]} cannot be read or replaced: use another --store DIR")

    def set_aside(self, key: str) -> bool:
        """Move a record out of the way, keeping it for a look; say whether it could be moved."""
        try:
            self.prepare()
            os.rename(self.path(key), self.root / "aside" / f"{key}-{uuid.uuid4().hex[:8]}")
        except (OSError, StoreError):
            return False
        return True

    @contextlib.contextmanager
    def claimed(self, key: str) -> Iterator[bool]:
        """Try to be the one process that computes ``key``; False at once if another is.

        Raises:
            StoreError: no lock can be had here.
        """
        self.prepare()
        with contextlib.ExitStack() as held:
            try:
                mine = held.enter_context(locks.locked(self._lock(key)))
            except OSError as error:
                raise StoreError(self._refusal(error)) from None
            yield mine

    def require_locks(self) -> None:
        """Try once whether locks exclude each other in this store.

        Raises:
            StoreError: they do not, or there are none.
        """
        try:
            locks.require_locks(self.root / "locks")
        except OSError as error:
            raise StoreError(self._refusal(error)) from None

    def holder(self, key: str) -> Holder | None:
        """The process that computes a run, where it is held and says who it is."""
        return locks.holder(self._lock(key))

    def checkpoint(self, key: str, state: Mapping[str, Any], held: Mapping[str, np.ndarray]) -> None:
        """Keep how far a training came; replaces the last checkpoint of the same run.

        Nothing is kept in a folder that is not a store's alone: its last checkpoint could not be removed.
        """
        with self._writing(), self._draft(key) as draft:
            if not self.foreign:
                reached = msgspec.json.decode(msgspec.json.encode(state), type=Reached)
                body = Checkpoint(key=key, state=reached, arrays=arrays.saved(draft / WEIGHTS, held))
                durable.write(draft / RECORD, sealed(body))
                self._install(draft, self.root / "partial" / key)

    def resume(self, key: str, session: str = "") -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
        """The last checkpoint of a run, or None; one that is torn, of another run or session, is dropped."""
        folder = self.root / "partial" / key
        body: Checkpoint | None = None
        with contextlib.suppress(OSError, ValueError):
            body = records.left_by(durable.plain_bytes(folder / RECORD), key)
        if body and session in ("", body.state.session):
            if (held := arrays.loaded(folder / WEIGHTS, body.arrays)) is not None:
                return msgspec.structs.asdict(body.state), held
            body = None
        if body is None and os.path.lexists(folder):
            notes.note(f"the checkpoint {folder} is damaged: its run begins again")
        self.forget(key)
        return None

    def forget(self, key: str) -> None:
        """Drop the checkpoint of a run."""
        folder = self.root / "partial" / key
        if os.path.lexists(folder) and marked.is_marked(self.root):
            marked.remove(folder)

    def note_timing(self, kind: str, seconds: float) -> None:
        """Remember how long a run of this kind took, if not nearly that is noted; no full disk fails it."""
        if abs(seconds - self._noted.get(kind, -1.0)) <= NEARLY * seconds:
            return
        draft = self.root / "tmp" / uuid.uuid4().hex
        with contextlib.suppress(OSError, StoreError):
            self.prepare()
            draft.write_text(f"{seconds:.3f}")
            os.replace(draft, self.root / "timings" / kind)
            self._noted[kind] = seconds

    def timings(self, kinds: Iterable[str]) -> dict[str, float]:
        """Seconds per run of each kind, where recorded."""
        seconds = {}
        for kind in set(kinds):
            with contextlib.suppress(OSError, ValueError):
                noted = float(durable.plain_bytes(self.root / "timings" / kind, most=64))
                if 0 <= noted < float("inf"):
                    seconds[kind] = noted
        return seconds

    def _lock(self, key: str) -> Path:
        return self.root / "locks" / f"{key}.lock"

    @contextlib.contextmanager
    def _draft(self, key: str) -> Iterator[Path]:
        """A folder to write in; what is left in it at the end is removed."""
        draft = self.root / "tmp" / f"{key}-{uuid.uuid4().hex[:8]}"
        draft.mkdir()
        try:
            yield draft
        finally:
            marked.remove(draft)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """What a disk refuses is one line."""
        self.prepare()
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"cannot write to the store {self.root.parent}: {error.strerror or error}"
            ) from error

    def _install(self, draft: Path, target: Path, *, synced: bool = True) -> None:
        """Put a draft in a record's or checkpoint's place; what was there stays until then."""
        if not os.path.lexists(target.parent):
            target.parent.mkdir(exist_ok=True)
        durable.require_folder(target.parent, self.root.parent)
        for folder in (draft, self.root) * synced:  # also if another made it, who may not have come so far
            durable.sync_folder(folder)
        if not os.path.lexists(target):
            os.rename(draft, target)
        elif not (marked.is_marked(self.root) and marked.is_removable(target)):
            os.rename(target, self.root / "aside" / f"{target.name}-{uuid.uuid4().hex[:8]}")
            os.rename(draft, target)
        elif not durable.exchanged(draft, target):  # else the draft's folder holds what was replaced
            before = self.root / "tmp" / uuid.uuid4().hex
            os.rename(target, before)
            os.rename(draft, target)
            durable.sync_folder(target.parent)
            marked.remove(before)
        if synced:
            durable.sync_folder(target.parent)

    def _refusal(self, error: Exception, verb: str = "write to") -> str:
        why = getattr(error, "strerror", None) or error
        verb = "lock files of" if isinstance(error, Unlockable) else verb
        return f"cannot {verb} the store {self.root.parent}: {why}; use another with --store DIR"
