"""The module of a layer of squares."""

from __future__ import annotations

import torch
from torch import nn


class Square(nn.Module):
    """Every value times itself."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Values of any shape."""
        return x * x
