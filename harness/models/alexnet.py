"""The small AlexNet of Zhang et al. 2017 (Section 2 and Table 1: 1,387,786 parameters), and what any has."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

from harness.models.architecture import Architecture
from harness.models.counts import Pooling, Response, convolution, dense, image, require_positive, scaled
from harness.spec.contracts import LayerCount

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

HIDDEN = (384, 192)
KERNEL = 5


class TwoConvolutions(Architecture, frozen=True):
    """Twice a 5x5 convolution, ReLU, a max-pool and a local response norm, then 384 and 192 hidden units.

    Args:
        width: factor on channels and hidden units, for cheaper versions.

    Raises:
        ValueError: the width is not positive.
    """

    channels: ClassVar[tuple[int, int]]
    pooling: ClassVar[Pooling]
    response: ClassVar[Response]
    normalized: ClassVar[bool]
    smallest: ClassVar[int]

    width: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, width=self.width)

    def dense_widths(self, shape: tuple[int, ...], classes: int) -> tuple[int, ...]:
        """Widths of the fully connected part: the flattened map, hidden units, classes."""
        _, height, breadth = image(self, shape, self.smallest)
        left = [self.pooling.pooled(self.pooling.pooled(side)) for side in (height, breadth)]
        channels = scaled(self.channels[1], self.width)
        return (left[0] * left[1] * channels, *(scaled(h, self.width) for h in HIDDEN), classes)

    def layers(self, shape: tuple[int, ...], classes: int) -> list[LayerCount]:
        """Two convolutions and three dense layers.

        Raises:
            ValueError: not the shape of images, or a side below ``smallest``.
        """
        inputs, height, breadth = image(self, shape, self.smallest)
        first, second = (scaled(c, self.width) for c in self.channels)
        pooled = self.pooling.pooled(height) * self.pooling.pooled(breadth)
        return [
            convolution(inputs, first, KERNEL, height * breadth),
            convolution(first, second, KERNEL, pooled),
            *(dense(a, b) for a, b in pairwise(self.dense_widths(shape, classes))),
        ]

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The float32 module, from ``generator`` alone.

        Convolutions are drawn as by He et al. over the fan-out; dense layers uniform in +-1/sqrt(inputs).
        """
        from harness.models._alexnet_nets import alexnet

        inputs = image(self, shape, self.smallest)[0]
        return alexnet(
            generator,
            (inputs, *(scaled(c, self.width) for c in self.channels)),
            self.dense_widths(shape, classes),
            pool=self.pooling,
            norm=self.normalized,
            response=self.response,
        )


class SmallAlexNet(TwoConvolutions, frozen=True):
    """Twice (5x5 convolution, ReLU, 3x3 max-pool of stride 2, local response norm), then 384, 192 units.

    The paper gives no channel numbers; 64 and 64 with padded pooling reproduce its count exactly.
    Nor does it give the constants of the response norm: here those of TensorFlow's CIFAR-10 example,
    from which the widths seem to come (9 channels, k = 1, alpha = 0.001 over the 9, beta = 0.75).

    Args:
        width: factor on channels and hidden units, for cheaper versions.
    """

    channels: ClassVar[tuple[int, int]] = (64, 64)
    pooling: ClassVar[Pooling] = Pooling(kernel=3, stride=2, padding=1)
    response: ClassVar[Response] = Response(size=9, k=1.0, alpha=0.001, beta=0.75)
    normalized: ClassVar[bool] = False
    smallest: ClassVar[int] = 4
