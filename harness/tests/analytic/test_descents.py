"""Descents computed in closed form equal literal steps, and end where the theory says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.analytic import descents
from harness.analytic.descents import descent_end, epoch_risks

GROUPS = ((6, 1.0, 1.0, 0.5), (2, 0.1, 1.5, 1.0))


def test_risks_over_time_are_those_of_literal_steps() -> None:
    times = (1, 2, 17, 400)
    risks = epoch_risks(np.random.default_rng(3), n=20, groups=GROUPS, noise=0.4, times=times)
    generator = np.random.default_rng(3)
    true = []
    for count, scale, share, _ in GROUPS:
        direction = generator.standard_normal(count)
        true.append(share * direction / np.linalg.norm(direction) / scale)
    beta = np.concatenate(true)
    scales = np.array([1.0] * 6 + [0.1] * 2)
    rates = np.array([0.5] * 6 + [1.0] * 2)
    x = generator.standard_normal((20, 8)) * scales
    y = x @ beta + np.sqrt(0.4) * generator.standard_normal(20)
    scaled = x * np.sqrt(rates)
    step = 0.9 / np.linalg.eigvalsh(scaled.T @ scaled / 20)[-1]
    w, expected = np.zeros(8), {}
    for t in range(1, times[-1] + 1):
        w = w - step * rates * (x.T @ (x @ w - y) / 20)
        expected[t] = ((scales * (w - beta)) ** 2).sum()
    np.testing.assert_allclose(risks["risk"], [expected[t] for t in times], rtol=1e-10)
    assert risks["best_risk"] == risks["risk"].min()


def test_stochastic_descent_ends_at_the_minimum_norm_from_zero_only() -> None:
    sizes: dict[str, Any] = {"method": "sgd", "n": 5, "p": 20, "epochs": 200}
    zero = descent_end(np.random.default_rng(0), **sizes)
    assert zero["distance"] < 1e-10
    assert zero["norm_ratio"] == pytest.approx(1)
    assert zero["outside"] < 1e-20
    away = descent_end(np.random.default_rng(0), **sizes, start=0.5)
    assert away["train_mse"] < 1e-20
    assert away["distance"] > 0.5
    assert 0.3 < away["outside"] < 1
    # Pythagoras: the part outside the span is what is left between the two solutions
    assert away["norm_ratio"] ** 2 == pytest.approx(1 + away["distance"] ** 2)


def test_adam_interpolates_elsewhere() -> None:
    results = descent_end(np.random.default_rng(0), method="adam", n=5, p=20, epochs=4000, rate=1e-3)
    assert results["train_mse"] < 1e-12
    assert results["norm_ratio"] > 1
    assert results["outside"] > 0.01


def test_adams_first_step_is_the_rate_in_every_coordinate() -> None:
    x, y = np.random.default_rng(0).standard_normal((4, 6)), np.random.default_rng(1).standard_normal(4)
    moved = descents._adam(x, y, np.zeros(6), 1, 0.01)
    np.testing.assert_allclose(moved, 0.01 * np.sign(x.T @ y), rtol=1e-5)


def test_an_unknown_method_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match="method='lbfgs': one of sgd, adam"):
        descent_end(np.random.default_rng(0), method="lbfgs", n=2, p=3, epochs=1)
