"""Closed forms of linear regression's risk equal what many drawn data sets give, and their own limits."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analytic import risks
from harness.tests.deterministic import derandomized


def drawn_risks(n: int, p: int, designs: int) -> np.ndarray:
    """Risks of the pseudo-inverse solution for a signal of 2, noise of 0.5 and 0.3 left out."""
    generator = np.random.default_rng(n + 1000 * p)
    x = generator.standard_normal((designs, n, p))
    true = np.zeros(p)
    true[0] = math.sqrt(2.0)
    noise = math.sqrt(0.8) * generator.standard_normal((designs, n))
    fitted = np.einsum("kpn,kn->kp", np.linalg.pinv(x), x @ true + noise)
    return ((fitted - true) ** 2).sum(axis=1) + 0.3


@pytest.mark.parametrize(("n", "p"), [(30, 1), (30, 6), (30, 15), (15, 40), (6, 60), (1, 20)])
def test_mean_and_deviation_are_those_of_drawn_data_sets(n: int, p: int) -> None:
    drawn = drawn_risks(n, p, 5000)
    formula = risks.ridgeless(n, p, 2.0, 0.5, 0.3)
    assert abs(drawn.mean() - formula.mean) < 5 * formula.deviation / math.sqrt(len(drawn))
    assert drawn.std() == pytest.approx(formula.deviation, rel=0.12)


def test_there_is_no_mean_beside_the_threshold_and_no_deviation_a_little_further() -> None:
    for apart in (-1, 0, 1):
        assert risks.ridgeless(20, 20 + apart, 1.0, 1.0).mean == math.inf
    for apart in (-3, -2, 2, 3):
        beside = risks.ridgeless(20, 20 + apart, 1.0, 1.0)
        assert math.isfinite(beside.mean)
        assert beside.deviation == math.inf
    assert math.isfinite(risks.ridgeless(20, 24, 1.0, 1.0).deviation)


@derandomized
@given(
    gamma=st.floats(0.05, 20).filter(lambda g: abs(g - 1) > 0.05),
    signal=st.floats(0.1, 10),
    noise=st.floats(0.1, 10),
    left_out=st.floats(0, 5),
)
def test_the_limit_is_that_of_the_finite_formula(
    gamma: float, signal: float, noise: float, left_out: float
) -> None:
    n = 10**7
    finite = risks.ridgeless(n, round(gamma * n), signal, noise, left_out)
    assert finite.mean == pytest.approx(risks.ridgeless_limit(gamma, signal, noise, left_out), rel=1e-4)
    assert finite.deviation < 0.05 * finite.mean


@derandomized
@given(signal=st.floats(0.05, 50), noise=st.floats(0.05, 5))
def test_the_overparameterized_minimum_is_the_lowest_of_the_limit(signal: float, noise: float) -> None:
    gamma, lowest = risks.overparameterized_minimum(signal, noise)
    grid = 1 + np.geomspace(1e-3, 1e6, 4000)
    values = [risks.ridgeless_limit(g, signal, noise) for g in grid]
    assert min(values) >= lowest * (1 - 1e-9)
    assert min(values) == pytest.approx(lowest, rel=1e-3)
    if math.isfinite(gamma):
        assert risks.ridgeless_limit(gamma, signal, noise) == pytest.approx(lowest)
    else:
        assert signal <= noise


@pytest.mark.parametrize(
    ("snr", "exponent", "below", "beyond"),
    [(5.0, 1.0, 5.011, 4.623), (5.0, 3.0, 3.664, 3.757), (10.0, 3.0, 6.740, 6.513)],
)
def test_which_side_of_the_threshold_is_lower_depends_on_the_approximation(
    snr: float, exponent: float, below: float, beyond: float
) -> None:
    """Minima found by another program, on a grid from gamma = 0.01."""
    for grid, expected in (
        (np.linspace(0.01, 0.99, 500), below),
        (np.linspace(1.01, 50, 5000), beyond),
    ):
        lowest = min(risks.approximation_limit(g, snr, 1.0, exponent) for g in grid)
        assert lowest == pytest.approx(expected, abs=2e-3)


def test_what_features_capture_grows_from_nothing_to_all() -> None:
    shares = [risks.captured(gamma, 2.0) for gamma in (0.0, 0.5, 1.0, 10.0, 1e9)]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[2] == pytest.approx(0.75)
    assert shares[-1] == pytest.approx(1)


@pytest.mark.parametrize("gamma", [0.3, 1.0, 2.5])
def test_the_best_ridge_is_the_trace_of_a_large_resolvent(gamma: float) -> None:
    """For any X the risk over normal coefficients is noise tr (X'X + penalty)^-1 at the best penalty."""
    n, signal, noise = 600, 2.0, 0.5
    p = round(gamma * n)
    x = np.random.default_rng(0).standard_normal((n, p))
    values = np.zeros(p)
    values[: min(n, p)] = np.linalg.svd(x, compute_uv=False) ** 2
    penalty = risks.best_penalty(p, signal, noise)

    def risk(held: float) -> float:
        bias = held**2 * signal / p * np.sum((values + held) ** -2)
        return float(bias + noise * np.sum(values / (values + held) ** 2))

    formula = risks.optimal_ridge(n, p, signal, noise, 0.0)
    assert risk(penalty) == pytest.approx(noise * np.sum(1 / (values + penalty)))
    assert formula.mean == pytest.approx(risk(penalty), rel=0.02)
    spread = noise * math.sqrt(2 * np.sum((values + penalty) ** -2))
    assert formula.deviation == pytest.approx(spread, rel=0.05)
    assert risk(penalty) < min(risk(0.8 * penalty), risk(1.25 * penalty))


@derandomized
@given(
    n=st.integers(1, 3),
    penalty=st.fractions(0, 5, max_denominator=9),
    share=st.integers(1, 9),
    loud=st.integers(0, 9),
)
def test_ridge_on_axes_is_the_mean_over_all_samples(n: int, penalty: Fraction, share: int, loud: int) -> None:
    """The mean solves the ridge problem for every sequence of axes; noise enters by its variance."""
    shares = Fraction(share, 10), 1 - Fraction(share, 10)
    noises = Fraction(1, 3), Fraction(loud)
    total = 0.0
    for sample in itertools.product((0, 1), repeat=n):
        x = np.eye(2)[list(sample)]
        solve = np.linalg.pinv(x.T @ x + float(penalty) * np.eye(2)) @ x.T
        bias = solve @ x @ [1.0, 0.0] - [1.0, 0.0]
        variance = (solve**2) @ [float(noises[axis]) for axis in sample]
        chance = math.prod(float(shares[axis]) for axis in sample)
        total += chance * float(np.dot([float(s) for s in shares], bias**2 + variance))
    risk = risks.axis_ridge_risk(n, penalty, shares, noises)
    assert float(risk) == pytest.approx(total, rel=1e-9, abs=1e-12)
