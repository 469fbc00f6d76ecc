"""Locks exclude each other, or nothing is computed; who holds one says so, and who waits is told."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.commands.doctor import storage
from harness.lab import computing, locks
from harness.lab.computing import COMPUTED, HELD, PRESENT, TWICE, drain
from harness.lab.lab import Failed, Lab
from harness.lab.locks import REMEDY, Holder, Unlockable, require_locks
from harness.lab.progress import Tally, current, holding
from harness.lab.runs import Fleet
from harness.lab.store import Store, StoreError
from harness.tests.simulated import at, drawn, lines, named, noted

KEY = "ab" * 32
FLOCK = fcntl.flock


@pytest.fixture(autouse=True)
def _untried() -> Iterator[None]:
    """No folder was tried before, nor is held to have been afterwards."""
    require_locks.cache_clear()
    yield
    require_locks.cache_clear()


def refusing(number: int) -> Callable[[int, int], None]:
    """A ``flock`` of a file system without locks."""

    def flock(file: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    return flock


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_without_locks_nothing_is_computed_and_one_line_says_why(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", refusing(number))
    place, file = at(tmp_path), tmp_path / "computed"
    lab = Lab(place)
    with pytest.raises(Failed) as failed:
        lab.results("x", named(noted, file=str(file)), 2)
    said = f"cannot lock files of the store {place.store}: {os.strerror(number)}; {REMEDY}; use another"
    assert str(failed.value) == f"StoreError: {said} with --store DIR"
    assert set(lab.failures.values()) == {str(failed.value)}
    assert not file.exists()
    assert storage(place.store).problem == f"{said} with --store DIR"
    with pytest.raises(StoreError, match="cannot lock files"), Store(place.store).claimed(KEY):
        pass
    assert list((lab.store.root / "locks").iterdir()) == []  # no soft lock either


def test_locks_that_exclude_nobody_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda file, operation: None)
    with pytest.raises(Unlockable, match="one file can be locked twice there; mount it with locks"):
        require_locks(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_locks_are_tried_once_in_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def noting(file: int, operation: int) -> None:
        tried.append(file)
        FLOCK(file, operation)

    monkeypatch.setattr(fcntl, "flock", noting)
    assert storage(tmp_path / "store").problem == ""
    store = Store(tmp_path / "store")
    for key in (KEY, "cd" * 32, KEY):
        with store.claimed(key) as mine:
            assert mine
    first = len(tried)
    with store.claimed(KEY):
        pass
    assert len(tried) - first < first / 2
    assert storage(tmp_path / "store").problem == ""


HOLDING = """
import sys
from pathlib import Path
from harness.lab.store import Store
with Store(Path(sys.argv[1])).claimed(sys.argv[2]) as mine:
    print(mine, flush=True)
    sys.stdin.read()
"""


def test_who_waits_says_for_whom(tmp_path: Path) -> None:
    place = at(tmp_path)
    lab = Lab(place)
    (run,) = lab.runs(named(drawn), 1)
    began = time.time()
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(place.store), run.key],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert other.stdout is not None
    assert other.stdout.readline() == "True\n"
    statuses = []
    tally = Tally(lambda status, over: statuses.append(status))
    tally.begin([Fleet(shape="", runs=(run,), seconds=1.0)])
    (done,) = drain([Fleet(shape="", runs=(run,), seconds=1.0)], place)
    assert done.outcome == HELD
    assert done.holder is not None
    assert (done.holder.host, done.holder.process) == (os.uname().nodename, other.pid)
    assert began - 1 <= done.holder.since <= time.time()
    tally.held([done])
    since = time.strftime("%H:%M", time.localtime(done.holder.since))
    said = f"1 run is held by {os.uname().nodename}, process {other.pid}, since {since}"
    assert current(statuses[-1], 3)[0] == said
    other.communicate("")
    (done,) = drain([Fleet(shape="", runs=(run,), seconds=1.0)], place)
    assert (done.outcome, done.holder) == (COMPUTED, None)


def test_holders_are_counted_and_old_ones_told_with_their_day() -> None:
    (run,) = Lab(at(Path("none"))).runs(named(drawn), 1)
    day = time.mktime((2026, 11, 2, 14, 5, 0, 0, 0, -1))
    held = [
        computing.Finished(run=run, outcome=HELD, holder=h) for h in [Holder("one", 7, day)] * 10 + [None]
    ]
    assert holding(held) == (
        "10 runs are held by one, process 7, since 2026-11-02 14:05", "1 run is held by another process",
    )  # fmt: skip
    assert holding([]) == ()


@pytest.mark.parametrize("written", [b"", b"{", b'{"host":"a\\nb","process":1,"since":0}', b"\xff" * 9000])
def test_what_no_holder_wrote_is_told_of_nobody(written: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.lock").write_bytes(written)
    assert locks.holder(tmp_path / "a.lock") is None


def test_what_is_there_already_is_not_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(at(tmp_path))
    runs = lab.runs(named(drawn), 2)
    lab.ensure(runs)
    monkeypatch.setattr(fcntl, "flock", refusing(errno.EIO))
    done = drain([Fleet(shape="", runs=tuple(runs), seconds=1.0)], lab.place)
    assert [each.outcome for each in done] == [PRESENT, PRESENT]


def test_work_that_was_done_twice_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two machines may share a folder whose locks each keeps to itself."""
    file = tmp_path / "computed"
    lab, tried = Lab(at(tmp_path)), computing._tried
    value = named(noted, file=str(file))

    def meanwhile(run: Any, place: Any, store: Any) -> Any:
        monkeypatch.setattr(computing, "_tried", tried)
        other = tried(run, place, store)[1]
        assert other is not None
        store.publish(other.record)
        return tried(run, place, store)

    monkeypatch.setattr(computing, "_tried", meanwhile)
    assert lab.results("x", value, 1).final("x").values.shape == (1,)
    assert (len(lines(file)), list(lab.notes)) == (2, [TWICE])
