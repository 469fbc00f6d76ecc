"""Files are put in place whole, what was there stays until then, and only plain ones are read."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from harness.lab import durable, marked
from harness.lab.store import WEIGHTS, Store
from harness.tests.simulated import record

KEY = "ab" * 32


def test_only_plain_files_are_read(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"content")
    (tmp_path / "link").symlink_to(plain)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert durable.plain_bytes(plain) == b"content"
    assert durable.plain_bytes(plain, most=7) == b"content"
    with pytest.raises(OSError, match="larger"):
        durable.plain_bytes(plain, most=6)
    for name in ("link", "folder", "pipe", "nothing", "n" * 300):
        with pytest.raises(OSError, match=r"^\[Errno"):
            durable.plain_bytes(tmp_path / name)
        assert durable.sha256(tmp_path / name) == ""
        assert not durable.is_file(tmp_path / name)
    assert len(durable.sha256(plain)) == 64
    assert durable.is_folder(tmp_path / "folder")
    assert not durable.is_folder(plain)


def test_two_folders_are_swapped_at_one_stroke(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    if not durable.exchanged(tmp_path / "one", tmp_path / "other"):
        pytest.skip("not on this system")
    assert os.listdir(tmp_path / "one") == ["other"]
    assert not durable.exchanged(tmp_path / "one", tmp_path / "nothing")
    assert os.listdir(tmp_path / "one") == ["other"]


@pytest.mark.parametrize("can", [True, False], ids=["swapped", "renamed twice"])
def test_a_record_is_replaced_and_nothing_is_left_over(
    can: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not can:
        monkeypatch.setattr(durable, "exchanged", lambda one, other: False)
    store = Store(tmp_path)
    for seconds in (1.0, 2.0, 3.0):
        store.publish(record(seconds=seconds), {"w": np.full(3, seconds)})
        store.checkpoint(KEY, {"epoch": int(seconds)}, {"w": np.full(3, seconds)})
    kept, weights, resumed = store.read(KEY), store.weights(KEY), store.resume(KEY)
    assert kept is not None
    assert weights is not None
    assert resumed is not None
    assert (kept.seconds, weights["w"].tolist(), resumed[0]["epoch"]) == (3.0, [3.0] * 3, 3)
    assert list((store.root / "tmp").iterdir()) == list((store.root / "aside").iterdir()) == []


@pytest.mark.parametrize("call", ["write", "sync_folder", "exchanged"])
def test_what_is_published_stays_until_the_new_is_in_place(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever call the power fails in, there is the whole old record or the whole new one."""
    store = Store(tmp_path)
    store.publish(record(seconds=1.0), {"w": np.ones(3)})
    once = getattr(durable, call)
    count = sum(1 for _ in calls(store, call, monkeypatch))
    assert count
    for last in range(count):
        left = iter(range(last))

        def failing(*arguments: object, _left: object = left, **named: object) -> object:
            if next(_left, None) is None:  # type: ignore[call-overload]
                raise KeyboardInterrupt
            return once(*arguments, **named)

        monkeypatch.setattr(durable, call, failing)
        with pytest.raises(KeyboardInterrupt):
            store.publish(record(seconds=2.0), {"w": np.full(3, 2.0)})
        monkeypatch.setattr(durable, call, once)
        kept, weights = Store(tmp_path).read(KEY), Store(tmp_path).weights(KEY)
        assert kept is not None
        assert weights is not None
        assert weights["w"].tolist() == [kept.seconds] * 3


def calls(store: Store, call: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A mark for each time that publishing calls a function."""
    once = getattr(durable, call)
    seen: list[str] = []

    def counting(*arguments: object, **named: object) -> object:
        seen.append(call)
        return once(*arguments, **named)

    monkeypatch.setattr(durable, call, counting)
    store.publish(record(seconds=1.0), {"w": np.ones(3)})
    monkeypatch.setattr(durable, call, once)
    return seen


def test_a_drafts_entries_are_on_the_disk_before_it_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    store.prepare()
    order: list[str] = []
    sync, rename, write = durable.sync_folder, os.rename, durable.write

    def noting_sync(folder: Path) -> None:
        order.append("draft synced" if folder.parent.name == "tmp" else f"{folder.name} synced")
        sync(folder)

    def noting_rename(one: Path, other: Path) -> None:
        order.append("renamed")
        rename(one, other)

    def noting_write(file: Path, data: bytes, *, synced: bool) -> None:
        order.append(file.name)
        write(file, data, synced=synced)

    monkeypatch.setattr(durable, "sync_folder", noting_sync)
    monkeypatch.setattr(durable, "write", noting_write)
    monkeypatch.setattr(os, "rename", noting_rename)
    store.publish(record(), {"w": np.ones(3)})
    assert order == [WEIGHTS, "record.json", "draft synced", "v1 synced", "renamed", "ab synced"]
    assert marked.is_marked(store.root)
