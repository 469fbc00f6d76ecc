"""The last dense layer of a module, held by the root of a share."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn


class RootedLinear(nn.Linear):
    """A dense layer whose weights and biases are ``root`` times its parameters."""

    root: float

    def forward(self, input: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias * self.root
        return nn.functional.linear(input, self.weight * self.root, bias)


def with_slow_head(module: nn.Module, share: float) -> bool:
    """Hold the last dense layer of a module by the root of a share, in place; whether there is one.

    The layer stays the object that it was, so that whatever else refers to it sees the change.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    if not layers:
        return False
    layers[-1].__class__ = RootedLinear
    head = cast(RootedLinear, layers[-1])
    root = share**0.5
    head.root = root
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.div_(root)
    return True
