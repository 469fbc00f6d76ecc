"""Scattered weights: every layer keeps its entries, and the net loses what it had learnt."""

from __future__ import annotations

import numpy as np

from harness.models.scattering import Scattered


def test_every_layer_keeps_its_entries_in_another_order() -> None:
    drawn = np.random.default_rng(0)
    weights = {
        "1.weight": drawn.standard_normal((20, 30)).astype(np.float32),
        "1.bias": drawn.standard_normal(20).astype(np.float32),
        "2.num_batches_tracked": np.array(7),
    }
    before = {name: array.copy() for name, array in weights.items()}
    after = Scattered().apply(weights, np.random.default_rng(1))
    assert list(after) == list(weights)
    for name, array in weights.items():
        assert np.array_equal(array, before[name])
        assert (after[name].shape, after[name].dtype) == (array.shape, array.dtype)
        assert np.array_equal(np.sort(after[name], axis=None), np.sort(array, axis=None))
    assert not np.array_equal(after["1.weight"], weights["1.weight"])
    # entries cross rows and columns, so that no unit is left whole
    assert (np.sort(after["1.weight"], axis=1) != np.sort(weights["1.weight"], axis=1)).any(axis=1).all()
    other = Scattered().apply(weights, np.random.default_rng(2))
    assert not np.array_equal(after["1.weight"], other["1.weight"])
