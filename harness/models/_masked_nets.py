"""Layers of which some weights are held at zero by a mask that is kept with them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MaskedLinear(nn.Linear):
    """A dense layer of weight * mask; the mask is a buffer of the weight's shape."""

    mask: Tensor

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.mask, self.bias)


class MaskedConv2d(nn.Conv2d):
    """A convolution by weight * mask; the mask is a buffer of the weight's shape."""

    mask: Tensor

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.weight * self.mask, self.bias)


def masked(module: nn.Module) -> int:
    """Give every dense and convolutional layer a mask of ones, in place; how many layers got one.

    The gradient of a masked weight is zero, so one that starts at zero stays there, whatever the momentum
    and the weight decay.
    """
    replaced = 0
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Conv2d):
            part.register_buffer("mask", torch.ones_like(part.weight))
            # the layer stays itself, with its names and initial weights
            part.__class__ = MaskedLinear if isinstance(part, nn.Linear) else MaskedConv2d
            replaced += 1
    return replaced
