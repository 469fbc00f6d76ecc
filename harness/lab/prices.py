"""What runs cost relative to each other, shipped: so that a fresh machine's first estimate is about right.

``costs.json`` holds the seconds of the records of the committed reports. They are of another machine: what
this one takes is told by a few milliseconds of arithmetic, and then by the runs that it has timed.
``python -m harness.commands.costing`` makes the file anew.
"""

from __future__ import annotations

import functools
import math
import statistics
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

FILE = Path(__file__).with_name("costs.json")
KIND = 12
"""Signs of a kind's digest by which the file names it: chance makes two of thousands equal once in 10^8."""
STEPS = 20_000
"""Steps of the loop that is timed: about a millisecond."""
ROUNDS = 5
"""How often it is timed; the shortest counts, which nothing has interrupted."""
ENOUGH = 5
"""So many kinds timed here tell more of this machine than the loop does."""


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of runs on one core of one machine.

    Attributes:
        probe: seconds that the loop of ``probed`` takes on that machine.
        kinds: beginning of a run's kind -> mean seconds of its replicates.
        alike: words of ``durations.alike`` -> the median, in logarithms, of recorded over estimated seconds.
    """

    probe: float = 0.0
    kinds: dict[str, float] = {}
    alike: dict[str, float] = {}

    def of(self, kind: str) -> float:
        """Seconds of a kind of run there; 0 where nobody has timed it."""
        return self.kinds.get(kind[:KIND], 0.0)

    def ratio(self, group: tuple[str, ...]) -> float:
        """Recorded over estimated seconds of such runs there; 0 where none was timed."""
        return self.alike.get(" ".join(group), 0.0)


NOTHING = Costs()


@functools.cache
def shipped() -> Costs:
    """The costs that ship with this version; none where the file is missing or damaged."""
    try:
        return msgspec.json.decode(FILE.read_bytes(), type=Costs)
    except (OSError, msgspec.MsgspecError):
        return NOTHING


@functools.cache
def probed() -> float:
    """Seconds of the processor that a loop of plain arithmetic takes here, measured in some milliseconds."""
    return min(_looped() for _ in range(ROUNDS))


def _looped() -> float:
    began, x = time.process_time(), 1.0
    for i in range(STEPS):
        x = x * 0.999 + i % 7
    return max(time.process_time() - began, 1e-6)


def slowness(costs: Costs, timings: Mapping[str, float]) -> float:
    """How many times as long runs take here as on the machine of the file.

    Args:
        costs: the file.
        timings: seconds recorded here, by kind: the median of their ratios where there are enough.
    """
    pairs = [(seconds, costs.of(kind)) for kind, seconds in timings.items() if seconds > 0]
    ratios = [math.log(here / there) for here, there in pairs if there > 0]
    if len(ratios) >= ENOUGH:
        return math.exp(statistics.median(ratios))
    return probed() / costs.probe if costs.probe else 1.0


def made(
    seconds: Mapping[str, float], ratios: Mapping[tuple[str, ...], Iterable[float]], probe: float
) -> bytes:
    """The file's bytes, a line an entry, equal for equal contents.

    Args:
        seconds: by kind.
        ratios: of recorded to estimated seconds, by what ``durations.alike`` says of the runs.
        probe: as in ``Costs``.
    """
    middle = {" ".join(group): statistics.median(map(math.log, each)) for group, each in ratios.items()}
    costs = Costs(
        probe=_rounded(probe),
        kinds={kind[:KIND]: _rounded(each) for kind, each in seconds.items()},
        alike={group: _rounded(math.exp(each)) for group, each in middle.items()},
    )
    return msgspec.json.format(msgspec.json.encode(costs, order="sorted"), indent=1) + b"\n"


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
