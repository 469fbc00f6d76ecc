"""Gaussian images: their distribution, that labels do not depend on them, and that sizes nest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import RedrawnLabels
from harness.data.gaussian_images import BLOCK, GaussianImages
from harness.tests.deterministic import derandomized


def test_values_are_standard_normal_and_classes_uniform() -> None:
    split = GaussianImages(n=4000, size=8, channels=1, n_test=100).split(None, 0)
    x, count = split.x_train.astype(np.float64), split.x_train.size
    assert split.x_train.dtype == np.float32
    assert abs(x.mean()) < 4 / count**0.5
    assert abs(x.var() - 1) < 4 * (2 / count) ** 0.5
    assert abs((x**4).mean() - 3) < 4 * (96 / count) ** 0.5  # the fourth moment tells it from a uniform
    shares = np.bincount(split.y_train, minlength=10) / 4000
    assert (abs(shares - 0.1) < 4 * (0.09 / 4000) ** 0.5).all()
    assert not split.corrupted.any()


def test_no_linear_map_tells_the_classes() -> None:
    split = GaussianImages(n=3000, size=4, channels=1, n_test=3000).split(None, 1)
    one_hot = np.eye(10)[split.y_train]
    weights = np.linalg.lstsq(split.x_train.reshape(3000, -1), one_hot, rcond=None)[0]
    guessed = (split.x_test.reshape(3000, -1) @ weights).argmax(axis=1)
    assert abs(float(np.mean(guessed != split.y_test)) - 0.9) < 4 * (0.09 / 3000) ** 0.5


@derandomized
@given(n=st.integers(1, 2 * BLOCK + 3), replicate=st.integers(0, 5))
def test_smaller_sets_are_the_beginning_of_larger_ones(n: int, replicate: int) -> None:
    small, large = (
        GaussianImages(n=size, size=2, channels=1, n_test=7).split(None, replicate) for size in (n, n + 260)
    )
    assert small.x_train.shape == (n, 1, 2, 2)
    assert np.array_equal(small.x_train, large.x_train[:n])
    assert np.array_equal(small.y_train, large.y_train[:n])
    assert np.array_equal(small.x_test, large.x_test)


def test_replicates_parts_and_blocks_differ() -> None:
    data = GaussianImages(n=2 * BLOCK, size=3, channels=2, n_test=BLOCK)
    one, other = data.split(None, 0), data.split(None, 1)
    images = [one.x_train[:BLOCK], one.x_train[BLOCK:], one.x_test, other.x_train[:BLOCK], other.x_test]
    assert len({block.tobytes() for block in images}) == 5


def test_labels_may_be_drawn_anew() -> None:
    split = GaussianImages(n=50, size=2, labels=RedrawnLabels()).split(None, 0)
    assert split.redraw is not None
    assert not np.array_equal(split.redraw(0), split.redraw(1))


@pytest.mark.parametrize("field", ["n", "n_test", "size", "channels"])
def test_sizes_must_be_positive(field: str) -> None:
    with pytest.raises(ValueError, match=f"{field}=0"):
        GaussianImages().but(**{field: 0})
