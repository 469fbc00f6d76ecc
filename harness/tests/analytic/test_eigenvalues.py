"""The largest eigenvalue from products alone, against all eigenvalues of the matrix."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.analytic.eigenvalues import BASIS, Largest, largest_eigenvalue
from harness.tests.deterministic import derandomized


def sought(matrix: np.ndarray, tolerance: float = 1e-9, products: int = 5000) -> Largest:
    whole = torch.from_numpy(matrix)
    start = torch.from_numpy(np.random.default_rng(1).standard_normal(len(matrix)))
    return largest_eigenvalue(lambda v: whole @ v, start, tolerance, products)


@derandomized
@given(seed=st.integers(0, 10_000), size=st.integers(1, 3 * BASIS), shift=st.sampled_from((-40.0, 0.0, 40.0)))
def test_it_is_the_largest_of_all_and_not_the_largest_in_size(seed: int, size: int, shift: float) -> None:
    half = np.random.default_rng(seed).standard_normal((size, size))
    matrix = half + half.T + shift * np.eye(size)
    largest = float(np.linalg.eigvalsh(matrix)[-1])
    best = sought(matrix)
    assert best.value == pytest.approx(largest, abs=1e-7 * np.abs(matrix).sum())
    vector = best.vector.numpy()
    assert np.linalg.norm(vector) == pytest.approx(1)
    assert np.linalg.norm(matrix @ vector - largest * vector) < 1e-6 * np.abs(matrix).sum()


def test_no_curvature_is_zero_after_one_product() -> None:
    assert sought(np.zeros((5, 5)))[0::2] == (0.0, 0.0)
    assert sought(np.zeros((5, 5))).products == 1


def test_a_close_second_takes_more_than_one_basis_and_is_told_apart() -> None:
    matrix = np.diag(np.r_[np.linspace(0, 0.99, 200), 1.0])
    best = sought(matrix, tolerance=1e-8)
    assert best.value == pytest.approx(1, abs=1e-9)
    assert best.products > BASIS
    assert abs(float(best.vector[-1])) == pytest.approx(1)


def test_too_few_products_are_told_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"^40 products leave .* a tolerance larger than 1e-09$"):
        sought(np.diag(np.linspace(0, 1, 300)), products=40)


def test_what_is_not_finite_has_none() -> None:
    assert math.isnan(sought(np.full((3, 3), np.nan)).value)
    assert math.isnan(sought(np.full((3, 3), np.inf)).value)
