"""The modules of the pre-activation ResNet18."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from torch import Tensor, nn

from harness.models import _nets
from harness.models._cnn5_nets import padded_convolution


class Block(nn.Module):
    """Two normalised convolutions beside the input, or beside a 1x1 convolution where the width changes."""

    def __init__(self, generator: np.random.Generator, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = padded_convolution(generator, inputs, outputs, 3, stride=stride, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.conv2 = padded_convolution(generator, outputs, outputs, 3, bias=False)
        self.beside: nn.Conv2d | None = None
        if inputs != outputs:
            self.beside = padded_convolution(generator, inputs, outputs, 1, stride=stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        active = self.norm1(x).relu()
        kept = x if self.beside is None else self.beside(active)
        inner: Tensor = self.conv2(self.norm2(self.conv1(active)).relu())
        return inner + kept


class ResNet(nn.Module):
    """First convolution, stages of blocks (each but the first halves the map), mean, linear layer.

    Args:
        widths: channels of the stages; the first convolution has the first stage's.
        blocks: of each stage.
    """

    def __init__(
        self, generator: np.random.Generator, inputs: int, widths: Sequence[int], blocks: int, classes: int
    ) -> None:
        super().__init__()
        net: list[nn.Module] = [padded_convolution(generator, inputs, widths[0], 3, bias=False)]
        for before, after in pairwise((widths[0], *widths)):
            for block in range(blocks):
                entering = after if block else before
                net.append(Block(generator, entering, after, stride=1 if entering == after else 2))
        self.blocks = nn.Sequential(*net)
        self.last = _nets.dense(generator, widths[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.blocks(x).mean(dim=(2, 3)))
