"""What everyone who computes units of work keeps to, and the queue from which they take them.

A unit of work is a fleet: runs of equal shape, cut to a bounded time. It is ready when all that its runs
start from is there, so a chain begins as soon as its parents have ended, whatever else is computed meanwhile.
The unit with the longest way to go, its own seconds and those of the chain that hangs on it, comes first.
"""

from __future__ import annotations

import heapq
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from harness.lab.computing import HELD, Finished
from harness.lab.places import Place
from harness.lab.runs import Fleet, Run, part_of

BY_UNITS = "units"
"""Who computes a unit takes its runs' locks when it starts, and publishes into a store that all can write."""
BY_DRIVER = "driver"
"""Who computes a unit has no access to the store: records come back, and this process alone writes them."""

SOONEST_SECONDS, LATEST_SECONDS = 0.05, 5.0
"""Seconds before what another process holds is tried again: at first, and after many tries in vain."""


class Crew(Protocol):
    """Computes units of work side by side. No verdict can depend on which one: records are equal.

    Attributes:
        place: where it computes; slots: how many units it computes at once, by which plans are cut.
        publishes: who writes records, ``BY_UNITS`` or ``BY_DRIVER``.
        unavailable: why nothing can be computed side by side, "" where it can; all is computed here then.
    """

    place: Place
    slots: int
    publishes: str
    unavailable: str

    def drain(self, ready: Ready) -> Iterator[Finished]:
        """Compute what the queue hands out until it is over; runs come back in the order of their end.

        Units are taken by ``ready.take``, and by ``ready.take_wide`` those that need all devices; what was
        lost on the way is given back by ``ready.back``. Each run of a unit that was taken, and not given
        back, comes back once. Whoever iterates tells the queue (``ready.heard``) before it asks for the
        next, and may add units meanwhile, also from another thread, which ends ``ready.wait``. What another
        process holds comes back as ``HELD``, and the queue hands it out again later.
        """
        ...

    def close(self) -> None:
        """End at once what is under way: it goes on from its checkpoint next time."""
        ...


class Ready:
    """The units that are open, each handed out when what its runs start from is there.

    A run is open from ``add`` until ``heard`` is told what became of it. Several threads may add and ask; one
    takes.

    Args:
        cut: makes units of runs that another process held when they were tried.
        jitter: a number from 0 to 1, drawn for each pause, so that processes that wait do not march in step.

    Attributes:
        is_stopped: nothing is handed out any more.
    """

    def __init__(
        self, cut: Callable[[Sequence[Run]], Iterable[Fleet]], jitter: Callable[[], float] = random.random
    ) -> None:
        self._cut, self._jitter = cut, jitter
        self._changed = threading.Condition(threading.RLock())
        self._open: dict[str, Run] = {}
        self._taken: set[str] = set()
        self._blocked: dict[int, Fleet] = {}
        self._children: dict[str, set[int]] = {}
        self._below: dict[str, float] = {}
        self._urgent: set[str] = set()
        self._heaps: dict[bool, list[tuple[bool, float, int, Fleet]]] = {False: [], True: []}
        self._held: dict[str, Finished] = {}
        self._resting: dict[str, Run] = {}
        self._retry_at = 0.0
        self._vain = 0
        self._numbers = self._woken = self._heeded = 0
        self.is_stopped = False

    # -- for whoever plans ------------------------------------------------------------------------

    def unopened(self, units: Iterable[Fleet]) -> list[Fleet]:
        """The units without runs that are open already."""
        with self._changed:
            parts = (part_of(unit, lambda run: run.key not in self._open) for unit in units)
            return [part for part in parts if part]

    def add(self, units: Iterable[Fleet], *, urgent: bool = False) -> None:
        """Open units; runs that are open already are not opened again.

        Args:
            units: as a plan cuts them.
            urgent: hand them out before all that is not: more may follow from what comes of them.
        """
        with self._changed:
            new = self.unopened(units)
            self._urgent.update(run.key for unit in new for run in unit.runs if urgent)
            self._open |= {run.key: run for unit in new for run in unit.runs}
            for unit in sorted(new, key=lambda unit: -unit.runs[0].depth):
                for parent in (parent for run in unit.runs for parent in run.parents):
                    self._below[parent.key] = max(self._below.get(parent.key, 0.0), self._way(unit))
            for unit in new:
                self._place(unit)
            self.wake()

    def heard(self, done: Finished) -> list[Finished]:
        """Take in what became of a run; tells it, and what fails with it because it starts from it.

        What another process holds is not told: it is handed out again after a pause.
        """
        with self._changed:
            key = done.run.key
            self._taken.discard(key)
            if done.outcome == HELD and not done.failure:
                if key in self._open:
                    self._postpone(done)
                return []
            if self._held.pop(key, None):
                self._vain = 0
            self._resting.pop(key, None)
            if self._open.pop(key, None) is None:
                return [done]
            ended = [done, *self._children_of(done)]
            if not self._open:
                self.wake()
            return ended

    def stop(self) -> None:
        """Hand nothing out any more; what is under way may end."""
        with self._changed:
            self.is_stopped = True
            self.wake()

    def holds(self, keys: Iterable[str]) -> bool:
        """Whether any of these runs is open."""
        with self._changed:
            return any(key in self._open for key in keys)

    def kinds(self) -> list[Run]:
        """One open run of each kind."""
        with self._changed:
            return list({run.kind: run for run in self._open.values()}.values())

    def held(self) -> list[Finished]:
        """What other processes hold, as far as was seen last, and who."""
        with self._changed:
            return list(self._held.values())

    # -- for whoever computes ---------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        """Whether nothing is open, or nothing is handed out any more."""
        with self._changed:
            return self.is_stopped or not self._open

    def take(self) -> Fleet | None:
        """The unit to compute next, for one device; None if none is ready just now."""
        with self._changed:
            self._ripen()
            return self._popped(wide=False)

    def take_wide(self) -> Fleet | None:
        """A unit that needs all devices or is alone, once no other is ready or under way; else None."""
        with self._changed:
            self._ripen()
            return None if self._taken or self._heaps[False] else self._popped(wide=True)

    def back(self, unit: Fleet) -> None:
        """Hand out again what was taken and has not ended, because a process or a machine was lost."""
        with self._changed:
            self._taken -= {run.key for run in unit.runs}
            if still := part_of(unit, lambda run: run.key in self._open):
                self._push(still)
            self.wake()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until something changed since the end of the last wait, or what is held may be tried again.

        That is: units were added or given back, the queue was ``wake``d, or is over.

        Args:
            seconds: at most so long.
        """
        with self._changed:
            pauses = [pause for pause in (seconds, self._pause()) if pause is not None]
            self._changed.wait_for(self._is_woken, min(pauses, default=None))
            self._heeded = self._woken

    def wake(self) -> None:
        """End ``wait``: a unit has come back, say."""
        with self._changed:
            self._woken += 1
            self._changed.notify_all()

    # -- inside -----------------------------------------------------------------------------------

    def _is_woken(self) -> bool:
        return self._woken != self._heeded

    def _way(self, unit: Fleet) -> float:
        """Seconds until the end of the longest chain that begins with this unit."""
        return unit.seconds + max(self._below.get(run.key, 0.0) for run in unit.runs)

    def _place(self, unit: Fleet) -> None:
        """Push a unit, or note what it waits for."""
        missing = {p.key for run in unit.runs for p in run.parents if p.key in self._open}
        if not missing:
            self._push(unit)
            return
        self._numbers += 1
        self._blocked[self._numbers] = unit
        for key in missing:
            self._children.setdefault(key, set()).add(self._numbers)

    def _push(self, unit: Fleet) -> None:
        self._numbers += 1
        patient = unit.runs[0].key not in self._urgent
        heapq.heappush(self._heaps[unit.wide or unit.alone], (patient, -self._way(unit), self._numbers, unit))

    def _popped(self, *, wide: bool) -> Fleet | None:
        heap = self._heaps[wide]
        while heap and not self.is_stopped:
            unit = part_of(heapq.heappop(heap)[-1], lambda run: run.key in self._open)
            if unit:
                self._taken |= {run.key for run in unit.runs}
                return unit
        return None

    def _children_of(self, done: Finished) -> list[Finished]:
        """Free the units that waited for a run; of one that failed, its children fail for its reason."""
        failed: list[Finished] = []
        for number in sorted(self._children.pop(done.run.key, ())):
            unit = self._blocked.pop(number, None)
            if unit is None:
                continue
            lost = [run for run in unit.runs if done.failure and done.run.key in _parents(run)]
            for run in lost:
                del self._open[run.key]
                failed.append(Finished(run=run, outcome=HELD, failure=done.failure))
            if still := part_of(unit, lambda run: run.key in self._open):
                self._place(still)
        return [*failed, *(each for child in failed for each in self._children_of(child))]

    def _postpone(self, done: Finished) -> None:
        """Try a run again after a pause, which is longer after each round in which no run could be had."""
        if not self._resting:
            pause = min(SOONEST_SECONDS * 2.0 ** min(self._vain, 16), LATEST_SECONDS)
            self._retry_at = time.monotonic() + pause * (1 + self._jitter()) / 2
            self._vain += 1
        self._held[done.run.key] = done
        self._resting[done.run.key] = done.run

    def _pause(self) -> float | None:
        """Seconds until what is held is tried again; None where nothing waits for that."""
        return max(0.0, self._retry_at - time.monotonic()) if self._resting else None

    def _ripen(self) -> None:
        """Hand out again what was held, if its pause is over."""
        if self._pause() == 0.0:
            runs = list(self._resting.values())
            self._resting.clear()
            for unit in self._cut(runs):
                self._push(unit)


def _parents(run: Run) -> set[str]:
    return {parent.key for parent in run.parents}
