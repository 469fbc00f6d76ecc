"""The small AlexNet of Zhang et al. 2017 (Section 2 and Table 1: 1,387,786 parameters)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from harness.models.counts import (
    Layer,
    convolution,
    dense,
    image,
    multiply_adds,
    parameters,
    require_positive,
    scaled,
)
from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

CHANNELS = (64, 64)
HIDDEN = (384, 192)


class SmallAlexNet(Value, frozen=True):
    """Twice (5x5 convolution, ReLU, 3x3 max-pool of stride 2, local response norm), then 384, 192 units.

    The paper gives no channel numbers; 64 and 64 with padded pooling reproduce its count exactly.
    Nor does it give the constants of the response norm: here those of TensorFlow's CIFAR-10 example,
    from which the widths seem to come (9 channels, k = 1, alpha = 0.001 over the 9, beta = 0.75).

    Args:
        width: factor on channels and hidden units, for cheaper versions.
    """

    width: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, width=self.width)

    def dense_widths(self, shape: tuple[int, ...], classes: int) -> tuple[int, ...]:
        """Widths of the fully connected part: the flattened map, hidden units, classes."""
        _, height, breadth = image(self, shape, smallest=4)
        pooled = -(-height // 4) * -(-breadth // 4)
        channels = scaled(CHANNELS[1], self.width)
        return (pooled * channels, *(scaled(h, self.width) for h in HIDDEN), classes)

    def layers(self, shape: tuple[int, ...], classes: int) -> list[Layer]:
        """Two convolutions and three dense layers.

        Raises:
            ValueError: the shape is not that of images of at least 4x4 pixels.
        """
        inputs, height, breadth = image(self, shape, smallest=4)
        first, second = (scaled(c, self.width) for c in CHANNELS)
        halved = -(-height // 2) * -(-breadth // 2)
        return [
            convolution(inputs, first, 5, height * breadth),
            convolution(first, second, 5, halved),
            *(dense(a, b) for a, b in pairwise(self.dense_widths(shape, classes))),
        ]

    def size(self, shape: tuple[int, ...], classes: int) -> int:
        """Number of parameters for images of this shape."""
        return parameters(self.layers(shape, classes))

    def cost(self, shape: tuple[int, ...], classes: int) -> float:
        """Multiply-adds of one forward pass of one image."""
        return multiply_adds(self.layers(shape, classes))

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The float32 module, from ``generator`` alone.

        Convolutions are drawn as by He et al. over the fan-out; dense layers uniform in +-1/sqrt(inputs).
        """
        from harness.models._alexnet_nets import alexnet

        response = {"size": 9, "k": 1.0, "alpha": 0.001, "beta": 0.75}
        channels = (image(self, shape, smallest=4)[0], *(scaled(c, self.width) for c in CHANNELS))
        widths = self.dense_widths(shape, classes)
        return alexnet(generator, channels, widths, pool=(3, 2, 1), norm=False, response=response)
