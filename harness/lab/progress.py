"""How far training has come, counted for whoever draws it, and the words in which it is said."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from harness.lab.pace import Pace, RunGroup, Stopwatch, described, remaining
from harness.lab.runs import Fleet, Work

if TYPE_CHECKING:
    from harness.lab.computing import Finished
    from harness.lab.locks import Holder

DAY = 86_400.0
"""Seconds."""
PLAIN_SECONDS = 10.0
"""Seconds from one plain line of progress to the next, in a training of minutes."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How far one process, or several together, have come with what they set out to do.

    Attributes:
        first: is this the session's plan, and not further replicates of single claims?
        runs, done, failed: numbers of runs, in all and ended; failed ones count among the ended.
        over: nothing is open any more.
        processes: how many fleets are computed at once.
        overhead: seconds of computing that were spent on starting up, over all processes.
        groups: what trains, in words -> the runs that go by these words.
        now: the groups being computed.
        under_way, longest: expected seconds of the fleets being computed, and of the longest of them.
        spent: seconds of computing that finished runs took.
        measured: has any run of this session been timed?
        planned: how the session's plan ended, if this comes after it.
        plain: is the terminal shared with pytest's letters, so that only plain lines may be written?
        held: which runs other processes hold, a line for each of these; for the terminal alone.
    """

    first: bool = False
    runs: int = 0
    done: int = 0
    failed: int = 0
    over: bool = False
    processes: int = 1
    overhead: float = 0.0
    groups: dict[str, RunGroup] = {}
    now: tuple[str, ...] = ()
    under_way: float = 0.0
    longest: float = 0.0
    spent: float = 0.0
    measured: bool = False
    planned: Status | None = None
    plain: bool = False
    held: tuple[str, ...] = ()


Show = Callable[[Status, bool], None]
"""Draws a status, or passes it on; the second argument says that nothing follows for now."""


class Tally:
    """What one process has done of what it set out to do, counted anew each time it sets out.

    Args:
        show: told after every change.
        processes: how many fleets are computed at once.

    Attributes:
        first: set while the session's plan is computed; what comes later are further replicates of
            single claims.
        computed: what was computed here, in words -> how much.
    """

    def __init__(self, show: Show, processes: int = 1) -> None:
        self.show, self.processes = show, processes
        self.first = False
        self.planned: Status | None = None
        self.status = Status()
        self.computed: dict[str, Work] = {}
        self._stopwatch = Stopwatch()
        self._pace = Pace((), processes, self._stopwatch)
        self._began = 0.0

    def begin(self, fleets: Sequence[Fleet]) -> None:
        """Set out to compute these."""
        self._pace = Pace(fleets, self.processes, self._stopwatch)
        self.status = Status(
            first=self.first,
            runs=sum(len(fleet.runs) for fleet in fleets),
            processes=self.processes,
            planned=None if self.first else self.planned,  # the controller may not have looked in between
        )
        self._began = time.monotonic()
        self._tell()

    def more(self, fleets: Sequence[Fleet]) -> None:
        """Set out to compute these as well."""
        self._pace.more(fleets)
        runs = self.status.runs + sum(len(fleet.runs) for fleet in fleets)
        self.status = msgspec.structs.replace(self.status, runs=runs)
        self._tell()

    def held(self, by_others: Sequence[Finished]) -> None:
        """Other processes hold these."""
        held = holding(by_others)
        if held != self.status.held:
            self.status = msgspec.structs.replace(self.status, held=held)
            self._tell()

    def finished(self, done: Finished) -> None:
        """One run ended."""
        self._pace.finished(done.run, done.seconds)
        if done.seconds:
            before = self.computed.get(described(done.run.value), Work())
            self.computed[described(done.run.value)] = before.plus(1, done.cost)
        self.status = msgspec.structs.replace(
            self.status, done=self.status.done + 1, failed=self.status.failed + bool(done.failure)
        )
        self._tell()

    def end(self) -> None:
        """Nothing is open any more."""
        self.status = msgspec.structs.replace(self.status, over=True)
        if self.first:
            self.planned = self.status
        self.show(self.status, True)

    def _tell(self) -> None:
        now, spent, overhead = self._pace.now(), self._pace.spent, self.status.overhead
        if spent:  # what it took to start, at most: some may be of runs that are under way
            unspent = (time.monotonic() - self._began) * self.processes - spent
            overhead = max(0.0, min(overhead or unspent, unspent))
        self.status = msgspec.structs.replace(
            self.status,
            groups=self._pace.groups(),
            now=now.names,
            under_way=now.seconds,
            longest=now.longest,
            spent=spent,
            overhead=overhead,
            measured=bool(self._stopwatch),
        )
        self.show(self.status, False)


def line(status: Status, elapsed: float) -> str:
    """The status in words: ``trained 12 of 80 runs (15 %), 31 s, about 2 min left``.

    Args:
        elapsed: seconds by the clock since this was set out to.
    """
    done, runs = status.done, status.runs
    what = "runs" if status.first else "more runs"
    text = f"trained {done} of {runs} {what} ({100 * done // max(runs, 1)} %), {spoken(elapsed)}"
    if 0 < done < runs or (runs > done and elapsed >= PLAIN_SECONDS):
        text += f", {'about' if status.measured else 'roughly'} {spoken(left(status, elapsed))} left"
    if status.failed:
        text += f", {status.failed} failed"
    return text


def left(status: Status, elapsed: float) -> float:
    """Seconds until all is computed: what open runs are expected to take, by what others have taken.

    What is under way for longer than was expected slows the others of its kind too, until one of them has
    ended and tells.

    Args:
        elapsed: seconds by the clock since this was set out to.
    """
    processes, under_way = status.processes, status.under_way
    idle = max(elapsed * processes - status.spent - status.overhead, 0.0)
    slower = max(1.0, idle / under_way) if under_way > 0 else 1.0
    unmeasured = {n for n in status.now if n in status.groups and not status.groups[n].computed}
    if not unmeasured:
        slower = 1.0
    still = 0.0
    for name, group in status.groups.items():
        still += (group.runs - group.done) * group.seconds * (slower if name in unmeasured else 1.0)
    return remaining(still, slower * status.longest, slower * under_way, idle, processes)


def current(status: Status, most: int) -> list[str]:
    """What others hold, and what trains just now, at most so many lines of ``Inception: 3 of 10 runs``."""
    names, groups = status.now, status.groups
    lines = [f"{n}: {groups[n].done} of {groups[n].runs} runs" for n in names[:most]]
    lines += [f"and {len(names) - most} other kinds"] * (len(names) > most)
    return [*status.held, *lines]


def holding(by_others: Sequence[Finished]) -> tuple[str, ...]:
    """Who holds what: ``10 runs are held by HOST, process 123, since 14:05``; nothing where nobody does."""
    holders = Counter(done.holder for done in by_others)
    return tuple(
        f"{count} run{'s are' if count > 1 else ' is'} held by {_named(holder)}"
        for holder, count in holders.most_common()
    )


def _named(holder: Holder | None) -> str:
    if holder is None:
        return "another process"
    since = time.localtime(holder.since)
    days = "%Y-%m-%d " * (time.time() - holder.since > DAY)
    return f"{holder.host}, process {holder.process}, since {time.strftime(f'{days}%H:%M', since)}"


def summed(one: Mapping[str, Work], other: Mapping[str, Work]) -> dict[str, Work]:
    """What either computed, added up by name."""
    return {name: one.get(name, Work()).plus(*other.get(name, Work())) for name in {**one, **other}}


def spoken(seconds: float) -> str:
    """A duration for people: ``42 s``, ``3 min``, ``2.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
