"""Steps of the solver Adam on a GPU as captured graphs: one launch a step in the place of hundreds.

A step is that of ``Adam.solve``, equal to rounding: which rows it reads and its rate are written to the
device before each replay, and what it counts and remembers stays there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.fleet.adaptive import EPSILON, MEAN_DECAY, SQUARE_DECAY
from harness.fleet.captured import graph_of

if TYPE_CHECKING:
    import torch
    from torch import nn


class AdamGraphs:
    """A module in training by Adam on a GPU.

    Args:
        module: without noise, in training mode.
        x, y: all examples, on the device.
        moments: means of gradients, then of their squares; they change.
        lr: learning rate before it falls.
        taken: steps taken so far.
    """

    def __init__(
        self,
        module: nn.Module,
        x: torch.Tensor,
        y: torch.Tensor,
        moments: Sequence[torch.Tensor],
        lr: float,
        taken: int,
    ) -> None:
        import torch

        self._module, self._x, self._y, self._lr = module, x, y, lr
        self._weights: list[torch.Tensor] = list(module.parameters())
        count = len(self._weights)
        self._means, self._squares = list(moments[:count]), list(moments[count:])
        self._taken = torch.full((), taken, dtype=torch.int64, device=x.device)
        self._rate = torch.zeros((), dtype=torch.float64, device=x.device)
        self._loss = torch.zeros((), device=x.device)
        self._of_size: dict[int, tuple[torch.Tensor, torch.cuda.CUDAGraph]] = {}

    def __call__(self, rows: slice | torch.Tensor, share: float) -> torch.Tensor:
        """One step on these rows at a share of the rate; its loss, until the next step."""
        import torch

        numbers = torch.arange(len(self._y))[rows] if isinstance(rows, slice) else rows
        self._rate.fill_(self._lr * share)
        if len(numbers) not in self._of_size:
            places = numbers.to(self._y.device)
            changed = [*self._weights, *self._module.buffers(), *self._means, *self._squares]
            graph = graph_of(
                lambda: self._step(places), [*changed, self._taken, self._loss], (), self._y.device
            )
            self._of_size[len(numbers)] = places, graph
        places, graph = self._of_size[len(numbers)]
        if not isinstance(rows, slice):
            places.copy_(numbers)
        graph.replay()
        return self._loss

    def _step(self, places: torch.Tensor) -> None:
        """Gather, forward, backward, update; ``adaptive.adam_step`` with its numbers on the device."""
        import torch
        import torch.nn.functional as F

        x, y = self._x.index_select(0, places), self._y.index_select(0, places)
        loss = F.cross_entropy(self._module(x), y)
        gradients = list(torch.autograd.grad(loss, self._weights))
        with torch.no_grad():
            self._taken += 1
            torch._foreach_lerp_(self._means, gradients, 1 - MEAN_DECAY)
            torch._foreach_mul_(self._squares, SQUARE_DECAY)
            torch._foreach_addcmul_(self._squares, gradients, gradients, 1 - SQUARE_DECAY)
            first, second = (
                1 - torch.pow(decay, self._taken.double()) for decay in (MEAN_DECAY, SQUARE_DECAY)
            )
            scales = list(torch._foreach_div(self._squares, second.float()))
            torch._foreach_sqrt_(scales)
            torch._foreach_add_(scales, EPSILON)
            moves = list(torch._foreach_div(self._means, scales))
            torch._foreach_mul_(moves, (self._rate / first).float())
            torch._foreach_sub_(self._weights, moves)
            self._loss.copy_(loss)
