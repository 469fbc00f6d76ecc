"""The prequential code of labels by any model: a net trained afresh on the labels sent codes the next ones.

Blier and Ollivier 2018, Section 3.4, with convolutional nets as theirs; ``description_length`` has the same
code by dense nets, many times faster on small data.
"""

from __future__ import annotations

import copy
import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from harness.analytic.dense_nets import in_batches
from harness.analytic.description_length import HELD_OUT, Prequential, uniform_bits
from harness.analytic.scores import require_positive
from harness.data.blocks import EVALUATION_BATCH
from harness.spec import Value
from harness.spec.contracts import Model

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import nn

    from harness.data import Split

MOMENTUM = 0.9


class CodedByModel(Value, frozen=True):
    """Labels in blocks of growing size, each coded by a model trained afresh on all before it.

    Args:
        model: the model.
        lr, batch: of SGD with momentum 0.9.
        epochs: budget of each training, which ends earlier after ``patience`` epochs without a shorter code
            for a tenth of the labels, held out; the epoch with the shortest is kept.
        mixing: share of the uniform distribution in what the model says.
        first: labels of the first block, which is coded uniformly.
        growth: each block ends at this factor of the one before.
        accelerated: on a GPU, if there is one.

    Raises:
        ValueError: a number that is not positive, or a growth of one or less.
    """

    model: Model
    lr: float = 0.02
    batch: int = 64
    epochs: int = 30
    patience: int = 3
    mixing: float = 1e-3
    first: int = 100
    growth: float = 2.0
    accelerated: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("lr", "batch", "epochs", "patience", "mixing", "first"):
            require_positive("CodedByModel", name, getattr(self, name))
        if not self.growth > 1:
            raise ValueError(f"CodedByModel(growth={self.growth!r}): must be above one")

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """``bits``, ``kbits``, ``ratio`` to the uniform code, ``test_error`` of the last model,
        ``parameters``; per block ``ends``, ``bits_so_far``.
        """
        import torch

        device = "cuda" if self.accelerated and torch.cuda.is_available() else "cpu"
        x, y, x_test, y_test = (
            torch.from_numpy(array).to(device)
            for array in (split.x_train, split.y_train, split.x_test, split.y_test)
        )
        ends = Prequential(first=self.first, growth=self.growth).ends(len(y))
        bits, error, parameters = [uniform_bits(ends[0], split.classes)], math.nan, 0
        for begin, end in pairwise(ends):
            module = self.model.build(tuple(split.x_train.shape[1:]), split.classes, generator).to(device)
            module = self._fitted(module, x[:begin], y[:begin], generator)
            bits.append(bits[-1] + self._bits(module, x[begin:end], y[begin:end])[0])
            error = self._bits(module, x_test, y_test)[1]
            parameters = sum(weight.numel() for weight in module.parameters())
        return {
            "bits": bits[-1],
            "kbits": bits[-1] / 1000,
            "ratio": bits[-1] / uniform_bits(len(y), split.classes),
            "test_error": error,
            "parameters": parameters,
            "ends": ends,
            "bits_so_far": bits,
        }

    def _fitted(
        self, module: nn.Module, x: torch.Tensor, y: torch.Tensor, generator: np.random.Generator
    ) -> nn.Module:
        """The module after the epoch with the shortest code for the labels that are held out."""
        import torch
        import torch.nn.functional as F

        order = generator.permutation(len(y))
        held = max(1, round(HELD_OUT * len(y)))
        waiting, seen = torch.from_numpy(order[:held]), order[held:]
        weights = list(module.parameters())
        velocities = [torch.zeros_like(weight) for weight in weights]
        best, lowest, stale = module, math.inf, 0
        for _ in range(self.epochs):
            module.train()
            for rows in in_batches(generator.permutation(seen), self.batch):
                loss = F.cross_entropy(module(x[rows]), y[rows])
                slopes = torch.autograd.grad(loss, weights)
                with torch.no_grad():
                    for weight, velocity, slope in zip(weights, velocities, slopes, strict=True):
                        velocity.mul_(MOMENTUM).add_(slope)
                        weight.add_(velocity, alpha=-self.lr)
            length = self._bits(module, x[waiting], y[waiting])[0]
            best, lowest, stale = (
                (copy.deepcopy(module), length, 0) if length < lowest else (best, lowest, stale + 1)
            )
            if stale == self.patience:
                break
        return best

    def _bits(self, module: nn.Module, x: torch.Tensor, y: torch.Tensor) -> tuple[float, float]:
        """The length in bits of the labels' code by the module, mixed with uniform ones, and its error."""
        import torch

        module.eval()
        bits, wrong = 0.0, 0
        with torch.no_grad():
            for images, labels in zip(x.split(EVALUATION_BATCH), y.split(EVALUATION_BATCH), strict=True):
                said = module(images).double().softmax(dim=1)
                mixed = (1 - self.mixing) * said.gather(1, labels[:, None]) + self.mixing / said.shape[1]
                bits -= float(mixed.log2().sum())
                wrong += int((said.argmax(dim=1) != labels).sum())
        return bits, wrong / len(y)
