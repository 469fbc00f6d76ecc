"""Inception V3 (Szegedy et al. 2016), the network of Zhang et al. 2017, Table 2: torchvision's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from harness.models.architecture import Architecture
from harness.models.counts import dense, image
from harness.spec.contracts import LayerCount

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

SMALLEST = 75  # the side of which one position is left at the end
FEATURES = 2048

# A branch is a row of convolutions (outputs, positions of the kernel); "/2" after one halves the map.
# 1x3 beside 3x1 of the same input count as one of 3 positions and the outputs of both.
Branch = tuple[tuple[int, int] | str, ...]


def _same(pool: int) -> tuple[Branch, ...]:
    return (((64, 1),), ((48, 1), (64, 25)), ((64, 1), (96, 9), (96, 9)), ((pool, 1),))


def _long(c: int) -> tuple[Branch, ...]:
    return (
        ((192, 1),),
        ((c, 1), (c, 7), (192, 7)),
        ((c, 1), (c, 7), (c, 7), (c, 7), (192, 7)),
        ((192, 1),),
    )


LAST: tuple[Branch, ...] = (
    ((320, 1),),
    ((384, 1), (768, 3)),
    ((448, 1), (384, 9), (768, 3)),
    ((192, 1),),
)
BLOCKS: tuple[tuple[Branch, ...], ...] = (
    _same(32), _same(64), _same(64),
    (((384, 9), "/2"), ((64, 1), (96, 9), (96, 9), "/2"), ()),
    _long(128), _long(160), _long(160), _long(192),
    (((192, 1), (320, 9), "/2"), ((192, 1), (192, 7), (192, 7), (192, 9), "/2"), ()),
    LAST, LAST,
)  # fmt: skip


class InceptionPart(NamedTuple):
    """A convolution without bias, with the gain and offset of its normalisation.

    Attributes:
        inputs, outputs: channels; positions: of its kernel; side: height and width of what it puts out.
    """

    inputs: int
    outputs: int
    positions: int
    side: tuple[int, int]

    def counted(self) -> LayerCount:
        """Its weights and multiply-adds."""
        weights = self.positions * self.inputs * self.outputs
        return LayerCount(weights + 2 * self.outputs, weights * self.side[0] * self.side[1])


class InceptionV3(Architecture, frozen=True):
    """Five convolutions, eleven blocks, mean over the last map, one linear layer; no auxiliary classifier.

    23,834,568 parameters for 1,000 classes: convolutions have no biases, batch normalisation has gain and
    offset. Dropout before the last layer is ``Dropout(InceptionV3(), rate)``.
    """

    def layers(self, shape: tuple[int, ...], classes: int) -> list[LayerCount]:
        """One entry per convolution with its normalisation, then the linear layer.

        Raises:
            ValueError: the shape is not that of coloured images of at least 75x75 pixels.
        """
        return [*(each.counted() for each in self._convolutions(shape)), dense(FEATURES, classes)]

    def convolved(self, shape: tuple[int, ...]) -> int:
        """How many values all convolutions put out for an image: 8,967,488 at 299 by 299 pixels.

        Raises:
            ValueError: as ``layers``.
        """
        return sum(each.outputs * each.side[0] * each.side[1] for each in self._convolutions(shape))

    def _convolutions(self, shape: tuple[int, ...]) -> list[InceptionPart]:
        channels, height, width = image(self, shape, SMALLEST)
        if channels != 3:
            raise ValueError(f"InceptionV3 needs images of 3 channels, not {channels}")
        first = _halved((height, width))
        second = _trimmed(first)
        third = _halved(second)
        fourth = _trimmed(third)
        parts = [InceptionPart(3, 32, 9, first), InceptionPart(32, 32, 9, second)]
        parts += [InceptionPart(32, 64, 9, second), InceptionPart(64, 80, 1, third)]
        parts += [InceptionPart(80, 192, 9, fourth)]
        inputs, side = 192, _halved(fourth)
        for block in BLOCKS:
            for branch in block:
                parts += _branch(branch, inputs, side)
            inputs, side = _after(block, inputs, side)
        return parts

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """torchvision's module in float32, its weights from ``generator`` alone.

        As torchvision initialises it: weights normal of deviation 0.1, gains one, offsets zero; the last
        layer's biases uniform in +-1/sqrt(2048).

        Raises:
            ModuleNotFoundError: torchvision is not installed.
            ValueError: as ``layers``.
        """
        from harness.models._inception_v3_nets import inception_v3

        self.layers(shape, classes)
        return inception_v3(classes, generator)


def _branch(branch: Branch, inputs: int, side: tuple[int, int]) -> list[InceptionPart]:
    parts = []
    for place, step in enumerate(branch):
        if isinstance(step, tuple):
            last = branch[place + 1 : place + 2] == ("/2",)
            outputs, positions = step
            parts.append(InceptionPart(inputs, outputs, positions, _halved(side) if last else side))
            inputs = outputs
    return parts


def _after(block: tuple[Branch, ...], inputs: int, side: tuple[int, int]) -> tuple[int, tuple[int, int]]:
    """Channels and side behind a block; an empty branch passes its input on, halved."""
    outputs = 0
    for branch in block:
        convolutions = [step for step in branch if isinstance(step, tuple)]
        outputs += convolutions[-1][0] if convolutions else inputs
    halving = any("/2" in branch for branch in block)
    return outputs, _halved(side) if halving else side


def _trimmed(side: tuple[int, int]) -> tuple[int, int]:
    """A side after a 3x3 kernel without padding."""
    return side[0] - 2, side[1] - 2


def _halved(side: tuple[int, int]) -> tuple[int, int]:
    """A side after a 3x3 kernel of stride 2 without padding."""
    return (side[0] - 3) // 2 + 1, (side[1] - 3) // 2 + 1
