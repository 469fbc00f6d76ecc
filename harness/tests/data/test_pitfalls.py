"""Mistakes of reproductions, as data: what each changes, and that doing it right changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import Augmented, Digits, GeneratedImages, RandomCrop, RandomLabels, TrueLabels
from harness.data.pitfalls import CentreCrop, CorruptedTest, DividedAgain, ReshuffledLabels
from harness.spec.streams import stream
from harness.tests.deterministic import derandomized

SIDE = GeneratedImages(n=30, size=28, n_test=20, whiten=False)


def test_dividing_once_is_what_standardising_does() -> None:
    right = SIDE.but(inputs=DividedAgain(1.0)).split(None, 0)
    standardised = SIDE.but(whiten=True).split(None, 0)
    assert np.array_equal(right.x_train, standardised.x_train)
    assert np.array_equal(right.x_test, standardised.x_test)


@derandomized
@given(seed=st.integers(0, 10_000), contrast=st.floats(0.01, 1.0), side=st.integers(2, 28))
def test_divided_twice_every_image_lies_under_the_floor(seed: int, contrast: float, side: int) -> None:
    drawn = np.random.default_rng(seed).random((6, 3, side, side), dtype=np.float32)
    plain = (drawn > 0.5) * np.float32(contrast)  # black and white, so that deviations are near the largest
    twice, _ = DividedAgain().apply(plain, plain, np.random.default_rng(seed))
    deviations, expected = (x.reshape(6, -1).std(axis=1) for x in (twice, plain))
    assert float(deviations.max()) < 0.51 / 255 * (3 * side * side) ** 0.5  # none in [0, 1] is above 1/2
    np.testing.assert_allclose(deviations, expected / 255 * (3 * side * side) ** 0.5, rtol=1e-3)
    assert abs(float(twice.mean())) < 1e-6


@pytest.mark.parametrize("in_place", [True, False])
def test_images_are_written_over_only_if_asked(in_place: bool) -> None:
    train = stream(0, "data").random((5, 1, 4, 4), dtype=np.float32)
    kept = train.copy()
    prepared, _ = DividedAgain().apply(train, train[:0], stream(0, "noise"), in_place=in_place)
    assert np.shares_memory(prepared, train) == in_place
    assert np.array_equal(train, kept) != in_place


@pytest.mark.parametrize("divisor", [0.0, -1.0])
def test_a_divisor_must_be_positive(divisor: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        DividedAgain(divisor)


def test_reshuffled_labels_change_every_epoch_and_keep_their_shares() -> None:
    split = Digits(n=200, labels=ReshuffledLabels()).split(None, 0)
    assert split.redraw is not None
    first, again, second = split.redraw(1), split.redraw(1), split.redraw(2)
    assert np.array_equal(first, again)
    assert float(np.mean(first != second)) > 0.5
    assert np.array_equal(np.sort(first), np.sort(split.y_true))
    assert float(np.mean(first != split.y_true)) > 0.5


def test_a_centre_crop_is_the_same_in_training_and_testing() -> None:
    data = GeneratedImages(n=10, size=12, n_test=5, whiten=False)
    split = Augmented(data, (CentreCrop(10),), whiten=False).split(None, 0)
    assert split.augment is not None
    assert np.array_equal(split.augment(0), split.augment(7))
    assert np.array_equal(split.augment(0), data.split(None, 0).x_train[:, :, 1:11, 1:11])
    moved = Augmented(data, (RandomCrop(10),), whiten=False).split(None, 0)
    assert moved.augment is not None
    assert not np.array_equal(moved.augment(0), moved.augment(7))
    assert np.array_equal(moved.x_test, split.x_test)


@derandomized
@given(fraction=st.sampled_from([0.25, 0.5, 1.0]), replicate=st.integers(0, 20))
def test_corrupted_test_labels_change_nine_tenths_of_a_share(fraction: float, replicate: int) -> None:
    data = Digits(n=100, labels=RandomLabels(0.5))
    corrupted = CorruptedTest(data, RandomLabels(fraction))
    ours, theirs = corrupted.split(None, replicate), data.split(None, replicate)
    changed = float(np.mean(ours.y_test != theirs.y_test))
    assert changed == pytest.approx(0.9 * fraction, abs=4 * (0.25 / 1697) ** 0.5)
    for name in ("x_train", "y_train", "x_test", "y_true"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name))
    assert (corrupted.shape, corrupted.classes) == (data.shape, data.classes)
    assert (corrupted.train_size, corrupted.test_size) == (data.train_size, data.test_size)
    assert corrupted.source(None) == data.source(None)


def test_true_test_labels_are_those_of_the_data() -> None:
    data = Digits(n=100)
    assert np.array_equal(CorruptedTest(data, TrueLabels()).split(None, 3).y_test, data.split(None, 3).y_test)
