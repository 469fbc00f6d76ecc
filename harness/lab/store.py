"""Records on disk: content-addressed directories, published whole or not at all.

    <root>/v1/ab/abcd.../record.json            numbers, curves, provenance, checksums of its siblings
                        weights.safetensors     final weights, where there are any
    <root>/v1/locks/abcd...lock                 held by the process that computes abcd...
    <root>/v1/partial/abcd.../                  the last checkpoint of a long training
    <root>/v1/aside/                            torn or foreign records: kept for a look, never trusted
    <root>/v1/status/                           what each process is doing, for the progress line
    <root>/v1/timings/                          seconds per kind of run, for the plan's estimate

A record is written under ``tmp/`` and renamed into place after fsync, so a reader sees all of it or none,
and ``kill -9`` at any moment loses at most the current checkpoint interval. Nothing is pickled.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    import numpy as np

LAYOUT = "v1"
DAY = 86_400.0
"""Seconds."""

RECORD, WEIGHTS = "record.json", "weights.safetensors"


class StoreError(ValueError):
    """The store cannot be used; the message is one line with the cause and the fix."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What a run leaves.

    Attributes:
        key: the run's name, 64 hex digits.
        address: of the experiment; replicate: which repetition.
        what: the experiment in one line.
        finals: name -> number after the last epoch (None where it diverged).
        curves: name -> number per epoch (None where it diverged); or any array, flattened.
        shapes: name -> shape, for curves that are arrays of more than one dimension.
        resolutions: name -> the smallest step the measure can take.
        outcome: "fitted", "budget", "diverged" or "solved".
        steps_per_epoch: gradient steps in an epoch (0 for what is solved).
        seconds: of the processor, or on a GPU by the clock (in a fleet: its share); epochs: trained.
        peak_bytes: largest memory of the process, or of a GPU's tensors, while it (and its fleet) trained.
        provenance: device, kernel, fleet size, versions, commit, time.
        files: sibling file -> SHA-256.
    """

    key: str
    address: str
    replicate: int
    what: str
    finals: dict[str, float | None]
    curves: dict[str, tuple[float | None, ...]]
    resolutions: dict[str, float]
    outcome: str
    seconds: float
    provenance: dict[str, str]
    shapes: dict[str, tuple[int, ...]] = {}
    steps_per_epoch: int = 0
    epochs: int = 0
    peak_bytes: int = 0
    files: dict[str, str] = {}


class Unneeded(NamedTuple):
    """What ``gc`` may remove: a record, checkpoint, set-aside record, draft or lock, and its bytes."""

    kind: str
    path: Path
    size: int


class _Sealed(msgspec.Struct, frozen=True):
    sha256: str
    record: msgspec.Raw


class Store:
    """A directory of records, shared by any number of processes on one machine or a file system with flock.

    Raises:
        StoreError: the directory cannot be created or written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root / LAYOUT
        probe = self.root / "tmp" / f"probe-{uuid.uuid4().hex}"
        try:
            for part in ("tmp", "locks", "partial", "aside", "status", "timings"):
                (self.root / part).mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise StoreError(
                f"cannot write to the store {root}: {error.strerror or error}; use another with --store DIR"
            ) from None
        self._sweep()

    def _sweep(self) -> None:
        """Remove drafts that a killed process left; none is written for a day."""
        yesterday = time.time() - DAY
        for draft in (self.root / "tmp").iterdir():
            with contextlib.suppress(OSError):
                if draft.stat().st_mtime < yesterday:
                    shutil.rmtree(draft) if draft.is_dir() else draft.unlink()

    def path(self, key: str) -> Path:
        """Where the record of a run lies, or would lie."""
        return self.root / key[:2] / key

    def has(self, key: str, since: float = 0.0) -> bool:
        """Say whether there is a record, not yet verified, not older than ``since`` (seconds since 1970)."""
        try:
            return (self.path(key) / RECORD).stat().st_mtime >= since
        except (FileNotFoundError, NotADirectoryError):
            return False

    def read(self, key: str) -> Record | None:
        """The record of a run; None if there is none or if what is there cannot be trusted.

        A torn or foreign record is moved to ``aside/`` so that the run is computed again.
        """
        record = self.peek(key)
        if record is None and self.path(key).exists():
            record = self.peek(key)  # it may have been published just now
            if record is None:
                self.set_aside(key)
        return record

    def peek(self, key: str) -> Record | None:
        """The record as ``read`` gives it, but what cannot be trusted stays where it is."""
        try:
            sealed = msgspec.json.decode((self.path(key) / RECORD).read_bytes(), type=_Sealed)
            record = msgspec.json.decode(sealed.record, type=Record)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError):
            return None  # msgspec's errors are ValueErrors
        whole = hashlib.sha256(bytes(sealed.record)).hexdigest() == sealed.sha256
        whole = whole and all((self.path(key) / name).is_file() for name in record.files)
        return record if whole and record.key == key else None

    def weights(self, key: str) -> dict[str, np.ndarray] | None:
        """The final weights of a run, verified; None (and the record set aside) if they are not whole."""
        record = self.read(key)
        if record is None:
            return None
        file = self.path(key) / WEIGHTS
        if WEIGHTS not in record.files or not file.exists() or _sha256(file) != record.files[WEIGHTS]:
            self.set_aside(key)
            return None
        from safetensors.numpy import load_file

        return dict(load_file(file))

    def publish(self, record: Record, weights: Mapping[str, np.ndarray] | None = None) -> None:
        """Make a record visible, whole, and durable; an existing one of the same key is replaced.

        Raises:
            StoreError: the disk is full or not writable.
        """
        with self._full_disk_in_one_line(), self._draft() as draft:
            files = {}
            if weights is not None:
                files[WEIGHTS] = _save(draft / WEIGHTS, weights)
            body = msgspec.json.encode(msgspec.structs.replace(record, files=files))
            sealed = _Sealed(hashlib.sha256(body).hexdigest(), msgspec.Raw(body))
            _write(draft / RECORD, msgspec.json.encode(sealed))
            self._install(draft, self.path(record.key))

    def keys(self) -> list[str]:
        """The names of all records, verified or not, sorted."""
        return sorted(folder.name for folder in self.root.glob("[0-9a-f][0-9a-f]/*"))

    def size(self, key: str) -> int:
        """Bytes of a record with its weights; 0 if there is none."""
        return _bytes(self.path(key))

    def verify(self, key: str) -> bool:
        """Say whether the record is whole, to the last byte of its weights; if not, it is set aside."""
        record = self.read(key)
        if record is None:
            return False
        whole = all(_sha256(self.path(key) / name) == digest for name, digest in record.files.items())
        if not whole:
            self.set_aside(key)
        return whole

    def unneeded(self, readable: Collection[str], before: float) -> Iterator[Unneeded]:
        """What no run in ``readable`` needs and nobody has written since ``before`` (seconds since 1970)."""
        kinds = {"record": "[0-9a-f][0-9a-f]/*", "checkpoint": "partial/*", "lock": "locks/*"}
        kinds |= {"set aside": "aside/*", "draft": "tmp/*"}
        for kind, pattern in kinds.items():
            for path in sorted(self.root.glob(pattern)):
                key = path.name.removesuffix(".lock")
                needed = key in readable and not (kind == "checkpoint" and self.has(key))
                if not needed and _written(path) < before:
                    yield Unneeded(kind, path, _bytes(path))

    def remove(self, unneeded: Unneeded) -> None:
        """Remove it, renamed away first, so that no reader sees half of it; a lock that is held stays."""
        gone = self.root / "tmp" / uuid.uuid4().hex
        if unneeded.kind == "lock":
            with self.claimed(unneeded.path.stem) as mine:
                if mine:
                    unneeded.path.unlink(missing_ok=True)
            return
        with contextlib.suppress(FileNotFoundError):
            os.rename(unneeded.path, gone)
            shutil.rmtree(gone) if gone.is_dir() else gone.unlink()

    def set_aside(self, key: str) -> None:
        """Move a record out of the way, keeping it for a look."""
        with contextlib.suppress(FileNotFoundError):
            os.rename(self.path(key), self.root / "aside" / f"{key}-{uuid.uuid4().hex[:8]}")

    @contextlib.contextmanager
    def claimed(self, key: str) -> Iterator[bool]:
        """Try to be the one process that computes ``key``; False at once if another is."""
        from filelock import FileLock, Timeout

        lock = FileLock(self.root / "locks" / f"{key}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def checkpoint(self, key: str, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """Keep how far a training came; replaces the last checkpoint of the same run."""
        with self._full_disk_in_one_line(), self._draft() as draft:
            sealed = {"state": dict(state), "sha256": _save(draft / WEIGHTS, arrays)}
            sealed["state_sha256"] = _sha256_of(sealed["state"])
            _write(draft / RECORD, msgspec.json.encode(sealed))
            self._install(draft, self.root / "partial" / key)

    def resume(self, key: str, since: float = 0.0) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
        """The last checkpoint of a run, or None; one that is torn, or older than ``since``, is dropped."""
        folder = self.root / "partial" / key
        try:
            sealed = msgspec.json.decode((folder / RECORD).read_bytes())
            whole = _sha256(folder / WEIGHTS) == sealed["sha256"]
            whole = whole and _sha256_of(sealed["state"]) == sealed["state_sha256"]
            if whole and (folder / RECORD).stat().st_mtime >= since:
                from safetensors.numpy import load_file

                return sealed["state"], dict(load_file(folder / WEIGHTS))
        except (OSError, ValueError, KeyError, TypeError):  # msgspec's errors are ValueErrors
            pass
        self.forget(key)
        return None

    def forget(self, key: str) -> None:
        """Drop the checkpoint of a run."""
        shutil.rmtree(self.root / "partial" / key, ignore_errors=True)

    def note_timing(self, kind: str, seconds: float) -> None:
        """Remember how long a run of this kind took; a full disk must not fail a run for an estimate."""
        draft = self.root / "tmp" / uuid.uuid4().hex
        with contextlib.suppress(OSError):
            draft.write_text(f"{seconds:.3f}")
            os.replace(draft, self.root / "timings" / kind)

    def timings(self, kinds: Iterable[str]) -> dict[str, float]:
        """Seconds per run of each kind, where recorded."""
        seconds = {}
        for kind in set(kinds):
            with contextlib.suppress(FileNotFoundError, ValueError):
                seconds[kind] = float((self.root / "timings" / kind).read_text())
        return seconds

    @contextlib.contextmanager
    def _draft(self) -> Iterator[Path]:
        draft = self.root / "tmp" / uuid.uuid4().hex
        draft.mkdir()
        try:
            yield draft
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    @contextlib.contextmanager
    def _full_disk_in_one_line(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"cannot write to the store {self.root.parent}: {error.strerror or error}"
            ) from error

    def _install(self, draft: Path, target: Path) -> None:
        """Rename into place; a directory already there goes aside first (rename needs an empty target)."""
        target.parent.mkdir(exist_ok=True)
        if target.exists():
            old = self.root / "tmp" / uuid.uuid4().hex
            with contextlib.suppress(FileNotFoundError):
                os.rename(target, old)
            shutil.rmtree(old, ignore_errors=True)
        os.rename(draft, target)
        _sync_folder(target.parent)


def _save(file: Path, arrays: Mapping[str, np.ndarray]) -> str:
    import numpy as np
    from safetensors.numpy import save

    # in C order: save() writes the memory of a transposed or strided array as if it were
    data = save({name: np.asarray(array, order="C") for name, array in arrays.items()})
    _write(file, data)
    return hashlib.sha256(data).hexdigest()


def _write(file: Path, data: bytes) -> None:
    with open(file, "wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())


def _sha256_of(state: Any) -> str:
    # by way of JSON: what is read back is compared with what was written, NaN as None and so on
    return hashlib.sha256(msgspec.json.encode(state, order="sorted")).hexdigest()


def _sync_folder(folder: Path) -> None:
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _written(path: Path) -> float:
    """When a file, or the last one of a folder, was written (seconds since 1970); 0 if it is gone."""
    try:
        return max(p.stat().st_mtime for p in (path, *(path.iterdir() if path.is_dir() else ())))
    except OSError:
        return 0.0


def _sha256(file: Path) -> str:
    with open(file, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
