"""Widened networks: they contain the one before, and what cannot be widened is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.models import Linear, Mlp
from harness.models.widening import Widened

QUICKLY = settings(max_examples=25, derandomize=True, database=None, deadline=None)


def mlp(width: int, depth: int, seed: int) -> Any:
    return Mlp(width, depth=depth).build((1, 4, 4), 3, np.random.default_rng(seed))


def arrays(net: Any) -> dict[str, Any]:
    return {name: tensor.numpy() for name, tensor in net.state_dict().items()}


@given(width=st.integers(1, 6), more=st.integers(0, 5), depth=st.integers(1, 3), seed=st.integers(0, 99))
@QUICKLY
def test_a_widened_network_contains_the_one_before(width: int, more: int, depth: int, seed: int) -> None:
    before, target = arrays(mlp(width, depth, seed)), arrays(mlp(width + more, depth, 0))
    after = Widened(width + more).apply(before, np.random.default_rng(seed))
    assert {n: a.shape for n, a in after.items()} == {n: a.shape for n, a in target.items()}
    for name, array in before.items():
        assert np.array_equal(after[name][tuple(slice(size) for size in array.shape)], array)


def test_silenced_new_units_leave_the_function_as_it_was() -> None:
    small, wide = mlp(5, 1, 3), mlp(9, 1, 0)
    weights = Widened(9).apply(arrays(small), np.random.default_rng(0))
    weights["3.weight"][:, 5:] = 0
    wide.load_state_dict({name: torch.from_numpy(a) for name, a in weights.items()})
    x = torch.randn(7, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(small(x), wide(x), atol=1e-6)


def test_new_entries_have_the_deviation_asked_for() -> None:
    new = Widened(400, deviation=0.1).apply(arrays(mlp(1, 1, 0)), np.random.default_rng(0))["1.weight"][1:]
    assert abs(new.std() - 0.1) < 0.005
    assert abs(new.mean()) < 0.005


def test_networks_that_cannot_be_widened_are_refused() -> None:
    with pytest.raises(ValueError, match="wider already"):
        Widened(3).apply(arrays(mlp(4, 1, 0)), np.random.default_rng(0))
    linear = Linear().build((4,), 3, np.random.default_rng(0))
    with pytest.raises(ValueError, match="without hidden layer"):
        Widened(3).apply(arrays(linear), np.random.default_rng(0))
    with pytest.raises(ValueError, match="must be positive"):
        Widened(3, deviation=0.0)
