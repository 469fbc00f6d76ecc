"""Splits: corruptions reach what they are for, and nothing else."""

from __future__ import annotations

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


@pytest.mark.parametrize("corruption", INPUTS)
def test_splits_leave_labels_alone_when_images_change(corruption: Any) -> None:
    true, split = (Digits(n=300, inputs=i).split(None, 1) for i in (TrueInputs(), corruption))
    assert np.array_equal(split.y_train, true.y_train)
    assert np.array_equal(split.y_test, true.y_test)
    assert np.array_equal(split.x_train, true.x_train) == (corruption == TrueInputs())
    assert np.array_equal(split.x_test, true.x_test) == (corruption in (TrueInputs(), GaussianInputs()))


@pytest.mark.parametrize("wrong", [0.5, RandomLabels, None, Digits()])
def test_what_is_no_corruption_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="not a corruption"):
        Digits(labels=wrong)
