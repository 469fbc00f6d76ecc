"""The LeNet of Li et al. 2018 (Table 1): 44,426 parameters on MNIST, 62,006 on CIFAR-10."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from harness.models.architecture import Architecture
from harness.models.counts import convolution, dense, image
from harness.spec.contracts import LayerCount

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

CHANNELS = (6, 16)
HIDDEN = (120, 84)
KERNEL = 5
SMALLEST = 16  # 16 -> 12 -> 6 -> 2 -> 1


class LeNet(Architecture, frozen=True):
    """Two 5x5 convolutions without padding (6 and 16 maps), each pooled by 2; dense 120, 84 and classes."""

    def sides(self, shape: tuple[int, ...]) -> list[tuple[int, int]]:
        """Height and width of the maps of both convolutions, before pooling.

        Raises:
            ValueError: the shape is not that of images of at least 16x16 pixels.
        """
        _, height, width = image(self, shape, SMALLEST)
        sides = []
        for _ in CHANNELS:
            sides.append((height - KERNEL + 1, width - KERNEL + 1))
            height, width = (side // 2 for side in sides[-1])
        return sides

    def widths(self, shape: tuple[int, ...], classes: int) -> tuple[int, ...]:
        """The widths of the dense layers: what the maps come to, hidden units, classes."""
        height, width = self.sides(shape)[-1]
        return (CHANNELS[-1] * (height // 2) * (width // 2), *HIDDEN, classes)

    def layers(self, shape: tuple[int, ...], classes: int) -> list[LayerCount]:
        """Both convolutions, then the dense layers."""
        maps = zip((shape[0], *CHANNELS), CHANNELS, self.sides(shape), strict=False)
        layers = [convolution(a, b, KERNEL, height * width) for a, b, (height, width) in maps]
        widths = self.widths(shape, classes)
        return [*layers, *(dense(a, b) for a, b in pairwise(widths))]

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The float32 module, every layer uniform in +-1/sqrt(fan-in), from ``generator`` alone."""
        from torch import nn

        from harness.models import _nets

        widths = self.widths(shape, classes)
        net: list[nn.Module] = []
        for inputs, outputs in zip((shape[0], *CHANNELS), CHANNELS, strict=False):
            net += [
                _nets.unpadded_convolution(generator, inputs, outputs, KERNEL),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
        net.append(nn.Flatten())
        for inputs, outputs in pairwise(widths[:-1]):
            net += [_nets.dense(generator, inputs, outputs), nn.ReLU()]
        return nn.Sequential(*net, _nets.dense(generator, widths[-2], classes))
