"""The five-layer convolutional network of Nakkiran et al. 2020 (Section 4 and appendix B), of width k."""

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

MULTIPLES = (1, 2, 4, 8)
SMALLEST = 4  # two poolings by 2 come before the last one, which takes all that is left


class Cnn5(Architecture, frozen=True):
    """3x3 convolutions to k, 2k, 4k and 8k channels, each normalised, ReLU, pooled; then one linear layer.

    Maxima are taken over squares of side 1, 2 and 2, and after the last convolution over the whole map (of
    side 8 for images of side 32). Batch normalisation has gain and offset, convolutions have biases.

    Args:
        width: k; 64 in the standard network, about 1.56 million parameters on CIFAR-10.
    """

    width: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, width=self.width)

    def channels(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The channels of the image and of the four maps.

        Raises:
            ValueError: the shape is not that of images of at least 4x4 pixels.
        """
        return (image(self, shape, SMALLEST)[0], *(self.width * m for m in MULTIPLES))

    def layers(self, shape: tuple[int, ...], classes: int) -> list[LayerCount]:
        """Convolution and normalisation of each map, then the linear layer."""
        _, height, breadth = image(self, shape, SMALLEST)
        layers = []
        for i, (inputs, outputs) in enumerate(pairwise(self.channels(shape))):
            shrunk = 2 ** max(0, i - 1)  # the first convolution is not followed by a pooling
            pixels = (height // shrunk) * (breadth // shrunk)
            layers += [convolution(inputs, outputs, 3, pixels), LayerCount(2 * outputs, 0)]
        return [*layers, dense(self.width * MULTIPLES[-1], classes)]

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The float32 module, every layer uniform in +-1/sqrt(fan-in), from ``generator`` alone."""
        from harness.models._cnn5_nets import cnn5

        return cnn5(generator, self.channels(shape), classes)
