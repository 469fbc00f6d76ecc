"""What each run took of those that a GPU was given together: as a stack, or one after the other after all."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from harness.fleet import memory

STACKED = "stacked"
"""The kernel of runs that are trained at once (``fleet.stacked.Stack``)."""


class RunShare(NamedTuple):
    """A run's part: of how many trained at once it was one, its seconds, and the GPU's largest memory."""

    fleet: int
    seconds: float
    peak_bytes: int


class Shares:
    """Tells what each run took as soon as it has ended; made when the first begins.

    Of a stack each has an equal part of the time until it ended; of runs in turn each has its own.

    Args:
        runs: how many there are.
        device: where they are trained.
        clock: seconds from any beginning.
    """

    def __init__(self, runs: int, device: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._runs, self._device, self._clock = runs, device, clock
        self._began = self._last = clock()
        self._peak = memory.Peak(device)

    def of(self, kernel: str) -> RunShare:
        """What a run took that has just ended, trained by this kernel."""
        now, peak = self._clock(), self._peak.bytes()
        if kernel == STACKED:
            return RunShare(self._runs, (now - self._began) / self._runs, peak)
        seconds, self._last = now - self._last, now
        self._peak = memory.Peak(self._device)
        return RunShare(1, seconds, peak)
