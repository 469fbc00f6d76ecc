"""The module of several nets side by side."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn


class EnsembleNet(nn.Module):
    """Nets of one shape, whose probabilities are averaged."""

    def __init__(self, module: nn.Module, members: int) -> None:
        super().__init__()
        self.nets = nn.ModuleList([module, *(copy.deepcopy(module) for _ in range(members - 1))])

    def probabilities(self, x: Tensor) -> Tensor:
        """What each net says [members, n, classes], in float64."""
        return torch.stack([net(x).double().softmax(-1) for net in self.nets])

    def forward(self, x: Tensor) -> Tensor:
        logs = torch.stack([net(x).log_softmax(-1) for net in self.nets])
        mean: Tensor = logs.logsumexp(0) - math.log(len(self.nets))
        return mean
