"""Points on curves of nets for captured steps: drawn by the host as ever, read where they were written."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.func import functional_call

from harness.models._curve_nets import CurveNet, shares_of


class CurvePoint:
    """Has a curve's net go forward, while training, at a point that was drawn before the step.

    Args:
        net: changed in place; it draws no longer by itself.
        device: where the point is written to: what it is made of first end, bend and last end.
    """

    def __init__(self, net: CurveNet, device: torch.device) -> None:
        self.net = net
        self.shares = [torch.zeros((), device=device) for _ in range(3)]
        net.forward = self._forward  # type: ignore[method-assign]

    def draw(self) -> None:
        """Draw the point of the next step, one number of the net's stream."""
        t = float(torch.rand((), generator=self.net.generator))
        for kept, share in zip(self.shares, shares_of(self.net.kind, t), strict=True):
            kept.fill_(share)

    def _forward(self, x: Tensor) -> Tensor:
        if not self.net.training:
            return CurveNet.forward(self.net, x)
        first, last = self.net.first.state_dict(), self.net.last.state_dict()
        of_first, of_bend, of_last = self.shares
        parameters = {
            name: of_first * first[name] + of_bend * bend + of_last * last[name]
            for name, bend in self.net.bend.named_parameters()
        }
        logits: Tensor = functional_call(self.net.bend, parameters, (x,))
        return logits
