"""Copies of training images: how many, what of them is missing, and whose labels they have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.data import Digits, GeneratedImages, RandomLabels, TrueLabels
from harness.data.copies import MaskedCopies

PHOTOS = GeneratedImages(n=40, size=8, n_test=10)


def test_every_copy_is_its_image_but_for_a_share_of_its_values() -> None:
    plain, split = PHOTOS.split(None, 3), MaskedCopies(PHOTOS, copies=3, share=0.25).split(None, 3)
    assert split.x_train.shape == (120, 3, 8, 8)
    for copy in np.split(split.x_train, 3):
        changed = copy != plain.x_train
        assert not copy[changed].any()
        # an image may have had a zero before
        assert (changed.reshape(40, -1).sum(axis=1) <= 48).all()
        assert ((copy == 0).reshape(40, -1).sum(axis=1) >= 48).all()
    assert np.array_equal(split.x_test, plain.x_test)
    assert np.array_equal(split.y_test, plain.y_test)


def test_copies_miss_other_values_in_every_copy_and_every_replicate() -> None:
    data = MaskedCopies(PHOTOS, copies=2)
    first, second = np.split(data.split(None, 0).x_train == 0, 2)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first[0], first[1])
    again, other = data.split(None, 0), data.split(None, 1)
    assert np.array_equal(again.x_train == 0, np.concatenate([first, second]))
    assert not np.array_equal(other.x_train[:40] == 0, first)


def test_copies_draw_their_own_labels_or_keep_the_true_ones() -> None:
    plain = PHOTOS.split(None, 0)
    random = MaskedCopies(PHOTOS, copies=2).split(None, 0)
    assert np.array_equal(random.y_true, np.tile(plain.y_train, 2))
    first, second = np.split(random.y_train, 2)
    assert not np.array_equal(first, second)
    assert np.array_equal(random.corrupted, random.y_train != random.y_true)
    true = MaskedCopies(PHOTOS, copies=2, labels=TrueLabels())
    assert np.array_equal(true.split(None, 0).y_train, np.tile(plain.y_train, 2))
    assert true.true_labels
    assert not MaskedCopies(PHOTOS).true_labels


def test_sizes_are_known_beforehand_and_nothing_missing_is_a_plain_copy() -> None:
    data = MaskedCopies(Digits(n=30), copies=4, share=0.0)
    assert (data.train_size, data.test_size, data.shape) == (120, 1767, (1, 8, 8))
    split = data.split(None, 0)
    assert np.array_equal(split.x_train, np.tile(Digits(n=30).split(None, 0).x_train, (4, 1, 1, 1)))


@pytest.mark.parametrize("wrong", [{"copies": 0}, {"share": 1.0}, {"share": -0.1}, {"copies": 1001}])
def test_what_cannot_be_copied_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="MaskedCopies"):
        MaskedCopies(PHOTOS, **wrong)


def test_labels_are_corrupted_copy_by_copy_alone() -> None:
    with pytest.raises(ValueError, match="corrupted here, copy by copy"):
        MaskedCopies(PHOTOS.but(labels=RandomLabels()))
    with pytest.raises(TypeError, match="not a corruption"):
        MaskedCopies(PHOTOS, labels=RandomLabels)  # type: ignore[arg-type]
