"""The plan: which runs train together, and in which order."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from harness.fleet.ranks import is_streamed
from harness.lab import capacity, host_memory
from harness.lab.computing import COMPUTED, Finished
from harness.lab.durations import seconds_of
from harness.lab.ready import Ready
from harness.lab.runs import Fleet, Run, Work
from harness.spec import Experiment, Runnable, abbreviated, canonical, digest
from harness.spec.keeping import Keeping

UNIT_SECONDS = 4.0
"""Expected seconds to which a unit of runs trained in turn is cut, so that processes end together."""

PARTS, PARTS_A_SLOT = 32, 16
"""A unit is at most such a part of all that is missing, the second for each unit that is computed at once.

What takes all devices by itself does not count. So all are busy to the end: by the longest first, the last
one ends at most a sixteenth of its share after the others, where no single run is longer.
"""

STACK_SECONDS = 600.0
"""Expected seconds below which a stack of runs is not cut on a GPU, which trains them at once faster than in
turn: ten minutes, little beside the hours of a tier.
"""

STACKED = 64
"""Most runs that a GPU trains at once as one stacked model (fewer where memory does not hold them)."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a set of runs would take.

    Attributes:
        fleets: what is missing, in the order of computing.
        missing, present: numbers of runs; seconds: estimate for one core; timed: runs whose
            estimate rests on a recorded timing.
        bounded: the kind of each run whose estimate is the whole budget of epochs, because it may end
            early and nothing alike was timed.
        decoding: what must be decoded before, or on the way, a line for each data set.
    """

    fleets: tuple[Fleet, ...]
    missing: int
    present: int
    seconds: float
    timed: int
    bounded: tuple[str, ...] = ()
    decoding: tuple[str, ...] = ()

    @property
    def at_most(self) -> int:
        """Runs whose estimate is an upper bound."""
        return len(self.bounded)

    def lasts(self, processes: int) -> float:
        """Estimated seconds on so many processes, by the order in which units are handed out."""
        return max((end for _, _, end in schedule(self.fleets, processes)), default=0.0)

    def specifications(self) -> dict[str, Work]:
        """What is missing by what it is, in one line, in the order of computing."""
        works: dict[str, Work] = {}
        for fleet in self.fleets:
            for run, seconds in fleet.priced():
                what = abbreviated(run.value)
                works[what] = works.get(what, Work()).plus(1, seconds)
        return works


def schedule(units: Iterable[Fleet], slots: int) -> Iterator[tuple[Fleet, float, float]]:
    """Each unit with its beginning and end, in seconds from the start, if all take what is expected of them.

    Units are handed out as ``Ready`` hands them out; one that needs all devices is shared by all of them.

    Args:
        units: a plan's.
        slots: how many are computed at once.
    """
    ready = Ready(lambda runs: ())
    ready.add(units)
    under_way: list[tuple[float, int, Fleet]] = []
    now, number = 0.0, 0
    while not ready.is_over:
        wide = ready.take_wide()
        while unit := wide or (ready.take() if len(under_way) < slots else None):
            seconds, wide = unit.seconds / (slots if wide else 1), None
            number += 1
            heapq.heappush(under_way, (now + seconds, number, unit))
            yield unit, now, now + seconds
        now, _, ended = heapq.heappop(under_way)
        for run in ended.runs:
            ready.heard(Finished(run=run, outcome=COMPUTED))


def fleets(
    runs: Iterable[Run],
    timings: Mapping[str, float],
    device: str = "cpu",
    slots: int = 1,
    free: int | None = None,
) -> list[Fleet]:
    """Group runs of equal shape, cut the groups to units; parents before children, then longest first.

    Args:
        runs: what is missing.
        timings: seconds per run by ``Run.kind``, where recorded; the rest is estimated.
        device: where they train; a GPU takes many runs at once, a CPU one after another.
        slots: how many units are computed at once.
        free: bytes of the machine's own memory for each of them; None where it is not this one.
    """
    at_once = device != "cpu"
    runs = list(runs)
    kinds = {run.kind: run for run in runs}  # replicates are alike in both
    costs = {kind: seconds_of(run, timings, device) for kind, run in kinds.items()}
    shapes = {kind: shape_of(run.value) for kind, run in kinds.items()}
    wide = {shapes[kind] for kind, run in kinds.items() if capacity.is_wide(run.value, device)}
    large = {kind for kind, run in kinds.items() if _leaves_no_room(run.value, device, slots, free)}
    alone = {shapes[kind] for kind in large}
    narrow = (run for run in runs if not is_streamed(run.value))  # the others are units of their own
    share = sum(costs[run.kind] for run in narrow) / max(PARTS, PARTS_A_SLOT * slots)
    most = max(STACK_SECONDS, share) if at_once else min(UNIT_SECONDS, share)
    groups: dict[tuple[int, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.depth, shapes[run.kind]), []).append(run)
    with_depth = []
    for (depth, shape), members in groups.items():
        members.sort(key=lambda r: (r.kind, r.replicate))
        number = _at_once(members[0].value, device, free) if at_once else len(members)
        number = 1 if is_streamed(members[0].value) else number
        for part in _cut(members, costs, most, number):
            each = tuple(costs[r.kind] for r in part)
            places = {"wide": shape in wide, "alone": shape in alone}
            fleet = Fleet(shape=shape, runs=tuple(part), seconds=sum(each), each=each, **places)
            with_depth.append((depth, fleet))
    with_depth.sort(key=lambda pair: (pair[0], -pair[1].seconds, pair[1].runs[0].key))
    return [fleet for _, fleet in with_depth]


def _leaves_no_room(value: Runnable, device: str, slots: int, free: int | None) -> bool:
    """Whether a run takes more than one process's part of a CPU's memory, where several compute."""
    if device != "cpu" or slots == 1 or free is None:
        return False
    return not is_streamed(value) and host_memory.taken(value, device) > free


def _at_once(value: Runnable, device: str, free: int | None) -> int:
    """How many runs of a shape a GPU gets at once at most: what so much of the machine's memory holds."""
    if free is None or not isinstance(value, Experiment):
        return STACKED
    return min(STACKED, host_memory.fitting(value, device, free))


def _cut(runs: list[Run], costs: Mapping[str, float], most: float, number: int) -> Iterable[list[Run]]:
    """Runs in parts of at most so many seconds, where no single one is longer, and of at most this number."""
    part: list[Run] = []
    seconds = 0.0
    for run in runs:
        cost = costs[run.kind]
        if part and (seconds + cost > most or len(part) == number):
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
