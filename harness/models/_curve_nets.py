"""The module of a curve between two nets: its bend is trained, its ends are not."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.func import functional_call


def held(module: nn.Module) -> nn.Module:
    """A copy whose parameters are buffers: kept with the weights, never trained."""
    fixed = copy.deepcopy(module)
    for part in fixed.modules():
        for name, parameter in list(part.named_parameters(recurse=False)):
            delattr(part, name)
            part.register_buffer(name, parameter.detach())
    return fixed


class CurveNet(nn.Module):
    """Three nets of one shape: ``first``, ``bend`` and ``last``; what runs is a net between them."""

    def __init__(self, module: nn.Module, kind: str) -> None:
        super().__init__()
        self.first, self.bend, self.last = held(module), module, held(module)
        self.kind = kind
        self.generator: torch.Generator | None = None

    def seed(self, seed: int, device: torch.device) -> None:
        """Begin a stream of points of the curve."""
        self.generator = torch.Generator().manual_seed(seed)  # on the CPU: a point is one number

    def at(self, t: float, *, straight: bool = False) -> dict[str, Tensor]:
        """Parameters at ``t`` in [0, 1], of the curve or of the straight line between its ends."""
        ends = self.first.state_dict(), self.last.state_dict()
        shares = (1 - t, 0.0, t) if straight else shares_of(self.kind, t)
        return {
            name: shares[0] * ends[0][name] + shares[1] * bend + shares[2] * ends[1][name]
            for name, bend in self.bend.named_parameters()
        }

    def forward(self, x: Tensor) -> Tensor:
        t = float(torch.rand((), generator=self.generator)) if self.training else 0.5
        logits: Tensor = functional_call(self.bend, self.at(t), (x,))
        return logits


def shares_of(kind: str, t: float) -> tuple[float, float, float]:
    """How much of first end, bend and last end a point of the curve is made of; they sum to one."""
    if kind == "bezier":
        return (1 - t) ** 2, 2 * t * (1 - t), t * t
    return max(1 - 2 * t, 0.0), 1 - abs(1 - 2 * t), max(2 * t - 1, 0.0)
