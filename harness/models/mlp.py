"""Fully connected networks (Zhang et al. 2017, Section 2 and Table 1: MLP 1x512 and 3x512)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from harness.models.architecture import Architecture
from harness.models.counts import dense, flat, require_positive
from harness.spec.contracts import LayerCount

if TYPE_CHECKING:
    import numpy as np
    from torch import nn


class Mlp(Architecture, frozen=True):
    """``depth`` hidden ReLU layers of ``width`` units; examples of any shape are flattened.

    Args:
        width: units of each hidden layer.
        depth: number of hidden layers.
        batch_norm: normalise before each ReLU, without gain and offset (the count does not change).
        bias: whether the layers have biases.
    """

    width: int = 512
    depth: int = 1
    batch_norm: bool = False
    bias: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, width=self.width, depth=self.depth)

    def widths(self, shape: tuple[int, ...], classes: int) -> tuple[int, ...]:
        """Inputs, hidden widths and outputs."""
        return (flat(shape), *[self.width] * self.depth, classes)

    def layers(self, shape: tuple[int, ...], classes: int) -> list[LayerCount]:
        return [dense(a, b, self.bias) for a, b in pairwise(self.widths(shape, classes))]

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The float32 module: Flatten, then Linear [BatchNorm1d] ReLU per hidden layer, then Linear.

        Weights and biases are uniform in +-1/sqrt(inputs of the layer), from ``generator`` alone.
        """
        from torch import nn

        from harness.models import _nets

        *hidden, last = pairwise(self.widths(shape, classes))
        net: list[nn.Module] = [nn.Flatten()]
        for inputs, outputs in hidden:
            net.append(_nets.dense(generator, inputs, outputs, self.bias))
            if self.batch_norm:
                net.append(_nets.flat_batch_norm(outputs))
            net.append(nn.ReLU())
        net.append(_nets.dense(generator, *last, self.bias))
        return nn.Sequential(*net)
