"""Exact solutions fit and agree with numpy; SGD in rationals agrees with floats, and ends where it should."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analytic.interpolation import Matrix, dot, rank, solvable
from harness.analytic.linear_descent import (
    combination,
    conditioned,
    descended,
    gram,
    logistic,
    null_vector,
    second_differences,
    solution,
    squared,
    stepped,
    transposed,
)
from harness.analytic.minimum_norm import descent_limit
from harness.tests.deterministic import derandomized

NUMBERS = st.integers(-4, 4).map(Fraction)
SEEDS = st.integers(0, 10**6)


@st.composite
def matrices(draw: st.DrawFn) -> Matrix:
    n, d = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    return tuple(tuple(draw(NUMBERS) for _ in range(d)) for _ in range(n))


@given(matrix=matrices(), y=st.lists(NUMBERS, min_size=4, max_size=4))
@derandomized
def test_a_solution_solves_or_there_is_none(matrix: Matrix, y: list[Fraction]) -> None:
    labels = y[: len(matrix)]
    if solvable(matrix, labels):
        weights = solution(matrix, labels)
        assert [dot(weights, row) for row in matrix] == labels
    else:
        with pytest.raises(ValueError, match="no weights solve"):
            solution(matrix, labels)


@given(matrix=matrices())
@derandomized
def test_a_null_vector_is_seen_by_no_row(matrix: Matrix) -> None:
    if rank(matrix) == len(matrix[0]):
        with pytest.raises(ValueError, match="independent"):
            null_vector(matrix)
    else:
        vector = null_vector(matrix)
        assert any(vector)
        assert not any(dot(vector, row) for row in matrix)


@given(matrix=matrices())
@derandomized
def test_the_gram_matrix_is_numpys(matrix: Matrix) -> None:
    floats = np.array(matrix, float)
    np.testing.assert_array_equal(np.array(gram(matrix), float), floats @ floats.T)
    np.testing.assert_array_equal(np.array(transposed(matrix), float), floats.T)
    shares = [Fraction(i + 1) for i in range(len(matrix))]
    np.testing.assert_array_equal(
        np.array(combination(matrix, shares), float), floats.T @ np.arange(1, len(matrix) + 1)
    )


def test_a_step_goes_down_the_gradient_with_momentum() -> None:
    points, half = ((Fraction(1), Fraction(2)),), Fraction(1, 2)
    once = stepped(points, [Fraction(3)], (Fraction(0),) * 2, [0], lr=half, momentum=half)
    assert once == (Fraction(3, 2), Fraction(3))
    # error 9/2 at the second step, velocity -3/2 + 9/2 and -3 + 9
    twice = stepped(points, [Fraction(3)], (Fraction(0),) * 2, [0, 0], lr=half, momentum=half)
    assert twice == (Fraction(0), Fraction(0))


@given(matrix=matrices(), y=st.lists(NUMBERS, min_size=4, max_size=4), w=st.lists(NUMBERS, min_size=4))
@derandomized
def test_second_differences_of_the_squared_error_are_its_hessian(
    matrix: Matrix, y: list[Fraction], w: list[Fraction]
) -> None:
    differences = second_differences(squared, matrix, y[: len(matrix)], w[: len(matrix[0])])
    x = np.array(matrix, float)
    np.testing.assert_allclose(np.array(differences, float), x.T @ x / len(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("prediction", [-700, -3, 0, 2, 700])
@pytest.mark.parametrize("label", [-2, 0, 1])
def test_the_logistic_loss_is_logaddexp(prediction: int, label: int) -> None:
    margin = prediction if label > 0 else -prediction
    assert logistic(Fraction(prediction), Fraction(label)) == pytest.approx(np.logaddexp(0.0, -margin))


@given(seed=SEEDS, n=st.integers(1, 6), more=st.integers(0, 4))
@derandomized
def test_conditioned_examples_have_singular_values_between_one_and_two(seed: int, n: int, more: int) -> None:
    singular = np.linalg.svd(conditioned(np.random.default_rng(seed), n, n + more), compute_uv=False)
    assert 1 - 1e-12 <= singular.min() <= singular.max() <= 2 + 1e-12


@given(seed=SEEDS, n=st.integers(1, 6), more=st.integers(0, 4))
@derandomized
def test_sgd_ends_at_the_limit_of_descent(seed: int, n: int, more: int) -> None:
    generator = np.random.default_rng(seed)
    features, targets = conditioned(generator, n, n + more), generator.standard_normal(n)
    start = generator.standard_normal(n + more)
    before = start.copy()
    end = descended(features, targets, start, generator, epochs=200)
    np.testing.assert_array_equal(start, before)
    limit = descent_limit(features, targets[:, None], start[:, None])[:, 0]
    np.testing.assert_allclose(end, limit, atol=1e-9)
