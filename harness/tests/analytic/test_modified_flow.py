"""Flows and steps against closed forms: quadratic energies, conserved quantities, finite differences."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analytic.modified_flow import (
    Product,
    TanhNet,
    drawn_net,
    explicit_step,
    flowed,
    hessian_times,
    implicit_step,
    mean_iterate,
    penalized,
    second_order,
    shuffling,
    third_times,
    tracking,
    two_parameters,
)
from harness.spec.streams import stream
from harness.tests.deterministic import derandomized


def energy(net: TanhNet, theta: np.ndarray) -> float:
    """E by its definition, a loop over examples and units."""
    d, units = net.x.shape[1], net.units
    first, rest = theta[: units * d].reshape(units, d), theta[units * d :]
    total = 0.0
    for x, y in zip(net.x, net.y, strict=True):
        output = rest[-1] + sum(rest[units + j] * math.tanh(first[j] @ x + rest[j]) for j in range(units))
        total += (output - y) ** 2 / 2
    return total / len(net.y)


@derandomized
@given(seed=st.integers(0, 1000), n=st.integers(1, 5), d=st.integers(1, 3), units=st.integers(1, 4))
def test_the_gradient_is_that_of_the_energy(seed: int, n: int, d: int, units: int) -> None:
    net, theta = drawn_net(np.random.default_rng(seed), n, d, units)
    apart = 1e-6 * np.eye(net.size)
    numeric = [(energy(net, theta + e) - energy(net, theta - e)) / 2e-6 for e in apart]
    assert net.gradient(theta) == pytest.approx(numeric, abs=1e-7)
    assert net.gradient(np.stack([theta, 2 * theta]))[0] == pytest.approx(net.gradient(theta), abs=1e-14)


@derandomized
@given(
    a=st.floats(-3, 3),
    b=st.floats(-3, 3),
    y=st.floats(-2, 2),
    v=st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
)
def test_derivatives_of_the_product_are_its_formulas(
    a: float, b: float, y: float, v: tuple[float, float]
) -> None:
    model, theta, along = Product(y), np.array([a, b]), np.array(v)
    hessian = np.array([[b * b, 2 * a * b - y], [2 * a * b - y, a * a]])
    third = np.array([4 * b * v[0] * v[1] + 2 * a * v[1] ** 2, 4 * a * v[0] * v[1] + 2 * b * v[0] ** 2])
    assert hessian_times(model.gradient, theta, along) == pytest.approx(hessian @ along, abs=1e-12)
    assert third_times(model.gradient, theta, along) == pytest.approx(third, abs=1e-7)


def test_steps_and_flows_of_a_quadratic_are_known() -> None:
    curvature, h, start = np.array([0.5, 2.0]), 0.1, np.array([1.0, -3.0])

    def gradient(theta: np.ndarray) -> np.ndarray:
        return curvature * theta

    assert explicit_step(gradient, start, h) == pytest.approx(start * (1 - h * curvature))
    assert implicit_step(gradient, start, h) == pytest.approx(start / (1 + h * curvature), abs=1e-14)
    rates = {
        penalized(gradient, 0.0): curvature,
        penalized(gradient, h / 4): curvature + h / 2 * curvature**2,
        second_order(gradient, h): curvature + h / 2 * curvature**2 + h**2 / 3 * curvature**3,
    }
    for field, rate in rates.items():
        assert flowed(field, start, 1.0) == pytest.approx(start * np.exp(-rate), abs=1e-11)


def test_the_field_of_one_order_more_is_the_sum_of_its_terms_to_the_bit() -> None:
    """Its products with the Hessian are taken together; none of them may change by that."""
    net, theta = drawn_net(np.random.default_rng(4), 16, 4, 8)
    h, g = 0.05, net.gradient(theta)
    twice = hessian_times(net.gradient, theta, hessian_times(net.gradient, theta, g))
    more = twice / 3 + third_times(net.gradient, theta, g) / 12
    expected = penalized(net.gradient, h / 4)(theta) - h**2 * more
    assert second_order(net.gradient, h)(theta).tobytes() == expected.tobytes()


@pytest.mark.parametrize("replaced", [False, True])
def test_the_mean_iterate_is_the_mean_over_sequences(replaced: bool) -> None:
    net, start = drawn_net(np.random.default_rng(1), 6, 2, 3)
    batches = net.split(3)
    sequences = itertools.product(batches, repeat=3) if replaced else itertools.permutations(batches)
    ends = []
    for sequence in sequences:
        theta = start
        for batch in sequence:
            theta = explicit_step(batch.gradient, theta, 0.1)
        ends.append(theta)
    assert len(ends) == (27 if replaced else 6)
    assert mean_iterate(batches, start, 0.1, replaced=replaced) == pytest.approx(
        np.mean(ends, axis=0), abs=1e-13
    )


def test_batches_make_up_the_whole() -> None:
    net, theta = drawn_net(np.random.default_rng(2), 8, 2, 3)
    parts = [batch.gradient(theta) for batch in net.split(4)]
    assert np.mean(parts, axis=0) == pytest.approx(net.gradient(theta), abs=1e-14)


def test_the_flow_of_the_product_conserves_and_descent_shrinks() -> None:
    generator = stream(1000, "simulation")
    results = two_parameters(stream(1000, "simulation"), steps=(0.02,), penalties=(0.1,), rule="explicit")
    a, b = np.array([2.8, 3.5]) + generator.uniform(-0.3, 0.3, 2)
    y = generator.uniform(0.5, 0.9)
    assert results["flow"] == pytest.approx(math.hypot(a * a - b * b, 2 * y), abs=1e-9)
    kept = a * a - b * b
    for _ in range(2000):
        kept *= 1 - (0.02 * (y - a * b)) ** 2
        a, b = a + 0.02 * (y - a * b) * b, b + 0.02 * (y - a * b) * a
    assert results["descent_0"] == pytest.approx(math.hypot(kept, 2 * y), abs=1e-9)
    assert results["penalty_0"] < results["flow"]


def test_orders_show_and_a_wrong_coefficient_spoils_them() -> None:
    steps = (0.05, 0.025)

    def order(name: str, strength: float = 1.0) -> float:
        distances = tracking(
            stream(1000, "simulation"), steps=steps, time=0.5, rule="explicit", strength=strength
        )
        return math.log2(distances[f"{name}_0"] / distances[f"{name}_1"])

    assert order("local0") == pytest.approx(2, abs=0.1)
    assert order("local1") == pytest.approx(3, abs=0.1)
    assert order("local1", strength=2.0) == pytest.approx(2, abs=0.3)


def test_only_shuffled_epochs_have_their_own_flow() -> None:
    steps = (0.01, 0.005)
    for replaced, order in ((False, 3), (True, 2)):
        distances = shuffling(stream(1000, "simulation"), steps=steps, replaced=replaced)
        assert math.log2(distances["reshuffled_0"] / distances["reshuffled_1"]) == pytest.approx(
            order, abs=0.2
        )
