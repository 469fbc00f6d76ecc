"""VGG nets for images of 32x32 pixels (Simonyan and Zisserman 2015, Table 1: A, B, D and E)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from harness.models.architecture import Architecture
from harness.models.counts import convolution as convolution_of
from harness.models.counts import dense, image, require_positive
from harness.spec.contracts import LayerCount

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
MULTIPLES = (1, 2, 4, 8, 8)
SMALLEST = 2 ** len(MULTIPLES)


class Vgg(Architecture, frozen=True):
    """Five stages of 3x3 convolutions, each pooled by 2, then dense layers: VGG11 to VGG19.

    ReLU after every layer but the last; convolutions are same-padded. Weights are Gaussian with variance
    ``variance`` / fan-in, biases zero. On 32x32 colour images and ten classes VGG11 has 9.2 million
    parameters and VGG16 14.7 million, or 15.2 million with the ``hidden=(512, 512)`` of Garipov et al. 2018.

    Args:
        depth: number of weight layers of the original, 11, 13, 16 or 19; its three dense layers are here
            ``hidden`` and the last.
        width: channels of the first stage; the others have 2, 4, 8 and 8 times as many. 64 is the original.
        batch_norm: convolutions are normalized before ReLU, with gain and offset, and have no bias.
        hidden: units of dense layers before the last.
        variance: 2 keeps the size of signals through ReLU layers (He et al. 2015); 1/3 is that of PyTorch's
            default.

    Raises:
        ValueError: another depth, or a size that is not positive.
    """

    depth: int = 11
    width: int = 64
    batch_norm: bool = False
    hidden: tuple[int, ...] = ()
    variance: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.depth not in STAGES:
            raise ValueError(f"Vgg(depth={self.depth}): one of {', '.join(map(str, STAGES))}")
        sizes = {f"hidden[{i}]": float(units) for i, units in enumerate(self.hidden)}
        require_positive(self, width=self.width, variance=self.variance, **sizes)

    def channels(self, inputs: int) -> list[list[int]]:
        """The channels of each stage: those that enter it, then those of its convolutions."""
        widths = [inputs, *(self.width * multiple for multiple in MULTIPLES)]
        return [
            [entering, *[inner] * count]
            for (entering, inner), count in zip(pairwise(widths), STAGES[self.depth], strict=True)
        ]

    def dense_widths(self, shape: tuple[int, ...], classes: int) -> tuple[int, ...]:
        """Values that enter the dense layers, their hidden units, classes.

        Raises:
            ValueError: the shape is not that of images of at least 32x32 pixels.
        """
        _, height, breadth = image(self, shape, SMALLEST)
        pooled = (height // SMALLEST) * (breadth // SMALLEST)
        return (self.width * MULTIPLES[-1] * pooled, *self.hidden, classes)

    def layers(self, shape: tuple[int, ...], classes: int) -> list[LayerCount]:
        """The convolutions, then the dense layers."""
        inputs, height, breadth = image(self, shape, SMALLEST)
        layers = []
        for i, stage in enumerate(self.channels(inputs)):
            pixels = (height >> i) * (breadth >> i)
            for before, after in pairwise(stage):
                layer = convolution_of(before, after, 3, pixels)
                gains = after if self.batch_norm else 0  # a gain and an offset, and no bias
                layers.append(LayerCount(layer.parameters + gains, layer.multiply_adds))
        return layers + [dense(a, b) for a, b in pairwise(self.dense_widths(shape, classes))]

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The float32 Sequential of ``conv1``, ``norm1``, ..., ``dense1``, from ``generator`` alone.

        Generators of equal state give nets with and without batch normalization equal weights.
        """
        from harness.models._vgg_nets import vgg

        stages = self.channels(image(self, shape, SMALLEST)[0])
        return vgg(generator, stages, self.dense_widths(shape, classes), self.batch_norm, self.variance)
