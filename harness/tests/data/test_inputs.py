"""What corruptions of inputs change, and what they leave alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import (
    GaussianInputs,
    RandomPixels,
    ShuffledPixels,
    TrueInputs,
)
from harness.spec.streams import stream
from harness.tests.deterministic import derandomized
from harness.tests.samples import near

REPLICATES = st.integers(0, 50)


INPUTS = (TrueInputs(), ShuffledPixels(), RandomPixels(), GaussianInputs())


def images(n: int, seed: int = 0, shape: tuple[int, ...] = (3, 5, 4)) -> Any:
    generator = np.random.default_rng(seed)
    scale = np.array([0.5, 1.0, 3.0], np.float32)[: shape[0], None, None]
    return generator.gamma(2.0, size=(n, *shape)).astype(np.float32) * scale - 1


@derandomized
@given(st.sampled_from(INPUTS), st.booleans(), REPLICATES)
def test_inputs_are_deterministic_and_written_to_only_in_place(
    corruption: Any, in_place: bool, replicate: int
) -> None:
    train, test = images(250), images(30, seed=1)
    expected = corruption.apply(train, test, stream(replicate, "noise"))
    assert np.array_equal(train, images(250))
    assert np.array_equal(test, images(30, seed=1))
    given_train, given_test = train.copy(), test.copy()
    result = corruption.apply(given_train, given_test, stream(replicate, "noise"), in_place=in_place)
    assert all(np.array_equal(a, b) for a, b in zip(result, expected, strict=True))
    assert all(array.dtype == np.float32 for array in result)
    assert (result[0] is given_train) == (in_place or corruption == TrueInputs())
    assert in_place or np.array_equal(given_train, train)


def order_of(original: Any, permuted: Any) -> Any:
    """The permutation of positions that took one image [channels, h, w] of distinct values to another."""
    before, after = (image.reshape(len(image), -1) for image in (original, permuted))
    order = np.argsort(before[0])[np.searchsorted(np.sort(before[0]), after[0])]
    assert np.array_equal(before[:, order], after)  # the same one for every channel
    return order


@derandomized
@given(REPLICATES)
def test_shuffled_pixels_are_one_bijection_for_train_and_test(replicate: int) -> None:
    train, test = images(12), images(7, seed=1)
    shuffled = ShuffledPixels().apply(train, test, stream(replicate, "noise"))
    orders = {
        tuple(order_of(a, b))
        for x, y in zip((train, test), shuffled, strict=True)
        for a, b in zip(x, y, strict=True)
    }
    assert len(orders) == 1
    assert sorted(orders.pop()) == list(range(20))


@derandomized
@given(REPLICATES)
def test_random_pixels_are_another_bijection_for_every_image(replicate: int) -> None:
    train, test = images(12), images(7, seed=1)
    scrambled = RandomPixels().apply(train, test, stream(replicate, "noise"))
    pairs = [p for x, y in zip((train, test), scrambled, strict=True) for p in zip(x, y, strict=True)]
    orders = [tuple(order_of(a, b)) for a, b in pairs]
    assert all(sorted(order) == list(range(20)) for order in orders)
    assert len(set(orders)) == len(orders)


def test_random_permutations_are_uniform() -> None:
    marked = np.zeros((6000, 1, 2, 2), np.float32)
    marked[:, :, 0, 0] = 1
    scrambled, _ = RandomPixels().apply(marked, marked[:1], stream(0, "noise"))
    assert all(near(share, 0.25, 6000) for share in scrambled.mean(axis=0).ravel())


@derandomized
@given(REPLICATES)
def test_gaussian_inputs_have_the_moments_of_each_channel_and_nothing_else(replicate: int) -> None:
    train, test = images(1500), images(5, seed=1)
    noise, same = GaussianInputs().apply(train, test, stream(replicate, "noise"))
    assert same is test
    per_channel = train.size // 3
    for c in range(3):
        deviation = train[:, c].std()
        assert abs(noise[:, c].mean() - train[:, c].mean()) < 5 * deviation / per_channel**0.5
        assert noise[:, c].std() == pytest.approx(deviation, rel=5 / (2 * per_channel) ** 0.5)
        assert abs(np.corrcoef(noise[:, c].ravel(), train[:, c].ravel())[0, 1]) < 5 / per_channel**0.5
