"""Clusters for tests: machines that are pretended in this process, and what all crews must compute."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from harness.data import Digits, Source
from harness.data.archives import DataError
from harness.fleet.optimizers import Sgd
from harness.lab import away, environment, pinning
from harness.lab.away import Luggage, Message
from harness.lab.computing import Finished
from harness.lab.engine import NODE, Demand, UnitEnd
from harness.lab.names import Names
from harness.lab.places import Place
from harness.lab.ready import Crew, Ready
from harness.lab.runs import Fleet, Run, parts, with_parents
from harness.lab.store import Record, Store
from harness.models import Linear, Mlp
from harness.spec import Experiment, From, Runnable
from harness.tests.lab.faulty import Dots
from harness.tests.simulated import Norm, Scaled, drawn, named

PARENT = Experiment(Digits(n=100), Mlp(8), Sgd(lr=0.05, epochs=2))
CHAIN = PARENT.but(start=From(PARENT, Scaled(0.5)), optimizer=Sgd(lr=0.02, epochs=2), probes=(Norm(),))
EVERYTHING: tuple[Runnable, ...] = (CHAIN, named(drawn), named(drawn, shift=2.0))
"""A parent, its child, a probe of that, and simulations."""

Fate = Callable[[str, Message], UnitEnd | None]
"""What a machine does of a node's name and a message that it would send: end with it, or go on."""


class Kept(Dots, frozen=True):
    """Data that lie in a file: dots whose digest is that of the file."""

    def source(self, root: Path | None) -> Source:
        """Name and digest of the file.

        Raises:
            DataError: it is not there.
        """
        file = (root or Path()) / "dots"
        if not file.exists():
            raise DataError("dots is not in the data root: copy it there")
        return Source("dots", hashlib.sha256(file.read_bytes()).hexdigest())


KEPT = Experiment(Kept(), Linear(), Sgd(lr=0.05, epochs=1))


class Pretended:
    """Machines of one slot each, in this process, that compute one message at a time: ``Engine``.

    Attributes:
        sent: how often each key was put; where: the node of each order that was started.
        fates: of each node, asked before each of its messages.
        other: nodes with other code; roots: node -> its data root, where it is not the sender's.
    """

    def __init__(self, *names: str) -> None:
        self.names = list(names or ("one", "two"))
        self.sent: list[str] = []
        self.where: list[tuple[str, Demand]] = []
        self.under_way: dict[int, tuple[str, Iterator[Message]]] = {}
        self.fates: list[Fate] = []
        self.other: set[str] = set()
        self.roots: dict[str, Path] = {}
        self.most = 0
        self.asked = False
        self._waiting: deque[int] = deque()
        self._numbers = 0

    @property
    def slots(self) -> int:
        return len(self.names)

    def put(self, luggage: Luggage) -> Luggage:
        self.sent.append(luggage.key)
        return luggage

    def start(self, expected: str, order: bytes, luggage: Sequence[Luggage], needs: Demand) -> int:
        fit = [name for name in self.names if name not in needs.without]
        busy = [node for node, _ in self.under_way.values()]
        node = min(fit, key=busy.count)
        self.where.append((node, needs))
        self._numbers += 1
        if node in self.roots:
            told = pickle.loads(order)
            place = msgspec.structs.replace(told.place, data_root=self.roots[node])
            order = pickle.dumps(msgspec.structs.replace(told, place=place))
        expected = "another" if node in self.other else expected
        self.under_way[self._numbers] = (node, away.computed(expected, order, luggage, node))
        self.most = max(self.most, len(self.under_way))
        return self._numbers

    def heard(self, handles: Sequence[int], seconds: float) -> list[tuple[int, str, Message | UnitEnd]]:
        handle = handles[0]
        node, messages = self.under_way[handle]
        if node not in self.names:
            del self.under_way[handle]
            return [(handle, node, UnitEnd(NODE, f"node {node} was lost"))]
        message = next(messages, None)
        gone = UnitEnd() if message is None else None
        for fate in self.fates:
            gone = gone or fate(node, message or ())
        if gone:
            del self.under_way[handle]
        return [(handle, node, gone or message or ())]

    def nodes(self) -> set[str]:
        return set(self.names)

    def ask(self) -> None:
        self.asked = True  # who computes is in this process, which was asked to end

    def cancel(self, handle: int) -> None:
        del self.under_way[handle]

    def close(self) -> None:
        self.under_way = {}


def runs_of(place: Place, values: Sequence[Runnable], replicates: int) -> list[Run]:
    """The runs of these values, with their parents."""
    names = Names(place.data_root)
    wanted = [part for value in values for part in parts(value)]
    return with_parents(names.run(value, r) for value in wanted for r in range(replicates))


def drained(crew: Crew, runs: Sequence[Run]) -> list[Finished]:
    """All that comes of runs that a crew computes."""

    ready = queue_of(crew, runs)
    return [each for done in crew.drain(ready) for each in ready.heard(done)]


def queue_of(crew: Crew, runs: Sequence[Run]) -> Ready:
    """A queue of runs, each a unit."""

    def cut(members: Sequence[Run]) -> list[Fleet]:
        return [Fleet(shape="", runs=(run,), seconds=1.0) for run in members]

    ready = Ready(cut, jitter=lambda: 0.0)
    ready.add(cut(runs))
    return ready


def notes(told: Sequence[Finished]) -> list[str]:
    """What was said of machines meanwhile."""
    return [note for done in told for note in done.notes]


def numbers(store: Path) -> dict[str, Record]:
    """Every record of a store, without where, when and how long it was computed, and its weights' digests."""
    opened = Store(store)
    records = {key: opened.read(key) for key in opened.keys()}  # noqa: SIM118 - not a dict
    return {
        key: msgspec.structs.replace(record, seconds=0.0, provenance={}, peak_bytes=0)
        for key, record in records.items()
        if record
    }


def environment_kept() -> dict[str, str | None]:
    """What a node changes of its environment, as it is now."""
    changed = (*environment.VALUES, *environment.LEAST, *pinning.THREAD_VARIABLES, "CUDA_VISIBLE_DEVICES")
    return {name: os.environ.get(name) for name in changed}
