"""Small nets by the native kernel: whole epochs in C++ (see ``native``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.fleet import native
from harness.fleet.replica import Replica
from harness.spec import Experiment
from harness.spec.contracts import Weights

if TYPE_CHECKING:
    import numpy as np
    import torch

    from harness.data import Split

ALIGNED = 64
"""Bytes at a multiple of which images begin, for the processor's widest loads."""


class Native(Replica):
    """A net that ``native_plans.plan_of`` knows, on the CPU.

    Raises:
        ValueError: it is of another kind, or nothing can be compiled here.
    """

    kernel = native.KERNEL

    def __init__(
        self, module: torch.nn.Module, experiment: Experiment, replicate: int, split: Split, device: str
    ) -> None:
        super().__init__(module, experiment, replicate, split, device)
        recipe, shape = experiment.optimizer, tuple(split.x_train.shape[1:])
        net = native.net(
            module,
            shape,
            batch=recipe.batch,
            loss=experiment.loss,
            momentum=recipe.momentum,
            weight_decay=recipe.weight_decay,
            precision=experiment.precision,
        )
        if net is None:
            raise ValueError(f"{experiment.model!r} cannot be trained by the native kernel here")
        self.net = net

    def _placed(self, images: np.ndarray) -> torch.Tensor:
        placed = super()._placed(images).contiguous()
        return placed if placed.data_ptr() % ALIGNED == 0 else placed.clone()

    def load(self, arrays: Weights | None) -> None:
        """Weights and, from a checkpoint, velocities."""
        if arrays is None:
            return
        count = sum(name.startswith("velocity.") for name in arrays)
        self.net.load(arrays, [arrays[f"velocity.{i}"] for i in range(count)])

    def weights(self) -> Weights:
        """Copies of the parameters by name."""
        return self.net.weights()

    def state(self) -> Weights:
        """What a checkpoint keeps: weights and velocities."""
        return self.weights() | {f"velocity.{i}": v for i, v in enumerate(self.net.velocities())}

    def _descend(self, order: np.ndarray, rates: list[float]) -> float:
        total = self.net.epoch(self.x_train.numpy(), self.y_train.numpy(), order, self.batches, rates)
        return total / len(order)

    def _wrong(self, x: torch.Tensor, y: torch.Tensor) -> np.ndarray:
        return self.net.errors(x.numpy(), y.numpy()).astype(bool)
