"""Fully connected ReLU networks by hand-written backpropagation.

No graph is built and no gradient of the inputs computed, and in float32 the momentum is accumulated
inside the matrix product that makes the gradient, so that no gradient is ever stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from harness.fleet.replica import EVALUATION_BATCH, Replica
from harness.spec import Experiment

if TYPE_CHECKING:
    import numpy as np
    import torch

    from harness.data import Split


Operand: TypeAlias = "tuple[torch.Tensor, torch.Tensor | None]"


class Backprop(Replica):
    """A network of dense layers with ReLU between them, as ``dense_layers`` finds it in the module."""

    kernel = "backprop"

    def __init__(
        self, module: torch.nn.Module, experiment: Experiment, replicate: int, split: Split, device: str
    ) -> None:
        super().__init__(module, experiment, replicate, split, device)
        import torch

        layers = dense_layers(self.model)
        if layers is None:
            raise ValueError(f"{experiment.model!r} is not a chain of dense layers with ReLU between them")
        self.layers: list[Operand] = [
            (layer.weight.detach(), None if layer.bias is None else layer.bias.detach()) for layer in layers
        ]
        self.reduced = experiment.precision == "bfloat16"
        moving = iter(self.velocities or [torch.zeros_like(p) for p in self.params])
        self.moving = [(next(moving), None if bias is None else next(moving)) for _, bias in self.layers]

    def _placed(self, images: np.ndarray) -> torch.Tensor:
        import torch

        flat = super()._placed(images).flatten(1)
        return flat.to(torch.bfloat16) if self.experiment.precision == "bfloat16" else flat

    def _descend(self, order: np.ndarray, rates: list[float]) -> float:
        import torch

        indices = self._on_device(order)
        total = torch.zeros((), device=self.device, dtype=torch.float64)
        with torch.inference_mode():
            for begin, end, lr in self._steps(rates, total):
                chosen = indices[begin:end]
                x, y = self.x_train.index_select(0, chosen), self.y_train.index_select(0, chosen)
                total += self._step(x, y, lr) * (end - begin)
        return float(total.item() / len(order))

    def _step(self, x: torch.Tensor, y: torch.Tensor, lr: float) -> torch.Tensor:
        """One update; the batch's mean loss before it."""
        import torch

        operands = self._operands()
        inputs = [x]
        for weight, bias in operands[:-1]:
            inputs.append(_affine(inputs[-1], weight, bias).relu_())
        loss, error = self._loss_and_error(_affine(inputs[-1], *operands[-1]).float(), y)
        error = error.to(x.dtype)
        for i in range(len(operands) - 1, -1, -1):
            below = error
            if i:
                below = torch.ops.aten.threshold_backward(error @ operands[i][0], inputs[i], 0)
            self._update(i, inputs[i], error, lr)
            error = below
        return loss

    def _operands(self) -> Sequence[Operand]:
        """Weights and biases at the precision of the products."""
        if not self.reduced:
            return self.layers
        return [(w.bfloat16(), None if b is None else b.bfloat16()) for w, b in self.layers]

    def _loss_and_error(self, logits: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The mean loss and its gradient with respect to the logits [batch, classes]."""
        import torch
        import torch.nn.functional as F

        n, classes = logits.shape
        if self.experiment.loss == "squared":
            error = logits - F.one_hot(y, classes)
            return error.square().mean(), error.mul_(2 / (n * classes))
        logged = torch.log_softmax(logits, 1)
        loss = F.nll_loss(logged, y)
        error = logged.exp_()
        error[torch.arange(n, device=y.device), y] -= 1.0
        return loss, error.div_(n)

    def _update(self, i: int, inputs: torch.Tensor, error: torch.Tensor, lr: float) -> None:
        """v <- momentum v + g + decay w;  w <- w - lr v, for one layer."""
        (weight, bias), (v, v_bias) = self.layers[i], self.moving[i]
        momentum, decay = self.optimizer.momentum, self.optimizer.weight_decay
        if self.reduced:
            v.mul_(momentum).add_((error.t() @ inputs).float())
        else:
            v.addmm_(error.t(), inputs, beta=momentum)
        if decay:
            v.add_(weight, alpha=decay)
        weight.add_(v, alpha=-lr)
        if bias is not None and v_bias is not None:
            v_bias.mul_(momentum).add_(error.sum(0))
            if decay:
                v_bias.add_(bias, alpha=decay)
            bias.add_(v_bias, alpha=-lr)

    def _wrong(self, x: torch.Tensor, y: torch.Tensor) -> np.ndarray:
        import torch

        with torch.inference_mode():
            operands = self._operands()
            pieces = [self._predicted(part, operands) for part in x.split(EVALUATION_BATCH)]
            return (torch.cat(pieces) != y).cpu().numpy()

    @staticmethod
    def _predicted(x: torch.Tensor, operands: Sequence[Operand]) -> torch.Tensor:
        for weight, bias in operands[:-1]:
            x = _affine(x, weight, bias).relu_()
        return _affine(x, *operands[-1]).argmax(1)


def _affine(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    import torch.nn.functional as F

    return F.linear(x, weight, bias)


def dense_layers(module: torch.nn.Module) -> list[torch.nn.Linear] | None:
    """The dense layers of Flatten, then Linear and ReLU in turn, then Linear; None for anything else."""
    from torch import nn

    if type(module) is not nn.Sequential or not len(module) or type(module[0]) is not nn.Flatten:
        return None
    if any(len(list(part.modules())) > 1 for part in module):  # dropout, say, is part of a layer
        return None
    rest = list(module)[1:]
    dense = [m for m in rest[::2] if type(m) is nn.Linear]
    between = [m for m in rest[1::2] if type(m) is nn.ReLU]
    whole = len(dense) == len(between) + 1 and len(dense) + len(between) == len(rest)
    chained = all(a.out_features == b.in_features for a, b in pairwise(dense))
    return dense if whole and chained else None
