"""LeNet-300-100, a fully connected network (Frankle and Carbin 2019, Section 2)."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from harness.models.architecture import Architecture
from harness.models.counts import dense, flat, require_positive
from harness.spec.contracts import LayerCount

if TYPE_CHECKING:
    import numpy as np
    from torch import nn


class LeNet300(Architecture, frozen=True):
    """Two hidden ReLU layers of different widths; examples of any shape are flattened.

    Weights are Gaussian with variance 2 / (inputs + outputs) (Glorot), biases zero.

    Args:
        first, second: units of the hidden layers; 300 and 100 in the source.
    """

    first: int = 300
    second: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, first=self.first, second=self.second)

    def shapes(self, shape: tuple[int, ...], classes: int) -> list[tuple[int, int]]:
        """The shapes of the weights: (outputs, inputs) of each layer, first layer first."""
        widths = (flat(shape), self.first, self.second, classes)
        return [(outputs, inputs) for inputs, outputs in pairwise(widths)]

    def layers(self, shape: tuple[int, ...], classes: int) -> list[LayerCount]:
        return [dense(inputs, outputs) for outputs, inputs in self.shapes(shape, classes)]

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The float32 module: Flatten, then Linear and ReLU in turn, from ``generator`` alone."""
        from torch import nn

        from harness.models import _nets

        net: list[nn.Module] = [nn.Flatten()]
        for outputs, inputs in self.shapes(shape, classes):
            layer = _nets.dense(generator, inputs, outputs)
            _nets.normal_(layer.weight, math.sqrt(2 / (inputs + outputs)), generator)
            nn.init.zeros_(layer.bias)
            net += [layer, nn.ReLU()]
        return nn.Sequential(*net[:-1])
