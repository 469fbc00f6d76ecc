"""What stays of a store when power is lost, at any call, and whoever else writes or reads meanwhile."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.lab import arrays, durable
from harness.lab.store import RECORD, WEIGHTS, Store
from harness.tests.simulated import record
from harness.tests.torture.actors import Actor, Watched
from harness.tests.torture.disk import Disk
from harness.tests.torture.disks import refuse_each
from harness.tests.torture.lost_power import held, simulate
from harness.tests.torture.tally import Tally

KEY = "ab" * 32
OTHER = "ab" + "cd" * 31
"""Another run, whose record lies in the same folder."""


class Unlucky(random.Random):
    """Whatever was not synced is lost."""

    def random(self) -> float:
        return 0.0

    def choice(self, seq: Any) -> Any:
        return seq[0]


def publish(store: Store, version: int, key: str = KEY) -> bool:
    """Publish a version as a run is, under its lock; False if another holds it."""
    with store.claimed(key) as mine:
        if mine:
            store.make_room(key)
            store.publish(record(key=key, seconds=float(version)), held(version))
        return mine


def version(store: Store, key: str = KEY) -> float:
    """The version that is there, to the last byte; 0 if there is none."""
    seen = store.peek(key)
    weights = seen and arrays.loaded(store.path(key) / WEIGHTS, seen.files[WEIGHTS])
    return seen.seconds if seen and weights and (weights["w"] == seen.seconds).all() else 0


def new(folder: Path, exchanges: bool = True) -> tuple[Watched, Store]:
    """A simulated disk, and a store on it that is not there yet."""
    (folder / "disk").mkdir(parents=True)
    return Watched(Disk(folder / "disk"), exchanges), Store(folder / "disk" / "a" / "store")


def test_whatever_happens_a_reader_sees_what_was_published() -> None:
    """A few sequences of what ``tox -e torture`` tries for minutes."""
    simulate(examples=12, steps=25, seed=5)


@pytest.mark.parametrize("exchanges", [True, False])
def test_what_is_published_in_a_new_store_outlasts_a_loss_of_power(exchanges: bool, tmp_path: Path) -> None:
    watched, store = new(tmp_path, exchanges)
    with watched.calls():
        for number in (1, 2):
            Actor(lambda number=number: publish(store, number)).finish()  # type: ignore[misc]
            Actor(lambda: store.checkpoint(OTHER, {"epoch": 3}, held(3))).finish()
            watched.disk.lose_power(Unlucky(), tmp_path / f"after {number}")
            after = Store(tmp_path / f"after {number}" / "a" / "store")
            assert version(after) == number
            resumed = after.resume(OTHER)
            assert resumed is not None
            assert resumed[0]["epoch"] == 3


def test_a_cheap_record_is_not_waited_for_and_what_the_power_takes_of_it_is_noticed(tmp_path: Path) -> None:
    """It is whole at once, to ``kill -9`` as well; after a loss of power it is computed again."""
    watched, store = new(tmp_path)
    cheap = record(key=KEY, seconds=durable.CHEAP / 2)
    with watched.calls():
        Actor(lambda: publish(store, 1, OTHER)).finish()  # what was dear stays, in the same folder
        writer = Actor(lambda: store.publish(cheap, held(1)))
        writer.finish()
        assert not [call for call in writer.calls if "sync" in str(call)]
        assert store.verify(KEY)
        watched.disk.lose_power(Unlucky(), tmp_path / "after")
    after = Store(tmp_path / "after" / "a" / "store")
    assert version(after, OTHER) == 1
    assert after.read(KEY) is None
    assert not after.has(KEY)
    assert publish(after, 2)
    assert version(after) == 2


def test_folders_that_a_killed_writer_made_are_synced_by_the_next(tmp_path: Path) -> None:
    for last in range(1, 60):
        watched, store = new(tmp_path / str(last))
        with watched.calls():
            first = Actor(lambda store=store: publish(store, 1))  # type: ignore[misc]
            goes_on = all(first.advance() for _ in range(last))
            first.kill()
            again = Store(store.root.parent)
            Actor(lambda again=again: publish(again, 2, OTHER)).finish()  # type: ignore[misc]
        watched.disk.lose_power(Unlucky(), tmp_path / f"after {last}")
        assert version(Store(tmp_path / f"after {last}" / "a" / "store"), OTHER) == 2, first.calls[-1:]
        if not goes_on:
            break
    assert last > 15


@pytest.mark.parametrize("name", [RECORD, WEIGHTS])
@pytest.mark.parametrize("way", ["read", "weights", "verify"])
def test_whoever_sets_a_torn_record_aside_spares_the_one_published_meanwhile(
    way: str, name: str, tmp_path: Path
) -> None:
    for last in range(1, 40):
        watched, store = new(tmp_path / str(last))
        with watched.calls():
            Actor(lambda store=store: publish(store, 1)).finish()  # type: ignore[misc]
            (store.path(KEY) / name).write_bytes(b"torn")
            reader = Actor(lambda store=store: getattr(store, way)(KEY))  # type: ignore[misc]
            reads = [reader.advance() for _ in range(last)]
            writer = Actor(lambda store=store: publish(store, 2))  # type: ignore[misc]
            writer.finish()
            reader.finish()
        if writer.answer:  # else the reader had the lock
            assert version(store) == 2, reader.calls
        if not reads[-1]:
            break


@pytest.mark.parametrize("way", ["weights", "verify"])
def test_a_record_replaced_while_it_is_read_is_not_blamed(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    publish(store, 1)
    module, name = (arrays, "loaded") if way == "weights" else (durable, "sha256")
    once: Callable[..., Any] = getattr(module, name)
    left = [2]

    def replaced(*arguments: Any) -> Any:
        if left:
            publish(store, left.pop())
        return once(*arguments)

    monkeypatch.setattr(module, name, replaced)
    answer = getattr(store, way)(KEY)
    assert answer is True or answer["w"].tolist() == [2.0] * 3
    assert version(store) == 2
    assert not list((store.root / "aside").iterdir())


def test_any_call_may_be_refused(tmp_path: Path) -> None:
    tally = Tally(seed=0)
    refuse_each(tmp_path / "calls", tally, most=1)
    assert tally.faults == []
    assert tally.lost == 0
    assert tally.tried.total() > 40


def unsynced(file: Path, data: bytes, *, synced: bool = True) -> None:
    """``durable.write`` as one would write it without a thought."""
    with open(file, "wb") as handle:
        handle.write(data)


@pytest.mark.parametrize("name, careless", [("sync_folder", lambda folder: None), ("write", unsynced)])
def test_a_store_that_does_not_sync_is_caught(
    name: str, careless: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable, name, careless)
    watched, store = new(tmp_path)
    with watched.calls():
        Actor(lambda: publish(store, 1)).finish()
    assert watched.disk.differences() == []
    assert version(store) == 1
    watched.disk.lose_power(Unlucky(), tmp_path / "after")
    assert version(Store(tmp_path / "after" / "a" / "store")) == 0


def test_a_call_that_passes_the_simulated_disk_by_is_seen(tmp_path: Path) -> None:
    watched, store = new(tmp_path)
    store.publish(record())
    assert watched.disk.differences() == [str(tmp_path / "disk" / "a")]
