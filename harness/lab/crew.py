"""Processes that compute runs: each takes a lock, computes, publishes a record, and goes on.

Only a directory is shared between them. The same function serves the processes that a session starts
for itself, xdist's workers, and a session with a single core.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

from harness.fleet import memory
from harness.fleet.lifetimes import end_with_parent
from harness.lab.computing import HELD, Finished, drain, one_line
from harness.lab.pinning import pin_arithmetic, pin_gpu
from harness.lab.places import Place
from harness.lab.runs import Fleet

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

ENDING_SECONDS = 2
"""Seconds that a process of a broken pool, which has been told to end, may take to do so."""
POLL_SECONDS = 0.002
"""Seconds between two looks at a process whose end another thread has just seen."""


class LocalCrew:
    """Processes that compute fleets side by side, started when first needed and kept for the session.

    Where no processes can be had (no shared memory, say, or no more of them allowed), this one computes all.

    Args:
        processes: how many at most; fewer where memory does not hold them.

    Attributes:
        unavailable: why no processes could be had, "" if they could or none was needed.
    """

    def __init__(self, place: Place, processes: int) -> None:
        self.place, self.processes = place, processes
        self.unavailable = ""
        self._ending = ""
        self._pool: ProcessPoolExecutor | None = None
        self._count = processes

    def drain(self, fleets: Iterable[Fleet]) -> Iterator[Finished]:
        """Compute fleets side by side; results come in the order in which they end.

        A process that is killed (out of memory, say) breaks the pool and loses what all of them were at.
        Everything is then tried again, and what was under way alone and last, to learn which it was.
        """
        waiting, suspects = list(fleets), list[Fleet]()
        self._fit(waiting)
        while waiting:
            lost = yield from self._together(waiting)
            suspects += lost[: self._count]  # first in, first out: these were being computed
            waiting = lost[self._count :]
        for fleet in suspects:
            for killer in (yield from self._together([fleet])):
                yield from _failed(killer, f"its training process {self._ending} twice; run again to go on")

    def _fit(self, fleets: Sequence[Fleet]) -> None:
        """Have as many processes as memory holds, if these fleets run side by side."""
        if self.place.device != "cpu":
            return
        count = memory.processes((run.value for fleet in fleets for run in fleet.runs), self.processes)
        if count != self._count:
            self.close()
            self._count = count

    def _together(self, fleets: Sequence[Fleet]) -> Generator[Finished, None, list[Fleet]]:
        """Compute fleets side by side; returns those that did not come back because the pool broke."""
        lost = dict(enumerate(fleets))
        waiting = {} if self.unavailable else self._submitted(lost)
        if self.unavailable:
            yield from drain(lost.values(), self.place)
            return []
        try:
            for future in as_completed(waiting):
                error = future.exception()
                if isinstance(error, BrokenProcessPool):
                    raise error
                fleet = lost.pop(waiting[future])
                yield from future.result() if error is None else _failed(fleet, one_line(error))
        except BrokenProcessPool:
            self._ending = _ending(self._members)
            self.close()
        return list(lost.values())

    def _submitted(self, fleets: Mapping[int, Fleet]) -> dict[Future[list[Finished]], int]:
        """Hand fleets to the processes, each with its number; none where no processes can be had."""
        waiting: dict[Future[list[Finished]], int] = {}
        try:
            for number, fleet in fleets.items():
                waiting[self._started().submit(_drained, pickle.dumps(fleet), self.place)] = number
        except BrokenProcessPool:  # a process ended meanwhile; waiting for the others says so again
            return waiting
        except (OSError, ImportError) as error:  # semaphores need /dev/shm, a process a free number
            self.close()
            self.unavailable = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return waiting

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            import multiprocessing

            pin_arithmetic()
            spawn = multiprocessing.get_context("spawn")
            count = spawn.Value("i", 0)
            self._pool = ProcessPoolExecutor(
                self._count, mp_context=spawn, initializer=_enlist, initargs=(count, self.place.device)
            )
        return self._pool

    @property
    def _members(self) -> list[BaseProcess]:
        """The processes that were started, those that ended since included."""
        return list(((self._pool and self._pool._processes) or {}).values())

    def close(self) -> None:
        """End the processes at once: what they were training goes on from its checkpoint next time."""
        if self._pool is not None:
            processes = self._members
            self._pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.terminate()
            self._pool = None


def _enlist(count: Any, device: str) -> None:
    """Prepare a crew's process: its own GPU, deaf to the terminal's interrupts, ending with the session."""
    import signal
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
    with count.get_lock():
        number = count.value
        count.value += 1
    if device == "cuda":
        pin_gpu(number)


def _ending(members: Iterable[BaseProcess]) -> str:
    """How the process ended that broke the pool; the others were then ended by SIGTERM."""
    import signal

    deadline = time.monotonic() + ENDING_SECONDS
    ends = [_status(member, deadline) for member in members]
    codes = [status for status in ends if status not in (None, 0, -signal.SIGTERM)]
    if not codes or codes[0] is None:
        return "was lost"
    if codes[0] > 0:
        return f"ended itself with status {codes[0]}"
    cause = " (out of memory?)" if codes[0] == -signal.SIGKILL else ""
    return f"was killed by signal {-codes[0]}{cause}"


def _status(member: BaseProcess, deadline: float) -> int | None:
    """The status with which a process ended, None if it runs on at the deadline (monotonic seconds).

    The pool's own thread waits for the same processes. Whoever of the two comes second learns nothing from
    the system, and has to ask again until the first has written the status down.
    """
    member.join(max(0.0, deadline - time.monotonic()))
    while member.exitcode is None and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return member.exitcode


def _drained(pickled: bytes, place: Place) -> list[Finished]:
    # unpickled here and not by the pool, whose process would die of a module it cannot import
    return list(drain([pickle.loads(pickled)], place))


def _failed(fleet: Fleet, why: str) -> Iterator[Finished]:
    return (Finished(run=run, outcome=HELD, failure=why) for run in fleet.runs)
