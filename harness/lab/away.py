"""A unit computed away from the store: what it needs comes with it, and its records go back as bytes.

Nothing is shared with the machine that sent it, no file and no lock. So this machine first makes sure that
it would compute the same: with the same code, by which it names the runs itself, on the same data.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import platform
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import msgspec

from harness.data.archives import DataError
from harness.fleet import pausing
from harness.lab import arrays, environment, pinning, places
from harness.lab.computing import HELD, drain, one_line
from harness.lab.names import Names
from harness.lab.places import Place
from harness.lab.records import RECORD, WEIGHTS, Record, sealed, unsealed, unsound
from harness.lab.runs import Fleet, Run
from harness.lab.store import Store, StoreError
from harness.spec.watched import NOTHING, Watched

if TYPE_CHECKING:
    import numpy as np

Files = dict[str, bytes]
"""A record's files: their names and bytes."""
State = dict[str, Any]
Message = tuple[Any, ...]
"""What comes back, of builtin types alone, so that other code can read it: its kind, and what belongs to it.

``(BEGUN, node)`` by whoever calls ``computed``, ``(UNFIT, cause, why)``,
``(CHECKPOINT, key, state, arrays)``, ``(FILES, key, files)``,
``(ENDED, key, outcome, seconds, cost, failure, notes)``.
"""
BEGUN, UNFIT, CHECKPOINT, FILES, ENDED = "begun", "unfit", "checkpoint", "files", "ended"
CODE, DATA = "code", "data"
"""Why a node is not fit: for anything, or for what reads this data."""
COMPUTES = ("spec", "data", "models", "analytic", "fleet", "lab")
"""The rooms whose code computes records."""
ENDINGS = (".py", ".cpp", ".h")
ASKS_SECONDS = 0.5
"""Between two questions whether to end."""
SHOWN = 8
"""Digits of a digest in a message."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be computed, where it was planned, and what computing depends on of its environment."""

    fleet: Fleet
    place: Place
    variables: dict[str, str]


class Luggage(msgspec.Struct, frozen=True, kw_only=True):
    """What a unit's runs start from: the record of a parent, or a run's own last checkpoint.

    Attributes:
        key: of the parent or run.
        files: of the parent's record; empty for a checkpoint.
        reached: how far the run came, and its arrays as bytes; None for a record.
    """

    key: str
    files: Files = {}
    reached: tuple[State, bytes] | None = None


def ordered(fleet: Fleet, place: Place) -> bytes:
    """An order as it travels."""
    names = (*environment.VALUES, *environment.LEAST)
    variables = {name: os.environ.get(name, "") for name in names}
    return pickle.dumps(Order(fleet=fleet, place=place, variables=variables))


@functools.cache
def code() -> str:
    """Digest (hex) of all code of this installation that computes records."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(f for room in COMPUTES for f in (root / room).rglob("*") if f.suffix in ENDINGS):
        digest.update(f"{file.relative_to(root).as_posix()}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def computed(expected: str, order: bytes, luggage: Sequence[Luggage], node: str = "") -> Iterator[Message]:
    """Compute an order here, and tell what comes of it as it comes.

    Args:
        expected: the ``code`` of who sent it.
        order: what ``ordered`` made.
        luggage: what its runs start from.
        node: the name of this machine for people, its own if none is told.
    """
    node = node or platform.node()
    if code() != expected:
        yield UNFIT, CODE, f"node {node} has other code than this machine: install the same version there"
        return
    try:
        told: Order = pickle.loads(order)
    except Exception as error:  # whatever a module raises that is imported
        yield UNFIT, CODE, f"node {node} cannot read what it is to compute ({one_line(error)}): {SAME}"
        return
    place = _here(told)
    if why := _unfit(told.fleet.runs, place, node):
        yield why
        return
    store = AwayStore(place.store, luggage)
    computing = threading.Thread(target=_compute, args=(told.fleet, place, store), daemon=True)
    computing.start()
    while (message := store.sent.get()) is not None:
        yield message


SAME = "put the same files at the same place on every node"


def _compute(fleet: Fleet, place: Place, store: AwayStore) -> None:
    """Compute a fleet; a thread of its own, so that checkpoints are told while it computes."""
    try:
        for done in drain([fleet], place, lambda folder: store):
            told = (done.run.key, done.outcome, done.seconds, done.cost, done.failure, done.notes)
            store.sent.put((ENDED, *told))
    except pausing.Paused:  # its checkpoint was sent, and it has not ended
        pass
    except BaseException as error:  # nobody else would hear of it
        for run in fleet.runs:
            store.sent.put((ENDED, run.key, HELD, 0.0, 0.0, one_line(error), ()))
    finally:
        store.sent.put(None)


@contextlib.contextmanager
def ending(is_asked: Callable[[], bool]) -> Iterator[None]:
    """Whoever computes meanwhile is asked to keep what it reached and to end, once somebody says so.

    Args:
        is_asked: whether somebody does; it is called twice a second, and what it raises is no reason to end.
    """
    over = threading.Event()

    def watch() -> None:
        while not over.wait(ASKS_SECONDS):
            with contextlib.suppress(Exception):
                if is_asked():
                    with contextlib.suppress(
                        pausing.Paused
                    ):  # meant for another thread, which cannot keep it
                        pausing.ask("the command that sent this")
                    return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _here(order: Order) -> Place:
    """Where an order is computed on this machine, whose environment is made the sender's."""
    os.environ.update({name: value for name, value in order.variables.items() if value})
    for name in (name for name, value in order.variables.items() if not value):
        os.environ.pop(name, None)
    if order.place.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    pinning.pin_arithmetic()
    root = order.place.data_root
    if os.environ.get("HARNESS_DATA") or not root.is_dir():  # who started this node knows it better
        with contextlib.suppress(ValueError):
            root = places.place().data_root
    nowhere = Path(tempfile.gettempdir()) / "overclaim-keeps-nothing-here"
    return msgspec.structs.replace(order.place, store=nowhere, data_root=root)


def _unfit(runs: Sequence[Run], place: Place, node: str) -> Message | None:
    """Why these runs cannot be computed here; None where they can."""
    if pinning.is_late():
        libraries = " and ".join(name for name in pinning.LIBRARIES if name in sys.modules)
        remedy = f": unset {', '.join(pinning.unheeded)} there" if pinning.unheeded else ""
        return UNFIT, CODE, f"node {node} had loaded {libraries} before its arithmetic was pinned{remedy}"
    names_here = _names(place.data_root)
    for run in runs:
        try:
            named = names_here.run(run.value, run.replicate)
        except DataError as error:
            return UNFIT, DATA, f"node {node}: {error}"
        except Exception as error:  # code of one claim's classes
            return UNFIT, CODE, f"node {node} cannot name a run ({one_line(error)}): {SAME}"
        if named.digests != run.digests:
            which = named.source or "the data"
            pairs = zip(named.digests, run.digests, strict=False)
            here, there = next(((h, t) for h, t in pairs if h != t), ("", ""))
            differs = f"sha256 {here[:SHOWN]}, not {there[:SHOWN]}"
            why = f"has another {which} than this machine ({differs}): copy this one there"
            return UNFIT, DATA, f"node {node} {why}"
        if named.key != run.key:
            return UNFIT, CODE, f"node {node} has other code of what this session computes: {SAME}"
    return None


@functools.cache
def _names(data_root: Path) -> Names:
    return Names(data_root)


class AwayStore(Store):
    """A store of which nothing is on this machine: what is published is sent, what is read was brought along.

    Attributes:
        sent: messages, in their order; None is the last.
    """

    def __init__(self, nowhere: Path, luggage: Sequence[Luggage] = ()) -> None:
        super().__init__(nowhere)
        self.sent: SimpleQueue[Message | None] = SimpleQueue()
        self._records = {each.key: each.files for each in luggage if each.reached is None}
        self._reached = {each.key: each.reached for each in luggage if each.reached is not None}

    def prepare(self) -> None:
        """Refuse: nothing is written here.

        Raises:
            StoreError: always.
        """
        raise StoreError("away from its store nothing is written")

    @contextlib.contextmanager
    def claimed(self, key: str) -> Iterator[bool]:
        """Nobody else computes what was sent here: who sent it holds its lock."""
        yield True

    def has(self, key: str, session: str = "", watched: Watched = NOTHING) -> bool:
        """Say no: what is there already is not sent."""
        return False

    def make_room(self, key: str) -> None:
        """Do nothing: it was done before this was sent."""

    def weights(self, key: str) -> dict[str, np.ndarray] | None:
        """The final weights of a parent that came along, verified; None where they are not whole."""
        opened = unpacked(self._records.get(key, {}), key)
        return opened[1] if opened else None

    def publish(self, record: Record, weights: Mapping[str, np.ndarray] | None = None) -> None:
        """Send a record home."""
        self.sent.put((FILES, record.key, packed(record, weights)))

    def checkpoint(self, key: str, state: Mapping[str, Any], held: Mapping[str, np.ndarray]) -> None:
        """Send home how far a training came."""
        now = msgspec.json.decode(msgspec.json.encode(state))  # the training goes on, and its curves with it
        self.sent.put((CHECKPOINT, key, now, arrays.packed(held)))

    def resume(self, key: str, session: str = "") -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
        """How far the run had come, if that came along."""
        if key not in self._reached:
            return None
        state, held = self._reached[key]
        opened = reopened(held)
        return None if opened is None else (dict(state), opened)

    def forget(self, key: str) -> None:
        """Do nothing: who sent it drops the checkpoint."""

    def note_timing(self, kind: str, seconds: float) -> None:
        """Do nothing: who sent it notes it."""


def reopened(held: bytes) -> dict[str, np.ndarray] | None:
    """The arrays of a checkpoint that travelled; None where they are torn."""
    return arrays.unpacked(held, hashlib.sha256(held).hexdigest())


def packed(record: Record, weights: Mapping[str, np.ndarray] | None) -> Files:
    """A record's files as they travel."""
    files = {} if weights is None else {WEIGHTS: arrays.packed(weights)}
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    return {RECORD: sealed(msgspec.structs.replace(record, files=digests)), **files}


def unpacked(files: Mapping[str, bytes], key: str) -> tuple[Record, dict[str, np.ndarray] | None] | None:
    """The record of a run and its weights, if it has any; None where they are torn or another's."""
    record = unsealed(files.get(RECORD, b""), Record)
    if record is None or record.key != key or unsound(record):
        return None
    if files.keys() - {RECORD} != record.files.keys():
        return None
    if WEIGHTS not in record.files:
        return record, None
    weights = arrays.unpacked(files[WEIGHTS], record.files[WEIGHTS])
    return None if weights is None else (record, weights)
