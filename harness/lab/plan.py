"""The plan: which runs train together, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from harness.data.blocks import blocks
from harness.lab.durations import seconds_of
from harness.lab.runs import Fleet, Run, Work
from harness.spec import Experiment, Runnable, abbreviated, canonical, digest
from harness.spec.keeping import Keeping

FLEET_SECONDS = 4.0
"""Expected seconds to which a fleet of runs trained in turn is cut, so that processes end together."""

PARTS = 32
"""A fleet is at most such a part of all that is missing, so that small plans use all processes too."""

STACKED = 64
"""Most runs that a GPU trains at once as one stacked model (fewer where memory does not hold them)."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a set of runs would take.

    Attributes:
        fleets: what is missing, in the order of computing.
        missing, present: numbers of runs; seconds: estimate for one core; timed: runs whose
            estimate rests on a recorded timing; at_most: runs whose estimate is the whole budget of
            epochs, because nothing alike was timed.
    """

    fleets: tuple[Fleet, ...]
    missing: int
    present: int
    seconds: float
    timed: int
    at_most: int = 0

    def lasts(self, processes: int) -> float:
        """Estimated seconds on so many processes: a fleet is not shared between two of them."""
        return max(self.seconds / processes, max((fleet.seconds for fleet in self.fleets), default=0.0))

    def specifications(self) -> dict[str, Work]:
        """What is missing by what it is, in one line, in the order of computing."""
        works: dict[str, Work] = {}
        for fleet in self.fleets:
            each = fleet.seconds / len(fleet.runs)
            for what in (abbreviated(run.value) for run in fleet.runs):
                works[what] = works.get(what, Work()).plus(1, each)
        return works


def fleets(runs: Iterable[Run], timings: Mapping[str, float], device: str = "cpu") -> list[Fleet]:
    """Group runs of equal shape, cut the groups to size; parents before children, then longest first.

    Args:
        runs: what is missing.
        timings: seconds per run by ``Run.kind``, where recorded; the rest is estimated.
        device: where they train; a GPU takes many runs at once, a CPU one after another.
    """
    at_once = device.startswith("cuda")
    runs = list(runs)
    kinds = {run.kind: run for run in runs}  # replicates are alike in both
    costs = {kind: seconds_of(run, timings) for kind, run in kinds.items()}
    shapes = {kind: shape_of(run.value) for kind, run in kinds.items()}
    most = min(FLEET_SECONDS, sum(costs[run.kind] for run in runs) / PARTS)
    groups: dict[tuple[int, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.depth, shapes[run.kind]), []).append(run)
    with_depth = []
    for (depth, shape), members in groups.items():
        members.sort(key=lambda r: (r.kind, r.replicate))
        for part in _numbered(members) if at_once else _cut(members, costs, most):
            seconds = sum(costs[r.kind] for r in part)
            with_depth.append((depth, Fleet(shape=shape, runs=tuple(part), seconds=seconds)))
    with_depth.sort(key=lambda pair: (pair[0], -pair[1].seconds, pair[1].runs[0].key))
    return [fleet for _, fleet in with_depth]


def _numbered(runs: list[Run]) -> Iterable[list[Run]]:
    return (runs[rows] for rows in blocks(len(runs), STACKED))


def _cut(runs: list[Run], costs: Mapping[str, float], most: float) -> Iterable[list[Run]]:
    part: list[Run] = []
    seconds = 0.0
    for run in runs:
        cost = costs[run.kind]
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
    data, optimizer = value.data, value.optimizer
    alike = optimizer.alike if isinstance(optimizer, Keeping) else ()
    same = [
        [type(data).__name__, list(data.shape), data.train_size, data.test_size, data.classes],
        canonical(value.model),
        [type(optimizer).__name__, optimizer.batch, optimizer.momentum, optimizer.weight_decay, *alike],
        [value.loss, value.precision],
    ]
    return digest(same)[:12]
