"""Images at a lower resolution: what a pixel is, by what it is standardised, and which are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from harness.data import AveragedCifar10, AveragedMnist, GaussianInputs, RandomLabels, WrongLabels
from harness.data.archives import Archive
from harness.data.averaged import AveragedImages, channel_moments
from harness.data.verified import discrepancy, verified_split
from harness.tests.tiny import TINY, TINY_MNIST, arrays_of, write_npz

EVEN: dict[str, Any] = {
    "y_train": np.arange(60, dtype=np.uint8) % 10,
    "y_test": np.arange(20, dtype=np.uint8) % 10,
}


class TinyAveraged(AveragedImages, frozen=True):
    """Averaged images of a colour collection of 80."""

    archive: ClassVar[Archive] = TINY


class TinyGrey(AveragedImages, frozen=True):
    """Averaged images of a grey collection of 40."""

    archive: ClassVar[Archive] = TINY_MNIST


def by_hand(images: Any, crop: int, square: int) -> Any:
    """Means over squares of the centre, pixels in [0, 1], written out: float64 [n, channels, side, side]."""
    margin, side = (images.shape[1] - crop) // 2, crop // square
    means = np.zeros((len(images), images.shape[3], side, side))
    for i in range(side):
        for j in range(side):
            top, left = margin + i * square, margin + j * square
            means[:, :, i, j] = images[:, top : top + square, left : left + square].mean((1, 2)) / 255
    return means


@pytest.mark.parametrize(
    "data, crop, square",
    [(TinyAveraged(), 32, 2), (TinyGrey(crop=24, square=3), 24, 3), (TinyGrey(square=1), 28, 1)],
)
def test_a_pixel_is_the_mean_of_its_square_less_the_mean_of_all_training_images(
    data: AveragedImages, crop: int, square: int, tmp_path: Path
) -> None:
    split = data.split(write_npz(tmp_path / "root", data.archive), 0)
    arrays = arrays_of(data.archive)
    train, test = (by_hand(arrays[f"x_{part}"], crop, square) for part in ("train", "test"))
    mean, deviation = (getattr(train, name)((0, 2, 3), keepdims=True) for name in ("mean", "std"))
    np.testing.assert_allclose(split.x_train, (train - mean) / deviation, atol=1e-5)
    np.testing.assert_allclose(split.x_test, (test - mean) / deviation, atol=1e-5)
    assert np.array_equal(split.y_true, arrays["y_train"])
    assert np.array_equal(split.y_test, arrays["y_test"])
    assert discrepancy(data, split) == ""


def test_images_of_a_part_are_those_of_the_whole(tmp_path: Path) -> None:
    """Standardised by all training images, an image is the same whichever others are drawn."""
    root = write_npz(tmp_path / "root")
    whole, other = TinyAveraged().split(root, 0), TinyAveraged(n=10).split(root, 1)
    few, many = (TinyAveraged(n=n, n_test=5, labels=RandomLabels()).split(root, 0) for n in (10, 40))
    assert np.array_equal(few.x_train, many.x_train[:10])
    assert not np.array_equal(few.x_train, other.x_train)
    for part, size in (("train", 10), ("test", 5)):
        rows = [image.tobytes() for image in getattr(whole, f"x_{part}")]
        drawn = [rows.index(image.tobytes()) for image in getattr(few, f"x_{part}")]
        assert len(set(drawn)) == size
        labels = few.y_true if part == "train" else few.y_test
        assert np.array_equal(labels, arrays_of(TINY)[f"y_{part}"][drawn])


def test_images_may_be_standardised_one_by_one(tmp_path: Path) -> None:
    split = TinyAveraged(whiten=True).split(write_npz(tmp_path / "root"), 0)
    np.testing.assert_allclose(split.x_train.mean((1, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(split.x_train.std((1, 2, 3)), 1, atol=1e-6)
    assert TinyAveraged().standardized


def test_kept_classes_are_renamed_in_their_order(tmp_path: Path) -> None:
    root = write_npz(tmp_path / "root", **EVEN)
    data = TinyAveraged(kept=(3, 0, 7))
    assert (data.classes, data.train_size, data.test_size, data.shape) == (3, 18, 6, (3, 16, 16))
    assert not data.whole
    split = data.split(root, 0)
    assert split.y_true.tolist() == [1, 0, 2] * 6  # stored in the order 0, 3, 7
    assert discrepancy(data, split) == ""
    few = data.but(n=7, n_test=4, labels=WrongLabels(1.0)).split(root, 0)
    assert {row.tobytes() for row in few.x_train} <= {row.tobytes() for row in split.x_train}
    assert set(few.y_train.tolist()) <= {0, 1, 2}
    assert (few.y_train != few.y_true).all()


def test_kept_classes_are_standardised_by_themselves(tmp_path: Path) -> None:
    root = write_npz(tmp_path / "root", **EVEN)
    for kept in ((3, 0), (5, 6, 7)):
        split = TinyAveraged(kept=kept).split(root, 0)
        np.testing.assert_allclose(split.x_train.mean((0, 2, 3)), 0, atol=1e-6)
        np.testing.assert_allclose(split.x_train.std((0, 2, 3)), 1, atol=1e-6)


def test_classes_of_unequal_size_need_to_be_told_how_many(tmp_path: Path) -> None:
    uneven: dict[str, Any] = EVEN | {
        "y_train": np.where(EVEN["y_train"] == 9, 0, EVEN["y_train"]).astype(np.uint8)
    }
    root = write_npz(tmp_path / "root", **uneven)
    with pytest.raises(ValueError, match="have 18 images in one part, not 12"):
        TinyAveraged(kept=(0, 1)).split(root, 0)
    with pytest.raises(ValueError, match="have 6 images in one part, not 8"):
        TinyAveraged(kept=(9, 1), n=8).split(root, 0)
    assert len(TinyAveraged(kept=(0, 1), n=12, n_test=4).split(root, 0).y_train) == 12


def test_another_file_has_other_moments(tmp_path: Path) -> None:
    root = write_npz(tmp_path / "root")
    TinyAveraged().split(root, 0)
    write_npz(root, **arrays_of(TINY, seed=1), extra=np.zeros(3))
    split = TinyAveraged().split(root, 0)
    np.testing.assert_allclose(split.x_train.mean((0, 2, 3)), 0, atol=1e-6)


def test_constant_channels_become_zero() -> None:
    moments = channel_moments(np.full((4, 2, 2, 1), 51, np.uint8), np.arange(4), None, 2)
    assert moments.mean.tolist() == [0.2]
    assert moments.deviation.tolist() == [1.0]


def test_corruptions_and_the_content_of_files_reach_averaged_images_too(tmp_path: Path) -> None:
    root = write_npz(tmp_path / "root")
    data = TinyAveraged(inputs=GaussianInputs())
    split = verified_split(data, root, 0, [(data, data.source(root).digest)])
    plain = TinyAveraged().split(root, 0)
    assert not np.array_equal(split.x_train, plain.x_train)
    assert np.array_equal(split.x_test, plain.x_test)
    assert not np.array_equal(split.x_train, data.split(root, 1).x_train)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="must divide the side of the image, 28"):
        AveragedMnist(square=3)
    with pytest.raises(ValueError, match="must divide"):
        AveragedMnist(square=0)
    for kept in ((1,), (1, 1), (0, 10)):
        with pytest.raises(ValueError, match="two or more different classes of CIFAR-10"):
            AveragedCifar10(kept=kept)
    with pytest.raises(ValueError, match="between 1 and 10,000"):
        AveragedCifar10(kept=(0, 1), n=10_001)
    assert AveragedMnist(crop=24, square=3).shape == (1, 8, 8)
    assert AveragedMnist().shape == (1, 14, 14)
    assert AveragedCifar10().shape == (3, 16, 16)
    assert AveragedMnist().whole
