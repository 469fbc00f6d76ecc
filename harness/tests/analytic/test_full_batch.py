"""Full gradient descent: derivatives against differences, curvature against eigenvalues, and when it ends."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analytic.full_batch import FullBatch, Network
from harness.data.digits import Digits
from harness.spec.streams import stream
from harness.tests.deterministic import derandomized


def drawn(seed: int, widths: tuple[int, ...] = (3, 4, 3)) -> tuple[Network, np.ndarray, np.random.Generator]:
    generator = np.random.default_rng(seed)
    x, y = generator.standard_normal((6, widths[0])), generator.integers(widths[-1], size=6)
    net = Network(x, y, widths)
    return net, net.drawn(generator), generator


@derandomized
@given(seed=st.integers(0, 1000))
def test_derivatives_are_those_of_the_loss(seed: int) -> None:
    net, theta, generator = drawn(seed)
    loss, gradient = net.gradient(theta)
    assert loss == pytest.approx(net.loss_and_error(theta)[0])
    v = generator.standard_normal(len(theta))
    losses = [net.loss_and_error(theta + s * 1e-6 * v)[0] for s in (1, -1)]
    assert (losses[0] - losses[1]) / 2e-6 == pytest.approx(gradient @ v, abs=1e-6)
    gradients = [net.gradient(theta + s * 1e-7 * v)[1] for s in (1, -1)]
    assert net.hessian_times(theta, v) == pytest.approx((gradients[0] - gradients[1]) / 2e-7, abs=1e-5)


def test_a_penalized_step_descends_on_the_loss_and_its_penalty() -> None:
    net, theta, _ = drawn(3)
    moved, losses = FullBatch(lr=0.01, penalty=0.7, until=1e-9, steps=1)._descended(net, theta)
    assert len(losses) == 2

    def penalized(at: np.ndarray) -> float:
        loss, gradient = net.gradient(at)
        return loss + 0.7 * float(gradient @ gradient)

    for place in (0, 5, len(theta) - 1):
        unit = np.eye(len(theta))[place] * 1e-6
        slope = (penalized(theta + unit) - penalized(theta - unit)) / 2e-6
        assert (theta - moved)[place] / 0.01 == pytest.approx(slope, abs=1e-5)


def test_the_loss_is_the_cross_entropy() -> None:
    net, theta, _ = drawn(0)
    (first, biases), (second, last) = net.layers(theta)
    scores = np.maximum(net.x @ first + biases, 0) @ second + last
    chances = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    loss, error = net.loss_and_error(theta)
    assert loss == pytest.approx(-np.mean([math.log(p[y]) for p, y in zip(chances, net.y, strict=True)]))
    assert error == np.mean(chances.argmax(1) != net.y)


def test_sharpness_is_the_largest_eigenvalue() -> None:
    net, theta, generator = drawn(3, (3, 4, 4, 3))
    hessian = np.array([net.hessian_times(theta, v) for v in np.eye(len(theta))])
    assert hessian == pytest.approx(hessian.T, abs=1e-12)
    largest = float(np.linalg.eigvalsh(hessian)[-1])
    assert net.sharpness(theta, generator, rounds=500) == pytest.approx(largest, rel=1e-3)


def test_training_stops_at_the_loss_it_is_told() -> None:
    split = Digits(n=40).split(None, 1000)
    solver = FullBatch(lr=0.2, hidden=(16,), until=0.2, draws=2)
    results = solver.solve(split, stream(1000, "solution"))
    assert 0.15 < results["train_loss"] <= 0.2
    assert results == solver.solve(split, stream(1000, "solution"))
    slower = solver.but(lr=0.02).solve(split, stream(1000, "solution"))
    assert slower["steps"] == pytest.approx(10 * results["steps"], rel=0.2)  # from the same start
    assert slower["rises"] == 0


def test_a_penalty_changes_the_path() -> None:
    split = Digits(n=40).split(None, 1000)
    solver = FullBatch(lr=0.02, hidden=(16,), until=0.2, draws=2)
    free = solver.solve(split, stream(1000, "solution"))
    held = solver.but(penalty=0.3).solve(split, stream(1000, "solution"))
    assert held["train_loss"] <= 0.2
    assert held["sharpness"] != free["sharpness"]


def test_a_budget_that_ends_first_leaves_no_numbers() -> None:
    split = Digits(n=40).split(None, 1000)
    results = FullBatch(lr=0.02, hidden=(16,), steps=5, draws=2).solve(split, stream(1000, "solution"))
    assert all(math.isnan(value) for value in results.values())


@pytest.mark.parametrize(
    "wrong", [{"lr": 0.0}, {"penalty": -1.0}, {"until": 0.0}, {"steps": 0}, {"draws": 0}]
)
def test_wrong_numbers_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FullBatch(**{"lr": 0.1, **wrong})


def test_a_step_passes_over_the_examples_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradient and product with the Hessian share it, and all products at the same weights do."""
    net, theta, generator = drawn(4)
    plain, passes = Network.values, []

    def counting(self: Network, at: np.ndarray, layers: Any = None) -> Any:
        passes.append(at)
        return plain(self, at, layers)

    monkeypatch.setattr(Network, "values", counting)
    FullBatch(lr=0.01, penalty=0.7, until=1e-9, steps=5)._descended(net, theta)
    assert len(passes) == 6
    net.sharpness(theta, generator)
    assert len(passes) == 7


def test_shared_passes_give_the_same_bits() -> None:
    net, theta, generator = drawn(5)
    v, passes = generator.standard_normal(len(theta)), net.passed(theta)
    assert np.array_equal(net.gradient(theta)[1], net.gradient(theta, passes)[1])
    assert np.array_equal(net.hessian_times(theta, v), net.hessian_times(theta, v, passes))
