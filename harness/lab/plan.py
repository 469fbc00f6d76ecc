"""Which runs are needed, which of them train together, and in which order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from harness.fleet import SEMANTICS
from harness.spec import (
    Experiment,
    From,
    Probing,
    Runnable,
    Simulation,
    Solved,
    Value,
    address,
    canonical,
    digest,
    fields_of,
    values_in,
)
from harness.spec.fingerprint import fingerprint

FLEET_SECONDS = 4.0
"""A fleet of runs trained in turn is cut to about this much work, so that processes end together."""

PARTS = 32
"""Nor is it much more than such a part of all that is missing, so that small plans use all processes too."""

UNKNOWN_LAYERS = 4
"""Layers that the estimate assumes for a model that does not list its own."""

STACKED = 64
"""Most runs that a GPU trains at once as one stacked model (fewer where memory does not hold them)."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One experiment (or solution, or simulation) at one replicate.

    Attributes:
        key: content address of experiment and replicate: the record's name.
        kind: digest of the specification alone; recorded timings go by it.
        source: honest name of the data ("" for a simulation).
        parents: runs whose weights this one starts from.
    """

    value: Any
    replicate: int
    address: str
    key: str
    kind: str
    source: str
    parents: tuple[Run, ...] = ()

    @property
    def depth(self) -> int:
        """0 for a fresh start, one more than the deepest parent for a chain."""
        return 1 + max(parent.depth for parent in self.parents) if self.parents else 0


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """Runs of equal shape, trained by one process, and about how long they take."""

    shape: str
    runs: tuple[Run, ...]
    seconds: float


class Named(msgspec.Struct, frozen=True):
    """What content addressing makes of an experiment.

    Attributes:
        address: its content address.
        sources: (honest name, digest) of each collection it reads; the digest of embedded data is "".
    """

    address: str
    sources: tuple[tuple[str, str], ...] = ()


class Catalogue:
    """Names runs: computes addresses once per experiment, from specification, code and data."""

    def __init__(self, data_root: Path) -> None:
        self.data_root = data_root
        self._known: dict[str, Named] = {}
        # by identity, for 1 and 1.0 are equal and have other addresses; the value is kept, so that its
        # identity stays its own
        self._met: dict[int, tuple[Runnable, Named, str]] = {}

    def run(self, value: Runnable, replicate: int) -> Run:
        """The run of an experiment at a replicate, with its parents.

        Raises:
            DataError: data it needs is missing or corrupt (one line).
        """
        if id(value) not in self._met:
            self._met[id(value)] = (value, self.named(value), digest(canonical(value)))
        _, named, kind = self._met[id(value)]
        return Run(
            value=value,
            replicate=replicate,
            address=named.address,
            key=digest({"address": named.address, "replicate": replicate}),
            kind=kind,
            source=named.sources[0][0] if named.sources else "",
            parents=tuple(self.run(parent, replicate) for parent in parents_of(value)),
        )

    def named(self, value: Runnable) -> Named:
        """Address and data of an experiment.

        Raises:
            DataError: data it needs is missing or corrupt (one line).
        """
        specified = specification(value)
        if specified not in self._known:
            sources = [v.source(self.data_root) for v in values_in(value) if hasattr(v, "source")]
            found = address(
                value,
                code=fingerprint(value),
                source=" ".join(s.digest for s in sources),
                semantics=SEMANTICS,
            )
            self._known[specified] = Named(found, tuple((s.name, s.digest) for s in sources))
        return self._known[specified]


Fields = Mapping[str, tuple[str, ...]]


def specification(value: Runnable, fields: Fields | None = None) -> str:
    """Digest of what is asked for, without code and data: the same on any machine and after any commit.

    Two claim files may each have a function or class of the same name, so theirs count with the module.

    Args:
        fields: class -> the fields it had when the digest to compare with was taken; fields that it got
            since then do not count where they are at their default.
    """
    inner = values_in(value)
    named = {type(v) for v in inner} | {v.function for v in inner if isinstance(v, Simulation)}
    outside = sorted(
        f"{n.__module__}:{n.__qualname__}" for n in named if not n.__module__.startswith("harness.")
    )
    return digest([canonical(value) if fields is None else _earlier(value, fields), outside])


def _earlier(value: Any, fields: Fields) -> Any:
    """The canonical form a value had when its classes had only these fields."""
    if isinstance(value, (tuple, list)):
        return [_earlier(item, fields) for item in value]
    if not isinstance(value, Value):
        return canonical(value)
    name = type(value).__name__
    plain = {"value": name}
    for field in fields_of(type(value)):
        given = getattr(value, field.name)
        added = name in fields and field.name not in fields[name] and given == field.default
        if field.name not in value.unaddressed and not added:
            plain[field.name] = _earlier(given, fields)
    return plain


def parents_of(value: Value) -> tuple[Experiment, ...]:
    """The experiments whose final weights a chained experiment starts from, or a probe reads."""
    if isinstance(value, Probing):
        return (value.experiment,)
    start = getattr(value, "start", None)
    starts = start if isinstance(start, tuple) else (start,)
    return tuple(s.parent for s in starts if isinstance(s, From))


def with_parents(runs: Iterable[Run]) -> list[Run]:
    """Every run and everything it starts from, each once, in the order met."""
    found: dict[str, Run] = {}
    todo = list(runs)
    while todo:
        run = todo.pop(0)
        if run.key not in found:
            found[run.key] = run
            todo += run.parents
    return list(found.values())


def fleets(runs: Iterable[Run], timings: Mapping[str, float], device: str = "cpu") -> list[Fleet]:
    """Group runs of equal shape, cut the groups to size; parents before children, then longest first.

    Args:
        runs: what is missing.
        timings: seconds per run by ``Run.kind``, where recorded; the rest is estimated.
        device: where they train; a GPU takes many runs at once, a CPU one after another.
    """
    at_once = device.startswith("cuda")
    runs = list(runs)
    most = min(FLEET_SECONDS, sum(seconds_of(run, timings) for run in runs) / PARTS)
    groups: dict[tuple[int, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.depth, shape_of(run.value)), []).append(run)
    found = []
    for (depth, shape), members in groups.items():
        members.sort(key=lambda r: (r.kind, r.replicate))
        for part in _numbered(members) if at_once else _cut(members, timings, most):
            seconds = sum(seconds_of(r, timings) for r in part)
            found.append((depth, Fleet(shape=shape, runs=tuple(part), seconds=seconds)))
    found.sort(key=lambda pair: (pair[0], -pair[1].seconds, pair[1].runs[0].key))
    return [fleet for _, fleet in found]


def _numbered(runs: list[Run]) -> Iterable[list[Run]]:
    return (runs[first : first + STACKED] for first in range(0, len(runs), STACKED))


def _cut(runs: list[Run], timings: Mapping[str, float], most: float) -> Iterable[list[Run]]:
    part: list[Run] = []
    seconds = 0.0
    for run in runs:
        cost = seconds_of(run, timings)
        if part and seconds + cost > most:
            yield part
            part, seconds = [], 0.0
        part.append(run)
        seconds += cost
    if part:
        yield part


def shape_of(value: Runnable) -> str:
    """What runs must share to train as one batched model."""
    if not isinstance(value, Experiment):
        return digest(canonical(value))[:12]
    data = value.data
    same = [
        [type(data).__name__, list(data.shape), data.train_size, data.test_size, data.classes],
        canonical(value.model),
        [value.optimizer.batch, value.optimizer.momentum, value.optimizer.weight_decay],
        [value.loss, value.precision],
    ]
    return digest(same)[:12]


def seconds_of(run: Run, timings: Mapping[str, float]) -> float:
    """Recorded seconds of an equal run, or a rough estimate from multiply-adds and steps."""
    return timings.get(run.kind) or estimate(run.value)


def estimate(value: Runnable) -> float:
    """Seconds of a run on one core by arithmetic alone; most runs with a stopping rule need a fraction.

    Multiply-adds at 25e9 a second, and 0.3 ms a step for each layer. For the epochs that they trained, the
    runs it was compared with took a third to twice as long (``durations.expected`` corrects for that).
    A solver may say its multiply-adds by a method ``cost(data)``; else it counts a second, as a probe does.
    """
    if isinstance(value, Solved) and hasattr(value.solver, "cost"):
        return float(value.solver.cost(value.data)) / 25e9 + 0.05
    if not isinstance(value, Experiment):
        return 1.0
    data, optimizer, model = value.data, value.optimizer, value.model
    forward = 2 * model.cost(data.shape, data.classes)
    per_epoch = forward * (4 * data.train_size + data.test_size)
    steps = math.ceil(data.train_size / optimizer.batch)
    layers = len(model.layers(data.shape, data.classes)) if hasattr(model, "layers") else UNKNOWN_LAYERS
    return optimizer.epochs * (per_epoch / 50e9 + steps * layers * 3e-4) + 0.05
