"""Processes side by side: everything once, whoever is killed or holds what."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, cast

import msgspec
import pytest

from harness.fleet import pausing
from harness.fleet.pausing import Paused
from harness.lab.computing import COMPUTED, HELD, Finished
from harness.lab.crew import LocalCrew, _ending
from harness.lab.lab import Failed, Lab
from harness.lab.ready import Ready
from harness.lab.runs import Fleet, Run
from harness.lab.store import Store
from harness.tests.simulated import (
    SMALL,
    at,
    deadly,
    drawn,
    leaves,
    lines,
    named,
    noted,
    raising,
)


@pytest.fixture
def pair(tmp_path: Path, patient: None, warm: None) -> Iterator[Lab]:
    """A lab with two processes."""
    lab = Lab(at(tmp_path), processes=2)
    yield lab
    lab.close()


def test_two_processes_compute_everything_once(pair: Lab, tmp_path: Path) -> None:
    file = tmp_path / "computed"
    values = [named(noted, file=str(file), pause=p) for p in (0.3, 0.3, 0.01, 0.02, 0.03)]
    bad = named(raising)
    pair.ensure([run for value in (*values, bad) for run in pair.runs(value, 2)])
    assert len(lines(file)) == 2 * len(set(map(str, values)))
    assert str(os.getpid()) not in lines(file)
    with pytest.raises(Failed, match=r"^OverflowError: the first line$"):
        pair.results("bad", bad, 2)
    alone = Lab(at(tmp_path / "alone"))
    for value in (named(drawn), named(drawn, shift=3)):
        there = pair.results("x", value, 3).final("x").values
        assert there.tolist() == alone.results("x", value, 3).final("x").values.tolist()


def test_a_process_killed_once_is_replaced_and_its_run_computed(pair: Lab, tmp_path: Path) -> None:
    file = tmp_path / "computed"
    once, done = named(deadly, fuse=str(tmp_path / "fuse")), named(noted, file=str(file))
    pair.ensure([*pair.runs(once, 1), *pair.runs(done, 4)])
    assert pair.results("once", once, 1).final("x").values.shape == (1,)
    assert pair.results("done", done, 4).final("x").values.shape == (4,)
    assert not pair.failures


def test_a_run_that_always_kills_its_process_fails_alone(pair: Lab, tmp_path: Path) -> None:
    began = time.monotonic()
    fatal, done = named(deadly, fuse=""), named(noted, file=str(tmp_path / "computed"))
    pair.ensure([*pair.runs(fatal, 1), *pair.runs(done, 6)])
    with pytest.raises(Failed, match=r"was killed by signal 9 .out of memory.. twice; run again to go on"):
        pair.results("fatal", fatal, 1)
    assert pair.results("done", done, 6).final("x").values.shape == (6,)
    assert time.monotonic() - began < 20


def test_a_run_that_ends_its_process_is_told_with_the_status(pair: Lab, tmp_path: Path) -> None:
    leaving, done = named(leaves), named(noted, file=str(tmp_path / "computed"))
    pair.ensure([*pair.runs(leaving, 1), *pair.runs(done, 3)])
    with pytest.raises(Failed, match="its training process ended itself with status 7 twice"):
        pair.results("leaving", leaving, 1)
    assert pair.results("done", done, 3).final("x").values.shape == (3,)


def test_processes_that_are_asked_to_end_keep_what_they_train_and_end(pair: Lab, tmp_path: Path) -> None:
    endless = SMALL.but(optimizer__epochs=10**7)
    runs = pair.runs(endless, 2)

    def ask() -> None:
        locks = tmp_path / "store" / "v1" / "locks"
        while len(list(locks.glob("*.lock"))) < 2:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    with pausing.heeded():
        threading.Thread(target=ask, daemon=True).start()
        with pytest.raises(Paused):
            pair.ensure(runs)
    assert isinstance(pair.crew, LocalCrew)
    assert pair.crew._pool is None
    for run in runs:
        reached = pair.store.resume(run.key)
        assert reached is None or reached[0]["epoch"] > 0  # of what had not begun there is nothing to keep
        with pair.store.claimed(run.key) as mine:
            assert mine
    assert not pair.failures


def test_of_a_crew_that_was_closed_no_thread_is_left(pair: Lab) -> None:
    """Python would end with an error if its pool were closing then."""
    before = threading.active_count()
    pair.results("x", named(drawn), 2)
    assert threading.active_count() > before
    began = time.monotonic()
    pair.close()
    assert time.monotonic() - began < 1.5
    assert threading.active_count() == before, threading.enumerate()


def test_a_solver_is_interrupted_where_it_is(pair: Lab) -> None:
    slow = named(noted, file=os.devnull, pause=600.0)
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
    began = time.monotonic()
    with pausing.heeded(), pytest.raises(Paused):
        pair.ensure(pair.runs(slow, 2))
    assert time.monotonic() - began < 40
    assert not pair.failures


class Reaped:
    """A process that another thread has waited for, and whose status that thread writes down a bit later."""

    def __init__(self, status: int, looks: int) -> None:
        self.status, self.looks = status, looks

    def join(self, timeout: float) -> None:
        """Come back at once, as where there is nothing left to wait for."""

    @property
    def exitcode(self) -> int | None:
        """The status, None at the first looks."""
        self.looks -= 1
        return None if self.looks >= 0 else self.status


@pytest.mark.parametrize(
    ("status", "told"), [(-9, "was killed by signal 9 (out of memory?)"), (7, "status 7")]
)
def test_an_end_that_the_pool_saw_first_is_waited_for(status: int, told: str) -> None:
    others = [Reaped(-15, 0), Reaped(0, 2)]
    assert told in _ending(cast(Any, [*others, Reaped(status, 3)]))


@pytest.mark.parametrize("missing", ["shared memory", "semaphores", "a free process"])
def test_where_no_processes_can_be_had_this_one_computes(
    missing: str, pair: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import multiprocessing

    def refuse(*arguments: object, **more: object) -> None:
        raise (
            ImportError("no sem_open") if missing == "semaphores" else OSError(28, "No space left on device")
        )

    spawn = multiprocessing.get_context("spawn")
    owner, name = (spawn.Process, "start") if missing == "a free process" else (type(spawn), "Value")
    monkeypatch.setattr(owner, name, refuse)
    file = tmp_path / "computed"
    pair.ensure([run for n in range(3) for run in pair.runs(named(noted, file=str(file), pause=n / 100), 2)])
    assert not pair.failures
    assert set(lines(file)) == {str(os.getpid())}
    reason = "no sem_open" if missing == "semaphores" else "No space left on device"
    assert list(pair.notes) == [f"trained in one process: no others can be had ({reason})"]


def test_processes_end_with_a_session_that_is_killed(tmp_path: Path) -> None:
    session = """
        import sys
        from pathlib import Path
        from harness.lab.lab import Lab
        from harness.tests.simulated import at, named, noted, lines
        if __name__ == "__main__":
            lab = Lab(at(Path(sys.argv[1])), processes=2)
            lab.results("x", named(noted, file=sys.argv[2], pause=0.2), 2)
            print(*lab.crew._pool._processes, flush=True)
            lab.results("x", named(noted, file=sys.argv[2], pause=30.0), 2)
    """
    script = tmp_path / "session.py"
    script.write_text(textwrap.dedent(session))
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path), str(tmp_path / "computed")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert process.stdout is not None
    members = [int(word) for word in process.stdout.readline().split()]
    assert members
    process.send_signal(signal.SIGKILL)
    process.wait()
    patience = time.monotonic() + 10
    while any(map(running, members)) and time.monotonic() < patience:
        time.sleep(0.02)
    assert not any(map(running, members))


def running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


class Threads(LocalCrew):
    """A crew whose processes are threads that say at once that all is computed, in the order told."""

    def __init__(self, slots: int) -> None:
        super().__init__(at(Path()), slots)
        self.computed: list[str] = []
        self.threads = ThreadPoolExecutor(slots)

    def _started(self) -> Any:
        return self

    def submit(self, drained: object, pickled: bytes, place: object) -> Future[list[Finished]]:
        """As a pool of processes does."""
        return self.threads.submit(self._compute, pickle.loads(pickled))

    def _compute(self, unit: Fleet) -> list[Finished]:
        self.computed += [run.key for run in unit.runs]
        return [Finished(run=run, outcome=COMPUTED) for run in unit.runs]


def chained(length: int) -> list[Fleet]:
    """Units of a chain, each of which starts from the one before."""
    runs: list[Run] = []
    for n in range(length):
        value, parents = named(drawn, shift=float(n)), tuple(runs[-1:])
        key = str(n)
        runs.append(Run(value=value, replicate=0, address=key, key=key, kind=key, source="", parents=parents))
    return [Fleet(shape="", runs=(run,), seconds=1.0) for run in runs]


@pytest.mark.parametrize("slots", [1, 3])
@pytest.mark.parametrize("wide", [False, True])
def test_a_chain_goes_on_when_nothing_else_is_under_way(
    slots: int, wide: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ``wide``, its last unit needs all devices, and is computed here."""
    units, here = chained(5), list[str]()
    units[-1] = msgspec.structs.replace(units[-1], wide=wide)

    def drained(wide: list[Fleet], place: object, opening: object) -> list[Finished]:
        here.extend(run.key for unit in wide for run in unit.runs)
        return [Finished(run=run, outcome=COMPUTED) for unit in wide for run in unit.runs]

    monkeypatch.setattr("harness.lab.crew.drain", drained)
    crew, queue = Threads(slots), Ready(lambda runs: [])
    queue.add(units)
    for done in crew.drain(queue):
        queue.heard(done)
    assert crew.computed + here == list("01234")
    assert here == ["4"] * wide


class TooSmall(Threads):
    """A crew on GPUs whose memory does not hold what "0" names, each by itself."""

    def _compute(self, unit: Fleet) -> list[Finished]:
        done = super()._compute(unit)
        return [
            Finished(run=each.run, outcome=HELD, failure="out of memory", too_large=True)
            if each.run.key == "0"
            else each
            for each in done
        ]


@pytest.mark.parametrize("slots", [1, 2])
def test_what_one_gpu_does_not_hold_goes_to_all_of_them_where_there_are_several(
    slots: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = list[Fleet]()

    def drained(units: list[Fleet], place: object, opening: object) -> list[Finished]:
        here.extend(units)
        return [Finished(run=run, outcome=COMPUTED) for unit in units for run in unit.runs]

    monkeypatch.setattr("harness.lab.crew.drain", drained)
    crew, queue = TooSmall(slots), Ready(lambda runs: [])
    queue.add(chained(2))
    heard = [done for each in crew.drain(queue) for done in queue.heard(each)]
    assert [unit.wide for unit in here] == [True] * (slots > 1)
    assert [(done.run.key, done.failure) for done in heard] == [
        (key, "" if slots > 1 else "out of memory") for key in "01"
    ]
    assert crew.computed == (["0", "1"] if slots > 1 else ["0"])


def test_what_is_alone_is_computed_by_a_process_and_nothing_beside_it() -> None:
    class Watching(Threads):
        """A crew that notes how many units are under way when one begins."""

        beside: ClassVar[dict[str, int]] = {}

        def submit(self, drained: object, pickled: bytes, place: object) -> Future[list[Finished]]:
            self.beside[pickle.loads(pickled).runs[0].key] = len(self._under_way)
            return super().submit(drained, pickled, place)

    units = [*chained(1), *(msgspec.structs.replace(unit, alone=True) for unit in chained(3)[1:])]
    free = [
        msgspec.structs.replace(unit, runs=tuple(msgspec.structs.replace(r, parents=()) for r in unit.runs))
        for unit in units
    ]
    crew, queue = Watching(3), Ready(lambda runs: [])
    queue.add(free)
    for done in crew.drain(queue):
        queue.heard(done)
    assert crew.beside == {"0": 0, "1": 0, "2": 0}
    assert sorted(crew.computed) == list("012")


def test_a_store_is_opened_once_and_not_for_each_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, opened = Lab(at(tmp_path)), list[Path]()
    init = Store.__init__

    def noting(store: Store, root: Path) -> None:
        opened.append(root)
        init(store, root)

    monkeypatch.setattr(Store, "__init__", noting)
    runs = [run for shift in range(5) for run in lab.runs(named(drawn, shift=float(shift)), 1)]
    assert len(lab.plan(runs).fleets) == 5
    lab.ensure(runs)
    assert opened == [lab.place.store]
    shutil.rmtree(lab.place.store)
    again = Lab(lab.place)
    again.ensure(runs)
    assert (len(again.computed), again.failures) == (5, {})


def test_a_crew_that_never_started_closes() -> None:
    LocalCrew(at(Path()), 2).close()
