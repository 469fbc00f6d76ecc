"""The modules of the small Inception."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from harness.models import _nets

SCALE = 0.5  # of the initial deviation of convolutions


class ConvModule(nn.Sequential):
    """Convolution, batch normalisation if asked for, ReLU."""

    def __init__(
        self,
        generator: np.random.Generator,
        inputs: int,
        outputs: int,
        kernel: int,
        norm: bool,
        stride: int = 1,
    ) -> None:
        layer = _nets.convolution(generator, inputs, outputs, kernel, stride=stride, scale=SCALE)
        super().__init__(layer, *([_nets.batch_norm(outputs)] if norm else []), nn.ReLU())


class Beside(nn.Module):
    """Two branches of the same input, their channels one after the other."""

    def __init__(self, left: nn.Module, right: nn.Module) -> None:
        super().__init__()
        self.left, self.right = left, right

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.left(x), self.right(x)], dim=1)


class InceptionNet(nn.Module):
    """First convolution, stages, mean over the positions of the last map, linear layer.

    Args:
        stages: (a, b) for 1x1 beside 3x3 convolutions, (c,) for a convolution of stride 2 beside a
            max-pool of 3x3 and stride 2, both with padding 1, so that a side n becomes ceil(n / 2).
    """

    def __init__(
        self,
        generator: np.random.Generator,
        inputs: int,
        first: int,
        stages: tuple[tuple[int, ...], ...],
        classes: int,
        norm: bool,
    ) -> None:
        super().__init__()
        net: list[nn.Module] = [ConvModule(generator, inputs, first, 3, norm)]
        channels = first
        for stage in stages:
            if len(stage) == 2:
                left = ConvModule(generator, channels, stage[0], 1, norm)
                net.append(Beside(left, ConvModule(generator, channels, stage[1], 3, norm)))
                channels = sum(stage)
            else:
                down = ConvModule(generator, channels, stage[0], 3, norm, stride=2)
                net.append(Beside(down, nn.MaxPool2d(3, stride=2, padding=1)))
                channels += stage[0]
        self.stages = nn.Sequential(*net)
        self.last = _nets.dense(generator, channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.stages(x).mean(dim=(2, 3)))
