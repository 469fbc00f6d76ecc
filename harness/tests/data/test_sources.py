"""Which files are accepted as data, what their content is called, and what is said about the others."""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from harness.data import DataError, archives, digests, fetch, readers, sources
from harness.data.archives import Archive, Arrays
from harness.tests.tiny import TINY, TINY_MNIST, arrays_of, write_npz


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Neither the user's cache file nor what other tests left in memory."""
    file = tmp_path / "cache" / "digests.json"
    monkeypatch.setattr(digests, "cache_file", lambda: file)
    monkeypatch.setattr(digests, "_remembered", {})
    return file


def message_of(archive: Archive, root: Path | None) -> str:
    with pytest.raises(DataError) as caught:
        sources.source(archive, root)
    text = str(caught.value)
    assert "\n" not in text
    assert f"python -m harness data get {archive.key}" in text
    return text


# Files


def test_an_npz_of_unknown_content_is_called_so(tmp_path: Path) -> None:
    source = sources.source(TINY, write_npz(tmp_path / "root"))
    assert source.name == f"CIFAR-10 (unknown copy, sha256 {source.digest[:8]})"
    assert len(source.digest) == 64
    assert source != sources.source(TINY, write_npz(tmp_path / "other", **arrays_of(TINY, seed=1)))


def test_an_npz_of_listed_content_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tuple(digests.of_array(array) for array in arrays_of(TINY).values())
    monkeypatch.setitem(archives.KNOWN, listed, "CIFAR-10 (listed)")
    assert sources.source(TINY, write_npz(tmp_path / "root")).name == "CIFAR-10 (listed)"


def test_labels_as_a_column_of_wide_integers_are_the_same_content(tmp_path: Path) -> None:
    column = {name: a.astype(np.int64)[:, None] for name, a in arrays_of(TINY).items() if name[0] == "y"}
    plain, other = write_npz(tmp_path / "plain"), write_npz(tmp_path / "other", **column)
    assert sources.source(TINY, plain) == sources.source(TINY, other)


def test_grey_images_may_lack_their_channel_axis(tmp_path: Path) -> None:
    flat = {name: a.reshape(a.shape[:3]) for name, a in arrays_of(TINY_MNIST).items() if name[0] == "x"}
    plain, other = (write_npz(tmp_path / n, TINY_MNIST, **c) for n, c in (("plain", {}), ("other", flat)))
    assert sources.source(TINY_MNIST, plain) == sources.source(TINY_MNIST, other)


@pytest.mark.parametrize(
    "changed, cause",
    [
        ({"y_test": None}, "no array y_test"),
        ({"x_train": np.zeros((59, 32, 32, 3), np.uint8)}, "x_train is uint8"),
        ({"x_test": np.zeros((20, 32, 32, 3), np.float32)}, "x_test is float32"),
        ({"x_train": np.array([{}] * 60, dtype=object)}, "cannot be read"),
        ({"y_train": np.full(60, 10, np.uint8)}, "labels outside 0 to 9"),
        ({"y_train": np.full(60, -1)}, "labels outside 0 to 9"),
        ({"y_train": np.zeros(60)}, "not integers"),
    ],
)
def test_unfit_arrays_are_told_in_one_line(tmp_path: Path, changed: dict[str, Any], cause: str) -> None:
    assert cause in message_of(TINY, write_npz(tmp_path / "root", **changed))


def test_missing_roots_and_files_are_told_in_one_line(tmp_path: Path) -> None:
    assert "no data root" in message_of(TINY, None)
    assert "no folder" in message_of(TINY, tmp_path / "absent")
    assert "neither cifar10.npz nor cifar-10-batches-py" in message_of(TINY, tmp_path)


@pytest.mark.parametrize("start, length", [(b"", 0), (b"", 5000), (b"PK", 2000)])
def test_damaged_npz_files_are_told_in_one_line(tmp_path: Path, start: bytes, length: int) -> None:
    file = write_npz(tmp_path / "root") / "cifar10.npz"
    file.write_bytes(start + file.read_bytes()[:length])
    text = message_of(TINY, tmp_path / "root")
    assert "cifar10.npz cannot be read" in text
    assert str(tmp_path) not in text


def test_flipped_bytes_in_an_npz_are_noticed(tmp_path: Path) -> None:
    file = write_npz(tmp_path / "root") / "cifar10.npz"
    content = bytearray(file.read_bytes())
    content[5000] ^= 1
    file.write_bytes(bytes(content))
    assert "cannot be read" in message_of(TINY, tmp_path / "root")


def batches(archive: Archive, folder: Path, **spoiled: bytes) -> tuple[Archive, dict[str, Any]]:
    """Write pickled batches and return the archive with their checksums, and the arrays in them."""
    folder.mkdir(parents=True)
    arrays = arrays_of(archive)
    listed: dict[str, Any] = {}
    for part in ("train", "test"):
        names = [name for name, _ in getattr(archive, part)]
        planes = arrays[f"x_{part}"].transpose(0, 3, 1, 2).reshape(len(arrays[f"x_{part}"]), -1)
        pieces = zip(
            np.array_split(planes, len(names)), np.array_split(arrays[f"y_{part}"], len(names)), strict=True
        )
        checked = []
        for name, (data, labels) in zip(names, pieces, strict=True):
            content = pickle.dumps({"data": data, archive.label: labels.tolist()}, protocol=3)
            (folder / name).write_bytes(spoiled.get(name, content))
            checked.append((name, hashlib.md5((folder / name).read_bytes()).hexdigest()))
        listed[part] = tuple(checked)
    return archive._replace(**listed), arrays


@pytest.mark.parametrize("archive", [TINY, archives.CIFAR100._replace(sizes=(60, 20))])
def test_pickled_batches_with_their_checksums_are_read(tmp_path: Path, archive: Archive) -> None:
    archive, arrays = batches(archive, tmp_path / archive.folder)
    assert sources.source(archive, tmp_path).name == archive.name
    read = sources.find(archive, tmp_path).read()
    assert all(np.array_equal(getattr(read, name), array) for name, array in arrays.items())


def test_cifar_100_has_the_labels_of_its_classes_not_of_their_groups(tmp_path: Path) -> None:
    archive = archives.CIFAR100._replace(sizes=(6, 6))
    (tmp_path / archive.folder).mkdir()
    labels: dict[str, Any] = {"fine_labels": [3, 99, 0, 50, 7, 21], "coarse_labels": [1, 2, 3, 4, 5, 6]}
    content = pickle.dumps({"data": np.zeros((6, 3072), np.uint8), **labels}, protocol=3)
    listed: dict[str, Any] = {}
    for part in ("train", "test"):
        (tmp_path / archive.folder / part).write_bytes(content)
        listed[part] = ((part, hashlib.md5(content).hexdigest()),)
    read = sources.find(archive._replace(**listed), tmp_path).read()
    assert read.y_train.tolist() == read.y_test.tolist() == labels["fine_labels"]


def test_batches_that_are_not_the_original_are_never_unpickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches(TINY, tmp_path / TINY.folder)  # the real checksums stay, so none of these files passes
    monkeypatch.setattr(readers, "unpickled", lambda content: pytest.fail("unpickled"))
    assert "cifar-10-batches-py/data_batch_1 is not the original" in message_of(TINY, tmp_path)


class Harm:
    def __reduce__(self) -> Any:
        return (print, ("harm",))


def test_even_listed_batches_may_not_run_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive, _ = batches(TINY, tmp_path / TINY.folder, test_batch=pickle.dumps(Harm()))
    with pytest.raises(DataError, match="which no array needs"):
        sources.source(archive, tmp_path)
    assert "harm" not in capsys.readouterr().out


def test_a_missing_batch_is_named(tmp_path: Path) -> None:
    archive, _ = batches(TINY, tmp_path / TINY.folder)
    (tmp_path / TINY.folder / "data_batch_3").unlink()
    assert "data_batch_3 cannot be read" in message_of(archive, tmp_path)


def idx(root: Path) -> tuple[Archive, dict[str, Any]]:
    """Write MNIST's raw files of random content; return the archive with their checksums, and arrays."""
    folder = root / TINY_MNIST.folder
    folder.mkdir(parents=True)
    arrays = arrays_of(TINY_MNIST)
    listed: dict[str, Any] = {}
    for part in ("train", "test"):
        contents = (bytes(16) + arrays[f"x_{part}"].tobytes(), bytes(8) + arrays[f"y_{part}"].tobytes())
        pairs = list(zip(getattr(TINY_MNIST, part), contents, strict=True))
        for (name, _), content in pairs:
            (folder / name).write_bytes(content)
        listed[part] = tuple((name, hashlib.sha256(content).hexdigest()) for (name, _), content in pairs)
    return TINY_MNIST._replace(**listed), arrays


def test_raw_mnist_files_are_verified_and_have_the_digest_of_an_equal_npz(tmp_path: Path) -> None:
    archive, arrays = idx(tmp_path)
    source = sources.source(archive, tmp_path)
    assert source.name == "MNIST"
    assert source.digest == sources.source(archive, write_npz(tmp_path / "npz", archive, **arrays)).digest
    assert "train-images-idx3-ubyte is not the original" in message_of(TINY_MNIST, tmp_path)


def test_an_npz_comes_before_torchvisions_layout(tmp_path: Path) -> None:
    archive, _ = idx(tmp_path)
    write_npz(tmp_path, archive, **arrays_of(archive, seed=1))
    assert "unknown copy" in sources.source(archive, tmp_path).name


# Digests are computed once


def test_files_are_hashed_once_and_again_when_they_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    root, hashed = write_npz(tmp_path / "root"), Mock(wraps=digests.of_array)
    monkeypatch.setattr(digests, "of_array", hashed)
    first = sources.source(TINY, root)
    assert (sources.source(TINY, root), hashed.call_count) == (first, 4)
    monkeypatch.setattr(digests, "_remembered", {})  # as in another process
    assert (sources.source(TINY, root), hashed.call_count) == (first, 4)
    assert str(tmp_path) not in own_cache.read_text()
    write_npz(root, **arrays_of(TINY, seed=1), extra=np.zeros(3))
    assert sources.source(TINY, root) != first
    assert hashed.call_count == 8


def test_a_file_changed_in_place_is_hashed_again_to_its_last_byte(tmp_path: Path) -> None:
    root, arrays = write_npz(tmp_path / "root"), arrays_of(TINY)
    first, before = sources.source(TINY, root), (root / "cifar10.npz").stat()
    arrays["x_train"][-1, -1, -1, -1] ^= 1
    write_npz(root, **arrays)
    os.utime(root / "cifar10.npz", ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))
    assert (root / "cifar10.npz").stat().st_size == before.st_size
    assert sources.source(TINY, root).digest != first.digest


@pytest.mark.parametrize("content", ["", "[1]", '{"a": 3}', "{"])
def test_a_damaged_cache_file_is_replaced(tmp_path: Path, own_cache: Path, content: str) -> None:
    own_cache.parent.mkdir()
    own_cache.write_text(content)
    source = sources.source(TINY, write_npz(tmp_path / "root"))
    assert len(digests._read()) == 1
    assert sources.source(TINY, tmp_path / "root") == source
    assert [file.name for file in own_cache.parent.iterdir()] == [own_cache.name]


def test_a_cache_that_cannot_be_written_is_no_reason_to_stop(tmp_path: Path, own_cache: Path) -> None:
    own_cache.parent.write_text("a file where a folder should be")
    assert sources.source(TINY, write_npz(tmp_path / "root")).digest


# The world outside


def test_checksums_are_those_of_torchvision() -> None:
    from torchvision.datasets import CIFAR10, CIFAR100

    for archive, theirs in ((archives.CIFAR10, CIFAR10), (archives.CIFAR100, CIFAR100)):
        assert [list(pair) for pair in archive.train] == theirs.train_list
        assert [list(pair) for pair in archive.test] == theirs.test_list
        assert archive.folder == theirs.base_folder


def test_downloads_fail_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torchvision

    def unreachable(root: str, download: bool) -> None:
        raise RuntimeError("no connection\nand a long story")

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", unreachable)
    with pytest.raises(
        DataError, match=r"^CIFAR-10 could not be downloaded .no connection.: check the connection"
    ):
        fetch.get("cifar10", tmp_path / "new")
    with pytest.raises(DataError, match="unknown collection 'imagenet': one of mnist, cifar10, cifar100"):
        fetch.get("imagenet", tmp_path)


def test_what_is_there_is_not_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(archives.ARCHIVES, "cifar10", TINY)
    monkeypatch.setattr(fetch, "_download", lambda name, root: pytest.fail("downloaded"))
    assert "unknown copy" in fetch.get("cifar10", write_npz(tmp_path / "root")).name


def test_the_root_is_named_by_the_environment_or_lies_in_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_DATA", "some/where")
    assert sources.default_root() == Path("some/where")
    monkeypatch.delenv("HARNESS_DATA")
    assert sources.default_root().name == "data"


def test_arrays_are_named_as_in_the_npz() -> None:
    assert Arrays._fields == ("x_train", "y_train", "x_test", "y_test")
