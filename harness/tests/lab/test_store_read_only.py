"""A store that cannot be written: what it holds is listed, verified and judged; what it lacks is one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.lab.lab import Failed, Lab
from harness.lab.store import RECORD, Store, StoreError
from harness.tests.simulated import at, drawn, named, record

KEY = "ab" * 32
REFUSED = r"^StoreError: cannot write to the store .*: Read-only file system; use another with --store DIR$"

Freeze = Callable[[Path], None]


def test_what_is_there_is_read_and_what_is_missing_fails_alone(tmp_path: Path, freeze: Freeze) -> None:
    before = Lab(at(tmp_path)).results("x", named(drawn), 3).final("x").values
    freeze(tmp_path / "store")
    lab = Lab(at(tmp_path))
    runs = [*lab.runs(named(drawn), 3), *lab.runs(named(drawn, shift=9.0), 2)]
    assert (lab.plan(runs).present, lab.plan(runs).missing) == (3, 2)
    lab.ensure(runs)
    assert lab.results("x", named(drawn), 3).final("x").values.tolist() == before.tolist()
    with pytest.raises(Failed, match=REFUSED):
        lab.results("x", named(drawn, shift=9.0), 2)
    with pytest.raises(Failed, match=REFUSED):
        lab.results("x", named(drawn), 4)


def test_it_is_listed_and_verified(
    tmp_path: Path, freeze: Freeze, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "store")
    store.publish(record())
    monkeypatch.chdir(tmp_path)
    freeze(tmp_path / "store")
    assert main(["store", "ls", "--store", "store"]) == 0
    assert main(["store", "verify", "--store", "store"]) == 0
    assert "1 records, 0 torn" in capsys.readouterr().out


def test_a_torn_record_stays_and_is_told(
    tmp_path: Path, freeze: Freeze, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / "store")
    store.publish(record())
    (store.path(KEY) / RECORD).write_text("{")
    freeze(tmp_path / "store")
    assert main(["store", "verify", "--store", str(tmp_path / "store")]) == 1
    assert f"torn or unreadable, and cannot be set aside: {KEY}" in capsys.readouterr().out
    again = Store(tmp_path / "store")
    assert again.read(KEY) is again.weights(KEY) is again.resume(KEY) is None
    assert again.keys() == [KEY]


def test_everything_that_writes_says_so_in_one_line(tmp_path: Path, freeze: Freeze) -> None:
    Store(tmp_path / "store").publish(record())
    freeze(tmp_path / "store")
    store = Store(tmp_path / "store")

    def claim() -> None:
        with store.claimed(KEY):
            pass

    for write_ in (
        store.prepare,
        claim,
        lambda: store.publish(record()),
        lambda: store.checkpoint(KEY, {"epoch": 1}, {}),
        lambda: store.remove(next(iter(store.unneeded(set(), 1e12)))),
    ):
        with pytest.raises(StoreError, match=REFUSED.removeprefix("^StoreError: ")):
            write_()
    store.note_timing("a", 1.0)  # an estimate is no reason to stop
    store.forget(KEY)
    assert not store.set_aside(KEY)
    assert store.read(KEY) == record()
