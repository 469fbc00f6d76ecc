"""Only what has the classes, counts and file names of ILSVRC 2012 is called ImageNet."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from harness.data import digests, ilsvrc, image_folder
from harness.data.image_folder import ImageNet
from harness.tests.folders import CLASSES, TINY, write_folder


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "cache_file", lambda: tmp_path / "cache" / "digests.json")
    monkeypatch.setattr(digests, "_remembered", {})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "data")


IDS = ("n00000001", "n00000002", "n00000003")


def in_its_layout(root: Path) -> Path:
    """The tiny folder as if its classes and files were named by the challenge."""
    for part in ("train", "val"):
        number = 0
        for wnid, kind in zip(IDS, CLASSES, strict=True):
            folder = root / "imagenet" / part / wnid
            shutil.copytree(root / "tiny" / part / kind, folder)
            for path in sorted(folder.iterdir()):
                number += 1
                name = f"{wnid}_{number}" if part == "train" else f"ILSVRC2012_val_{number:08d}"
                path.rename(folder / f"{name}.JPEG")
    return root


FEW = ImageNet(classes=3, train_size=24, test_size=12, size=16)


def test_another_folder_of_as_many_images_is_not_called_imagenet(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lists of a few images stand in the place of the public ones."""
    in_its_layout(root)
    content = FEW._content(root / "imagenet")
    assert FEW.source(root).name == (
        "an image folder of 3 classes (24 + 12 files), by its classes not ILSVRC 2012"
    )
    lists = {"CLASSES_SHA256": [*map(str.encode, IDS)], "VALIDATION_SHA256": content.test.names.tolist()}
    for name, lines in lists.items():
        monkeypatch.setattr(ilsvrc, name, hashlib.sha256(b"\n".join(lines)).hexdigest())
    assert "by its numbers of images not ILSVRC 2012" in FEW.source(root).name
    monkeypatch.setattr(ilsvrc, "IMAGES", {"train": 24, "val": 12})
    assert FEW.source(root).name == "ImageNet (ILSVRC 2012 by classes, counts and names of files)"
    one = root / "imagenet/train/n00000002/n00000002_9.JPEG"
    one.rename(one.with_name("n00000001_9.JPEG"))
    assert "by its names of training images not ILSVRC 2012" in FEW.source(root).name
    one.with_name("n00000001_9.JPEG").rename(one)
    swapped = [
        root / f"imagenet/val/{wnid}/ILSVRC2012_val_0000000{i}.JPEG"
        for wnid, i in zip(IDS[:2], (1, 5), strict=True)
    ]
    for path, other in zip(swapped, reversed(swapped), strict=True):
        shutil.move(path, other.with_name(f"new{path.name}"))
    for folder in (root / "imagenet/val").iterdir():
        for path in folder.glob("new*"):
            path.rename(path.with_name(path.name[3:]))
    assert "by its validation images not ILSVRC 2012" in FEW.source(root).name


def test_the_paths_of_its_training_images_are_known() -> None:
    for path in (b"n01440764/n01440764_10026.JPEG", b"n15075141/n15075141_54.JPEG"):
        assert ilsvrc.TRAINING.fullmatch(path)
    for path in (
        b"n01440764/n01440765_1.JPEG",
        b"n01440764/n01440764_1.jpg",
        b"n01440764/x/n01440764_1.JPEG",
    ):
        assert not ilsvrc.TRAINING.fullmatch(path)


def test_a_few_images_are_known_by_their_digests(root: Path) -> None:
    told = TINY.split(root, 0).x_train.sampled().split(", ")  # type: ignore[attr-defined]
    assert len(told) == 8
    name, digest = told[3].split(" ")
    assert hashlib.sha256((root / "tiny/train" / name).read_bytes()).hexdigest().startswith(digest)
    one = root / "tiny/train" / name
    one.write_bytes(one.read_bytes() + b"0")
    os.utime(one.parent)
    image_folder._recent.cache_clear()
    later = TINY.split(root, 0).x_train.sampled().split(", ")  # type: ignore[attr-defined]
    assert [i for i in range(8) if told[i] != later[i]] == [3]
