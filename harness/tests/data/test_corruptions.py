"""What corruptions change, how often, and what they leave alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from harness.spec.streams import stream
from harness.tests.deterministic import derandomized

FRACTIONS = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])
CLASSES = st.integers(2, 12)
REPLICATES = st.integers(0, 50)
LABELS = (TrueLabels(), RandomLabels(0.5), WrongLabels(0.5), RedrawnLabels())
INPUTS = (TrueInputs(), ShuffledPixels(), RandomPixels(), GaussianInputs())
N = 4000


def balanced(classes: int) -> Any:
    return np.arange(N) % classes


def images(n: int, seed: int = 0, shape: tuple[int, ...] = (3, 5, 4)) -> Any:
    generator = np.random.default_rng(seed)
    scale = np.array([0.5, 1.0, 3.0], np.float32)[: shape[0], None, None]
    return generator.gamma(2.0, size=(n, *shape)).astype(np.float32) * scale - 1


def near(share: float, expected: float, n: int = N) -> bool:
    """Within five standard errors of a binomial share."""
    return bool(abs(share - expected) <= 5 * (expected * (1 - expected) / n) ** 0.5 + 1e-12)


@derandomized
@given(FRACTIONS, CLASSES, REPLICATES)
def test_random_labels_change_their_share_and_stay_uniform(
    fraction: float, classes: int, replicate: int
) -> None:
    true = balanced(classes)
    drawn = RandomLabels(fraction).apply(true, classes, stream(replicate, "labels"))
    assert near((drawn != true).mean(), fraction * (classes - 1) / classes)
    assert set(drawn) <= set(range(classes))
    for c in range(classes):  # replaced or not, a balanced labelling stays balanced
        assert abs((drawn == c).mean() - (true == c).mean()) <= 5 * (fraction / classes / N) ** 0.5 + 1e-12


@derandomized
@given(FRACTIONS, CLASSES, REPLICATES)
def test_wrong_labels_are_wrong_exactly_where_replaced(fraction: float, classes: int, replicate: int) -> None:
    true = balanced(classes)
    drawn = WrongLabels(fraction).apply(true, classes, stream(replicate, "labels"))
    assert near((drawn != true).mean(), fraction)
    shift = (drawn - true)[drawn != true] % classes
    for s in range(1, classes):
        assert len(shift) == 0 or near((shift == s).mean(), 1 / (classes - 1), len(shift))


@derandomized
@given(st.sampled_from([RandomLabels, WrongLabels]), REPLICATES)
def test_corrupted_examples_are_nested_along_the_fraction(kind: Any, replicate: int) -> None:
    true = balanced(10)
    less, more = (kind(p).apply(true, 10, stream(replicate, "labels")) for p in (0.3, 0.6))
    assert np.array_equal(more[less != true], less[less != true])


@derandomized
@given(st.sampled_from(LABELS), REPLICATES)
def test_labels_are_the_replicates_own_and_the_given_ones_untouched(corruption: Any, replicate: int) -> None:
    true = balanced(10)
    kept = true.copy()
    first, again, other = (
        corruption.apply(true, 10, stream(r, "labels")) for r in (replicate, replicate, replicate + 1)
    )
    assert np.array_equal(true, kept)
    assert np.array_equal(first, again)
    assert first.dtype == np.int64
    assert np.array_equal(first, other) == (corruption == TrueLabels())


def test_random_labels_of_fraction_one_ignore_the_true_ones() -> None:
    one, two = (RandomLabels().apply(y, 10, stream(3, "labels")) for y in (balanced(10), balanced(10)[::-1]))
    assert np.array_equal(one, two)


@pytest.mark.parametrize("kind", [RandomLabels, WrongLabels])
@pytest.mark.parametrize("fraction", [-0.1, 1.1])
def test_fractions_outside_the_unit_interval_are_refused(kind: Any, fraction: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        kind(fraction)


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
