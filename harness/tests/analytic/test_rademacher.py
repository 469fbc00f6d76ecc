"""Measures of complexity against their definitions, by enumeration where that is possible."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analytic.kernel_interpolation import GaussianKernel, interpolate
from harness.analytic.rademacher import (
    CoinFlips,
    FitsCoinFlips,
    NormBound,
    clusters,
    confidence,
    hyperplane_ceiling,
    norm_bound,
    odd,
    rademacher_bound,
    vc_bound,
)
from harness.data.digits import Digits
from harness.spec.streams import stream
from harness.tests.deterministic import derandomized


def labelings_of_a_plane(points: np.ndarray) -> set[tuple[float, ...]]:
    """Signs of <w, x> over points [n, 2], with w between any two neighbouring normals."""
    normals = np.arctan2(points[:, 1], points[:, 0]) + np.pi / 2
    turns = np.sort(np.concatenate([normals, normals + np.pi]) % (2 * np.pi))
    between = (
        turns + np.roll(turns, -1) + np.where(np.arange(len(turns)) == len(turns) - 1, 2 * np.pi, 0)
    ) / 2
    return {tuple(np.sign(points @ [math.cos(a), math.sin(a)])) for a in between}


@derandomized
@given(n=st.integers(2, 9), seed=st.integers(0, 1000))
def test_the_ceiling_of_hyperplanes_is_above_the_enumerated_complexity(n: int, seed: int) -> None:
    labelings = np.array(list(labelings_of_a_plane(np.random.default_rng(seed).standard_normal((n, 2)))))
    assert len(labelings) == 2 * n  # Cover's count in the plane
    flips = np.array(list(itertools.product([-1, 1], repeat=n)))
    complexity = (flips @ labelings.T).max(axis=1).mean() / n
    assert complexity <= hyperplane_ceiling(n, 2) + 1e-12
    assert hyperplane_ceiling(n, 2) == pytest.approx(min(1.0, math.sqrt(2 * math.log(2 * n) / n)))


def test_hyperplanes_in_as_many_dimensions_as_points_separate_everything() -> None:
    assert hyperplane_ceiling(20, 20) == hyperplane_ceiling(20, 50) == 1.0


def test_the_bounds_are_their_formulas() -> None:
    assert confidence(200, 0.05) == pytest.approx(math.sqrt(math.log(20) / 400))
    assert rademacher_bound(0.1, 0.2, 200) == pytest.approx(0.3 + 3 * math.sqrt(math.log(40) / 400))
    assert vc_bound(10, 1000) == pytest.approx(
        math.sqrt(20 * math.log(100 * math.e) / 1000) + math.sqrt(math.log(20) / 2000)
    )
    assert vc_bound(50_000, 50_000) > math.sqrt(2)


def test_kernels_fit_coin_flips_and_hyperplanes_less_than_their_ceiling() -> None:
    split = Digits(n=1000, whiten=False).split(None, 1000)
    kernel = FitsCoinFlips(GaussianKernel(1.5)).solve(split, stream(1000, "noise"))
    assert kernel["correlation"] == 1.0
    assert kernel["bound"] == pytest.approx(rademacher_bound(0.0, 1.0, 1000))
    planes = FitsCoinFlips(None).solve(split, stream(1000, "noise"))
    assert 0.1 < planes["correlation"] < planes["ceiling"] < 1.0
    assert planes["bound"] == pytest.approx(rademacher_bound(planes["train_error"], planes["ceiling"], 1000))


def test_the_correlation_of_least_squares_is_that_of_a_separate_fit() -> None:
    split = Digits(n=200, whiten=False).split(None, 1000)
    x = split.x_train.reshape(200, -1).astype(np.float64)
    signs = stream(1000, "noise").choice([-1.0, 1.0], size=(200, 10))
    fitted = np.sign(x @ np.linalg.lstsq(x, signs, rcond=None)[0])
    results = FitsCoinFlips(None).solve(split, stream(1000, "noise"))
    assert results["correlation"] == pytest.approx((fitted * signs).mean())


def test_the_norm_bound_is_of_the_interpolant() -> None:
    split = Digits(n=200, whiten=False).split(None, 1000)
    kernel = GaussianKernel(1.5)
    x, y = split.x_train.reshape(200, -1).astype(np.float64), odd(split.y_true)
    a = interpolate(kernel, x, y[:, None]).coefficients[:, 0]
    squares = ((x[:, None] - x) ** 2).sum(-1)
    norm = math.sqrt(a @ np.exp(-squares / (2 * 1.5**2)) @ a)
    results = NormBound(kernel).solve(split, stream(1000, "noise"))
    assert results["norm"] == pytest.approx(norm, rel=1e-6)
    assert results["bound"] == pytest.approx(2 * norm / math.sqrt(200) + 3 * confidence(200, 0.025), rel=1e-6)
    assert results["test_error"] < 0.1
    flipped = NormBound(kernel, flipped=True).solve(split, stream(1000, "noise"))
    assert flipped["norm"] > 1.5 * norm
    assert 0.3 < flipped["test_error"] < 0.7


def test_what_is_easy_has_a_small_norm() -> None:
    settings = {"n": 100, "d": 200, "apart": 100.0}
    results = clusters(stream(1000, "noise"), kernel=GaussianKernel(100.0), **settings)  # type: ignore[arg-type]
    assert results["test_error"] == 0.0
    assert results["norm"] < 5.0
    near = clusters(stream(1000, "noise"), kernel=GaussianKernel(100.0), n=100, d=200, apart=1.0)
    assert near["norm"] > 5 * results["norm"]


def test_two_opposite_points_have_the_norm_of_pencil_and_paper() -> None:
    x = np.array([[0.0], [2.0]])
    results = norm_bound(GaussianKernel(1.0), x, np.array([1.0, -1.0]), x, np.array([1.0, 1.0]))
    assert results["norm"] == pytest.approx(math.sqrt(2 / (1 - math.exp(-2.0))))
    assert results["test_error"] == 0.5


def test_coin_flips_are_fair_and_ignore_the_labels() -> None:
    labels = np.arange(10_000) % 10
    flips = CoinFlips().apply(labels, 10, stream(0, "labels"))
    assert set(flips) == {0, 1}
    assert abs(flips.mean() - 0.5) < 0.02
    np.testing.assert_array_equal(flips, CoinFlips().apply(labels * 0, 10, stream(0, "labels")))


def test_draws_must_be_positive() -> None:
    with pytest.raises(ValueError, match="draws"):
        FitsCoinFlips(None, draws=0)
