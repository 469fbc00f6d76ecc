"""Units computed on machines that share nothing with this one, which alone writes the store.

This process holds the locks of what is under way, as a local session would. A unit takes along what its runs
start from, and its records come back as bytes. Who carries them is an ``Engine``; all that matters for what
comes out is decided here: what is tried again, where, and when it has failed.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

import msgspec

from harness.fleet import pausing
from harness.lab import away, host_memory, notes
from harness.lab.away import Files, Message
from harness.lab.computing import COMPUTED, HELD, PRESENT, Finished, one_line
from harness.lab.engine import NODE, PROCESS, REFUSED, Demand, Engine, UnitEnd
from harness.lab.packing import Packing
from harness.lab.places import Place
from harness.lab.ready import BY_DRIVER, Ready
from harness.lab.runs import Fleet, Run
from harness.lab.store import Store, StoreError
from harness.spec import Experiment
from harness.spec.watched import NOTHING

AHEAD = 2
"""Units under way for each slot: the one that is computed, and the one that begins when it ends."""
LOST_NODES = 5
"""Machines that may be lost under a run before it is given up: so many are no accident."""
CRASHES = 2
"""Times that a run may kill its process: the second time it was alone on its machine."""
LAST_SECONDS = 10.0
"""Seconds that machines have for their last checkpoints when this process is asked to end: half of the
``GRACE`` after which it is ended."""
LOOK_SECONDS, WRITTEN_SECONDS = 0.5, 0.005
"""Seconds to wait for a message: as long as the queue may not be looked at, and where records are written."""
DISKS = 4
"""Records that are written at once: each waits for the disk several times."""


class Sent:
    """A unit under way: its runs that have not ended, their locks, and what of them has come back."""

    def __init__(self, unit: Fleet, locks: dict[str, contextlib.ExitStack], *, alone: bool = False) -> None:
        self.unit, self.locks, self.alone = unit, locks, alone
        self.runs = {run.key: run for run in unit.runs}
        self.files: dict[str, Files] = {}
        self.refused = False

    @property
    def rest(self) -> Fleet:
        """The unit without what has ended."""
        return msgspec.structs.replace(self.unit, runs=tuple(self.runs.values()))

    def let_go(self, key: str) -> None:
        """A run has ended: its lock is free."""
        self.runs.pop(key, None)
        if key in self.locks:
            self.locks.pop(key).close()


class ClusterCrew:
    """Machines that share nothing with this one, by an engine that carries units to them.

    Args:
        place: whose store is written here; engine: what carries.
        most: how many units may be under way at once; as many as the engine has slots, and one more each,
            where it is not told.

    Attributes:
        unfit: the names of nodes that are not fit: for anything, under "", or for data, by its digests.
    """

    publishes = BY_DRIVER
    unavailable = ""

    def __init__(self, place: Place, engine: Engine, most: int | None = None) -> None:
        self.place, self.engine, self._most = place, engine, most
        self.slots = most or engine.slots
        self.unfit: dict[str, dict[str, str]] = {}
        self._store = Store(place.store)
        self._sent: dict[Any, Sent] = {}
        self._suspects: list[Sent] = []
        self._writing: dict[Future[None], tuple[Sent, Finished]] = {}
        self._crashes: dict[str, int] = {}
        self._lost: dict[str, int] = {}
        self._packing = Packing(self._store, engine, place.only_of)
        self._notes: list[str] = []
        self._closed = False
        self._wake: Callable[[], None] = lambda: None

    def drain(self, ready: Ready) -> Iterator[Finished]:
        """Compute what the queue hands out on the cluster; results come in the order in which they end.

        Raises:
            Paused: to end was asked for; what was under way goes on from its last checkpoint another time.
        """
        self._closed, self._wake = False, ready.wake
        with ThreadPoolExecutor(DISKS) as disk, pausing.telling(ready.wake):
            try:
                while not self._closed and (self._under_way or not ready.is_over):
                    pausing.look()
                    yield from self._hand_out(ready)
                    if not self._under_way:
                        ready.wait()
                    for handle, node, message in self._messages():
                        yield from map(self._noted, self._heard(handle, node, message, ready, disk))
                    yield from map(self._noted, self._written())
            finally:
                if pausing.asked() and not self._closed:
                    self._hear_last(ready, disk)
                self._abandon(ready)

    @property
    def _under_way(self) -> bool:
        return bool(self._sent or self._writing or self._suspects)

    def _messages(self) -> list[tuple[Any, str, Message | UnitEnd]]:
        seconds = WRITTEN_SECONDS if self._writing else LOOK_SECONDS
        if self._sent:
            try:
                return self.engine.heard(list(self._sent), seconds)
            except Exception:
                if self._closed:  # by another thread, meanwhile
                    return []
                raise
        wait(self._writing, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
        return []

    def _noted(self, done: Finished) -> Finished:
        """What became of a run, with what is to be said of machines meanwhile."""
        lines, self._notes = [*self._notes, *notes.told()], []
        return msgspec.structs.replace(done, notes=(*done.notes, *lines)) if lines else done

    # -- out --------------------------------------------------------------------------------------

    def _hand_out(self, ready: Ready) -> Iterator[Finished]:
        """Send units as long as there is room and one is ready; what must be alone comes last."""
        alone = any(sent.alone for sent in self._sent.values())
        while not alone and len(self._sent) < (self._most or AHEAD * self.engine.slots or AHEAD):
            unit = ready.take()
            wide = None if unit or self._under_way else ready.take_wide()
            if unit or wide:
                yield from self._begun(unit or wide, ready)
                continue
            if self._suspects and ready.is_over and not self._sent:  # stopped: they may come another day
                for suspect in self._suspects:
                    self._give_back(suspect, ready)
                self._suspects = []
            elif self._suspects and not self._sent:
                yield from map(self._noted, self._send(self._suspects.pop(0)))
            return

    def _begun(self, unit: Fleet | None, ready: Ready) -> Iterator[Finished]:
        """Claim a unit's runs and send those that are to be computed; the others are told."""
        assert unit is not None
        locks: dict[str, contextlib.ExitStack] = {}
        mine = []
        for run in unit.runs:
            with contextlib.ExitStack() as lock:
                if done := self._claimed(run, lock):
                    yield self._noted(done)
                else:
                    locks[run.key] = lock.pop_all()
                    mine.append(run)
        if mine:
            part = msgspec.structs.replace(unit, runs=tuple(mine))
            sent = Sent(part, locks, alone=unit.wide)
            yield from map(self._noted, self._send(sent))

    def _claimed(self, run: Run, lock: contextlib.ExitStack) -> Finished | None:
        """Take a run's lock, which ``lock`` frees; what became of the run where it is not to be computed."""
        watched = run.watched if isinstance(run.value, Experiment) else NOTHING
        try:
            if self._store.has(run.key, self.place.only_of, watched):  # as most of what was held
                return Finished(run=run, outcome=PRESENT)
            mine = lock.enter_context(self._store.claimed(run.key))
            if self._store.has(run.key, self.place.only_of, watched):
                return Finished(run=run, outcome=PRESENT)
            if not mine:
                return Finished(run=run, outcome=HELD, holder=self._store.holder(run.key))
            self._store.make_room(run.key)
        except StoreError as error:
            return _failed(run, one_line(error))
        return None

    def _send(self, sent: Sent) -> Iterator[Finished]:
        """Send a unit to a machine that is fit for it; where there is none its runs fail."""
        unit = sent.rest
        unfit = self._unfit_for(unit)
        if unfit and not self.engine.nodes() - unfit.keys():
            node, why = next(reversed(unfit.items()))  # a report tells it, and names no machine
            yield from self._all_failed(sent, why.replace(f"node {node}", "a node", 1))
            return
        need = max(host_memory.taken(run.value, self.place.device, len(unit.runs)) for run in unit.runs)
        demand = Demand(memory=need, without=frozenset(unfit), whole=sent.alone)
        try:
            luggage = self._packing.packed(unit)
            handle = self.engine.start(away.code(), away.ordered(unit, self.place), luggage, demand)
        except Exception as error:  # what cannot be pickled, say
            yield from self._all_failed(sent, one_line(error))
            return
        self._sent[handle] = sent

    def _unfit_for(self, unit: Fleet) -> dict[str, str]:
        """The nodes that are not fit for a unit, each with the reason."""
        nodes = dict(self.unfit.get("", {}))
        for digests in {" ".join(run.digests) for run in unit.runs} - {""}:
            nodes |= self.unfit.get(digests, {})
        return nodes

    # -- back -------------------------------------------------------------------------------------

    def _heard(
        self, handle: Any, node: str, message: Message | UnitEnd, ready: Ready, disk: ThreadPoolExecutor
    ) -> Iterator[Finished]:
        """What follows from a message."""
        sent = self._sent.get(handle)
        if sent is None:
            return
        if isinstance(message, UnitEnd):
            del self._sent[handle]
            for key in sent.files.keys() & sent.runs.keys():  # the record came, and word of its end was lost
                yield from self._ended(sent, disk, key, COMPUTED, 0.0, 0.0, "", ())
            yield from self._over(sent, message, ready)
            return
        kind, *told = message
        if kind == away.UNFIT:
            sent.refused = True
            self._mark_unfit(sent, node, *told)
        elif kind == away.FILES:
            sent.files[told[0]] = told[1]
        elif kind == away.CHECKPOINT:
            self._keep(sent, *told)
        elif kind == away.ENDED:
            yield from self._ended(sent, disk, *told)

    def _mark_unfit(self, sent: Sent, node: str, cause: str, why: str) -> None:
        """Send nothing more like it to a node, and say once why."""
        about = {" ".join(run.digests) for run in sent.runs.values()} if cause == away.DATA else {""}
        self._notes += [why] if not any(node in self.unfit.get(each, {}) for each in about) else []
        for each in about:
            self.unfit.setdefault(each, {})[node] = why

    def _keep(self, sent: Sent, key: str, state: dict[str, Any], held: bytes) -> None:
        """Write a checkpoint; one that the disk does not take is no reason to lose the run."""
        opened = away.reopened(held)
        if key in sent.runs and opened is not None:
            with contextlib.suppress(StoreError, ValueError):
                self._store.checkpoint(key, state, opened)

    def _ended(
        self,
        sent: Sent,
        disk: ThreadPoolExecutor,
        key: str,
        outcome: str,
        seconds: float,
        cost: float,
        failure: str,
        notes: Iterable[str],
    ) -> Iterator[Finished]:
        """A run has ended: its record is written, or it failed."""
        run = sent.runs.get(key)
        if run is None:
            return
        done = Finished(run=run, outcome=outcome, seconds=seconds, cost=cost, failure=failure)
        done = msgspec.structs.replace(done, notes=tuple(notes))
        if outcome == COMPUTED and not failure:
            del sent.runs[key]
            self._writing[disk.submit(self._write, run, sent.files.pop(key, {}))] = sent, done
            return
        sent.let_go(key)
        yield done

    def _write(self, run: Run, files: Files) -> None:
        """Publish a record that came back.

        Raises:
            StoreError: the disk does not take it.
            ValueError: it came back torn.
        """
        opened = away.unpacked(files, run.key)
        if opened is None:
            raise ValueError("its record came back torn: run again")
        record, weights = opened
        self._store.publish(record, weights)
        self._store.forget(run.key)
        self._store.note_timing(run.kind, record.seconds)

    def _written(self) -> Iterator[Finished]:
        """The runs whose records are on the disk by now."""
        for future in [future for future in self._writing if future.done()]:
            sent, done = self._writing.pop(future)
            sent.let_go(done.run.key)
            error = future.exception()
            yield _failed(done.run, one_line(error)) if error else done

    # -- lost -------------------------------------------------------------------------------------

    def _over(self, sent: Sent, gone: UnitEnd, ready: Ready) -> Iterator[Finished]:
        """A unit has ended; what of it has not come back is tried again, or has failed."""
        if gone.lost == REFUSED:
            yield from self._all_failed(sent, gone.why)
        elif gone.lost == PROCESS:
            yield from self._crashed(sent, gone.why)
        elif gone.lost == NODE:
            yield from self._nodes_lost(sent, gone.why)
            self._give_back(sent, ready)
        elif sent.refused:
            self._give_back(sent, ready)
        else:
            yield from self._crashed(sent, "ended before its time")

    def _nodes_lost(self, sent: Sent, why: str) -> Iterator[Finished]:
        """Count a lost machine for the runs that it had; those under which too many were lost fail."""
        self._notes.append(f"{why}: what it was computing is computed again elsewhere")
        for key, run in list(sent.runs.items()):
            self._lost[key] = self._lost.get(key, 0) + 1
            if self._lost[key] >= LOST_NODES:
                sent.let_go(key)
                yield _failed(run, f"{LOST_NODES} machines were lost under it; run again to go on")

    def _crashed(self, sent: Sent, why: str) -> Iterator[Finished]:
        """A process was lost: the run that it was at is tried once more, alone on a machine and last."""
        for key, run in list(sent.runs.items()):
            if key == next(iter(sent.runs)):  # in their order: the others were not begun
                self._crashes[key] = self._crashes.get(key, 0) + 1
            if self._crashes.get(key, 0) >= CRASHES:
                sent.let_go(key)
                yield _failed(run, f"its training process {why} twice; run again to go on")
        for key, run in sent.runs.items():
            part = msgspec.structs.replace(sent.unit, runs=(run,))
            locks = {key: sent.locks[key]} if key in sent.locks else {}
            self._suspects.append(Sent(part, locks, alone=True))

    def _give_back(self, sent: Sent, ready: Ready) -> None:
        """Let others have what has not ended, or this session again."""
        rest = sent.rest
        for run in rest.runs:
            sent.let_go(run.key)
        if rest.runs:
            ready.back(rest)

    def _all_failed(self, sent: Sent, why: str) -> Iterator[Finished]:
        for key, run in list(sent.runs.items()):
            sent.let_go(key)
            yield _failed(run, why)

    # -- the end ----------------------------------------------------------------------------------

    def _hear_last(self, ready: Ready, disk: ThreadPoolExecutor) -> None:
        """Have machines keep what they reached, and write down what they still tell of it."""
        until = time.monotonic() + LAST_SECONDS
        with contextlib.suppress(Exception):  # of a cluster that is no more: then there is nothing to hear
            self.engine.ask()
            while self._sent and time.monotonic() < until:
                for handle, node, message in self._messages():
                    sent = self._sent[handle]
                    if isinstance(message, UnitEnd):
                        del self._sent[handle]
                        self._give_back(sent, ready)
                    else:  # nobody reads what became of it: it is in the store, and will be met there
                        list(self._heard(handle, node, message, ready, disk))

    def _abandon(self, ready: Ready) -> None:
        """End what is under way, and free its locks: its checkpoints are in the store."""
        for handle, sent in self._sent.items():
            with contextlib.suppress(Exception):
                self.engine.cancel(handle)
            self._give_back(sent, ready)
        for suspect in self._suspects:
            self._give_back(suspect, ready)
        wait(self._writing)
        for sent, done in self._writing.values():  # they are in the store, and will be met there
            sent.let_go(done.run.key)
        self._sent, self._suspects, self._writing = {}, [], {}

    def close(self) -> None:
        """End at once what is under way, and what carries it."""
        self._closed = True
        self._wake()
        self.engine.close()


def _failed(run: Run, why: str) -> Finished:
    return Finished(run=run, outcome=HELD, failure=why)
