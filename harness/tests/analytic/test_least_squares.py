"""Solved sweeps equal what numpy solves one by one, at every width, rank and number of label sets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.analytic import least_squares, scores
from harness.analytic.least_squares import Fit, LeastSquaresSweep, nested_least_squares, nested_samples
from harness.analytic.minimum_norm import descent_limit, minimum_norm
from harness.analytic.random_features import FourierFeatures
from harness.analytic.ridge import RidgeSweep, nested_ridge, ridge_path
from harness.data.digits import Digits
from harness.data.labels import RandomLabels, TrueLabels
from harness.spec.streams import stream
from harness.tests.deterministic import derandomized

Floats = NDArray[np.float64]
SEEDS = st.integers(0, 10**6)
SIZES = st.integers(1, 12)


def gaussian(seed: int, *shape: int) -> Floats:
    return np.random.default_rng(seed).standard_normal(shape)


def one_by_one(f: Floats, y: Floats, width: int, f_test: Floats) -> tuple[Floats, Floats, Floats]:
    """Train and test predictions and norms from the pseudo-inverse."""
    w = np.linalg.pinv(f[:, :width], rcond=np.finfo(float).eps * max(len(f), width)) @ y
    return f[:, :width] @ w, f_test[:, :width] @ w, np.linalg.norm(w, axis=0)


def assert_same(fit: Fit, f: Floats, y: Floats, f_test: Floats, tolerance: float) -> None:
    for part, expected in zip(fit[1:4], one_by_one(f, y, fit.width, f_test), strict=True):
        np.testing.assert_allclose(part, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())


@derandomized
@given(seed=SEEDS, n=SIZES, p=st.integers(1, 30), r=st.integers(1, 4), fortran=st.booleans())
def test_every_width_is_what_the_pseudo_inverse_gives(
    seed: int, n: int, p: int, r: int, fortran: bool
) -> None:
    f, f_test = gaussian(seed, n, p), gaussian(seed + 1, 3, p)
    f = np.asfortranarray(f) if fortran else f
    y = gaussian(seed + 2, n, r)
    before = f.copy(), y.copy(), f_test.copy()
    fits = list(nested_least_squares(f, y, range(1, p + 1), f_test))
    assert [fit.width for fit in fits] == list(range(1, p + 1))
    for fit in fits:
        condition = np.linalg.cond(f[:, : fit.width])
        assert_same(fit, f, y, f_test, 1e-13 * condition * max(n, p))
    for given_array, kept in zip((f, y, f_test), before, strict=True):
        np.testing.assert_array_equal(given_array, kept)


@derandomized
@given(seed=SEEDS, n=st.integers(2, 8), p=st.integers(2, 20), rank=st.integers(1, 6))
def test_dependent_features_are_solved_by_singular_values(seed: int, n: int, p: int, rank: int) -> None:
    f = gaussian(seed, n, rank) @ gaussian(seed + 1, rank, p)
    f_test, y = gaussian(seed + 2, 4, p), gaussian(seed + 3, n, 2)
    for fit in nested_least_squares(f, y, range(1, p + 1), f_test):
        assert fit.full_rank == (rank >= min(n, fit.width))
        if not fit.full_rank:
            assert_same(fit, f, y, f_test, 1e-7)


def test_equal_columns_share_their_weight_and_equal_examples_their_target() -> None:
    column, y = gaussian(0, 6, 1), gaussian(1, 6, 1)
    alone, both = nested_least_squares(np.hstack([column, column]), y, (1, 2), np.ones((1, 2)))
    assert (alone.full_rank, both.full_rank) == (True, False)
    np.testing.assert_allclose(both.train, alone.train)
    np.testing.assert_allclose(both.norms, alone.norms / np.sqrt(2))
    f = gaussian(2, 3, 9)[[0, 1, 2, 2]]
    (fit,) = nested_least_squares(f, np.array([[0.0], [1.0], [2.0], [4.0]]), (9,), f)
    assert not fit.full_rank
    np.testing.assert_allclose(fit.train[:, 0], [0, 1, 3, 3], atol=1e-12)


def test_other_label_sets_do_not_change_a_label_sets_fit() -> None:
    f, f_test, y = gaussian(0, 40, 100), gaussian(1, 5, 100), gaussian(2, 40, 12)
    together = list(nested_least_squares(f, y, (10, 40, 60, 100), f_test))
    for column in (0, 11):
        alone = nested_least_squares(f, y[:, [column]], (10, 40, 60, 100), f_test)
        for fit, other in zip(together, alone, strict=True):
            np.testing.assert_allclose(fit.test[:, [column]], other.test, rtol=1e-9, atol=1e-11)


def test_accuracy_through_the_threshold_on_features_of_high_condition() -> None:
    """Accuracy is held at p = n too, and across the change from row updates to Gram matrices."""
    n, widths = 120, (60, 115, 120, 121, 125, 150, 300, 600, 601, 1200)
    features, x = FourierFeatures(3.0), gaussian(0, n + 50, 20) / 3
    f = features.of(x, features.draw(stream(0, "solution"), 20, 1200), 1200)
    y = gaussian(1, n, 3)
    conditions = [np.linalg.cond(f[:n, :p]) for p in widths]
    assert max(conditions) > 1e4 > min(conditions)
    for fit, condition in zip(nested_least_squares(f[:n], y, widths, f[n:]), conditions, strict=True):
        assert fit.full_rank
        w = np.linalg.lstsq(f[:n, : fit.width], y, rcond=None)[0]
        expected = np.mean((f[n:, : fit.width] @ w) ** 2)
        assert abs(np.mean(fit.test**2) / expected - 1) < min(1e-6, 1e-12 * condition)
        if fit.width >= n:
            assert np.abs(fit.train - y).max() < 1e-12 * condition


def test_gram_matrices_are_left_where_new_columns_spoil_the_condition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    f = gaussian(0, 10, 60)
    f[:, 40:50] *= 1e7
    f[:, 40:50] = f[:, 40:41] + 1e-3 * f[:, 40:50]
    y, seen = gaussian(1, 10, 2), []
    rows = least_squares._with_rows

    def counted(triangle: Floats | None, columns: Floats) -> Floats:
        seen.append(columns.shape[1])
        return rows(triangle, columns)

    monkeypatch.setattr(least_squares, "_with_rows", counted)
    fits = list(nested_least_squares(f, y, (20, 30, 41, 50, 60), f))
    assert seen == [20, 41, 9, 10]  # at 30 by columns; from 41 on by rows again, from the first
    for fit in fits:
        assert fit.full_rank
        np.testing.assert_allclose(fit.train, y, atol=1e-7)
        assert_same(fit, f, y, f, 1e-6)


@derandomized
@given(seed=SEEDS, n=st.integers(1, 30), p=SIZES, rank=st.integers(1, 12), r=st.integers(1, 15))
def test_every_sample_size_is_what_the_pseudo_inverse_gives(
    seed: int, n: int, p: int, rank: int, r: int
) -> None:
    rank = min(rank, p)
    f = gaussian(seed, n, rank) @ gaussian(seed + 1, rank, p) if rank < p else gaussian(seed, n, p)
    f_test, y = gaussian(seed + 2, 3, p), gaussian(seed + 3, n, r)
    fits = list(nested_samples(f, y, range(1, n + 1), f_test))
    assert [len(fit.train) for fit in fits] == list(range(1, n + 1))
    for size, fit in enumerate(fits, 1):
        assert fit.full_rank == (rank >= min(size, p))
        condition = np.linalg.cond(f[:size]) if fit.full_rank else 1e5
        assert_same(fit, f[:size], y[:size], f_test, 1e-13 * condition * max(n, p))


def test_fits_are_made_one_at_a_time_and_alike_each_time() -> None:
    f, y = gaussian(0, 30, 90), gaussian(1, 30, 2)
    first, second = (list(nested_least_squares(f, y, (5, 30, 45, 90), f)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.test, other.test)
    lazy = nested_least_squares(f, y, (5, 30), f)
    assert next(iter(lazy)).width == 5


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"widths": ()}, "widths=()"),
        ({"widths": (3, 3)}, "increasing, positive and at most 8"),
        ({"widths": (0, 3)}, "increasing, positive"),
        ({"widths": (9,)}, "at most 8"),
        ({"targets": np.zeros((4, 1))}, "targets (4, 1)"),
        ({"targets": np.zeros(5)}, "need [n, P], [n, r], [m, P]"),
        ({"features_test": np.zeros((2, 7))}, "differ in columns"),
        ({"features": np.full((5, 8), np.nan)}, "features (5, 8) holds numbers that are not finite"),
    ],
)
def test_what_cannot_be_solved_is_refused_in_one_line(changed: dict, message: str) -> None:
    given_arrays: dict[str, Any] = {"features": gaussian(0, 5, 8), "targets": np.zeros((5, 1))}
    given_arrays |= {"widths": (3,), "features_test": np.zeros((2, 8))} | changed
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is compared below
        nested_least_squares(**given_arrays)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@derandomized
@given(seed=SEEDS, n=SIZES, p=SIZES, rank=SIZES, r=st.integers(1, 3))
def test_minimum_norm_is_the_pseudo_inverse_and_lies_in_the_span_of_the_examples(
    seed: int, n: int, p: int, rank: int, r: int
) -> None:
    f = gaussian(seed, n, min(rank, n, p)) @ gaussian(seed + 1, min(rank, n, p), p)
    y = gaussian(seed + 2, n, r)
    solution = minimum_norm(f, y)
    assert solution.rank == min(rank, n, p)
    expected = np.linalg.pinv(f, rcond=1e-12) @ y
    scale = np.abs(solution.alpha).max() * np.abs(f).max() + 1
    np.testing.assert_allclose(solution.coefficients, expected, atol=1e-8 * scale)
    np.testing.assert_allclose(f.T @ solution.alpha, solution.coefficients, atol=1e-10 * scale)


def test_descent_ends_at_the_solution_nearest_to_its_start() -> None:
    """Ten thousand steps, by the batch and by single examples; Zhang et al. 2017, Section 5."""
    x, y = gaussian(0, 8, 20), gaussian(1, 8, 1)
    start = gaussian(2, 20, 1)
    for begin in (np.zeros((20, 1)), start):
        limit = descent_limit(x, y, begin)
        batch, single = begin.copy(), begin.copy()
        order = np.random.default_rng(3).integers(8, size=10_000)
        for i in order:
            batch -= 0.02 * x.T @ (x @ batch - y)
            single -= 0.02 * x[[i]].T @ (x[[i]] @ single - y[[i]])
        np.testing.assert_allclose(batch, limit, atol=1e-12)
        np.testing.assert_allclose(single, limit, atol=1e-10)
    np.testing.assert_allclose(descent_limit(x, y, 0 * start), minimum_norm(x, y).coefficients)
    assert np.linalg.norm(limit) > 2 * np.linalg.norm(minimum_norm(x, y).coefficients)


@derandomized
@given(seed=SEEDS, n=SIZES, p=st.integers(1, 25), low=st.integers(-9, 2))
def test_ridge_is_what_the_normal_equations_give(seed: int, n: int, p: int, low: int) -> None:
    f, f_test, y = gaussian(seed, n, p), gaussian(seed + 1, 3, p), gaussian(seed + 2, n, 2)
    penalties = (10.0**low, 10.0 ** (low + 1), 10.0**3)
    widths = sorted({1, (p + 1) // 2, p})
    for width, path in zip(widths, nested_ridge(f, y, widths, penalties, f_test), strict=True):
        for fit, penalty in zip(path, penalties, strict=True):
            a = np.vstack([f[:, :width], np.sqrt(penalty) * np.eye(width)])  # no squares formed here
            w = np.linalg.lstsq(a, np.vstack([y, np.zeros((width, 2))]), rcond=0)[0]
            tolerance = 1e-8 * max(1.0, float(np.abs(w).max()))
            assert (fit.width, fit.penalty) == (width, penalty)
            np.testing.assert_allclose(fit.train, f[:, :width] @ w, atol=tolerance)
            np.testing.assert_allclose(fit.test, f_test[:, :width] @ w, atol=10 * tolerance)
            np.testing.assert_allclose(fit.norms, np.linalg.norm(w, axis=0), atol=tolerance)


@pytest.mark.parametrize("p", [6, 14, 40])
@pytest.mark.parametrize("penalties", [(1e-2, 1.0), (1e-11, 1e-10)])
def test_left_out_predictions_are_those_of_fits_without_the_example(
    p: int, penalties: tuple[float, ...]
) -> None:
    """Penalties of two sizes: by eigenvalues of a Gram matrix, and by singular values."""
    f, y = gaussian(0, 14, p), gaussian(1, 14, 2)
    for fit in ridge_path(f, y, penalties, f):
        for i in range(14):
            others = np.delete(np.arange(14), i)
            (without,) = ridge_path(f[others], y[others], (fit.penalty,), f[[i]])
            np.testing.assert_allclose(fit.left_out[i], without.test[0], rtol=1e-7, atol=1e-9)


def test_small_penalties_on_ill_conditioned_features_do_not_drown_in_rounding() -> None:
    left, right = (np.linalg.qr(gaussian(seed, 20, 20))[0] for seed in (0, 1))
    singular = np.logspace(0, -6, 20)
    f, y, penalty = (left * singular) @ right.T, gaussian(2, 20, 1), 1e-12
    (fit,) = ridge_path(f, y, (penalty,), f)
    w = right @ ((singular / (singular**2 + penalty))[:, None] * (left.T @ y))
    np.testing.assert_allclose(fit.norms, np.linalg.norm(w, axis=0), rtol=1e-8)
    np.testing.assert_allclose(fit.train, f @ w, atol=1e-8)


def test_usual_penalties_need_no_singular_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take 1.5 to 3 times as long."""
    monkeypatch.setattr(np.linalg, "svd", None)
    f, y = gaussian(0, 20, 50), gaussian(1, 20, 1)
    assert len(list(nested_ridge(f, y, (10, 20, 50), (1e-5, 1.0), f))) == 3


def test_a_vanishing_penalty_is_least_squares_and_a_growing_one_shrinks_to_zero() -> None:
    f, y = gaussian(0, 20, 50), gaussian(1, 20, 1)
    fits = list(nested_least_squares(f, y, (10, 50), f))
    paths = nested_ridge(f, y, (10, 50), (1e-12, 1.0, 1e12), f)
    for fit, (none, little, much) in zip(fits, paths, strict=True):
        np.testing.assert_allclose(none.test, fit.test, atol=1e-9)
        assert fit.norms[0] > little.norms[0] > much.norms[0] < 1e-8


def test_best_penalty_of_a_noisy_linear_model_is_the_one_theory_names() -> None:
    """p noise^2 / |b|^2 (Nakkiran et al. 2020, Theorem 1), at the mean over draws, on the grid around it."""
    n, p, noise = 30, 30, 1.0
    penalties = tuple(30.0 * 2.0**k for k in range(-4, 5))
    risks = np.zeros(len(penalties))
    for seed in range(200):
        b = gaussian(3 * seed, p, 1)
        b /= np.linalg.norm(b)
        f = gaussian(3 * seed + 1, n, p)
        y = f @ b + noise * gaussian(3 * seed + 2, n, 1)
        fits = ridge_path(f, y, penalties, np.eye(p))  # predictions on unit vectors: the coefficients
        risks += [np.sum((fit.test - b) ** 2) for fit in fits]
    assert penalties[int(risks.argmin())] == p * noise**2


SWEEP = LeastSquaresSweep((4, 16, 40, 60))


def test_a_sweep_over_pixels_scores_every_width() -> None:
    split = Digits(n=40).split(None, 0)
    scores = SWEEP.solve(split, stream(0, "solution"))
    again = SWEEP.solve(split, stream(0, "solution"))
    for name in ("train_error", "test_error", "train_mse", "test_mse", "norm"):
        assert scores[name].shape == (4,)
        np.testing.assert_array_equal(scores[name], again[name])
    assert scores["train_error"][-1] == 0
    assert scores["train_error"][0] > 0 < scores["rank_deficient"]
    assert scores["test_error"][-1] < scores["test_error"][0] < 0.9


def test_scores_are_those_of_the_predictions() -> None:
    split = Digits(n=40).split(None, 0)
    scores = LeastSquaresSweep((8, 30), shuffled=False).solve(split, stream(0, "solution"))
    x, x_test = (
        images.reshape(len(images), -1)[:, :30].astype(float) for images in (split.x_train, split.x_test)
    )
    w = np.linalg.lstsq(x, np.eye(10)[split.y_train], rcond=None)[0]
    outputs, targets = x_test @ w, np.eye(10)[split.y_test]
    assert scores["test_error"][1] == np.mean(outputs.argmax(1) != split.y_test)
    assert scores["test_mse"][1] == pytest.approx(np.sum((outputs - targets) ** 2) / len(targets))
    assert scores["norm"][1] == pytest.approx(np.linalg.norm(w))
    assert scores["rank_deficient"] == 2  # the corner pixel is constant


def test_label_sets_are_corruptions_of_the_true_labels() -> None:
    split = Digits(n=40, labels=RandomLabels(1.0)).split(None, 0)
    sets = (TrueLabels(), RandomLabels(0.5), RandomLabels(0.5))
    scores = SWEEP.but(labels=sets).solve(split, stream(0, "solution"))
    assert scores["test_error"].shape == (3, 4)
    assert scores["test_error"][0, -1] < scores["test_error"][1, -1]
    assert scores["test_mse"][1, -1] != scores["test_mse"][2, -1]
    clean = Digits(n=40).split(None, 0)
    alone = SWEEP.solve(clean, stream(0, "solution"))
    np.testing.assert_allclose(scores["test_mse"][0], alone["test_mse"], rtol=1e-9)


def test_one_hot_targets_keep_the_classes_of_a_set_together() -> None:
    sets = scores.LabelSets(np.array([[0, 2], [1, 1]]), np.array([0]), 3, alone=False)
    np.testing.assert_array_equal(sets.targets, [[1, 0, 0, 0, 1, 0], [0, 0, 1, 0, 1, 0]])
    assert sets.scores("train", sets.targets)["train_error"].tolist() == [0, 0]
    swapped = sets.scores("train", sets.targets[::-1])
    assert swapped["train_error"].tolist() == [1, 0]
    assert swapped["train_mse"].tolist() == [2, 0]


def test_a_ridge_sweep_finds_the_best_penalty_of_each_width() -> None:
    split = Digits(n=60, labels=RandomLabels(0.3)).split(None, 0)
    sweep = RidgeSweep(FourierFeatures(5.0), (30, 60, 240), (1e-3, 1e-1, 1e1))
    scores = sweep.solve(split, stream(0, "solution"))
    assert scores["test_error"].shape == (3, 3)
    np.testing.assert_array_equal(scores["optimal_mse"], scores["test_mse"].min(axis=1))
    chosen = scores["left_out_mse"].argmin(axis=1)
    np.testing.assert_array_equal(scores["tuned_mse"], scores["test_mse"][range(3), chosen])
    assert (scores["tuned_mse"] >= scores["optimal_mse"]).all()
    several = sweep.but(labels=(TrueLabels(), RandomLabels(0.3))).solve(split, stream(0, "solution"))
    assert several["test_error"].shape == (2, 3, 3)
    assert several["tuned_error"].shape == (2, 3)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: LeastSquaresSweep((8, 4)), "LeastSquaresSweep(widths=(8, 4)): give one or more, increasing"),
        (lambda: LeastSquaresSweep((8,), labels=(RandomLabels,)), "not a corruption of labels"),  # type: ignore[arg-type]
        (
            lambda: SWEEP.but(widths=(65,)).solve(Digits(n=40).split(None, 0), stream(0, "solution")),
            "at most 64",
        ),
        (lambda: RidgeSweep(FourierFeatures(1.0), (4,), (0.0,)), "RidgeSweep(penalties=(0.0,))"),
        (lambda: RidgeSweep(FourierFeatures, (4,), (1.0,)), "not random features"),  # type: ignore[arg-type]
    ],
)
def test_sweeps_refuse_bad_fields_in_one_line(build: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError)) as refused:
        build()
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_pixels_come_in_an_order_of_the_replicates_own() -> None:
    split = Digits(n=40).split(None, 0)
    shuffled, plain = (LeastSquaresSweep((5, 30), shuffled=s) for s in (True, False))
    x, y = (scores.flat(images) for images in (split.x_train, split.x_test))
    order = stream(0, "solution").permutation(np.arange(64))
    for sweep, columns in ((shuffled, order), (plain, np.arange(64))):
        solved = sweep.solve(split, stream(0, "solution"))
        fits = nested_least_squares(x[:, columns], np.eye(10)[split.y_train], (5, 30), y[:, columns])
        wrong = [float((fit.test.argmax(axis=1) != split.y_test).mean()) for fit in fits]
        assert solved["test_error"].tolist() == pytest.approx(wrong)
