"""Divergences and their inverse against definitions, slopes against differences, and what a bound pays."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analytic.kl_bounds import (
    DELTA,
    GRID_TOP,
    Sums,
    binary_kl,
    gaussian_kl,
    grid_prices,
    grid_variances,
    inverse_binary_kl,
    least_complexity,
    sampled_limit,
)
from harness.analytic.pac_bayes import (
    GaussianWeights,
    PacBayes,
    answers,
    descend,
    drawn_answers,
    drawn_slopes,
    error_of_draws,
    first_weights,
    move,
    priced,
    slope_of_loss,
    sums_about,
)
from harness.data import Digits, RandomLabels
from harness.spec.streams import stream

SHARES = st.floats(0, 1)
NATS = st.floats(0, 20)


@given(q=SHARES, nats=NATS)
def test_the_inverse_is_the_last_coin_within_reach(q: float, nats: float) -> None:
    p = inverse_binary_kl(q, nats)
    assert q <= p <= 1
    before = math.nextafter(p, 0)
    assert before <= q or binary_kl(q, before) <= nats
    assert p == 1 or binary_kl(q, p) >= nats


@given(q=SHARES, less=NATS, more=NATS)
def test_a_bound_grows_with_what_it_pays_and_with_the_error(q: float, less: float, more: float) -> None:
    less, more = sorted((less, more))
    assert inverse_binary_kl(q, less) <= inverse_binary_kl(q, more)
    assert inverse_binary_kl(q / 2, more) <= inverse_binary_kl(q, more) + 1e-7
    assert (
        inverse_binary_kl(q, more) <= q + math.sqrt(more / 2) + 1e-7
    )  # Pinsker; near q rounding errs upwards


@given(q=SHARES)
def test_equal_coins_are_no_way_apart_and_sure_ones_are_infinitely_far(q: float) -> None:
    assert binary_kl(q, q) == pytest.approx(0, abs=1e-12)
    assert binary_kl(0.5, 0.0) == binary_kl(0.5, 1.0) == math.inf
    assert binary_kl(0.0, 0.5) == pytest.approx(math.log(2))


def test_what_is_no_probability_is_refused() -> None:
    for q, nats in ((-0.1, 1.0), (1.1, 1.0), (0.5, -1.0), (math.nan, 1.0)):
        with pytest.raises(ValueError, match=r"in \[0, 1\]"):
            inverse_binary_kl(q, nats)
    with pytest.raises(ValueError, match=r"PacBayes\(narrow=0"):
        PacBayes(narrow=0)


@given(
    w=st.lists(st.floats(-3, 3), min_size=1, max_size=5),
    rho=st.floats(-3, 1),
    prior=st.floats(0.01, 5),
)
def test_the_gaussian_divergence_is_that_of_each_weight_summed(
    w: list[float], rho: float, prior: float
) -> None:
    """For one weight KL is log(prior deviation / s) + (s^2 + w^2) / (2 prior) - 1/2."""
    variance = math.exp(2 * rho)
    each = [math.log(math.sqrt(prior) / math.exp(rho)) + (variance + x * x) / (2 * prior) - 0.5 for x in w]
    total = gaussian_kl(sum(x * x for x in w), len(w) * variance, 2 * rho * len(w), len(w), prior)
    assert total == pytest.approx(sum(each), abs=1e-9)
    assert total > -1e-9


def test_the_grid_begins_below_its_top_and_its_chances_sum_to_one() -> None:
    variances = grid_variances()
    assert variances[0] == pytest.approx(GRID_TOP * math.exp(-0.01))
    assert np.all(np.diff(variances) < 0)
    tail = 6 / math.pi**2 / len(variances)  # of 6 / (pi^2 j^2) beyond the last point
    assert np.exp(-grid_prices()).sum() == pytest.approx(1 - tail, rel=1e-5)


def test_the_point_of_the_grid_is_the_cheapest_and_is_paid_for() -> None:
    sums, m = Sums(moved=3.0, variances=2.0, log_variances=-400.0, size=100), 500
    cost = least_complexity(sums, m)
    totals = [
        (gaussian_kl(*sums, prior=v) + math.log(m * math.pi**2 * j**2 / (6 * DELTA))) / (m - 1)
        for j, v in enumerate(grid_variances(), 1)
    ]
    assert cost.rate == pytest.approx(min(totals), rel=1e-12)
    assert cost.prior == grid_variances()[int(np.argmin(totals))]
    assert cost.kl == pytest.approx(gaussian_kl(*sums, prior=cost.prior), rel=1e-12)
    assert cost.rate * (m - 1) > cost.kl + math.log(m / DELTA)


def test_more_draws_tell_the_error_better_and_never_exactly() -> None:
    limits = [sampled_limit(0.1, draws) for draws in (10, 1000, 100_000)]
    assert limits[0] > limits[1] > limits[2] > 0.1
    assert sampled_limit(0.0, 100) == pytest.approx(1 - math.exp(-math.log(200) / 100), rel=1e-9)


def drawn() -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray, np.ndarray]:
    """Means and log deviations of a net of 3-4-5-1 in double precision, inputs [6, 3] and labels."""
    generator = np.random.default_rng(3)
    shapes = ((4, 4), (5, 5), (6, 1))
    means = [generator.standard_normal(shape) for shape in shapes]
    rhos = [generator.uniform(-2, -1, shape) for shape in shapes]
    return means, rhos, generator.standard_normal((6, 3)), np.where(np.arange(6) % 2, 1.0, -1.0)


def test_slopes_are_those_of_the_loss_of_the_same_draws() -> None:
    means, rhos, x, y = drawn()
    variances = [np.exp(2 * rho) for rho in rhos]

    def loss() -> float:
        output = drawn_answers(means, variances, x, np.random.default_rng(8))[1]
        return float(np.mean(np.log2(1 + np.exp(-y * output[:, 0]))))

    layers, output = drawn_answers(means, variances, x, np.random.default_rng(8))
    slopes = drawn_slopes(means, variances, layers, slope_of_loss(output, y) / len(y))
    for arrays, part in ((means, 0), (variances, 1)):
        for array, slope in zip(arrays, slopes, strict=True):
            for place in np.ndindex(array.shape):
                kept, h = array[place], 1e-5
                array[place] = kept + h
                up = loss()
                array[place] = kept - h
                down = loss()
                array[place] = kept
                assert slope[part][place] == pytest.approx((up - down) / (2 * h), abs=2e-5)


def test_a_step_of_descent_goes_down_the_logistic_loss() -> None:
    means, _, x, y = drawn()
    before = [layer.copy() for layer in means]

    def loss(layers: list[np.ndarray]) -> float:
        return float(np.mean(np.log2(1 + np.exp(-y * answers(layers, x)[-1][:, 0]))))

    descend(means, x, y, 1e-6, [np.zeros_like(layer) for layer in means])
    moved = sum(float(np.sum((a - b) ** 2)) for a, b in zip(means, before, strict=True))
    assert loss(before) - loss(means) == pytest.approx(moved / 1e-6, rel=1e-3)


def test_the_price_of_a_nat_is_the_slope_of_the_root() -> None:
    means, rhos, _, _ = drawn()
    way = [0.1 * mean for mean in means]
    m = 1000

    def root(factor: float) -> float:
        """sqrt(complexity / 2) at the best prior, with all deviations multiplied."""
        moved = sum(float(np.vdot(w, w)) for w in way)
        spread = sum(float(np.exp(2 * (r + math.log(factor))).sum()) for r in rhos)
        logs = 2 * sum(float((r + math.log(factor)).sum()) for r in rhos)
        size = sum(w.size for w in way)
        prior = (moved + spread) / size
        assert prior < GRID_TOP
        j = 100 * math.log(GRID_TOP / prior)
        nats = gaussian_kl(moved, spread, logs, size, prior) + math.log(math.pi**2 * j**2 * m / (6 * DELTA))
        return math.sqrt(nats / (2 * (m - 1)))

    variances = [np.exp(2 * rho) for rho in rhos]
    weight, prior = priced(way, variances, rhos, m)
    moved, spread = (sum(float(a.sum()) for a in part) for part in ([w**2 for w in way], variances))
    assert prior == pytest.approx((moved + spread) / sum(w.size for w in way), rel=1e-5)
    slope = sum(float((v / prior - 1).sum()) for v in variances)  # of the KL by the log of a factor
    slope -= 4 / math.log(GRID_TOP / prior) * spread / (moved + spread)  # of the price of the point
    h = 1e-4
    assert weight * slope == pytest.approx((root(1 + h) - root(1 - h)) / (2 * h), rel=1e-3)


def test_rmsprop_divides_by_the_root_of_the_running_mean() -> None:
    array, squares = np.ones(2, np.float32), np.zeros(2, np.float32)
    move(array, np.array([1.0, -10.0], np.float32), squares, np.float32(0.01))
    assert squares == pytest.approx([0.1, 10.0])
    assert array == pytest.approx([1 - 0.01 / math.sqrt(0.1), 1 + 0.01 / math.sqrt(0.1)])


def test_the_error_of_draws_is_that_of_weights_drawn_one_by_one() -> None:
    """A linear rule of two weights, whose sum at x is normal with mean x w and variance x^2 s^2."""
    q = GaussianWeights(
        [np.array([[1.0], [0.5]], np.float32)], [np.log(np.array([[2.0], [1.0]], np.float32))]
    )
    x, y = np.full((4000, 1), 3.0, np.float32), np.ones(4000, np.float32)
    expected = 0.5 * math.erfc((3 + 0.5) / math.sqrt(9 * 4 + 1) / math.sqrt(2))
    assert error_of_draws(q, x, y, 10, np.random.default_rng(1)) == pytest.approx(expected, abs=0.01)


def test_first_weights_are_within_two_deviations_and_biases_are_the_sources() -> None:
    layers = first_weights([64, 50, 1], 0.1, np.random.default_rng(0))
    assert [layer.shape for layer in layers] == [(65, 50), (51, 1)]
    assert np.abs(layers[0][:-1]).max() <= 0.2
    assert layers[0][:-1].std() == pytest.approx(0.088, abs=0.003)  # of a normal cut off there
    assert np.all(layers[0][-1] == np.float32(0.1))
    assert layers[1][-1] == 0


def test_sums_are_about_the_centre() -> None:
    means, rhos, _, _ = drawn()
    q = GaussianWeights(means, rhos)
    at_home = sums_about(q, means)
    away = sums_about(q, [np.zeros_like(mean) for mean in means])
    assert (at_home.moved, at_home.size) == (0, 16 + 25 + 6)
    assert away.moved == pytest.approx(sum(float(np.sum(mean**2)) for mean in means))
    assert away[1:] == at_home[1:]


def test_a_bound_tells_true_labels_from_random_ones_and_pays_for_what_it_knows() -> None:
    solver = PacBayes(width=10, deviation=0.2, lr=0.05, epochs=10, steps=300, rate=0.02, passes=5)
    data = Digits(n=800)
    true, random = (
        solver.solve(d.split(None, 1000), stream(1000, "solution"))
        for d in (data, data.but(labels=RandomLabels()))
    )
    assert true["test_error"] < true["bound"] < 0.5 < random["bound"]
    assert true["unpaid"] < true["bound"] < true["about_origin"]
    assert true["bound"] <= true["stated"]
    assert true["parameters"] == 65 * 10 + 11


def test_the_prior_is_around_the_first_weights() -> None:
    solver = PacBayes(width=5, deviation=0.2, lr=0.05, epochs=3, steps=0, passes=1)
    split = Digits(n=300).split(None, 1000)
    result = solver.solve(split, stream(1000, "solution"))
    generator = stream(1000, "solution")
    start = first_weights([64, 5, 1], 0.2, generator)
    x, y = split.x_train.reshape(300, -1), np.where(split.y_train < 5, -1, 1).astype(np.float32)
    ended = solver._descended(start, x, y, generator)
    q = GaussianWeights(ended, [np.log(np.abs(w) + np.float32(1e-3)) for w in ended])
    assert result["kl"] == pytest.approx(least_complexity(sums_about(q, start), 300).kl)
    assert result["kl"] > least_complexity(sums_about(q, ended), 300).kl
