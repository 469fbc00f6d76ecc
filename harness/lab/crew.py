"""Processes that compute units: each takes a run's lock, computes it, publishes a record, and goes on.

Only a directory is shared between them. The same function serves the processes that a session starts
for itself, xdist's workers, and a session with a single core.
"""

from __future__ import annotations

import functools
import pickle
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import msgspec

from harness.fleet import pausing, ranks
from harness.fleet.lifetimes import end_with_parent
from harness.lab import host_memory
from harness.lab.computing import HELD, Finished, drain, one_line
from harness.lab.pinning import pin_arithmetic, pin_gpu
from harness.lab.places import Place
from harness.lab.ready import BY_UNITS, Ready
from harness.lab.runs import Fleet
from harness.lab.store import Store

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

ENDING_SECONDS = 2
"""Seconds that a process, or the thread of its pool, may take to end when it has been told to."""
POLL_SECONDS = 0.002
"""Seconds between two looks at a process whose end another thread has just seen."""
AHEAD = 2
"""Units that are handed out for each process: the one that it computes, and the one that it begins next."""


class OneProcess:
    """This process, which computes one unit after the other."""

    slots = 1
    publishes = BY_UNITS
    unavailable = ""

    def __init__(self, place: Place) -> None:
        self.place = place

    def drain(self, ready: Ready) -> Iterator[Finished]:
        """Compute what the queue hands out until it is over."""
        while not ready.is_over:
            pausing.look()
            unit = ready.take() or ready.take_wide()
            if unit is None:
                ready.wait()
            else:
                yield from drain([unit], self.place, _opened)

    def close(self) -> None:
        """End nothing: what is under way is ended by whoever interrupts this process."""


class LocalCrew:
    """Processes of this machine that compute units side by side, started when needed, kept for the session.

    Where no processes can be had (no shared memory, say, or no more of them allowed), this one computes all.

    A process that is killed (out of memory, say) breaks the pool and loses what all of them were at. All is
    then tried again, and what was under way alone and last, to learn which it was.

    Args:
        slots: how many processes at most; fewer where memory does not hold them.

    Attributes:
        unavailable: why no processes could be had, "" if they could or none was needed.
    """

    publishes = BY_UNITS

    def __init__(self, place: Place, slots: int) -> None:
        self.place, self.slots = place, slots
        self.unavailable = ""
        self._pool: ProcessPoolExecutor | None = None
        self._count = slots
        self._under_way: dict[Future[list[Finished]], Fleet] = {}
        self._suspects: list[Fleet] = []
        self._alone: Fleet | None = None
        self._closed = 0
        self._wake: Callable[[], None] = lambda: None

    def drain(self, ready: Ready) -> Iterator[Finished]:
        """Compute side by side what the queue hands out; results come in the order in which they end.

        Raises:
            Paused: to end was asked for, and each process has kept what it reached.
        """
        with pausing.telling(self._ask):
            yield from self._side_by_side(ready)

    def _side_by_side(self, ready: Ready) -> Iterator[Finished]:
        ended: SimpleQueue[Future[list[Finished]]] = SimpleQueue()
        self._under_way, self._suspects, self._alone = {}, [], None
        self._wake, closed = ready.wake, self._closed
        self._fit(ready)
        while self._under_way or not ready.is_over:
            if pausing.asked() and not self._under_way:
                self._end_processes()
                pausing.look()
            self._hand_out(ready, ended)
            if self.unavailable:
                yield from OneProcess(self.place).drain(ready)
                return
            if (last := ready.take_wide()) and last.wide:
                self._end_processes()  # which hold memory of the devices
                yield from drain([last], self.place, _opened)
                continue
            if last:
                self._alone = last
                self._submit(last, ready, ended)
            if self._closed != closed:  # by another thread, which ends the session
                return
            if not ended.empty():  # what has come may make others ready, which are handed out first
                yield from self._come_back(ended.get(), ready)
            elif self._under_way or not self._suspects:
                ready.wait()

    def _hand_out(self, ready: Ready, ended: SimpleQueue[Future[list[Finished]]]) -> None:
        """Give units to the processes, so many that each has one more to begin when it ends one."""
        while not pausing.asked() and self._alone is None and len(self._under_way) < AHEAD * self._count:
            unit = ready.take()
            if unit is None and self._suspects and not (self._under_way or ready.is_over):
                self._alone = unit = self._suspects.pop(0)
            if unit is None or not self._submit(unit, ready, ended):
                return

    def _submit(self, unit: Fleet, ready: Ready, ended: SimpleQueue[Future[list[Finished]]]) -> bool:
        """Give a unit to a process; whether there was one."""
        try:
            future = self._started().submit(_drained, pickle.dumps(unit), self.place)
        except (OSError, ImportError, BrokenProcessPool) as error:
            ready.back(unit)
            self._alone = None
            if not isinstance(error, BrokenProcessPool):  # semaphores need /dev/shm, a process a number
                self.unavailable = getattr(error, "strerror", None) or str(error) or type(error).__name__
                self._forsake(ready)
            elif not self._under_way:
                self._end_processes()
            return False  # where a process ended meanwhile, what is under way will tell
        self._under_way[future] = unit
        future.add_done_callback(ended.put)
        future.add_done_callback(lambda done: ready.wake())
        return True

    def _come_back(self, future: Future[list[Finished]], ready: Ready) -> Iterator[Finished]:
        """What came of a unit; of all units if the pool broke."""
        unit = self._under_way.get(future)
        if unit is None or future.cancelled():
            return
        error = future.exception()
        if isinstance(error, BrokenProcessPool):
            yield from self._broken(ready)
            return
        del self._under_way[future]
        self._alone = None
        for done in future.result() if error is None else _failed(unit, one_line(error)):
            if done.too_large and self.slots > 1:  # the only run of its unit, which all GPUs may hold
                ready.back(msgspec.structs.replace(unit, wide=True))
            else:
                yield done

    def _broken(self, ready: Ready) -> Iterator[Finished]:
        """Give back what a broken pool lost; what was being computed is suspected, and tried alone later."""
        if pausing.asked():
            self._forsake(ready)
            pausing.look()
        ending, lost = _ending(self._members), list(self._under_way.values())
        killer, self._alone = self._alone, None
        self._forsake(ready, suspected=0 if killer else self._count)
        if killer:
            often = "though it was alone" if killer.alone else "twice"
            yield from _failed(killer, f"its training process {ending} {often}; run again to go on")
        else:
            self._suspects += lost[: self._count]  # first in, first out: these were being computed

    def _forsake(self, ready: Ready, suspected: int = 0) -> None:
        """End the processes, and give back all units but the first so many."""
        lost = list(self._under_way.values())[suspected:] + self._suspects * bool(self.unavailable)
        self._under_way = {}
        self._end_processes()
        for unit in lost:
            ready.back(unit)

    def _fit(self, ready: Ready) -> None:
        """Have as many processes as memory holds, if these units run side by side."""
        count = host_memory.processes((run.value for run in ready.kinds()), self.slots, self.place.device)
        if count != self._count:
            self._end_processes()
            self._count = count

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            import multiprocessing

            pin_arithmetic()
            spawn = multiprocessing.get_context("spawn")
            count = spawn.Value("i", 0)
            self._pool = ProcessPoolExecutor(
                self._count,
                mp_context=spawn,
                initializer=_enlist,
                initargs=(count, self.place.device, self._count),
            )
        return self._pool

    @property
    def _members(self) -> list[BaseProcess]:
        """The processes that were started, those that ended since included."""
        return list(((self._pool and self._pool._processes) or {}).values())

    def close(self) -> None:
        """End the processes: what they train they keep first, and it goes on from there next time."""
        self._closed += 1
        self._end_processes()
        self._wake()

    def _ask(self) -> None:
        """Ask all processes to keep what they reached and to end; the queue is told by another thread."""
        for process in self._members:
            process.terminate()
        threading.Thread(target=self._wake, daemon=True).start()

    def _end_processes(self) -> None:
        if self._pool is not None:
            processes = self._members
            thread: Any = self._pool._executor_manager_thread
            self._pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.terminate()
            self._pool = None
            deadline = time.monotonic() + pausing.GRACE
            for process in processes * bool(pausing.asked()):  # they keep what they reached
                _status(process, deadline)
            if thread is not None:  # Python would end with an error if it met this one closing its pipes
                thread.join(ENDING_SECONDS)


def _enlist(count: Any, device: str, members: int) -> None:
    """Prepare a crew's process: its own GPU, deaf to the terminal's interrupts, ending with the session."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pausing.heed_resting()
    threading.Thread(target=end_with_parent, daemon=True).start()
    with count.get_lock():
        number = count.value
        count.value += 1
    ranks.share_cores(members)
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


@functools.lru_cache(maxsize=4)  # of one process as a rule; in tests there are more
def _opened(root: Path) -> Store:
    """A store, opened and prepared once in this process and not for each unit."""
    return Store(root)


def _drained(pickled: bytes, place: Place) -> list[Finished]:
    # unpickled here and not by the pool, whose process would die of a module it cannot import
    with pausing.working():
        return list(drain([pickle.loads(pickled)], place, _opened))


def _failed(fleet: Fleet, why: str) -> Iterator[Finished]:
    return (Finished(run=run, outcome=HELD, failure=why) for run in fleet.runs)
