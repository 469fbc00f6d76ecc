"""Images at a lower resolution that stay in [0, 1]: what a pixel is, and that they can be moved about."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from harness.data import Augmented, AveragedMnist, RandomCrop, WrongLabels
from harness.data.archives import Archive
from harness.data.averaged import AveragedImages
from harness.data.scaled import ScaledCifar10, ScaledImages, ScaledMnist
from harness.data.verified import discrepancy
from harness.tests.tiny import TINY, arrays_of, write_npz


class TinyScaled(ScaledImages, frozen=True):
    """Scaled images of a colour collection of 80."""

    archive: ClassVar[Archive] = TINY


class TinyLikewise(AveragedImages, frozen=True):
    """The same collection, standardised."""

    archive: ClassVar[Archive] = TINY


def test_a_pixel_is_the_mean_of_its_square_over_the_largest_value(tmp_path: Path) -> None:
    data = TinyScaled()
    split = data.split(write_npz(tmp_path / "root"), 0)
    images = arrays_of(TINY)["x_train"] / 255
    means = (images[:, ::2, ::2] + images[:, 1::2, ::2] + images[:, ::2, 1::2] + images[:, 1::2, 1::2]) / 4
    np.testing.assert_allclose(split.x_train, means.transpose(0, 3, 1, 2), atol=1e-6)
    assert discrepancy(data, split) == ""
    assert not data.standardized


def test_a_replicate_draws_the_images_and_labels_of_the_standardised_ones(tmp_path: Path) -> None:
    root = write_npz(tmp_path / "root")
    kind: dict[str, Any] = {"n": 20, "n_test": 7, "labels": WrongLabels(0.5)}
    scaled, standardised = TinyScaled(**kind).split(root, 3), TinyLikewise(**kind, whiten=True).split(root, 3)
    assert np.array_equal(scaled.y_train, standardised.y_train)
    still = Augmented(TinyScaled(**kind), ()).split(root, 3)
    np.testing.assert_allclose(still.x_train, standardised.x_train, atol=1e-5)
    np.testing.assert_allclose(still.x_test, standardised.x_test, atol=1e-5)


def test_they_are_moved_about_where_standardised_ones_are_refused(tmp_path: Path) -> None:
    root, moved = write_npz(tmp_path / "root"), (RandomCrop(16, padding=1),)
    split = Augmented(TinyScaled(), moved).split(root, 0)
    assert split.augment is not None
    first, second = split.augment(1), split.augment(2)
    assert first.shape == split.x_train.shape
    assert not np.array_equal(first, second)
    for whiten in (False, True):
        with pytest.raises(ValueError, match="standardising comes last"):
            Augmented(TinyLikewise(whiten=whiten), moved)


def test_standardising_them_is_refused_with_the_class_that_does() -> None:
    with pytest.raises(ValueError, match=r"take AveragedMnist\(whiten=True\)"):
        ScaledMnist(whiten=True)
    with pytest.raises(ValueError, match=r"take AveragedCifar10\(whiten=True\)"):
        ScaledCifar10(whiten=True)
    assert ScaledMnist(crop=24, square=3).shape == AveragedMnist(crop=24, square=3).shape == (1, 8, 8)
