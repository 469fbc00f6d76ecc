"""How far a plan has come, weighted by what its runs cost, and how long the rest will take."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from harness.lab.durations import alike
from harness.spec import Experiment, Probing, Simulation, Solved, Value, abbreviated
from harness.spec.contracts import Dataset

if TYPE_CHECKING:
    from harness.lab.runs import Fleet, Run

NEARLY = 0.95
"""What is under way counts as at most so far done, however long it has been under way."""


class Timed(NamedTuple):
    """Seconds that runs took together, beside those expected of them, and how many runs these were."""

    took: float = 0.0
    expected: float = 0.0
    runs: int = 0


class Stopwatch:
    """Compares what runs took in this session with what was expected, so that the plan learns."""

    def __init__(self) -> None:
        self._sums: dict[object, Timed] = {}

    def add(self, run: Run, seconds: float, expected: float) -> None:
        """Take in one run that was computed here."""
        for group in (run.kind, alike(run.value), None):
            before = self._sums.get(group, Timed())
            self._sums[group] = Timed(before.took + seconds, before.expected + expected, before.runs + 1)

    def seconds(self, run: Run, expected: float) -> float:
        """The mean of its own kind if that was measured; else ``expected``, times what held for others."""
        measured = self.measured(run.kind)
        return expected * self.ratio(alike(run.value)) if measured is None else measured

    def measured(self, kind: str) -> float | None:
        """The mean seconds of a kind; None where none of it was measured."""
        sums = self._sums.get(kind)
        return sums.took / sums.runs if sums else None

    def ratio(self, group: tuple[str, ...]) -> float:
        """What runs alike took over what was expected of them, or else what all others did."""
        others = self._sums.get(group) or self._sums.get(None) or Timed()
        return others.took / others.expected if others.expected > 0 else 1.0

    def __bool__(self) -> bool:
        return bool(self._sums)


class RunGroup(msgspec.Struct, frozen=True):
    """Runs that one line of progress names together.

    Attributes:
        runs, done, computed: how many there are, how many ended, how many of these were computed here.
        seconds: expected of an open one, on average.
    """

    runs: int = 0
    done: int = 0
    computed: int = 0
    seconds: float = 0.0


class Outlook(NamedTuple):
    """What is expected of a group's open runs.

    Attributes:
        measured: seconds of those whose own kind was measured.
        alike: of the others, what they are alike in -> seconds that were expected of them.
    """

    measured: float
    alike: dict[tuple[str, ...], float]


class Now(NamedTuple):
    """What is computed just now: names of its groups, its seconds, and those of its longest fleet."""

    names: tuple[str, ...] = ()
    seconds: float = 0.0
    longest: float = 0.0


class Pace:
    """One process's view of its plan.

    Args:
        fleets: in the order of computing, with what is expected of them.
        processes: how many fleets are computed at once.
        stopwatch: what runs took so far; added to.
    """

    def __init__(self, fleets: Sequence[Fleet], processes: int, stopwatch: Stopwatch) -> None:
        self.processes, self.stopwatch = processes, stopwatch
        self.spent = 0.0
        self._open: list[dict[str, Run]] = []
        self._expected: list[float] = []
        self._place: dict[str, int] = {}
        self._runs: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self._computed: Counter[str] = Counter()
        self._alike: dict[str, Counter[tuple[str, float]]] = {}
        self._alike_of: dict[str, tuple[str, ...]] = {}
        self._known: dict[str, Outlook] = {}
        self._first, self._last = 0, 0
        self.more(fleets)

    def more(self, fleets: Sequence[Fleet]) -> None:
        """Fleets that come after those that were planned before."""
        for i, fleet in enumerate(fleets, len(self._open)):
            each = fleet.seconds / len(fleet.runs)
            self._open.append({run.key: run for run in fleet.runs})
            self._expected.append(each)
            for run in fleet.runs:
                name = described(run.value)
                self._place[run.key] = i
                self._alike_of.setdefault(run.kind, alike(run.value))
                self._runs[name] += 1
                self._alike.setdefault(name, Counter())[run.kind, each] += 1
                self._known.pop(name, None)

    def finished(self, run: Run, seconds: float) -> None:
        """A run ended; ``seconds`` is 0 if it was not computed here."""
        place = self._place.get(run.key, -1)
        if place < 0 or self._open[place].pop(run.key, None) is None:
            return
        name, self._last = described(run.value), place
        self._known.pop(name, None)
        self._alike[name][run.kind, self._expected[place]] -= 1
        self._done[name] += 1
        if seconds > 0:
            self._computed[name] += 1
            self.spent += seconds
            self.stopwatch.add(run, seconds, self._expected[place])

    def groups(self) -> dict[str, RunGroup]:
        """The groups by name, in the order of computing, with what an open run is now expected to take."""
        return {
            name: RunGroup(runs, self._done[name], self._computed[name], self._mean(name))
            for name, runs in self._runs.items()
        }

    def _mean(self, name: str) -> float:
        """Seconds that an open run of a group is expected to take; 0 where none is open."""
        still = self._runs[name] - self._done[name]
        if not still:
            return 0.0
        if name not in self._known:
            self._known[name] = self._ahead(name)
        measured, others = self._known[name]
        return (measured + sum(each * self.stopwatch.ratio(group) for group, each in others.items())) / still

    def _ahead(self, name: str) -> Outlook:
        """What is expected of a group, added up anew: one of its runs has ended, or some have come."""
        measured, others = 0.0, dict[tuple[str, ...], float]()
        for (kind, each), n in self._alike[name].items():
            mean = self.stopwatch.measured(kind)
            if mean is None:
                group = self._alike_of[kind]
                others[group] = others.get(group, 0.0) + n * each
            else:
                measured += n * mean
        return Outlook(measured, others)

    def now(self) -> Now:
        """What is computed just now, as far as the order of computing tells."""
        current = Now()
        for i in self._current():
            runs = list(self._open[i].values())
            seconds = sum(self.stopwatch.seconds(run, self._expected[i]) for run in runs)
            names = dict.fromkeys((*current.names, described(runs[0].value)))
            current = Now(tuple(names), current.seconds + seconds, max(current.longest, seconds))
        return current

    def _current(self) -> list[int]:
        """Fleets are taken in order; a single process may have passed some that another one holds."""
        count = len(self._open)
        while self._first < count and not self._open[self._first]:
            self._first += 1
        begin = max(self._first, self._last) if self.processes == 1 else self._first
        rest = itertools.chain(range(begin, count), range(self._first, begin))
        return list(itertools.islice((i for i in rest if self._open[i]), self.processes))


def remaining(left: float, longest: float, under_way: float, idle: float, processes: int) -> float:
    """Wall seconds until all is computed.

    Args:
        left: seconds of computing that open runs are expected to take in all, begun ones included.
        longest: of these, those of the longest fleet being computed, which no second process can shorten.
        under_way: of these, those of the fleets being computed.
        idle: seconds of computing, over all processes, since the start that no finished run accounts for.
        processes: how many compute.
    """
    begun = min(max(idle, 0.0), NEARLY * under_way)
    return max((left - begun) / processes, longest - begun / processes, 0.0)


def described(value: Value) -> str:
    """What trains, for a line of progress: ``SmallInception, 20,000 images``."""
    if isinstance(value, Probing):
        return f"{_bare(value.probe)} of {described(value.experiment)}"
    if isinstance(value, Experiment):
        return f"{_bare(value.model)}, {_examples(value.data)}"
    if isinstance(value, Solved):
        return f"{_bare(value.solver)}, {_examples(value.data)}"
    return value.function.__name__ if isinstance(value, Simulation) else _bare(value)


def _bare(value: object) -> str:
    return abbreviated(value).removesuffix("()")


def _examples(data: Dataset) -> str:
    return f"{data.train_size:,} {'images' if len(data.shape) == 3 else 'examples'}"
