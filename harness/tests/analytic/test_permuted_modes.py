"""Reordered units against the function they compute, matching against orders that are known, and the line."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from harness.analytic.full_batch import Network
from harness.analytic.permuted_modes import PermutedModes, barrier, matching, permuted
from harness.data.digits import Digits
from harness.spec.streams import stream


def drawn(*widths: int) -> tuple[Network, np.ndarray, np.random.Generator]:
    generator = np.random.default_rng(7)
    net = Network(
        generator.standard_normal((20, widths[0])), generator.integers(widths[-1], size=20), tuple(widths)
    )
    return net, net.drawn(generator), generator


def test_reordered_units_compute_the_same() -> None:
    net, theta, generator = drawn(5, 6, 4, 3)
    orders = [generator.permutation(6), generator.permutation(4)]
    moved = permuted(net, theta, orders)
    assert not np.allclose(moved, theta)
    for before, after in zip(net.values(theta)[1:-1], net.values(moved)[1:-1], strict=True):
        assert sorted(before[0]) == pytest.approx(sorted(after[0]))
    assert net.values(moved)[1] == pytest.approx(net.values(theta)[1][:, orders[0]])
    assert net.values(moved)[-1] == pytest.approx(net.values(theta)[-1])


def test_matching_undoes_a_permutation() -> None:
    net, theta, generator = drawn(30, 12, 12, 12, 3)
    shuffled = permuted(net, theta, [generator.permutation(12) for _ in range(3)])
    assert not np.allclose(theta, shuffled)
    again = permuted(net, shuffled, matching(net, theta, shuffled, generator))
    assert again == pytest.approx(theta)


def test_no_other_order_of_one_layer_fits_better() -> None:
    """With one hidden layer the assignment is the best of all orders, which are few enough to try."""
    net, theta, generator = drawn(3, 5, 2)
    other = net.drawn(generator)
    best = theta @ permuted(net, other, matching(net, theta, other, generator))
    orders = (np.array(order) for order in itertools.permutations(range(5)))
    assert best == pytest.approx(max(theta @ permuted(net, other, [order]) for order in orders))


def test_the_barrier_is_over_the_line_between_the_ends() -> None:
    net, theta, generator = drawn(3, 4, 2)
    other = net.drawn(generator)
    ends = [net.loss_and_error(w)[0] for w in (theta, other)]
    over = [
        net.loss_and_error((1 - t) * theta + t * other)[0] - (1 - t) * ends[0] - t * ends[1]
        for t in np.linspace(0, 1, 11)
    ]
    assert barrier(net, theta, other) == pytest.approx(max(over))
    assert barrier(net, theta, other, (ends[0], ends[1])) == barrier(net, theta, other)
    assert barrier(net, theta, theta) == pytest.approx(0.0)


def test_all_orders_are_of_the_same_trainings() -> None:
    split = Digits(n=100).split(None, 1000)
    solver = PermutedModes(width=12, epochs=6, batch=20)
    by = {
        order: solver.but(order=order).solve(split, stream(1000, "solution"))
        for order in ("matched", "matched at the start", "random", "kept")
    }
    assert len({result["barrier"] for result in by.values()}) == 1
    assert by["kept"]["barrier_left"] == by["kept"]["barrier"]
    assert by["matched"]["barrier_left"] < by["random"]["barrier_left"]
    assert max(result["changed"] for result in by.values()) < 1e-12
    assert by["matched"] == solver.solve(split, stream(1000, "solution"))


def test_training_ends_at_the_step_asked_for() -> None:
    net, theta, _ = drawn(3, 4, 2)
    once = PermutedModes(width=4, batch=20, momentum=0.0, stop=1)._trained(
        net, theta, np.random.default_rng(0)
    )
    assert once == pytest.approx(theta - 0.05 * net.gradient(theta)[1])
    epoch = PermutedModes(width=4, batch=20, momentum=0.0, epochs=1)
    assert np.array_equal(epoch._trained(net, theta, np.random.default_rng(0)), once)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"order": "sorted"}, "must be one of matched"), ({"width": 0}, "width"), ({"stop": -1}, "stop")],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        PermutedModes(**{"width": 4, **wrong})  # type: ignore[arg-type]
