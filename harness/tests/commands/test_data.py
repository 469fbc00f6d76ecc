"""``python -m harness data``: what is there, and what a file holds."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from harness.__main__ import main
from harness.data import archives, digests
from harness.data.archives import KNOWN
from harness.tests.tiny import TINY, arrays_of, write_npz


def test_data_list_says_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "mnist.npz", x_train=np.zeros(3))
    assert main(["data", "list", "--data-root", str(tmp_path)]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == ["mnist", "cifar10", "cifar100"]
    assert all("python -m harness data get" in row for row in rows)
    assert main(["data", "list", "mnist", "--data-root", str(tmp_path)]) == 1
    assert main(["data", "list", "svhn"]) == 1
    assert "unknown data set 'svhn': one of mnist, cifar10, cifar100" in capsys.readouterr().err


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root with a collection of a few images under the name cifar10."""
    monkeypatch.setitem(archives.ARCHIVES, "cifar10", TINY)
    monkeypatch.setattr(digests, "cache_file", lambda: tmp_path / "cache" / "digests.json")
    return write_npz(tmp_path / "data")


def test_verify_reads_what_list_only_remembers(
    tiny: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    each = tuple(digests.of_array(array) for array in arrays_of(TINY).values())
    order = [list(arrays_of(TINY)).index(name) for name in ("x_train", "y_train", "x_test", "y_test")]
    monkeypatch.setitem(KNOWN, tuple(each[i] for i in order), "tiny CIFAR-10")
    root = ["--data-root", str(tiny)]
    assert main(["data", "list", "cifar10", *root]) == main(["data", "verify", *root]) == 0
    assert capsys.readouterr().out.count("tiny CIFAR-10") == 2
    before = os.stat(tiny / "cifar10.npz")
    write_npz(tiny, TINY, y_test=1 - arrays_of(TINY)["y_test"] % 2)
    os.utime(tiny / "cifar10.npz", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert os.stat(tiny / "cifar10.npz").st_size == before.st_size
    assert main(["data", "list", "cifar10", *root]) == 0  # by name, size and time it is what it was
    assert main(["data", "verify", *root]) == 1
    assert "an unknown copy" in capsys.readouterr().out
    assert main(["data", "verify", "mnist", *root]) == 1


def test_digest_names_what_it_knows(
    tiny: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tiny / "cifar10.npz"
    assert main(["data", "digest", str(file)]) == 1
    said = capsys.readouterr()
    arrays = arrays_of(TINY)
    for name, array in arrays.items():
        assert (
            f"{name:<8} uint8 {'x'.join(map(str, array.shape))}, sha256 {digests.of_array(array)}" in said.out
        )
    assert "has the shape of CIFAR-10; its content is none whose digest is listed" in said.out
    assert "harness/data/archives.py" in said.err
    assert main(["data", "digest", "--json", str(file)]) == 1
    (digest,) = json.loads(capsys.readouterr().out)
    listed = tuple(digest["arrays"][n].rpartition(" ")[2] for n in ("x_train", "y_train", "x_test", "y_test"))
    monkeypatch.setitem(KNOWN, listed, "tiny CIFAR-10")
    assert main(["data", "digest", str(tiny)]) == 0  # the folder it lies in
    assert "cifar10.npz: this is tiny CIFAR-10" in capsys.readouterr().out


def test_digest_of_anything_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "svhn.npz", x_train=np.zeros((2, 3)))
    assert main(["data", "digest", str(tmp_path / "svhn.npz")]) == 1
    assert "x_train  float64 2x3, sha256 " in capsys.readouterr().out
    (tmp_path / "notes.txt").write_text("no archive")
    (tmp_path / "empty").mkdir()
    for name in ("notes.txt", "empty", "nowhere"):
        assert main(["data", "digest", str(tmp_path / name)]) == 1
        error = capsys.readouterr().err
        assert name in error
        assert len(error.splitlines()) == 1
