"""A model of which only some weights are there: a mask holds the others at zero while it trains.

Source: Frankle and Carbin 2019, Section 1. The mask comes from ``harness.models.tickets``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from torch import nn


class Masked(Value, frozen=True):
    """Another model whose dense and convolutional weights carry masks, at first of ones.

    Each ``<layer>.weight`` has a buffer ``<layer>.mask`` of its shape; all other names are the model's own.
    Biases are not masked.

    Args:
        model: the model.
    """

    model: Any

    def size(self, shape: tuple[int, ...], classes: int) -> int:
        """Number of parameters before anything is masked: those of the model."""
        return int(self.model.size(shape, classes))

    def cost(self, shape: tuple[int, ...], classes: int) -> float:
        """Multiply-adds of one forward pass of one example: masked weights cost what others do."""
        return float(self.model.cost(shape, classes))

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The model's module, from ``generator`` alone, with masks of ones.

        Raises:
            ValueError: it has no layer that could be masked.
        """
        from harness.models._masked_nets import masked

        module: nn.Module = self.model.build(shape, classes, generator)
        if not masked(module):
            raise ValueError(f"Masked({type(self.model).__name__}): it has no dense or convolutional layer")
        return module
