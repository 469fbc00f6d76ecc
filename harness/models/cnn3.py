"""A three-layer convolutional network of width k: that of Nakkiran et al. 2020 with a layer less."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from harness.models.architecture import Architecture
from harness.models.counts import convolution, dense, image, require_positive
from harness.spec.contracts import LayerCount

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

MULTIPLES = (1, 2, 4)
SMALLEST = 4
"""Two poolings by 2 come before the last one, which takes all that is left."""


class Cnn3(Architecture, frozen=True):
    """3x3 convolutions to k, 2k and 4k channels, each normalised, ReLU, pooled; then one linear layer.

    Maxima are taken over squares of side 2 after the first two, and over the whole map after the third. Batch
    normalisation has gain and offset, convolutions have biases. On one grey channel and ten classes k = 2, 8
    and 24 make 510, 6,330 and 53,530 weights, which 1,000 to 4,000 images bring to their peak within minutes.

    Args:
        width: k.
    """

    width: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, width=self.width)

    def channels(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The channels of the image and of the three maps.

        Raises:
            ValueError: the shape is not that of images of at least 4x4 pixels.
        """
        return (image(self, shape, SMALLEST)[0], *(self.width * m for m in MULTIPLES))

    def layers(self, shape: tuple[int, ...], classes: int) -> list[LayerCount]:
        """Convolution and normalisation of each map, then the linear layer."""
        _, height, breadth = image(self, shape, SMALLEST)
        layers = []
        for i, (inputs, outputs) in enumerate(pairwise(self.channels(shape))):
            pixels = (height // 2**i) * (breadth // 2**i)
            layers += [convolution(inputs, outputs, 3, pixels), LayerCount(2 * outputs, 0)]
        return [*layers, dense(self.width * MULTIPLES[-1], classes)]

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The float32 module, every layer uniform in +-1/sqrt(fan-in), from ``generator`` alone."""
        from harness.models._cnn3_nets import cnn3

        return cnn3(generator, self.channels(shape), classes)
