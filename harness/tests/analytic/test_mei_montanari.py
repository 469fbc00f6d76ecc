"""The asymptotic risk of random ReLU features: its limits, its other forms, and simulated regressions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analytic.mei_montanari import BEYOND, LINEAR, asymptotic_risk, sphere_risks
from harness.tests.deterministic import derandomized


def test_the_moments_are_those_of_relu() -> None:
    g = np.linspace(-12, 12, 2_000_001)
    weight = np.exp(-(g**2) / 2) / math.sqrt(2 * math.pi) * (g[1] - g[0])
    relu = np.maximum(g, 0)
    mean, linear, square = ((value * weight).sum() for value in (relu, relu * g, relu**2))
    assert linear == pytest.approx(LINEAR)
    assert square - mean**2 - linear**2 == pytest.approx(BEYOND)


@derandomized
@given(psi1=st.floats(0.2, 20), psi2=st.floats(0.2, 20), noise=st.floats(0, 3))
def test_an_infinite_penalty_predicts_nothing(psi1: float, psi2: float, noise: float) -> None:
    assert asymptotic_risk(psi1, psi2, 1e9, noise) == pytest.approx(1, rel=1e-5)


@derandomized
@given(ratio=st.sampled_from([0.2, 0.5, 2.0, 5.0]), psi2=st.floats(0.5, 10), noise=st.floats(0, 3))
def test_no_penalty_is_the_limit_of_small_ones(ratio: float, psi2: float, noise: float) -> None:
    free = asymptotic_risk(ratio * psi2, psi2, 0.0, noise)
    assert asymptotic_risk(ratio * psi2, psi2, 1e-8, noise) == pytest.approx(free, rel=1e-3)


@derandomized
@given(psi1=st.floats(0.3, 20), psi2=st.floats(0.3, 20), signal=st.floats(0.1, 5), noise=st.floats(0, 3))
def test_the_risk_is_linear_in_signal_and_noise(
    psi1: float, psi2: float, signal: float, noise: float
) -> None:
    bias, both = asymptotic_risk(psi1, psi2, 0.05, 0.0), asymptotic_risk(psi1, psi2, 0.05, noise, signal)
    variance = asymptotic_risk(psi1, psi2, 0.05, 1.0) - bias
    assert both == pytest.approx(signal * bias + noise * variance, rel=1e-9)
    assert bias > 0
    assert variance > 0


def test_the_ridgeless_risk_diverges_at_the_threshold_alone() -> None:
    beside = [asymptotic_risk(3 * r, 3.0, 0.0, 0.25) for r in (0.5, 0.9, 0.999, 1.001, 1.1, 2.0)]
    assert beside[0] < beside[1] < beside[2] > 100
    assert 100 < beside[3] > beside[4] > beside[5]


@pytest.mark.parametrize(("ratio", "penalty"), [(0.4, 0.0), (2.0, 0.0), (1.0, 0.1)])
def test_simulated_risks_are_the_formulas(ratio: float, penalty: float) -> None:
    risks = sphere_risks(
        np.random.default_rng(1),
        d=80,
        n=240,
        widths=(round(240 * ratio),),
        noise=0.25,
        penalty=penalty,
        draws=6,
        n_test=500,
    )
    assert risks["risk"].shape == (1,)
    assert risks["risk"][0] == pytest.approx(asymptotic_risk(3 * ratio, 3.0, penalty, 0.25), rel=0.12)
