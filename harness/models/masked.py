"""A model of which only some weights are there: a mask holds the others at zero while it trains.

Source: Frankle and Carbin 2019, Section 1. The mask comes from ``harness.models.tickets``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.models.architecture import AroundModel

if TYPE_CHECKING:
    import numpy as np
    from torch import nn


class Masked(AroundModel, frozen=True):
    """Another model whose dense and convolutional weights carry masks, at first of ones.

    Each ``<layer>.weight`` has a buffer ``<layer>.mask`` of its shape; all other names are the model's own.
    Biases are not masked.

    Args:
        model: the model.
    """

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The model's module, from ``generator`` alone, with masks of ones.

        Raises:
            ValueError: it has no layer that could be masked.
        """
        from harness.models._masked_nets import masked

        module = self.model.build(shape, classes, generator)
        if not masked(module):
            raise ValueError(f"Masked({type(self.model).__name__}): it has no dense or convolutional layer")
        return module
