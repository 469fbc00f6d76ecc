"""Scikit-learn's digits: how they are divided, scaled and drawn."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import Digits, digits
from harness.tests.deterministic import derandomized


@derandomized
@given(st.integers(1, 1796), st.integers(0, 30))
def test_digits_are_divided_into_training_and_test_images(n: int, replicate: int) -> None:
    data = Digits(n=n)
    split = data.split(None, replicate)
    assert split.x_train.shape == (data.train_size, *data.shape) == (n, 1, 8, 8)
    assert split.x_test.shape == (data.test_size, *data.shape)
    assert split.x_train.dtype == split.x_test.dtype == np.float32
    every = np.bincount(np.concatenate([split.y_train, split.y_test]), minlength=10)
    assert every.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_digits_are_read_as_scikit_learn_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file is read without importing it; where there is no such file it is asked."""
    read: Callable[[], Sequence[np.ndarray]] = digits._images.__wrapped__
    asked = read()
    monkeypatch.setattr(digits, "FILE", ("no", "such", "file"))
    for array, expected in zip(asked, read(), strict=True):
        assert (array.dtype, array.shape) == (expected.dtype, expected.shape)
        assert np.array_equal(array, expected)


def test_digits_are_read_without_importing_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)  # to import it is an error
    assert len(digits._images.__wrapped__()[0]) == digits.TOTAL


def test_digits_are_whitened_or_scaled_and_drawn_by_replicate() -> None:
    white, raw, other = (
        d.split(None, r) for d, r in ((Digits(), 1), (Digits(whiten=False), 1), (Digits(), 2))
    )
    assert np.allclose(white.x_train.mean(axis=(1, 2, 3)), 0, atol=1e-5)
    assert np.allclose(white.x_train.std(axis=(1, 2, 3)), 1, atol=1e-4)
    assert (raw.x_train.min(), raw.x_train.max()) == (0, 1)
    assert np.array_equal(raw.y_train, white.y_train)
    assert not np.array_equal(white.y_train, other.y_train)
    assert Digits().source(None).digest == ""
