"""``python -m harness data gc``: decoded images that no claim here reads are told of and removed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from harness.data import digests, kept_pixels
from harness.data.archives import DataError
from harness.data.decoded_folders import DecodedFolder, decoded_folders, remove
from harness.tests.folders import TINY, write_folder
from harness.tests.suites import run_harness, write_claims

CLAIMED = """
from harness import Experiment, Sgd
from harness.data.image_folder import ImageFolder
from harness.models import Linear

READ = Experiment(ImageFolder("tiny", 3, 24, 12, size=16), Linear(), Sgd(lr=0.1, epochs=1))

@claim(PAPER, "S1", says="it is trained", adapted={"full": "none"}, reported="words")
@trained(x=READ)
@control(says="slowly", x=READ.but(optimizer__lr=1e-9))
def test_trained(x, check):
    check(above(x.final("train_error"), 0.5, because="chosen for this test"))
"""
OLD = 3 * 86_400.0


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root of which images were decoded at the size that a claim reads, and long ago at another."""
    monkeypatch.setattr(digests, "cache_file", lambda: tmp_path / "cache" / "digests.json")
    folder = write_folder(tmp_path / "data")
    for size in (16, 8):
        files = TINY.but(size=size).split(folder, 0).x_train
        for row in range(4):
            files.pixels(row)  # type: ignore[attr-defined]
    for path in (folder / kept_pixels.FOLDER).glob("tiny-9px-*/*"):
        os.utime(path, (time.time() - OLD, time.time() - OLD))
    return folder


def names(root: Path) -> list[str]:
    return sorted(path.name.rpartition("-")[0] for path in (root / kept_pixels.FOLDER).iterdir())


@pytest.mark.usefixtures("warm")
def test_what_no_claim_reads_is_removed_and_told_of_before(root: Path, tmp_path: Path) -> None:
    suite = write_claims(tmp_path / "suite", CLAIMED)
    place = ("--data-root", str(root))
    doctor = run_harness(suite, "doctor", *place)
    doctor.says("decoded images", "KB, read by claims here")
    doctor.says("no claim here reads it: python -m harness data gc")
    dry = run_harness(suite, "data", "gc", "--dry-run", *place)
    dry.says("would remove tiny-9px-", "last written 3 days ago", "kept tiny-18px-", "claims here read it")
    assert names(root) == ["tiny-18px", "tiny-9px"]
    done = run_harness(suite, "data", "gc", "--json", *place)
    assert done.status == 0
    assert [each["folder"][:9] for each in done.json["removed"]] == ["tiny-9px-"]
    assert [(each["folder"][:10], each["is_read"]) for each in done.json["kept"]] == [("tiny-18px-", True)]
    assert 0 < done.json["removed"][0]["bytes"] < 10**6
    assert names(root) == ["tiny-18px"]
    run_harness(suite, "data", "gc", *place).says("kept tiny-18px-")


def test_what_was_written_lately_is_another_checkouts_perhaps(root: Path, tmp_path: Path) -> None:
    suite = write_claims(tmp_path / "suite", CLAIMED.replace("size=16", "size=12"))
    kept = run_harness(suite, "data", "gc", "--data-root", str(root))
    kept.says("removed tiny-9px-", "kept tiny-18px-", "written within a day: --all removes it too")
    assert names(root) == ["tiny-18px"]
    run_harness(suite, "data", "gc", "--all", "--data-root", str(root)).says("removed tiny-18px-")
    assert names(root) == []


def test_nothing_is_removed_without_claims_nor_of_what_may_be_read(root: Path, tmp_path: Path) -> None:
    (tmp_path / "nowhere").mkdir()
    refused = run_harness(tmp_path / "nowhere", "data", "gc", "--data-root", str(root))
    assert (refused.status, len(refused.text.splitlines())) == (1, 1)
    assert len(names(root)) == 2
    place = root / kept_pixels.FOLDER
    (root / "tiny").rename(root / "away")  # so that nobody knows what the folder's files were
    read = {folder.path.name[:9]: folder.is_read for folder in decoded_folders(place, root, [TINY])}
    assert read == {"tiny-18px": True, "tiny-9px-": False}
    assert not any(folder.is_read for folder in decoded_folders(place, root, [TINY.but(blank=True)]))


def test_only_what_decoding_writes_is_removed(root: Path) -> None:
    place = root / kept_pixels.FOLDER
    (place / "mine").mkdir()
    (place / f"link-9px-{'a' * 32}").symlink_to(root / "tiny")
    folders = decoded_folders(place, root, [])
    assert [folder.path.name.rpartition("-")[0] for folder in folders] == ["tiny-18px", "tiny-9px"]
    (folders[0].path / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"tiny-18px-\w+ is left: notes\.txt in it is nothing that decoding"):
        remove(folders[0])
    assert (folders[0].path / "train.pixels").exists()
    remove(folders[1])
    with pytest.raises(DataError, match=r"cannot be removed \(No such file"):
        remove(folders[1])
    assert decoded_folders(root / "nowhere", root, []) == []
    assert DecodedFolder._fields == ("path", "size", "changed", "is_read")
