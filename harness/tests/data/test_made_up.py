"""Made-up images are read as data sets are, and are not called by their names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.data import Mnist, digests, kept_pixels, made_up
from harness.data.archives import ARCHIVES, MNIST, Archive
from harness.data.image_folder import ImageNet


def test_made_up_images_are_read_and_are_called_unknown(tmp_path: Path) -> None:
    made_up.make_up(tmp_path, [MNIST])
    data = Mnist(n=40, n_test=20)
    split = data.split(tmp_path, 0)
    assert split.x_train.shape == (40, *data.shape)
    assert {*split.y_train} == set(range(10))
    assert "unknown copy" in data.source(tmp_path).name


@pytest.mark.parametrize("archive", ARCHIVES.values(), ids=lambda archive: archive.key)
def test_each_collection_has_its_shapes_and_all_classes(archive: Archive) -> None:
    few = archive._replace(sizes=(300, 200))
    arrays = made_up._arrays(few)
    assert arrays.x_train.shape == (300, *archive.image)
    assert arrays.x_test.shape == (200, *archive.image)
    assert arrays.x_train.dtype == np.uint8
    for labels in (arrays.y_train, arrays.y_test):
        assert {*labels.tolist()} == set(range(archive.classes))


def test_a_folder_stands_in_for_images_on_disk_and_all_else_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "cache_file", lambda: tmp_path / "cache" / "digests.json")
    root = tmp_path / "root"
    for name in ("imagenet", kept_pixels.FOLDER):
        (root / name / "mine").mkdir(parents=True)
    made_up.make_up(root, [MNIST])
    before = sorted(root.rglob("*"))
    data = ImageNet(classes=3, train_size=12, test_size=9, size=32, measured=6)
    with made_up.stand_in(root, [data, data]) as other:
        assert Mnist(n=40).source(other) == Mnist(n=40).source(root)
        split = data.split(other, 0)
        assert (len(split.x_train), {*split.y_test.tolist()}) == (12, {0, 1, 2})
        files: Any = split.x_train
        assert files.pixels(0).shape == (3, 32, 32)
        assert not files.pixels(0).equal(files.pixels(1))
        assert kept_pixels.place_of(other) == other / "kept"
        assert list((tmp_path / "cache" / "manifests").iterdir())
    assert not other.exists()
    assert sorted(root.rglob("*")) == before
    assert not list((tmp_path / "cache" / "manifests").iterdir())


def test_decoded_images_are_kept_nowhere_where_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(kept_pixels.VARIABLE, kept_pixels.NOWHERE)
    with made_up.stand_in(tmp_path / "not here", []) as other:
        assert kept_pixels.place_of(other) is None
