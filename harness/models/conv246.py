"""Conv-2, Conv-4 and Conv-6, scaled-down VGG nets for CIFAR-10 (Frankle and Carbin 2019, Section 3)."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from harness.models.architecture import Architecture
from harness.models.counts import convolution, dense, image
from harness.spec.contracts import LayerCount

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

CHANNELS = (64, 128, 256)
HIDDEN = (256, 256)
DEPTHS = (2, 4, 6)


class Conv(Architecture, frozen=True):
    """Pairs of 3x3 convolutions to 64, 128 and 256 channels, each pair pooled by 2, then 256, 256, classes.

    Convolutions are same-padded. Weights are Gaussian with variance 2 / (fan-in + fan-out) (Glorot), biases
    zero. On 32x32 colour images Conv-2, Conv-4 and Conv-6 have 4.30, 2.43 and 2.26 million weights.

    Args:
        depth: number of convolutions: 2, 4 or 6.

    Raises:
        ValueError: another depth.
    """

    depth: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.depth not in DEPTHS:
            raise ValueError(f"Conv(depth={self.depth}): one of {', '.join(map(str, DEPTHS))}")

    def shapes(self, shape: tuple[int, ...], classes: int) -> list[tuple[int, ...]]:
        """The shapes of the weights, outputs first, first layer first.

        Raises:
            ValueError: not images, or too small to be pooled as often.
        """
        pools = self.depth // 2
        channels, height, breadth = image(self, shape, 2**pools)
        widths = (channels, *(c for c in CHANNELS[:pools] for _ in range(2)))
        flat = widths[-1] * (height // 2**pools) * (breadth // 2**pools)
        convolutions: list[tuple[int, ...]] = [(b, a, 3, 3) for a, b in pairwise(widths)]
        return convolutions + [(b, a) for a, b in pairwise((flat, *HIDDEN, classes))]

    def layers(self, shape: tuple[int, ...], classes: int) -> list[LayerCount]:
        """The convolutions, then three dense layers."""
        _, height, breadth = image(self, shape, 2 ** (self.depth // 2))
        layers = []
        for i, (outputs, inputs, *kernel) in enumerate(self.shapes(shape, classes)):
            pixels = (height >> i // 2) * (breadth >> i // 2)
            layers.append(convolution(inputs, outputs, 3, pixels) if kernel else dense(inputs, outputs))
        return layers

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The float32 module, from ``generator`` alone."""
        from torch import nn

        from harness.models import _nets

        net: list[nn.Module] = []
        for i, (outputs, inputs, *kernel) in enumerate(self.shapes(shape, classes)):
            if i == self.depth:
                net.append(nn.Flatten())
            layer: nn.Conv2d | nn.Linear
            if kernel:
                layer = _nets.convolution(generator, inputs, outputs, 3, scale=1.0)
            else:
                layer = _nets.dense(generator, inputs, outputs)
            field = math.prod(kernel)
            _nets.normal_(layer.weight, math.sqrt(2 / (field * (inputs + outputs))), generator)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
            net += [layer, nn.ReLU()]
            if kernel and i % 2:
                net.append(nn.MaxPool2d(2))
        return nn.Sequential(*net[:-1])
