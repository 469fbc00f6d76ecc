"""Runs and fleets: what is computed for a value, what it starts from, and what trains together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec

from harness.spec import Experiment, Probing, Runnable, Value
from harness.spec.watched import EVERYTHING, Watched


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One experiment (or solution, or simulation) at one replicate.

    Attributes:
        key: content address of experiment and replicate: the record's name.
        kind: digest of the specification alone; recorded timings go by it.
        source: honest name of the data ("" for a simulation).
        digests: of what each value inside reads from files, in the order of ``values_in``.
        parents: runs whose weights this one starts from.
        watched: errors whose curves are recorded, of a training; others are measured at its end.
    """

    value: Any
    replicate: int
    address: str
    key: str
    kind: str
    source: str
    digests: tuple[str, ...] = ()
    parents: tuple[Run, ...] = ()
    watched: Watched = EVERYTHING

    @property
    def depth(self) -> int:
        """0 for a fresh start, one more than the deepest parent for a chain."""
        return 1 + max(parent.depth for parent in self.parents) if self.parents else 0


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """Runs of equal shape, trained by one process, and about how long they take.

    Attributes:
        wide: they need all devices at once; else one is enough.
        alone: nothing is computed beside them, for they take most of the machine's memory.
        each: seconds of each run, in their order; () where all take as long.
    """

    shape: str
    runs: tuple[Run, ...]
    seconds: float
    wide: bool = False
    alone: bool = False
    each: tuple[float, ...] = ()

    def priced(self) -> list[tuple[Run, float]]:
        """Each run, and about how long it takes."""
        even = (self.seconds / len(self.runs),) * len(self.runs)
        return list(zip(self.runs, self.each or even, strict=True))


def part_of(unit: Fleet, wanted: Callable[[Run], bool]) -> Fleet | None:
    """A fleet's runs of which this holds, with their part of its seconds; None if there are none."""
    parts = [(run, seconds) for run, seconds in unit.priced() if wanted(run)]
    if len(parts) in (0, len(unit.runs)):
        return unit if parts else None
    runs, each = zip(*parts, strict=True)
    return msgspec.structs.replace(unit, runs=runs, seconds=sum(each), each=each)


class Work(NamedTuple):
    """How many runs, and the seconds of a processor (or GPU) that they take together."""

    runs: int = 0
    seconds: float = 0.0

    def plus(self, runs: int, seconds: float) -> Work:
        """This and so many runs more."""
        return Work(self.runs + runs, self.seconds + seconds)


def parts(value: Runnable) -> list[Runnable]:
    """What is computed for a value: itself without its probes, and each probe of it."""
    if isinstance(value, Experiment) and value.probes:
        return [value.but(probes=()), *(Probing(value.but(probes=()), probe) for probe in value.probes)]
    return [value]


def parents_of(value: Value) -> tuple[Experiment, ...]:
    """The experiments whose final weights a chained experiment starts from, or a probe reads."""
    if isinstance(value, Probing):
        return (value.experiment,)
    return tuple(start.parent for start in value.starts) if isinstance(value, Experiment) else ()


def with_parents(runs: Iterable[Run]) -> list[Run]:
    """Every run and everything it starts from, each once, in the order met."""
    runs_by_key: dict[str, Run] = {}
    todo = list(runs)
    while todo:
        run = todo.pop(0)
        if run.key not in runs_by_key:
            runs_by_key[run.key] = run
            todo += run.parents
    return list(runs_by_key.values())
