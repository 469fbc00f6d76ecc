"""Scaled training against differences of its own loss, and at scales that are far apart."""

from __future__ import annotations

import numpy as np
import pytest

from harness.analytic.lazy import scaled_training


def test_more_scale_moves_less_and_fits_as_well() -> None:
    runs = [scaled_training(np.random.default_rng(1), 20, 30, s, 3, 2000, 0.5) for s in (10.0, 100.0)]
    assert runs[0]["moved"] == pytest.approx(10 * runs[1]["moved"], rel=0.2)
    assert max(run["training"] for run in runs) < 1e-6


def test_without_steps_nothing_is_answered() -> None:
    """Units come in pairs of opposite sign, so that the output starts at zero."""
    run = scaled_training(np.random.default_rng(1), 50, 4, 7.0, 2, 0, 0.5)
    assert run["moved"] == 0.0
    assert run["training"] == pytest.approx(run["test"], rel=0.8)


def test_a_step_follows_the_gradient_of_the_scaled_loss() -> None:
    """The step is the rate times the units times the gradient of |a h - y|^2 / (2 n a^2)."""
    moved = [
        scaled_training(np.random.default_rng(2), 30, 3, 5.0, 2, 1, rate)["moved"] for rate in (1e-3, 2e-3)
    ]
    assert moved[1] == pytest.approx(2 * moved[0], rel=1e-9)


def test_a_linear_teacher_is_one_direction() -> None:
    run = scaled_training(np.random.default_rng(3), 200, 3, 1.0, 0, 500, 0.5)
    assert run["test"] < 0.05
