"""Gradient, curvature and sharpness of a small tanh network against differences and a full Hessian."""

from __future__ import annotations

import numpy as np
import pytest

from harness.analytic.edge import FullBatchWatched, TanhNetwork
from harness.data import Digits


@pytest.fixture
def net() -> TanhNetwork:
    g = np.random.default_rng(0)
    return TanhNetwork(g.normal(size=(9, 4)), np.eye(3)[g.integers(3, size=9)], (4, 5, 3))


def test_the_gradient_is_the_losses_derivative(net: TanhNetwork) -> None:
    theta = net.drawn(np.random.default_rng(1))
    _, gradient = net.gradient(theta)
    for i in range(0, len(theta), 7):
        step = np.zeros(len(theta))
        step[i] = 1e-6
        change = net.gradient(theta + step)[0] - net.gradient(theta - step)[0]
        assert gradient[i] == pytest.approx(change / 2e-6, abs=1e-8)


def test_products_are_the_hessians(net: TanhNetwork) -> None:
    theta = net.drawn(np.random.default_rng(1))
    rows = np.array([net.hessian_times(theta, e) for e in np.eye(len(theta))])
    assert rows == pytest.approx(rows.T, abs=1e-7)
    v = np.random.default_rng(2).normal(size=len(theta))
    v /= np.linalg.norm(v)
    assert net.hessian_times(theta, v) == pytest.approx(rows @ v, abs=1e-7)


def test_a_linear_models_sharpness_is_its_inputs_and_stays() -> None:
    split = Digits(n=30, whiten=False).split(None, 1000)
    run = FullBatchWatched(lr=0.05, steps=100, hidden=(), every=10).solve(split, np.random.default_rng(0))
    x = split.x_train.reshape(30, -1).astype(float)
    x = np.hstack([x, np.ones((30, 1))])
    assert run["sharpness"] == pytest.approx([np.linalg.eigvalsh(x.T @ x / 30)[-1]] * 11, rel=1e-4)
    assert run["rises"] == 0.0
    assert run["late"] == pytest.approx(run["last_sharpness"] * 0.05 / 2)


def test_looks_are_as_many_as_were_asked_for() -> None:
    split = Digits(n=30, whiten=False).split(None, 1000)
    run = FullBatchWatched(lr=0.1, steps=60, hidden=(8,), every=20).solve(split, np.random.default_rng(0))
    assert len(run["sharpness"]) == len(run["loss"]) == 4
    assert run["loss"][-1] < run["loss"][0]
    assert 0 <= run["test_error"] <= 1


@pytest.mark.parametrize("wrong", [{"lr": 0}, {"steps": 0}, {"every": -1}])
def test_what_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        FullBatchWatched(**{"lr": 0.1, "steps": 10, **wrong})  # type: ignore[arg-type]
