"""Files of published collections are looked at before they are read; a degenerate copy is said to be."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.__main__ import main
from harness.data import DataError, archives, digests
from harness.data.archives import Archive
from harness.data.verified import sound_source
from harness.tests.data.test_npz import HOSTILE, HUGE, lying, npy, zipped
from harness.tests.tiny import TINY, TINY_MNIST, arrays_of, write_npz

LARGE = TINY._replace(sizes=(120, 60))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "cache_file", lambda: tmp_path / "cache" / "digests.json")
    monkeypatch.setattr(digests, "_remembered", {})


def refusal(archive: Archive, root: Path) -> str:
    with pytest.raises(DataError) as refused:
        sound_source(archive, root)
    text = str(refused.value)
    assert "\n" not in text
    assert str(root) not in text
    assert "allow_pickle" not in text
    assert f"python -m harness data get {archive.key}" in text
    return text


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_told_in_one_line(tmp_path: Path, kind: str) -> None:
    (tmp_path / "cifar10.npz").write_bytes(HOSTILE[kind][0]())
    text = refusal(TINY, tmp_path)
    assert "cifar10.npz" in text


LIES = {
    "objects": npy(np.array([{}] * 60, object)),
    "huge": lying(HUGE),
    "negative": lying(HUGE.replace("999999999999", "-4")),
    "code": lying("__import__('os').getpid()"),
}


@pytest.mark.parametrize("kind", LIES)
def test_arrays_that_lie_are_told_before_they_are_made(tmp_path: Path, kind: str) -> None:
    others = {name: npy(array) for name, array in arrays_of(TINY).items()}
    (tmp_path / "cifar10.npz").write_bytes(zipped(**{**others, "x_train": LIES[kind]}))
    assert "cifar10.npz cannot be read (x_train " in refusal(TINY, tmp_path)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("what", ["pipe", "folder", "dead link"])
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path, what: str) -> None:
    file = tmp_path / "mnist.npz"
    if what == "pipe":
        os.mkfifo(file)
    elif what == "folder":
        file.mkdir()
    else:
        file.symlink_to(tmp_path / "nothing")
    assert "mnist.npz cannot be read (" in refusal(TINY_MNIST, tmp_path)


@pytest.mark.timeout(20)
def test_a_pipe_among_raw_files_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / TINY_MNIST.folder
    folder.mkdir(parents=True)
    os.mkfifo(folder / TINY_MNIST.train[0][0])
    assert "train-images-idx3-ubyte cannot be read (not a regular file" in refusal(TINY_MNIST, tmp_path)


def test_files_that_are_still_packed_are_said_to_be(tmp_path: Path) -> None:
    folder = tmp_path / TINY_MNIST.folder
    folder.mkdir(parents=True)
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(b"")
    assert "train-labels-idx1-ubyte.gz is still packed: unpack it" in refusal(TINY_MNIST, tmp_path)
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"")
    assert "cifar-10-python.tar.gz is still packed: unpack it" in refusal(TINY, tmp_path)


DEGENERATE: dict[str, tuple[dict[str, Any], str]] = {
    "black": (
        {"x_train": np.zeros((120, 32, 32, 3), np.uint8)},
        "all images of x_train are one and the same",
    ),
    "one image": (
        {"x_test": np.full((60, 32, 32, 3), 7, np.uint8)},
        "all images of x_test are one and the same",
    ),
    "one label": ({"y_train": np.full(120, 3, np.uint8)}, "all labels of y_train are 3"),
    "tested on what is trained": ({"x_test": arrays_of(LARGE)["x_train"][:60]}, "x_test repeats the images"),
}


@pytest.mark.parametrize("kind", DEGENERATE)
def test_a_degenerate_copy_is_said_to_be(tmp_path: Path, kind: str) -> None:
    changed, says = DEGENERATE[kind]
    for _ in range(2):  # read, and remembered
        assert f"cifar10.npz is degenerate ({says}" in refusal(LARGE, write_npz(tmp_path, LARGE, **changed))


def test_a_copy_that_is_only_unknown_is_not(tmp_path: Path) -> None:
    assert "unknown copy" in sound_source(LARGE, write_npz(tmp_path, LARGE)).name
    few = write_npz(tmp_path / "few", TINY, y_test=np.zeros(20, np.uint8))
    assert sound_source(TINY, few).name  # among twenty images chance may be to blame


def test_commands_say_so_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(archives.ARCHIVES, "cifar10", LARGE)
    write_npz(tmp_path, LARGE, **DEGENERATE["black"][0])
    for action in ("list", "verify"):
        assert main(["data", action, "cifar10", "--data-root", str(tmp_path)]) == 1
        assert "degenerate" in capsys.readouterr().out
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)
