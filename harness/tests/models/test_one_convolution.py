"""One layer of convolutions: its size, and the centres of its filters for a net of fewer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from harness.models.one_convolution import FilterCentres, OneConvolution

SHAPE, CLASSES = (1, 12, 12), 3


def arrays(filters: int, seed: int = 0) -> dict[str, Any]:
    """The weights of a net by name."""
    net = OneConvolution(filters).build(SHAPE, CLASSES, np.random.default_rng(seed))
    return {name: tensor.numpy() for name, tensor in net.state_dict().items()}


def test_a_net_has_its_size_and_its_output() -> None:
    net = OneConvolution(7).build(SHAPE, CLASSES, np.random.default_rng(0))
    assert sum(w.numel() for w in net.parameters()) == OneConvolution(7).size(SHAPE, CLASSES)
    assert net(torch.zeros(2, *SHAPE)).shape == (2, CLASSES)


def test_centres_of_repeated_filters_are_these_filters() -> None:
    two, large = arrays(2), arrays(6)
    for name in ("0.weight", "0.bias"):
        large[name] = np.concatenate([two[name]] * 3)
    small = FilterCentres(2).apply(large, np.random.default_rng(0))
    assert {n: a.shape for n, a in small.items()} == {n: a.shape for n, a in two.items()}
    order = [0, 1] if np.allclose(small["0.weight"][0], two["0.weight"][0]) else [1, 0]
    for name in ("0.weight", "0.bias"):
        assert np.allclose(small[name][order], two[name], atol=1e-6)


def test_each_centre_is_the_mean_of_the_filters_nearest_to_it() -> None:
    large = arrays(40, seed=3)
    small = FilterCentres(4).apply(large, np.random.default_rng(0))

    def rows(weights: dict[str, Any]) -> Any:
        kernels = weights["0.weight"]
        return np.concatenate([kernels.reshape(len(kernels), -1), weights["0.bias"][:, None]], axis=1)

    nearest = ((rows(large)[:, None] - rows(small)) ** 2).sum(axis=2).argmin(axis=1)
    for i, centre in enumerate(rows(small)):
        assert np.allclose(rows(large)[nearest == i].mean(axis=0), centre, atol=1e-5)


def test_the_dense_layer_is_drawn_and_the_parent_stays() -> None:
    large = arrays(9)
    before = {name: array.copy() for name, array in large.items()}
    first, second = (FilterCentres(4).apply(large, np.random.default_rng(seed)) for seed in (0, 1))
    assert not np.array_equal(first["4.weight"], second["4.weight"])
    again = FilterCentres(4).apply(large, np.random.default_rng(0))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert all(np.array_equal(before[name], large[name]) for name in large)


def test_more_centres_than_filters_are_refused() -> None:
    with pytest.raises(ValueError, match="has 3 filters"):
        FilterCentres(4).apply(arrays(3), np.random.default_rng(0))
