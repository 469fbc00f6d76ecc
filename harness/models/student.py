"""The convolutional family of the student extension of Zhang et al. (its tables 2 and 3)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from harness.models.architecture import Architecture
from harness.models.counts import (
    convolution,
    dense,
    image,
    require_positive,
)
from harness.spec.contracts import LayerCount

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

FIRST = 6
SMALLEST = 16  # below it the second pooling leaves nothing


class StudentCnn(Architecture, frozen=True):
    """5x5 convolutions to 6 and ``second`` channels, each pooled by 2, then two hidden layers.

    Nothing is padded: an image of side 32 leaves maps of side 5. With 4 classes, 5, 30 and 20 give
    5,695 parameters; four of the report's seventeen rows do not have the count they are named after.
    """

    second: int
    hidden1: int
    hidden2: int

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, second=self.second, hidden1=self.hidden1, hidden2=self.hidden2)

    def dense_widths(self, shape: tuple[int, ...], classes: int) -> tuple[int, ...]:
        """Widths of the fully connected part: the flattened map, hidden units, classes."""
        _, height, breadth = image(self, shape, SMALLEST)
        left = ((height - 4) // 2 - 4) // 2 * (((breadth - 4) // 2 - 4) // 2)
        return (left * self.second, self.hidden1, self.hidden2, classes)

    def layers(self, shape: tuple[int, ...], classes: int) -> list[LayerCount]:
        """Two convolutions and three dense layers.

        Raises:
            ValueError: the shape is not that of images of at least 16x16 pixels.
        """
        inputs, height, breadth = image(self, shape, SMALLEST)
        second = ((height - 4) // 2 - 4) * ((breadth - 4) // 2 - 4)
        return [
            convolution(inputs, FIRST, 5, (height - 4) * (breadth - 4)),
            convolution(FIRST, self.second, 5, second),
            *(dense(a, b) for a, b in pairwise(self.dense_widths(shape, classes))),
        ]

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The float32 module, every layer uniform in +-1/sqrt(fan-in), from ``generator`` alone."""
        from torch import nn

        from harness.models import _nets

        inputs = image(self, shape, SMALLEST)[0]
        net: list[nn.Module] = []
        for a, b in pairwise((inputs, FIRST, self.second)):  # pooling first: it commutes with ReLU
            net += [_nets.unpadded_convolution(generator, a, b, 5), nn.MaxPool2d(2), nn.ReLU()]
        net.append(nn.Flatten())
        for a, b in pairwise(self.dense_widths(shape, classes)):
            net += [_nets.dense(generator, a, b), nn.ReLU()]
        return nn.Sequential(*net[:-1])
