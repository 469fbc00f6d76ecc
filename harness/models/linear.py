"""Logistic regression: one layer, no hidden unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.models.counts import Layer, dense, flat, multiply_adds, parameters
from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from torch import nn


class Linear(Value, frozen=True):
    """A linear map with bias of the flattened example: (values + 1) x classes parameters."""

    def layers(self, shape: tuple[int, ...], classes: int) -> list[Layer]:
        return [dense(flat(shape), classes)]

    def size(self, shape: tuple[int, ...], classes: int) -> int:
        """Number of parameters for examples of this shape."""
        return parameters(self.layers(shape, classes))

    def cost(self, shape: tuple[int, ...], classes: int) -> float:
        """Multiply-adds of one forward pass of one example."""
        return multiply_adds(self.layers(shape, classes))

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The float32 module, uniform in +-1/sqrt(values), from ``generator`` alone."""
        from torch import nn

        from harness.models import _nets

        return nn.Sequential(nn.Flatten(), _nets.dense(generator, flat(shape), classes))
