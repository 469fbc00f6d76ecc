"""The contract of optimizers that keep more between their steps than a velocity, such as Adam."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from harness.spec.contracts import Optimizer

if TYPE_CHECKING:
    import torch


@runtime_checkable
class Keeping(Optimizer, Protocol):
    """An optimizer that keeps something else between its steps than one velocity for each parameter.

    ``velocities`` of its ``update`` are what ``begun`` made, and ``momentum`` is of no matter; checkpoints
    have all of them as ``velocity.0`` ... It may be trained in a stack.
    """

    @property
    def moments(self) -> int:
        """How many arrays of each parameter's shape are kept, for estimates of memory."""

    @property
    def alike(self) -> tuple[float, ...]:
        """Numbers that runs must share to train as one stack, beside batch and weight decay."""

    def begun(self, weights: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """What is kept, before the first step: arrays on the weights' device, numbers of no dimension."""

    def update_together(
        self,
        weights: Sequence[torch.Tensor],
        gradients: Sequence[torch.Tensor],
        velocities: Sequence[torch.Tensor],
        rates: torch.Tensor,
    ) -> None:
        """``update`` of several runs at once, whose weights are stacked.

        On CUDA this is captured once and replayed: nothing in it may be read back from the device.

        Args:
            weights: the parameters, float32 [member, ...].
            gradients: of the same shapes.
            velocities: what is kept, each stacked likewise; a number becomes one for each member [member].
            rates: of the step, float32 [member].
        """
