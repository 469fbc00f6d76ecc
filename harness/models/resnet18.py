"""The pre-activation ResNet18 of Nakkiran et al. 2020 (Section 4 and appendix B), of width k."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from harness.models.architecture import Architecture
from harness.models.counts import dense, image, require_positive
from harness.spec.contracts import LayerCount

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

MULTIPLES = (1, 2, 4, 8)
BLOCKS = 2  # of each width
SMALLEST = 8


class ResNet18(Architecture, frozen=True):
    """A 3x3 convolution, eight pre-activation blocks (k, k, 2k, 2k, 4k, 4k, 8k, 8k channels), a linear layer.

    A block normalises, applies ReLU and convolves, twice, and adds its input; where the width changes, the
    map is halved and a 1x1 convolution of the normalised input is added instead. The mean over the last map
    is classified. No convolution has a bias; normalisation has gain and offset (He et al. 2016).

    Args:
        width: k; 64 is the standard network, 11.2 million parameters on CIFAR-10.
    """

    width: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, width=self.width)

    def widths(self) -> tuple[int, ...]:
        """Channels of the four stages."""
        return tuple(self.width * m for m in MULTIPLES)

    def layers(self, shape: tuple[int, ...], classes: int) -> list[LayerCount]:
        """First convolution; of each block its normalisations and convolutions; the linear layer.

        Raises:
            ValueError: the shape is not that of images of at least 8x8 pixels.
        """
        inputs, height, breadth = image(self, shape, SMALLEST)
        layers = [_convolution(inputs, self.width, 3, height * breadth)]
        for before, after in pairwise((self.width, *self.widths())):
            for block in range(BLOCKS):
                entering = after if block else before
                if entering != after:
                    height, breadth = -(-height // 2), -(-breadth // 2)
                    layers.append(_convolution(entering, after, 1, height * breadth))
                layers += [
                    LayerCount(2 * entering, 0),
                    _convolution(entering, after, 3, height * breadth),
                    LayerCount(2 * after, 0),
                    _convolution(after, after, 3, height * breadth),
                ]
        return [*layers, dense(self.widths()[-1], classes)]

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The float32 module, every layer uniform in +-1/sqrt(fan-in), from ``generator`` alone."""
        from harness.models._resnet18_nets import ResNet

        return ResNet(generator, image(self, shape, SMALLEST)[0], self.widths(), BLOCKS, classes)


def _convolution(inputs: int, outputs: int, kernel: int, pixels: int) -> LayerCount:
    """A convolution without bias."""
    weights = kernel * kernel * inputs * outputs
    return LayerCount(weights, weights * pixels)
