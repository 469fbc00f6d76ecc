"""Kernel interpolation equals a dense solve, and leaving out equals refitting without each point."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.analytic import kernel_interpolation
from harness.analytic.kernel_interpolation import (
    GaussianKernel,
    Interpolant,
    KernelInterpolation,
    LaplaceKernel,
    interpolate,
)
from harness.data.digits import Digits
from harness.data.labels import RandomLabels, TrueLabels
from harness.spec import Solved, canonical
from harness.spec.streams import stream
from harness.tests.deterministic import derandomized

Floats = NDArray[np.float64]
KERNELS = st.sampled_from([GaussianKernel(1.5), LaplaceKernel(2.0)])
DEVICES = pytest.mark.parametrize("by", ["lapack", "torch"])


def gaussian(seed: int, *shape: int) -> Floats:
    return np.random.default_rng(seed).standard_normal(shape)


def dense(kernel: Any, x: Floats, z: Floats) -> Floats:
    """Kernel values from differences, one pair at a time."""
    distance = np.sqrt(((x[:, None] - z) ** 2).sum(-1))
    if isinstance(kernel, GaussianKernel):
        return np.exp(-((distance / kernel.bandwidth) ** 2) / 2)
    return np.exp(-distance / kernel.bandwidth)


def solved(by: str, kernel: Any, x: Floats, y: Floats, ridge: float = 0.0) -> Interpolant:
    if by == "lapack":
        return interpolate(kernel, x, y, ridge=ridge)
    return kernel_interpolation._by_torch(kernel, x, y, ridge, True, "cpu")  # what device="cuda" runs


def others_of(solution: Interpolant) -> Floats:
    assert solution.left_out is not None
    return solution.left_out


@DEVICES
@derandomized
@given(
    kernel=KERNELS,
    seed=st.integers(0, 10**6),
    n=st.integers(1, 25),
    r=st.integers(1, 3),
    ridge=st.sampled_from([0.0, 0.1]),
)
def test_it_solves_the_kernel_system(by: str, kernel: Any, seed: int, n: int, r: int, ridge: float) -> None:
    x, y, x_test = gaussian(seed, n, 6), gaussian(seed + 1, n, r), gaussian(seed + 2, 4, 6)
    gram = dense(kernel, x, x) + ridge * np.eye(n)
    a = np.linalg.solve(gram, y)
    solution = solved(by, kernel, x, y, ridge)
    tolerance = 1e-12 * np.linalg.cond(gram)
    np.testing.assert_allclose(solution.coefficients, a, atol=tolerance * np.abs(a).max())
    np.testing.assert_allclose(solution.predict(x_test), dense(kernel, x_test, x) @ a, atol=tolerance)
    fitted = solution.predict(x)
    np.testing.assert_allclose(fitted, y - ridge * a, atol=max(tolerance, 1e-6))
    norms = np.sqrt(np.einsum("nr,nr->r", a, (gram - ridge * np.eye(n)) @ a))
    np.testing.assert_allclose(solution.norms(fitted), norms, rtol=1e-5)


@DEVICES
@pytest.mark.parametrize("kernel", [GaussianKernel(2.0), LaplaceKernel(2.0)])
@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_left_out_predictions_are_those_of_solutions_without_the_point(
    by: str, kernel: Any, ridge: float
) -> None:
    x, y = gaussian(0, 15, 4), gaussian(1, 15, 2)
    left_out = others_of(solved(by, kernel, x, y, ridge))
    for i in range(15):
        others = np.delete(np.arange(15), i)
        without = interpolate(kernel, x[others], y[others], ridge=ridge).predict(x[[i]])
        np.testing.assert_allclose(left_out[[i]], without, rtol=1e-8, atol=1e-9)


@DEVICES
def test_blocks_do_not_show(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, x_test = gaussian(0, 53, 5), gaussian(1, 53, 2), gaussian(2, 31, 5)
    kernel = GaussianKernel(1.0)
    whole = solved(by, kernel, x, y)
    monkeypatch.setattr(kernel_interpolation, "BLOCK", 7)
    pieces = solved(by, kernel, x, y)
    np.testing.assert_allclose(pieces.coefficients, whole.coefficients, rtol=1e-10)
    np.testing.assert_allclose(others_of(pieces), others_of(whole), rtol=1e-10)
    np.testing.assert_allclose(pieces.predict(x_test), whole.predict(x_test), rtol=1e-9, atol=1e-12)


def test_lapack_and_torch_agree() -> None:
    x, y, x_test = gaussian(0, 120, 8), gaussian(1, 120, 3), gaussian(2, 40, 8)
    ours, theirs = (solved(by, LaplaceKernel(3.0), x, y) for by in ("lapack", "torch"))
    np.testing.assert_allclose(ours.coefficients, theirs.coefficients, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(others_of(ours), others_of(theirs), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(ours.predict(x_test), theirs.predict(x_test), rtol=1e-9, atol=1e-11)


@DEVICES
@pytest.mark.parametrize("kernel", [GaussianKernel(2.0), LaplaceKernel(2.0)])
def test_equal_points_are_named_and_a_ridge_admits_them(by: str, kernel: Any) -> None:
    x = gaussian(0, 20, 4)
    x[17] = x[3]
    with pytest.raises(ValueError, match="points 3 and 17 are equal: remove one, or give ridge > 0"):
        interpolate(kernel, x, gaussian(1, 20, 1))
    assert np.isfinite(solved(by, kernel, x, gaussian(1, 20, 1), 0.1).predict(x)).all()


@DEVICES
@pytest.mark.parametrize("bandwidth", [1e3, 1e9])
def test_a_matrix_lost_in_rounding_is_refused(by: str, bandwidth: float) -> None:
    """Too wide a bandwidth: Cholesky breaks down or, worse, goes through with pivots of rounding size."""
    with pytest.raises(
        ValueError, match=r"GaussianKernel.*30 points is not positive definite, point \d+ "
    ) as refused:
        solved(by, GaussianKernel(bandwidth), gaussian(0, 30, 4), gaussian(1, 30, 1))
    assert "ridge > 0" in str(refused.value)
    assert "\n" not in str(refused.value)


@DEVICES
def test_pivots_of_rounding_size_are_refused_though_cholesky_goes_through(by: str) -> None:
    x, y = np.array([[0.0], [2.1e-8], [5.0]]), gaussian(0, 3, 1)
    np.linalg.cholesky(dense(GaussianKernel(1.0), x, x))
    with pytest.raises(ValueError, match="not positive definite, point 1 "):
        solved(by, GaussianKernel(1.0), x, y)


def test_arguments_are_not_written_to() -> None:
    x, y = gaussian(0, 10, 3), np.asfortranarray(gaussian(1, 10, 2))
    before = x.copy(), y.copy()
    interpolate(GaussianKernel(1.0), x, y).predict(x)
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])


def test_memory_is_that_of_one_matrix() -> None:
    n, d, r = 3000, 40, 20
    x, y = gaussian(0, n, d), gaussian(1, n, r)
    expected = kernel_interpolation.memory(n, inputs=d, targets=r)
    interpolate(GaussianKernel(3.0), x[:50], y[:50])  # what is imported on first use does not count
    tracemalloc.start()
    interpolate(GaussianKernel(3.0), x, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.6 * expected < peak < expected
    assert expected < 2 * 8 * n * n


def test_memory_at_the_size_of_mnist() -> None:
    gib = 2**30
    assert 26.8 < kernel_interpolation.memory(60_000, inputs=784, targets=10) / gib < 28.5


def test_interpolation_of_digits_is_scored() -> None:
    split = Digits(n=300, whiten=False).split(None, 0)
    scores = KernelInterpolation(GaussianKernel(2.0)).solve(split, stream(0, "solution"))
    assert scores["train_error"] == 0
    assert scores["train_mse"] < 1e-12
    assert scores["test_error"] < 0.06
    assert abs(scores["left_out_error"] - scores["test_error"]) < 0.04
    x, x_test = (images.reshape(len(images), -1).astype(float) for images in (split.x_train, split.x_test))
    gram = dense(GaussianKernel(2.0), x, x)
    a = np.linalg.solve(gram, np.eye(10)[split.y_train])
    assert scores["norm"] == pytest.approx(np.sqrt(np.trace(a.T @ gram @ a)), rel=1e-6)
    outputs = dense(GaussianKernel(2.0), x_test, x) @ a
    assert scores["test_error"] == np.mean(outputs.argmax(1) != split.y_test)


def test_noise_raises_the_norm_and_is_seen_by_leaving_out() -> None:
    split = Digits(n=300, whiten=False).split(None, 0)
    solver = KernelInterpolation(
        GaussianKernel(2.0), labels=(TrueLabels(), RandomLabels(0.5), RandomLabels(1.0))
    )
    scores = solver.solve(split, stream(0, "solution"))
    assert scores["train_error"].tolist() == [0, 0, 0]
    for measure in ("norm", "left_out_error", "test_error"):
        assert (np.diff(scores[measure]) > 0).all()
    quiet = solver.but(left_out=False).solve(split, stream(0, "solution"))
    assert set(scores) - set(quiet) == {"left_out_error", "left_out_mse"}


def test_where_it_is_solved_is_not_part_of_what_is_solved() -> None:
    here, there = (
        Solved(Digits(n=200), KernelInterpolation(GaussianKernel(2.0), device=device))
        for device in ("cpu", "cuda")
    )
    assert canonical(here) == canonical(there)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: GaussianKernel(-1.0), ValueError, "GaussianKernel(bandwidth=-1.0): must be positive"),
        (lambda: LaplaceKernel(0.0), ValueError, "LaplaceKernel(bandwidth=0.0)"),
        (lambda: KernelInterpolation(GaussianKernel), TypeError, "not a kernel"),  # type: ignore[arg-type]
        (
            lambda: KernelInterpolation(GaussianKernel(1.0), ridge=-1.0),
            ValueError,
            "must be zero or positive",
        ),
        (lambda: KernelInterpolation(GaussianKernel(1.0), device="tpu"), ValueError, 'use "cpu" or "cuda"'),
        (lambda: KernelInterpolation(GaussianKernel(1.0), labels=("x",)), TypeError, "not a corruption"),  # type: ignore[arg-type]
        (
            lambda: interpolate(GaussianKernel(1.0), np.full((2, 1), np.inf), np.ones((2, 1))),
            ValueError,
            "finite",
        ),
    ],
)
def test_bad_fields_are_refused_in_one_line(build: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as refused:
        build()
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_gpu_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ValueError, match='torch finds no CUDA GPU here; use device="cpu"'):
        interpolate(GaussianKernel(1.0), np.eye(3), np.eye(3), device="cuda")
