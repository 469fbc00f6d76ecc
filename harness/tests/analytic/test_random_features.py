"""Random features are what their papers define, nested, and peak where the papers say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analytic.kernel_interpolation import GaussianKernel, KernelInterpolation
from harness.analytic.random_features import FourierFeatures, RandomFeatureSweep, ReluFeatures, SampleSweep
from harness.data.digits import Digits
from harness.data.labels import TrueLabels, WrongLabels
from harness.spec.streams import stream
from harness.tests.deterministic import derandomized

ANY: Any = (1.5,)  # what a type checker would refuse
KINDS = (FourierFeatures(2.0), ReluFeatures())


def drawn(features: Any, x: np.ndarray, width: int, seed: int = 0) -> np.ndarray:
    return features.of(x, features.draw(np.random.default_rng(seed), x.shape[1], width), width)


@derandomized
@given(
    kind=st.sampled_from(KINDS),
    n=st.integers(1, 9),
    d=st.integers(1, 7),
    widths=st.tuples(*[st.integers(1, 40)] * 2),
)
def test_a_width_takes_the_first_features_of_any_larger_one(
    kind: Any, n: int, d: int, widths: tuple[int, int]
) -> None:
    x = np.random.default_rng(7).standard_normal((n, d))
    few, many = (drawn(kind, x, width) for width in sorted(widths))
    assert few.dtype == many.dtype == np.float64
    assert few.shape == (n, min(widths))
    np.testing.assert_allclose(few, many[:, : few.shape[1]], rtol=0, atol=1e-14)


def test_fourier_features_are_cosines_and_sines_of_gaussian_projections() -> None:
    x = 30 * np.random.default_rng(1).standard_normal((50, 6))
    features = FourierFeatures(2.0)
    frequencies = features.draw(np.random.default_rng(2), 6, 801)
    assert frequencies.shape == (401, 6)
    assert np.std(frequencies) == pytest.approx(1 / 2.0, rel=0.05)
    values = features.of(x, frequencies, 801)
    angles = x @ frequencies.T
    np.testing.assert_allclose(values[:, 0::2], np.cos(angles), rtol=0, atol=1e-13)
    np.testing.assert_allclose(values[:, 1::2], np.sin(angles)[:, :400], rtol=0, atol=1e-13)


def test_half_a_tangent_gives_cosine_and_sine_also_at_its_poles() -> None:
    quarters = np.arange(-9, 10) * np.pi / 2
    angles = np.concatenate([quarters, np.nextafter(quarters, 99), [1e-300, 1e-9]])
    values = FourierFeatures(1.0).of(angles[:, None], np.ones((1, 1)), 2)
    np.testing.assert_allclose(values[:, 0], np.cos(angles), rtol=0, atol=1e-15)
    np.testing.assert_allclose(values[:, 1], np.sin(angles), rtol=0, atol=1e-15)


def test_fourier_features_tend_to_the_gaussian_kernel() -> None:
    x = np.random.default_rng(1).standard_normal((12, 5))
    width, bandwidth = 40_000, 2.0
    f = drawn(FourierFeatures(bandwidth), x, width)
    squares = ((x[:, None] - x) ** 2).sum(-1)
    np.testing.assert_allclose(2 / width * f @ f.T, np.exp(-squares / (2 * bandwidth**2)), atol=0.03)


def test_relu_features_have_directions_uniform_on_a_sphere() -> None:
    d, x = 9, np.random.default_rng(1).standard_normal((4, 9))
    features = ReluFeatures()
    directions = features.draw(np.random.default_rng(2), d, 20_000)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), np.sqrt(d))
    np.testing.assert_allclose(directions.T @ directions / 20_000, np.eye(d), atol=0.05)
    values = features.of(x, directions, 500)
    np.testing.assert_allclose(values, np.maximum(x @ directions[:500].T / 3, 0), atol=1e-14)


@pytest.mark.parametrize("features", [FourierFeatures(5.0), ReluFeatures()])
def test_error_and_norm_peak_where_features_equal_examples(features: Any) -> None:
    """Belkin et al. 2019, Figure 2, on 100 digits."""
    split = Digits(n=100, whiten=False).split(None, 0)
    widths = (30, 60, 100, 200, 1000)
    scores = RandomFeatureSweep(features, widths).solve(split, stream(0, "solution"))
    for measure in ("test_error", "test_mse", "norm"):
        assert int(scores[measure].argmax()) == widths.index(100)
    assert scores["test_error"][-1] < scores["test_error"][:2].min()
    assert scores["train_error"][2:].tolist() == [0, 0, 0]
    assert scores["train_mse"][-1] < 1e-20 < scores["train_mse"][0]


def test_more_data_hurts_where_examples_reach_features() -> None:
    """Nakkiran et al. 2020: the sample-wise peak, here at n = N = 100 on digits."""
    split = Digits(n=600, whiten=False, labels=WrongLabels(0.2)).split(None, 0)
    sizes = (30, 50, 100, 200, 600)
    sweep = SampleSweep(FourierFeatures(5.0), 100, sizes)
    scores = sweep.solve(split, stream(0, "solution"))
    assert int(scores["test_error"].argmax()) == int(scores["norm"].argmax()) == sizes.index(100)
    assert scores["test_error"][2] > scores["test_error"][1] + 0.1
    assert scores["train_error"][:3].tolist() == [0, 0, 0]
    assert scores["train_error"][-1] > 0.05
    labelled = sweep.but(labels=(TrueLabels(), WrongLabels(0.2))).solve(split, stream(0, "solution"))
    assert labelled["test_error"].shape == (2, 5)
    assert labelled["test_error"][0, -1] < scores["test_error"][-1]


def test_a_sample_sweep_at_one_size_is_a_feature_sweep_at_one_width() -> None:
    split = Digits(n=50).split(None, 0)
    by_size = SampleSweep(ReluFeatures(), 30, (50,)).solve(split, stream(0, "solution"))
    by_width = RandomFeatureSweep(ReluFeatures(), (30,)).solve(split, stream(0, "solution"))
    for name, value in by_width.items():
        np.testing.assert_allclose(by_size[name], value, rtol=1e-9)


def test_many_features_end_at_the_kernel_interpolant() -> None:
    split = Digits(n=60, whiten=False).split(None, 0)
    width = 12_000
    sweep = RandomFeatureSweep(FourierFeatures(2.0), (600, width)).solve(split, stream(0, "solution"))
    kernel = KernelInterpolation(GaussianKernel(2.0)).solve(split, stream(0, "solution"))
    scaled = sweep["norm"] * np.sqrt(np.array([600, width]) / 2)
    assert scaled[1] == pytest.approx(kernel["norm"], rel=0.02)
    assert abs(scaled[0] - kernel["norm"]) > abs(scaled[1] - kernel["norm"])
    assert sweep["test_error"][1] == pytest.approx(kernel["test_error"], abs=0.01)


def test_the_same_replicate_is_solved_alike_and_another_otherwise() -> None:
    split = Digits(n=50).split(None, 0)
    sweep = RandomFeatureSweep(ReluFeatures(), (20, 50, 80))
    first, same, other = (sweep.solve(split, stream(r, "solution")) for r in (0, 0, 1))
    np.testing.assert_array_equal(first["test_mse"], same["test_mse"])
    assert (first["test_mse"] != other["test_mse"]).all()
    longer = sweep.but(widths=(20, 50, 80, 200)).solve(split, stream(0, "solution"))
    np.testing.assert_allclose(longer["test_mse"][:3], first["test_mse"], rtol=1e-6)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: FourierFeatures(0.0), ValueError, "FourierFeatures(bandwidth=0.0): must be positive"),
        (lambda: FourierFeatures(float("nan")), ValueError, "must be positive"),
        (lambda: RandomFeatureSweep(ReluFeatures(), ()), ValueError, "RandomFeatureSweep(widths=())"),
        (lambda: SampleSweep(ReluFeatures(), 0, (2,)), ValueError, "SampleSweep(width=0)"),
        (lambda: SampleSweep(ReluFeatures(), 4, (2, 2)), ValueError, "SampleSweep(sizes=(2, 2))"),
        (lambda: RandomFeatureSweep(ReluFeatures(), (2, 1)), ValueError, "increasing"),
        (lambda: RandomFeatureSweep(ReluFeatures(), widths=ANY), TypeError, "widths=(1.5,)"),
        (lambda: RandomFeatureSweep(ReluFeatures, (2,)), TypeError, "not random features, such as"),  # type: ignore[arg-type]
        (lambda: RandomFeatureSweep("relu", (2,)), TypeError, "not random features"),  # type: ignore[arg-type]
        (lambda: RandomFeatureSweep(ReluFeatures(), (2,), labels=(1,)), TypeError, "not a corruption"),  # type: ignore[arg-type]
    ],
)
def test_bad_fields_are_refused_in_one_line(build: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as refused:
        build()
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
