"""Splits: corruptions reach what they are for, and nothing else."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from harness.data import (
    Digits,
    GaussianInputs,
    GeneratedImages,
    RandomLabels,
    RandomPixels,
    RedrawnLabels,
    ShuffledPixels,
    TrueInputs,
    TrueLabels,
    WrongLabels,
)
from harness.data.split import ImageSet, split_of
from harness.spec.streams import stream
from harness.tests.samples import near

LABELS = (TrueLabels(), RandomLabels(0.5), WrongLabels(0.5), RedrawnLabels())


INPUTS = (TrueInputs(), ShuffledPixels(), RandomPixels(), GaussianInputs())


@pytest.mark.parametrize("data", [Digits(n=300), GeneratedImages(n=40, n_test=30, size=8)])
@pytest.mark.parametrize("corruption", LABELS)
def test_splits_corrupt_training_labels_only(data: Any, corruption: Any) -> None:
    true, split = (d.split(None, 4) for d in (data, data.but(labels=corruption)))
    assert np.array_equal(split.y_true, true.y_train)
    assert np.array_equal(split.corrupted, split.y_train != split.y_true)
    for name in ("x_train", "x_test", "y_test"):
        assert np.array_equal(getattr(split, name), getattr(true, name))
    assert split.corrupted.any() == (corruption != TrueLabels())
    assert (split.redraw is not None) == (corruption == RedrawnLabels())


def test_redrawn_labels_differ_by_epoch_and_repeat_by_replicate() -> None:
    split, again = (Digits(n=1000, labels=RedrawnLabels()).split(None, 2) for _ in range(2))
    assert split.redraw is not None
    assert again.redraw is not None
    first, second = split.redraw(1), split.redraw(2)
    assert np.array_equal(first, again.redraw(1))
    assert near((first == second).mean(), 0.1, 1000)
    assert near((first == split.y_true).mean(), 0.1, 1000)


SHARED = ImageSet(
    x_train=np.zeros((2000, 1, 2, 2), np.float32),
    y_train=np.arange(2000) % 10,
    x_test=np.ones((50, 1, 2, 2), np.float32),
    y_test=np.arange(50) % 10,
)
"""Images that all replicates share, as those of a whole collection."""


def test_replicates_draw_labels_of_their_own_for_the_same_images() -> None:
    first, again, other = (split_of(SHARED, RandomLabels(), 10, r) for r in (0, 0, 1))
    assert np.array_equal(first.y_train, again.y_train)
    assert near((first.y_train == other.y_train).mean(), 0.1, 2000)
    for r, split in ((0, first), (1, other)):
        drawn = RandomLabels().apply(SHARED.y_train, 10, stream(r, "labels"))
        assert np.array_equal(split.y_train, drawn)


def test_redrawn_labels_are_those_of_one_replicate_in_one_epoch() -> None:
    redraws = [split_of(SHARED, RedrawnLabels(), 10, r).redraw for r in (0, 1)]
    drawn = [redraw(epoch) for redraw in redraws if redraw is not None for epoch in (0, 1)]
    assert len(drawn) == 4
    for one, other in itertools.combinations(drawn, 2):
        assert near((one == other).mean(), 0.1, 2000)


def test_test_images_and_their_labels_are_those_of_the_data_set() -> None:
    for corruption in LABELS:
        split = split_of(SHARED, corruption, 10, 3)
        assert np.array_equal(split.x_test, SHARED.x_test)
        assert np.array_equal(split.y_test, SHARED.y_test)


@pytest.mark.parametrize("corruption", INPUTS)
def test_splits_leave_labels_alone_when_images_change(corruption: Any) -> None:
    true, split = (Digits(n=300, inputs=i).split(None, 1) for i in (TrueInputs(), corruption))
    assert np.array_equal(split.y_train, true.y_train)
    assert np.array_equal(split.y_test, true.y_test)
    assert np.array_equal(split.x_train, true.x_train) == (corruption == TrueInputs())
    assert np.array_equal(split.x_test, true.x_test) == (corruption in (TrueInputs(), GaussianInputs()))


@pytest.mark.parametrize("data", [Digits(n=30), GeneratedImages(n=20, n_test=10, size=8)])
@pytest.mark.parametrize("corruption", [ShuffledPixels(), RandomPixels(), GaussianInputs()])
def test_replicates_change_their_images_by_streams_of_their_own(data: Any, corruption: Any) -> None:
    for replicate in (0, 1):
        plain = data.split(None, replicate)
        expected = corruption.apply(plain.x_train, plain.x_test, stream(replicate, "noise"))
        split = data.but(inputs=corruption).split(None, replicate)
        np.testing.assert_allclose(split.x_train, expected[0], atol=1e-6)
        np.testing.assert_allclose(split.x_test, expected[1], atol=1e-6)


@pytest.mark.parametrize("wrong", [0.5, RandomLabels, None, Digits()])
def test_what_is_no_corruption_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="not a corruption"):
        Digits(labels=wrong)
