"""Two writers on a disk that loses power: the whole old, the whole new, or none; what is published stays.

A state machine of hypothesis': writers publish, keep checkpoints, read, verify and clean, advanced call by
call in any order; a call is refused, a writer killed, a record's bytes rot, power is lost. After each step a
reader looks at every run.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import hypothesis
import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from harness.lab import arrays, durable
from harness.lab.records import Checkpoint, unsealed
from harness.lab.store import RECORD, WEIGHTS, Store, StoreError
from harness.tests.simulated import record
from harness.tests.torture.actors import REFUSALS, Actor, Watched
from harness.tests.torture.disk import Disk
from harness.tests.torture.tally import Tally

KIND = "simulation of lost power"
KEYS = ("ab" * 32, "ab" + "cd" * 31, "ef" * 32)
"""Of runs: two whose records share a folder, and one beside them."""
NOTHING = 0
"""The version of a run of which nothing is there; the first that is published is 1."""

Versions = dict[str, set[int]]


class LostPower(RuleBasedStateMachine):
    """What may happen to a store.

    Attributes:
        events: what happened in all simulations, by kind.
    """

    events: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.place = tempfile.TemporaryDirectory(prefix="torture-")
        self.disks = 0
        self.version = NOTHING
        self.actors: dict[int, Actor] = {}
        self.records: Versions = {key: {NOTHING} for key in KEYS}
        self.checkpoints: Versions = {key: {NOTHING} for key in KEYS}
        self.disturbed: set[str] = set()
        self._mount(Disk(self._folder()))

    @initialize(exchanges=st.booleans(), seed=st.integers(0, 99))
    def begin(self, exchanges: bool, seed: int) -> None:
        """Some file systems exchange two folders at one stroke, others do not."""
        self.exchanges, self.seed = exchanges, seed
        self.watched = Watched(self.disk, exchanges, seed)

    def _folder(self) -> Path:
        self.disks += 1
        return Path(self.place.name) / f"disk-{self.disks}"

    def _mount(self, disk: Disk) -> None:
        self.disk = disk
        self.disk.folder.mkdir(exist_ok=True)
        self.watched = Watched(disk)

    @property
    def store(self) -> Store:
        """The store as a process sees it that has just started."""
        return Store(self.disk.folder / "store")

    # -- what writers do ------------------------------------------------------------------------------

    def _begin(self, who: int, operation: Any) -> None:
        self.events["operations"] += 1
        self.actors[who] = Actor(operation)

    def _idle(self, who: int) -> bool:
        return who not in self.actors

    @rule(who=st.sampled_from([1, 2]), key=st.sampled_from(KEYS))
    def publish(self, who: int, key: str) -> None:
        """A run is computed under its lock, as ``computing`` does it."""
        if self._idle(who):
            store, version = self.store, self._next()

            def operation() -> None:
                with store.claimed(key) as mine:
                    if mine:
                        self.records[key] |= {version}
                        store.make_room(key)
                        self.disturbed.add(key)
                        store.publish(record(key=key, seconds=float(version)), held(version))
                        self.records[key] = {version}
                        self.disturbed.discard(key)
                        self.checkpoints[key] |= {NOTHING}
                        store.forget(key)

            self._begin(who, operation)

    @rule(who=st.sampled_from([1, 2]), key=st.sampled_from(KEYS))
    def keep_checkpoint(self, who: int, key: str) -> None:
        """A training keeps how far it came."""
        if self._idle(who):
            store, version = self.store, self._next()

            def operation() -> None:
                with store.claimed(key) as mine:
                    if mine:
                        self.checkpoints[key] |= {version} | ({NOTHING} if not self.exchanges else set())
                        store.checkpoint(key, {"seconds": float(version)}, held(version))
                        self.checkpoints[key] = {version}

            self._begin(who, operation)

    @rule(
        who=st.sampled_from([1, 2]),
        key=st.sampled_from(KEYS),
        way=st.sampled_from(["read", "weights", "verify"]),
    )
    def look(self, who: int, key: str, way: str) -> None:
        """Somebody reads, who sets aside what cannot be trusted."""
        if self._idle(who):
            self._begin(who, lambda: getattr(self.store, way)(key))

    @rule(who=st.sampled_from([1, 2]))
    def clean(self, who: int) -> None:
        """Whatever no run needs is removed."""
        if self._idle(who):
            store = self.store

            def operation() -> None:
                if store.exists:
                    self.checkpoints = {
                        key: versions | {NOTHING} for key, versions in self.checkpoints.items()
                    }
                    for unneeded in list(store.unneeded(KEYS, float("inf"))):
                        if unneeded.kind != "lock":
                            store.remove(unneeded)

            self._begin(who, operation)

    def _next(self) -> int:
        self.version += 1
        return self.version

    # -- what happens to them -------------------------------------------------------------------------

    @precondition(lambda self: self.actors)
    @rule(who=st.sampled_from([1, 2]), calls=st.integers(1, 12))
    def advance(self, who: int, calls: int) -> None:
        """A writer goes on, for so many calls."""
        with self.watched.calls():
            for _ in range(calls):
                if who in self.actors and not self.actors[who].advance():
                    self._ended(who)

    @precondition(lambda self: self.actors)
    @rule(who=st.sampled_from([1, 2]))
    def finish(self, who: int) -> None:
        """A writer does what is left."""
        if who in self.actors:
            with self.watched.calls():
                self.actors[who].finish()
            self._ended(who)

    @precondition(lambda self: self.actors)
    @rule(who=st.sampled_from([1, 2]), why=st.sampled_from(REFUSALS))
    def refuse(self, who: int, why: int) -> None:
        """The disk refuses a call."""
        if who in self.actors:
            self.events["calls refused"] += 1
            with self.watched.calls():
                if not self.actors[who].advance(why):
                    self._ended(who)

    @precondition(lambda self: self.actors)
    @rule(who=st.sampled_from([1, 2]))
    def kill(self, who: int) -> None:
        """``kill -9``."""
        if who in self.actors:
            self.events["writers killed"] += 1
            with self.watched.calls():
                self.actors.pop(who).kill()

    def _ended(self, who: int) -> None:
        actor = self.actors.pop(who)
        if actor.failure and not isinstance(actor.failure, StoreError):
            raise actor.failure

    @rule(seed=st.integers(0, 2**20))
    def lose_power(self, seed: int) -> None:
        """Both writers and all that was not synced are gone."""
        self.events["power lost"] += 1
        for who in list(self.actors):
            with self.watched.calls():
                self.actors.pop(who).kill()
        self._mount(self.disk.lose_power(random.Random(seed), self._folder()))
        self.watched = Watched(self.disk, self.exchanges, self.seed + self.disks)
        for key in KEYS:
            self.checkpoints[key] |= {NOTHING}
        self.look_at_every_run()
        self.records = {key: {self._published(key)} for key in KEYS}
        self.disturbed.clear()

    @rule(
        key=st.sampled_from(KEYS),
        name=st.sampled_from([RECORD, WEIGHTS]),
        at=st.floats(0, 1, exclude_max=True),
    )
    def rot(self, key: str, name: str, at: float) -> None:
        """A bit of a record turns over."""
        path = self.store.path(key) / name
        stored = self.disk.at(path)
        if stored and not self.actors:
            data = bytearray(path.read_bytes())
            data[int(at * len(data))] ^= 1
            path.write_bytes(data)
            stored.seen = stored.synced = bytes(data)
            self.records[key] |= {NOTHING}  # the same bit may turn back
            self.disturbed.add(key)
            self.events["records damaged"] += 1

    # -- what must be so ------------------------------------------------------------------------------

    @invariant()
    def look_at_every_run(self) -> None:
        """A reader finds one of the versions that may be there, whole."""
        assert not self.disk.differences()
        for key in KEYS:
            allowed = self.records[key] | (
                {NOTHING} if key in self.disturbed and not self.exchanges else set()
            )
            assert self._published(key) in allowed, f"{self._published(key)} is none of {allowed}"
            assert self._reached(key) in self.checkpoints[key]
        self.events["looks"] += len(KEYS)

    def _published(self, key: str) -> int:
        """The version of a run's record; ``NOTHING`` if there is none whole to the last byte."""
        seen = self.store.peek(key)
        if seen is None:
            return NOTHING
        weights = arrays.loaded(self.store.path(key) / WEIGHTS, seen.files[WEIGHTS])
        if weights is None:
            return NOTHING
        assert weights["w"].tolist() == held(int(seen.seconds))["w"].tolist()
        return int(seen.seconds)

    def _reached(self, key: str) -> int:
        """The version of a run's checkpoint."""
        folder = self.store.root / "partial" / key
        try:
            body = unsealed(durable.plain_bytes(folder / RECORD), Checkpoint)
        except OSError:
            return NOTHING
        if body is None or arrays.loaded(folder / WEIGHTS, body.arrays) is None:
            return NOTHING
        return int(body.state.seconds)

    def teardown(self) -> None:
        """End what is under way."""
        with self.watched.calls():
            for actor in self.actors.values():
                actor.kill()
        self.events["simulations"] += 1
        self.place.cleanup()


def held(version: int) -> dict[str, np.ndarray]:
    """The arrays of a version."""
    return {"w": np.full(3, float(version))}


def simulate(examples: int, steps: int, seed: int) -> None:
    """Try so many sequences of steps, and say the smallest that breaks the store.

    Raises:
        AssertionError: a reader saw what it must not see.
        Exception: an operation raised something else than ``StoreError``.
    """

    class Seeded(LostPower):
        """The same sequences for the same seed."""

    limits = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(hypothesis.seed(seed)(Seeded), settings=limits)


def attack(folder: Path, chance: random.Random, tally: Tally, ended: Callable[[], bool]) -> None:
    """Simulations until the time is over, fifty sequences at a time."""
    LostPower.events.clear()
    while not LostPower.events or not ended():
        seed = chance.randrange(2**32)
        before = LostPower.events["simulations"]
        try:
            simulate(50, 50, seed)
        except Exception as failure:
            lines = str(failure).splitlines() or [type(failure).__name__]
            tally.count(KIND, f"seed {seed}: {lines[0]}")
            print("\n".join(getattr(failure, "__notes__", [])), flush=True)
        else:
            for _ in range(LostPower.events["simulations"] - before):
                tally.count(KIND)
    tally.seen.update(LostPower.events)
