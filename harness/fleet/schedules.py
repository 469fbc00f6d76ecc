"""Learning rates that fall by other laws than a factor per epoch."""

from __future__ import annotations

from typing import ClassVar

from harness.fleet.optimizers import Sgd


class InverseSqrtSgd(Sgd, frozen=True):
    """Gradient descent with the rate lr / sqrt(1 + floor(step / period)), as Nakkiran et al. 2020 train Cnn5.

    Args:
        period: steps after which the rate falls; 512 in the source, without momentum.

    Raises:
        ValueError: as ``Sgd``; or a decay by a factor as well, or a period that is not positive.
    """

    fast_kernels: ClassVar[bool] = False  # its records were trained by the plain path

    period: int = 512

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.period < 1 or self.decay != 1 or self.decay_steps is not None:
            raise ValueError(f"InverseSqrtSgd(period={self.period}): positive, and no other decay beside it")

    def lr_at(self, step: int, steps_per_epoch: int) -> float:
        """The learning rate of a step (counted from 0)."""
        return self.lr / float((1 + step // self.period) ** 0.5)
