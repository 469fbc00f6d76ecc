"""The store: a reader sees a whole record or none, whatever is killed, torn, full or in the way."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from harness.lab import durable
from harness.lab.computing import COMPUTED, HELD, PRESENT
from harness.lab.lab import Lab
from harness.lab.runs import Run
from harness.lab.store import RECORD, WEIGHTS, Store, StoreError
from harness.tests.simulated import at, named, noted, record

KEY = "ab" * 32
ARRAYS = {
    "weight": np.arange(12, dtype=np.float32).reshape(3, 4),
    "steps": np.array(7),
    "half": np.ones(2, np.float16),
}
PYTHON = [sys.executable, "-c"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def aside(store: Store) -> list[Path]:
    return sorted((store.root / "aside").iterdir())


def leftovers(store: Store) -> list[Path]:
    return list((store.root / "tmp").iterdir())


def equal(arrays: dict[str, np.ndarray] | None, expected: dict[str, np.ndarray]) -> bool:
    return arrays is not None and all(
        arrays[n].dtype == a.dtype and np.array_equal(arrays[n], a) for n, a in expected.items()
    )


# -- whole records ------------------------------------------------------------------------------------


def test_what_is_published_is_read_back(store: Store) -> None:
    assert store.read(KEY) is None
    assert not store.has(KEY)
    store.publish(record(), ARRAYS)
    stored = store.read(KEY)
    assert stored is not None
    assert msgspec.structs.replace(stored, files={}) == record()
    assert list(stored.files) == [WEIGHTS]
    assert equal(store.weights(KEY), ARRAYS)
    assert store.has(KEY)
    assert leftovers(store) == aside(store) == []


def test_arrays_are_kept_in_whatever_order_they_lie_in_memory(store: Store) -> None:
    arrays = {"turned": np.arange(12.0).reshape(3, 4).T, "strided": np.arange(10)[::3]}
    store.publish(record(), arrays)
    assert equal(store.weights(KEY), arrays)


def test_a_record_without_weights_has_none_and_is_not_blamed_by_reading(store: Store) -> None:
    store.publish(record())
    assert store.read(KEY) == record()
    assert store.weights(KEY) is None


def test_publishing_again_replaces(store: Store) -> None:
    store.publish(record(), ARRAYS)
    store.publish(record(seconds=9.0))
    stored = store.read(KEY)
    assert stored is not None
    assert stored.seconds == 9.0
    assert not (store.path(KEY) / WEIGHTS).exists()
    assert leftovers(store) == []


@pytest.mark.parametrize("hours", [-1000, 0, 1000])
def test_records_of_other_sessions_can_be_told_whatever_the_clock_says(store: Store, hours: int) -> None:
    store.publish(record(provenance={"session": "here"}))
    moment = time.time() + 3600 * hours
    os.utime(store.path(KEY) / RECORD, (moment, moment))
    assert store.has(KEY)
    assert store.has(KEY, session="here")
    assert not store.has(KEY, session="there")
    store.publish(record())
    assert not store.has(KEY, session="here")  # a record of a version that did not say


# -- torn ones ----------------------------------------------------------------------------------------


def truncated(folder: Path) -> None:
    file = folder / RECORD
    file.write_bytes(file.read_bytes()[:-20])


def emptied(folder: Path) -> None:
    (folder / RECORD).write_bytes(b"")


def flipped(folder: Path) -> None:
    data = bytearray((folder / RECORD).read_bytes())
    data[data.index(b'"seconds":') + len('"seconds":')] ^= 1
    (folder / RECORD).write_bytes(bytes(data))


def not_text(folder: Path) -> None:
    (folder / RECORD).write_bytes(b"\xff\xfe" * 50)


def without_record(folder: Path) -> None:
    (folder / RECORD).unlink()


def with_directory_for_record(folder: Path) -> None:
    (folder / RECORD).unlink()
    (folder / RECORD).mkdir()


def a_file_itself(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    folder.write_text("not a directory")


def another_shape(folder: Path) -> None:
    (folder / RECORD).write_text('{"sha256": "", "record": [1, 2, 3]}')


def another_key(folder: Path) -> None:
    other = Store(folder.parents[2])
    other.publish(record(key="cd" * 32))
    (folder / RECORD).write_bytes((other.path("cd" * 32) / RECORD).read_bytes())


TORN = (
    truncated, emptied, flipped, not_text, without_record, with_directory_for_record, a_file_itself,
    another_shape, another_key,
)  # fmt: skip


@pytest.mark.parametrize("tear", TORN)
def test_a_torn_or_foreign_record_is_set_aside(store: Store, tear: Callable[[Path], None]) -> None:
    store.publish(record())
    tear(store.path(KEY))
    assert store.read(KEY) is None
    assert [path.name.partition("-")[0] for path in aside(store)] == [KEY]
    assert not store.has(KEY)
    store.publish(record())
    assert store.read(KEY) == record()


@pytest.mark.parametrize("tear", TORN)
def test_the_lab_computes_a_torn_record_anew(tmp_path: Path, tear: Callable[[Path], None]) -> None:
    file = tmp_path / "computed"
    simulation = named(noted, file=str(file))
    first = Lab(at(tmp_path))
    before = first.results("x", simulation, 2).final("x").values
    torn, whole = first.runs(simulation, 2)
    tear(first.store.path(torn.key))
    again = Lab(at(tmp_path)).results("x", simulation, 2).final("x").values
    assert again.tolist() == before.tolist()
    assert len(file.read_text().split()) == 3  # two replicates, and one of them again
    assert first.store.read(whole.key) is not None


def lost(file: Path) -> None:
    file.unlink()


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def turned(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))


@pytest.mark.parametrize("damage", [lost, cut, turned])
def test_damaged_weights_are_never_returned(store: Store, damage: Callable[[Path], None]) -> None:
    store.publish(record(), ARRAYS)
    damage(store.path(KEY) / WEIGHTS)
    assert (store.read(KEY) is None) == (damage is lost)  # whether they are there is seen at once
    assert store.weights(KEY) is None
    assert len(aside(store)) == 1
    assert not store.has(KEY)


# -- killed, raced ------------------------------------------------------------------------------------

PUBLISHER = """
    import sys
    import numpy as np
    from pathlib import Path
    from harness.lab.store import Store
    from harness.tests.simulated import record
    store = Store(Path(sys.argv[1]))
    for i in range(10**9):
        key = f"{i % 8:02d}" * 32
        store.publish(record(key=key, seconds=float(i)), {"w": np.full(20_000, i)})
        store.checkpoint(key, {"epoch": i}, {"w": np.full(20_000, i)})
        print(i, flush=True)
"""


def test_a_publisher_killed_at_any_moment_leaves_no_torn_record(store: Store) -> None:
    moments = random.Random(0)
    for _ in range(10):
        publisher = subprocess.Popen(
            [*PYTHON, textwrap.dedent(PUBLISHER), str(store.root.parent)], stdout=subprocess.PIPE
        )
        assert publisher.stdout is not None
        publisher.stdout.readline()
        time.sleep(moments.random() * 0.05)
        publisher.kill()
        publisher.communicate()
        visible = [path.name for path in store.root.glob("[0-9][0-9]/*")]
        assert visible
        for key in visible:
            record, weights = store.read(key), store.weights(key)
            assert record is not None
            assert weights is not None
            assert (weights["w"] == record.seconds).all()  # one publication's record and weights
            resumed = store.resume(key)
            assert resumed is None or (resumed[1]["w"] == resumed[0]["epoch"]).all()
    assert aside(store) == []


RACER = """
    import sys, time
    from pathlib import Path
    from harness.lab.computing import drain
    from harness.lab.names import Names
    from harness.lab.runs import Fleet
    from harness.tests.simulated import at, named, noted
    place = at(Path(sys.argv[1]))
    runs = [Names(place.data_root).run(named(noted, file=sys.argv[2], pause=0.2), r) for r in (0, 1)]
    print("ready", flush=True)
    sys.stdin.readline()
    print(*[done.outcome for done in drain([Fleet(shape="", runs=(run,), seconds=1) for run in runs], place)])
"""


def test_of_two_processes_exactly_one_computes(tmp_path: Path) -> None:
    file = tmp_path / "computed"
    racers = [
        subprocess.Popen(
            [*PYTHON, textwrap.dedent(RACER), str(tmp_path), str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    said = [racer.communicate(timeout=60)[0].split() for racer in racers]
    for outcomes in zip(*said, strict=True):
        assert sorted(outcomes) in ([COMPUTED, HELD], [COMPUTED, PRESENT])
    assert len(file.read_text().split()) == 2


def test_a_claim_on_a_run_is_exclusive_and_ends_with_its_process(store: Store) -> None:
    holder = """
        import sys
        from pathlib import Path
        from harness.lab.store import Store
        with Store(Path(sys.argv[1])).claimed(sys.argv[2]) as mine:
            print(mine, flush=True)
            sys.stdin.read()
    """
    process = subprocess.Popen(
        [*PYTHON, textwrap.dedent(holder), str(store.root.parent), KEY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    with store.claimed(KEY) as mine, store.claimed("cd" * 32) as other:
        assert (mine, other) == (False, True)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    with store.claimed(KEY) as mine:
        assert mine


# -- disks --------------------------------------------------------------------------------------------


def test_a_store_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError) as refused:
        Store(tmp_path / "file")
    assert str(refused.value).startswith(f"cannot write to the store {tmp_path / 'file'}: ")
    assert str(refused.value).endswith("use another with --store DIR")
    assert "\n" not in str(refused.value)


def full(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_one_line_and_leaves_nothing_visible(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.publish(record(seconds=1.0))
    monkeypatch.setattr(durable, "write", full)
    with pytest.raises(StoreError, match=r"^cannot write to the store .*: No space left on device$"):
        store.publish(record(seconds=2.0), ARRAYS)
    with pytest.raises(StoreError, match=r"No space left on device$"):
        store.checkpoint(KEY, {"epoch": 1}, ARRAYS)
    assert store.read(KEY) == record(seconds=1.0)
    assert store.resume(KEY) is None
    assert leftovers(store) == []


def test_a_timing_that_cannot_be_written_does_not_fail_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "write_text", full)
    lab = Lab(at(tmp_path))
    run: Run = lab.runs(named(noted, file=str(tmp_path / "computed")), 1)[0]
    lab.ensure([run])
    assert lab.failures == {}
    assert lab.store.timings([run.kind]) == {}


def test_timings_are_kept_by_kind(store: Store) -> None:
    store.note_timing("a", 2.5)
    store.note_timing("a", 3.25)
    (store.root / "timings" / "b").write_text("not a number")
    assert store.timings(["a", "b", "c"]) == {"a": 3.25}


# -- checkpoints --------------------------------------------------------------------------------------


def test_a_checkpoint_is_resumed_replaced_and_forgotten(store: Store) -> None:
    assert store.resume(KEY) is None
    store.checkpoint(KEY, {"epoch": 1, "curves": {"train_loss": [2.5]}}, ARRAYS)
    store.checkpoint(KEY, {"epoch": 2, "curves": {"train_loss": [2.5, float("inf")]}}, ARRAYS)
    resumed = store.resume(KEY)
    assert resumed is not None
    assert (resumed[0]["epoch"], resumed[0]["curves"]) == (2, {"train_loss": [2.5, None]})
    assert equal(resumed[1], ARRAYS)
    assert not store.has(KEY)
    store.forget(KEY)
    assert store.resume(KEY) is None


@pytest.mark.parametrize("tear", [truncated, emptied, not_text, without_record, a_file_itself, another_shape])
def test_a_torn_checkpoint_is_dropped(store: Store, tear: Callable[[Path], None]) -> None:
    store.checkpoint(KEY, {"epoch": 1}, ARRAYS)
    tear(store.root / "partial" / KEY)
    assert store.resume(KEY) is None
    store.checkpoint(KEY, {"epoch": 2}, ARRAYS)
    assert store.resume(KEY) is not None


@pytest.mark.parametrize("damage", [lost, cut, turned])
def test_a_checkpoint_with_damaged_weights_is_dropped(store: Store, damage: Callable[[Path], None]) -> None:
    store.checkpoint(KEY, {"epoch": 1}, ARRAYS)
    damage(store.root / "partial" / KEY / WEIGHTS)
    assert store.resume(KEY) is None


def test_a_checkpoint_with_a_changed_number_is_dropped(store: Store) -> None:
    store.checkpoint(KEY, {"epoch": 1}, ARRAYS)
    file = store.root / "partial" / KEY / RECORD
    file.write_text(file.read_text().replace('"epoch":1', '"epoch":2'))
    assert store.resume(KEY) is None
