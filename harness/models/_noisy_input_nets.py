"""Changes of a net's inputs while it trains: noise, or a step towards another prediction."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class InputChanges(nn.Module):
    """What changes a net's inputs before they enter it, from draws of its own; nothing in evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.generator: torch.Generator | None = None
        self.busy = False

    def seed(self, seed: int, device: torch.device) -> None:
        """Begin a stream of draws."""
        self.generator = torch.Generator(device).manual_seed(seed)

    def before(self, net: nn.Module) -> None:
        """Change what enters the net, as a part of its first layer (a sequence would call one of its own)."""
        layer = next(part for part in net.modules() if not list(part.children()))
        layer.add_module("input_changes", self)
        net.register_forward_pre_hook(lambda module, inputs: (self.changed(inputs[0], module),))

    def changed(self, x: Tensor, net: nn.Module) -> Tensor:
        """The inputs of a step; as they are in evaluation and while the net is asked for a change."""
        if not net.training or self.busy:
            return x
        self.busy = True
        try:
            return self.drawn(x, net)
        finally:
            self.busy = False

    def drawn(self, x: Tensor, net: nn.Module) -> Tensor:
        """The inputs with the change."""
        raise NotImplementedError


class GaussianNoise(InputChanges):
    """Independent normal noise of a deviation on every value."""

    def __init__(self, deviation: float) -> None:
        super().__init__()
        self.deviation = deviation

    def drawn(self, x: Tensor, net: nn.Module) -> Tensor:
        noise = torch.randn(x.shape, generator=self.generator, device=x.device)
        return x + self.deviation * noise.to(x.dtype)


class StepAway(InputChanges):
    """A share of the examples is moved to a corner of a box, against the net's own prediction."""

    def __init__(self, radius: float, share: float) -> None:
        super().__init__()
        self.radius, self.share = radius, share

    def drawn(self, x: Tensor, net: nn.Module) -> Tensor:
        noise = 2 * torch.rand(x.shape, generator=self.generator, device=x.device) - 1
        chosen = torch.rand(len(x), generator=self.generator, device=x.device) < self.share
        with torch.enable_grad():
            predicted = net(x).argmax(dim=1)
            beside = (x + self.radius * noise.to(x.dtype)).detach().requires_grad_()
            loss = F.cross_entropy(net(beside), predicted, reduction="sum")
            (slope,) = torch.autograd.grad(loss, beside)
        shape = (-1, *[1] * (x.dim() - 1))
        return torch.where(chosen.reshape(shape), x + self.radius * slope.sign(), x).detach()
