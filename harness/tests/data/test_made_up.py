"""Made-up images are read as data sets are, and are not called by their names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.data import Mnist, made_up
from harness.data.archives import ARCHIVES, MNIST, Archive


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
