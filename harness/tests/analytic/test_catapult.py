"""Descent on a two-layer linear network against its two recursions, and its linearization in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from harness.analytic.catapult import DIVERGED, two_layers


@pytest.mark.parametrize("step", [0.7, 2.5, 3.2])
def test_weights_move_as_the_two_recursions_say(step: float) -> None:
    """f -> f (1 - h k + h^2 f^2 / m) and k -> k + h f^2 / m (h k - 4) are exact for one example."""
    m = 64
    u, v = np.random.default_rng(5).normal(size=(2, m))
    f, k = float(u @ v) / m**0.5, float(u @ u + v @ v) / m
    h, first, start, largest = step / k, k, f, 1.0
    while (f / start) ** 2 > 1e-12:
        f, k = f * (1 - h * k + h * h * f * f / m), k + h * f * f / m * (h * k - 4)
        largest = max(largest, (f / start) ** 2)
    run = two_layers(np.random.default_rng(5), m, step, False)
    assert (run["fitted"], run["diverged"]) == (1.0, 0.0)
    assert run["curvature"] == pytest.approx(k / first, rel=1e-9)
    assert run["edge"] == pytest.approx(h * k, rel=1e-9)
    assert run["log_rise"] == pytest.approx(np.log10(largest), abs=1e-9)


def test_a_linear_model_shrinks_or_grows_by_a_factor_a_step() -> None:
    assert two_layers(np.random.default_rng(5), 8, 1.9, True)["fitted"] == 1.0
    run = two_layers(np.random.default_rng(5), 8, 2.5, True)
    steps = int(np.ceil(np.log10(DIVERGED) / (2 * np.log10(1.5))))
    assert run["diverged"] == 1.0
    assert run["log_rise"] == pytest.approx(steps * 2 * np.log10(1.5), rel=1e-9)
