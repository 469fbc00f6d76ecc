"""What corruptions of labels change, how often, and what they leave alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import (
    RandomLabels,
    RedrawnLabels,
    TrueLabels,
    WrongLabels,
)
from harness.spec.streams import stream
from harness.tests.deterministic import derandomized
from harness.tests.samples import near

FRACTIONS = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])


CLASSES = st.integers(2, 12)


REPLICATES = st.integers(0, 50)


LABELS = (TrueLabels(), RandomLabels(0.5), WrongLabels(0.5), RedrawnLabels())


N = 4000


def balanced(classes: int) -> Any:
    return np.arange(N) % classes


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


@pytest.mark.parametrize("kind", [RandomLabels, WrongLabels])
def test_corrupted_examples_lie_anywhere(kind: Any) -> None:
    true = balanced(10)
    changed = kind(0.5).apply(true, 10, stream(0, "labels")) != true
    quarters = changed.reshape(4, -1).mean(axis=1)
    assert all(near(share, changed.mean(), N // 4) for share in quarters)


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
