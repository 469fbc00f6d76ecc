"""Weights put in an order drawn at random: as large as they were, and nothing of what they had learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np

    Weights = dict[str, np.ndarray]


class Scattered(Value, frozen=True):
    """A transform for ``From``: the entries of every array of weights in an order drawn at random.

    Each layer keeps the distribution of its weights, its norm among them, and of its biases.
    """

    def apply(self, weights: Weights, generator: np.random.Generator) -> Weights:
        """Weights by name, of the shapes and types they had."""
        return {
            name: generator.permutation(array.reshape(-1)).reshape(array.shape)
            for name, array in weights.items()
        }
