"""Deletion goes by what a thing is: a marked store, a run's or draft's name, plain files, and no link."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.lab import marked
from harness.lab.store import LAYOUT, RECORD, Store, StoreError
from harness.tests.simulated import record

KEY, OTHER = "ab" * 32, "cd" * 32
DRAFT = "e" * 32
LONG_AGO = 1e9
"""Seconds since 1970: in 2001."""


def tree(root: Path) -> set[str]:
    """All paths below a folder, links not followed."""
    return {os.path.join(top, name) for top, dirs, files in os.walk(root) for name in (*dirs, *files)}


def old(path: Path) -> Path:
    os.utime(path, (LONG_AGO, LONG_AGO), follow_symlinks=False)
    return path


def cleaned(store: Store) -> list[tuple[str, str]]:
    """Remove all that can be; what went."""
    going = list(store.unneeded(set(), time.time() + 1))
    return [(u.kind, u.path.name) for u in going if store.remove(u)]


def test_opening_a_store_makes_and_deletes_nothing(tmp_path: Path) -> None:
    thesis = tmp_path / "scratch" / "thesis"
    thesis.mkdir(parents=True)
    old(thesis).joinpath("a").touch()
    (tmp_path / "store" / LAYOUT).mkdir(parents=True)
    (tmp_path / "store" / LAYOUT / "tmp").symlink_to(tmp_path / "scratch")
    (tmp_path / "other" / LAYOUT / "tmp").mkdir(parents=True)
    old(tmp_path / "other" / LAYOUT / "tmp").joinpath("notes").touch()
    before = tree(tmp_path)
    for name in ("store", "other", "new"):
        store = Store(tmp_path / name)
        assert store.keys() == []
        assert store.read(KEY) is store.peek(KEY) is store.resume(KEY) is None
        assert store.timings(["a"]) == {}
        assert not store.has(KEY)
        assert not store.verify(KEY)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("part", [*marked.PARTS, KEY[:2]])
def test_nothing_is_written_through_a_link(tmp_path: Path, part: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    store = Store(tmp_path / "store")
    store.root.mkdir(parents=True)
    (store.root / part).symlink_to(elsewhere)
    with pytest.raises(
        StoreError, match=f"^cannot write to the store .*{LAYOUT}/{part} is no folder of its own"
    ):
        store.publish(record(), {"w": np.ones(2)})
    assert tree(elsewhere) == set()


def test_a_store_behind_a_link_is_neither_adopted_nor_written(tmp_path: Path) -> None:
    Store(tmp_path / "other").publish(record())
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / LAYOUT).symlink_to(tmp_path / "other" / LAYOUT)
    before = tree(tmp_path)
    store = Store(tmp_path / "store")
    assert store.read(KEY) == record()  # it can be read
    with pytest.raises(StoreError, match=r"^nothing is removed from"):
        list(store.unneeded(set(), time.time() + 1))
    with pytest.raises(StoreError, match=f"{LAYOUT} is no folder of its own"):
        store.publish(record(key=OTHER))
    assert tree(tmp_path) == before


def test_names_that_are_no_plain_text_are_told_in_one_line(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.prepare()
    for name in (b"a\nb", b"\x1b[31mred", b"\xff\xfe"):
        os.mkdir(os.path.join(os.fsencode(store.root), name))
    assert set(store.left()) == {"'v1/\\x1b[31mred'", "'v1/\\udcff\\udcfe'", "'v1/a\\nb'"}


def test_a_new_store_is_marked_by_its_first_record(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert not store.exists
    store.publish(record())
    assert marked.is_marked(store.root)
    assert store.exists
    assert store.foreign == ""
    assert cleaned(store) == [("record", KEY)]


def test_an_earlier_store_is_marked_when_it_is_first_written_to(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.publish(record())
    store.set_aside(KEY)
    store.publish(record())
    store.checkpoint(OTHER, {"epoch": 1}, {"w": np.ones(2)})
    store.note_timing("f" * 64, 1.0)
    (store.root / "status").mkdir()
    (store.root / "status" / "0123abcd-gw0.json").touch()
    (store.root / "tmp" / DRAFT).mkdir()
    with store.claimed(KEY):
        pass
    (store.root / marked.MARK).unlink()
    again = Store(tmp_path)
    assert again.read(KEY) == record()
    assert not marked.is_marked(store.root)  # reading is no writing
    assert again.foreign == ""
    again.publish(record(key=OTHER))
    assert marked.is_marked(store.root)
    assert {kind for kind, _ in cleaned(again)} == {"record", "checkpoint", "lock", "set aside", "draft"}
    assert (store.root / "timings" / ("f" * 64)).exists()


def a_note(root: Path) -> Path:
    root.joinpath("notes.txt").touch()
    return root / "notes.txt"


def a_draft_of_others(root: Path) -> Path:
    root.joinpath("tmp", "thesis.tex").touch()
    return root / "tmp" / "thesis.tex"


def a_link(root: Path) -> Path:
    root.joinpath("tmp", "f" * 32).symlink_to(root)
    return root / "tmp" / ("f" * 32)


def another_shard(root: Path) -> Path:
    (root / "ff" / KEY).mkdir(parents=True)
    return root / "ff" / KEY


def an_upper_case_name(root: Path) -> Path:
    (root / "partial" / KEY.upper()).mkdir()
    return root / "partial" / KEY.upper()


FOREIGN = (a_note, a_draft_of_others, a_link, another_shard, an_upper_case_name)


@pytest.mark.parametrize("make", FOREIGN)
def test_from_a_folder_that_is_not_a_stores_alone_nothing_goes(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    store = Store(tmp_path)
    store.publish(record())
    store.checkpoint(KEY, {"epoch": 1}, {"w": np.ones(2)})
    (store.root / "tmp" / DRAFT).mkdir()
    (store.root / marked.MARK).unlink()
    strange = make(store.root)
    again = Store(tmp_path)
    assert again.foreign == str(strange.relative_to(tmp_path))
    again.publish(record(seconds=9.0))  # it can be read and written
    assert not marked.is_marked(again.root)
    assert again.read(KEY) == record(seconds=9.0)
    before = tree(tmp_path)
    with pytest.raises(StoreError, match=r"^nothing is removed from .* bears no mark of a store and holds"):
        list(again.unneeded(set(), time.time() + 1))
    again.forget(KEY)
    again.checkpoint(KEY, {"epoch": 2}, {"w": np.ones(2)})
    assert tree(tmp_path) == before


@pytest.mark.parametrize("make", FOREIGN)
def test_in_a_marked_store_foreign_things_are_left_and_named(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    store = Store(tmp_path)
    store.publish(record())
    strange = make(store.root)
    assert cleaned(store) == [("record", KEY)]
    assert os.path.lexists(strange)
    assert store.left() == [str(strange.relative_to(tmp_path))]


def a_link_to_a_folder(path: Path, thesis: Path) -> None:
    path.symlink_to(thesis)


def a_link_to_a_file(path: Path, thesis: Path) -> None:
    path.symlink_to(thesis / RECORD)


def a_folder_with_a_link(path: Path, thesis: Path) -> None:
    path.mkdir()
    (path / RECORD).symlink_to(thesis / RECORD)


def a_folder_with_a_linked_folder(path: Path, thesis: Path) -> None:
    path.mkdir()
    (path / "chapters").symlink_to(thesis)


def a_folder_with_a_folder(path: Path, thesis: Path) -> None:
    (path / "chapters").mkdir(parents=True)


def a_folder_with_notes(path: Path, thesis: Path) -> None:
    path.mkdir()
    (path / "notes.txt").touch()


def a_pipe(path: Path, thesis: Path) -> None:
    os.mkfifo(path)


PLACES = (
    f"ab/{KEY}", f"partial/{KEY}", f"aside/{KEY}-01234567", f"tmp/{DRAFT}", f"tmp/{KEY}-01234567",
    f"locks/{KEY}.lock",
)  # fmt: skip
ASTRAY = (
    a_link_to_a_folder, a_link_to_a_file, a_folder_with_a_link, a_folder_with_a_linked_folder,
    a_folder_with_a_folder, a_folder_with_notes, a_pipe,
)  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("make", ASTRAY)
def test_links_and_folders_with_other_things_stay_whatever_they_are_called(
    tmp_path: Path, place: str, make: Callable[[Path, Path], None]
) -> None:
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / RECORD).write_text("years of work")
    store = Store(tmp_path / "store")
    store.prepare()
    path = store.root / place
    path.parent.mkdir(exist_ok=True)
    make(path, thesis)
    before = tree(tmp_path)
    assert cleaned(store) == []
    assert store.left() == [str(path.relative_to(tmp_path / "store"))]
    assert tree(tmp_path) == before
    assert (thesis / RECORD).read_text() == "years of work"


@pytest.mark.parametrize("make", [a_link_to_a_folder, a_link_to_a_file, a_folder_with_a_link])
def test_computing_replaces_links_and_never_what_they_lead_to(
    tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / RECORD).write_text("years of work")
    store = Store(tmp_path / "store")
    store.prepare()
    for path in (store.path(KEY), store.root / "partial" / KEY):
        path.parent.mkdir(exist_ok=True)
        make(path, thesis)
    store.checkpoint(KEY, {"epoch": 1}, {"w": np.ones(2)})
    assert store.resume(KEY) is not None
    store.publish(record())
    assert store.read(KEY) == record()
    store.forget(KEY)
    assert {path.name for path in thesis.iterdir()} == {RECORD}
    assert (thesis / RECORD).read_text() == "years of work"


def test_a_lock_that_is_a_link_empties_nothing(tmp_path: Path) -> None:
    thesis = tmp_path / "thesis.tex"
    thesis.write_text("years of work")
    store = Store(tmp_path / "store")
    store.prepare()
    (store.root / "locks" / f"{KEY}.lock").symlink_to(thesis)
    with pytest.raises(StoreError, match=r"^cannot write to the store .* is no lock"), store.claimed(KEY):
        pass
    assert thesis.read_text() == "years of work"


def test_what_a_running_process_needs_stays(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.checkpoint(KEY, {"epoch": 1}, {"w": np.ones(2)})
    (store.root / "tmp" / f"{KEY}-01234567").mkdir()
    with store.claimed(KEY):
        assert cleaned(Store(tmp_path)) == []
    assert store.resume(KEY) is not None
    assert {kind for kind, _ in cleaned(store)} == {"checkpoint", "draft", "lock"}


@pytest.mark.parametrize("text", ["", "{}", '{"content":"notes","layout":"v1"}', "[" * 100_000])
def test_another_file_is_no_mark(tmp_path: Path, text: str) -> None:
    store = Store(tmp_path)
    store.root.mkdir()
    (store.root / marked.MARK).write_text(text)
    assert not marked.is_marked(store.root)


def test_a_mark_of_another_layout_or_by_a_link_is_none(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.prepare()
    later = tmp_path / "v2"
    later.mkdir()
    (store.root / marked.MARK).rename(later / marked.MARK)
    assert not marked.is_marked(later)
    (store.root / marked.MARK).symlink_to(later / marked.MARK)
    assert not marked.is_marked(store.root)
