"""Dropout that draws from a generator of its own, seeded by the trainer for each epoch."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SeededDropout(nn.Module):
    """Zero a share of the values and scale up the rest, while training.

    torch's own draws from its global generator, so that what one run does would change another.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.generator: torch.Generator | None = None

    def seed(self, seed: int, device: torch.device) -> None:
        """Begin a stream of draws."""
        self.generator = torch.Generator(device).manual_seed(seed)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.rate:
            return x
        draws = torch.rand(x.shape, generator=self.generator, device=x.device)
        return x * (draws >= self.rate).to(x.dtype) / (1 - self.rate)


def with_dropout(module: nn.Module, rate: float) -> int:
    """Put dropout before every dense layer but a first one, in place; how many there are.

    Names of parameters stay as they were: a layer becomes part of a pair only in how it is called.
    """
    added = 0
    layers = [m for m in module.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    for layer in layers[1:]:
        if isinstance(layer, nn.Linear):
            noise = SeededDropout(rate)
            layer.add_module("dropout", noise)
            layer.register_forward_pre_hook(lambda _, inputs, noise=noise: (noise(*inputs),))
            added += 1
    return added
