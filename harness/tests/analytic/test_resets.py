"""How far layers moved, in sizes of their initial weights."""

from __future__ import annotations

import numpy as np
import pytest

from harness.analytic.resets import Movement, WeightSizes

RNG = np.random.default_rng(0)


def test_movement_is_in_sizes_of_the_weights_before() -> None:
    before = {"1.weight": np.array([[3.0, -3.0]], np.float32), "1.bias": np.zeros(2, np.float32)}
    after = {"1.weight": np.array([[6.0, -3.0]], np.float32), "1.bias": np.ones(2, np.float32)}
    moved = Movement().apply([after, before], RNG)
    assert moved["1.weight"].tolist() == [[1.0, 0.0]]
    assert moved["1.bias"].tolist() == [1.0, 1.0]
    assert {array.dtype for array in moved.values()} == {np.dtype(np.float32)}


def test_weights_that_did_not_move_have_size_zero() -> None:
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU(), torch.nn.Linear(2, 1))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
        net[2].weight.zero_()
    assert WeightSizes().measure(net, None) == {"size_0": pytest.approx(2.5), "size_2": 0.0}  # type: ignore[arg-type]
