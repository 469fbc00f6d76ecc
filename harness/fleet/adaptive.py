"""Adam, whose steps are divided by the size that gradients have had: the one of the engine, and of solvers.

Sources: Kingma and Ba 2015, Algorithm 1; Loshchilov and Hutter 2019, Algorithm 2 (where weight decay enters).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from harness.spec import Value

if TYPE_CHECKING:
    import torch

# its authors' defaults: what remains of the moments' averages at each step, and what keeps the step finite
MEAN_DECAY, SQUARE_DECAY = 0.9, 0.999
EPSILON = 1e-8
MOMENTS = 2  # arrays kept for each parameter: means of its gradients, and of their squares


class AdamL2(Value, frozen=True):
    """Adam, with weight decay as an L2 penalty in the gradient: ``torch.optim.Adam``, to the bit on a CPU.

    Args:
        lr: learning rate before any decay.
        epochs: budget; training may end earlier by the experiment's stopping rule.
        mean_decay: what remains of the mean of gradients at each step.
        square_decay: what remains of the mean of their squares.
        epsilon: is added to the root of the mean of squares.
        decay: factor on the learning rate after every ``decay_steps`` steps.
        decay_steps: None means once an epoch.
        weight_decay: the penalty's coefficient.
        batch: examples per step; the last step of an epoch may have fewer.

    Raises:
        ValueError: a number out of range.
    """

    plain_step: ClassVar[bool] = False
    fast_kernels: ClassVar[bool] = False
    momentum: ClassVar[float] = 0.0
    """No velocity: what is kept instead is what ``begun`` makes."""
    moments: ClassVar[int] = MOMENTS
    decoupled: ClassVar[bool] = False

    lr: float
    epochs: int
    mean_decay: float = MEAN_DECAY
    square_decay: float = SQUARE_DECAY
    epsilon: float = EPSILON
    decay: float = 1.0
    decay_steps: int | None = None
    weight_decay: float = 0.0
    batch: int = 128

    def __post_init__(self) -> None:
        super().__post_init__()
        name = type(self).__name__
        for field in ("lr", "epochs", "batch", "decay", "epsilon"):
            if not getattr(self, field) > 0:
                raise ValueError(f"{name}({field}={getattr(self, field)!r}): must be positive")
        if self.decay_steps is not None and self.decay_steps < 1:
            raise ValueError(f"{name}(decay_steps={self.decay_steps}): must be positive")
        if not (0 <= self.mean_decay < 1 and 0 <= self.square_decay < 1) or self.weight_decay < 0:
            raise ValueError(f"{name} needs 0 <= mean_decay, square_decay < 1 and weight_decay >= 0")

    @property
    def alike(self) -> tuple[float, ...]:
        """Numbers that runs must share to train as one stack, beside batch and weight decay."""
        return self.mean_decay, self.square_decay, self.epsilon

    def lr_at(self, step: int, steps_per_epoch: int) -> float:
        """The learning rate of a step (counted from 0)."""
        return self.lr * self.decay ** (step // (self.decay_steps or steps_per_epoch))

    def begun(self, weights: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """What is kept between steps, at first: means, then means of squares, then the number of steps taken.

        The number is an integer of no dimension on the CPU, or [member] where weights are stacked.
        """
        import torch

        moments = [torch.zeros_like(w) for _ in range(MOMENTS) for w in weights]
        return [*moments, torch.zeros((), dtype=torch.int64)]

    def update(
        self,
        weights: Sequence[torch.Tensor],
        gradients: Sequence[torch.Tensor],
        velocities: Sequence[torch.Tensor],
        lr: float,
    ) -> None:
        """One step in place; ``velocities`` are what ``begun`` made, and change as well."""
        import torch

        weights, gradients = list(weights), list(gradients)
        *moments, taken = velocities
        taken += 1
        if self.weight_decay and self.decoupled:
            torch._foreach_mul_(weights, 1 - lr * self.weight_decay)
        elif self.weight_decay:
            gradients = list(torch._foreach_add(gradients, weights, alpha=self.weight_decay))
        adam_step(
            weights,
            gradients,
            moments,
            taken=int(taken),
            lr=lr,
            decays=(self.mean_decay, self.square_decay),
            epsilon=self.epsilon,
        )

    def update_together(
        self,
        weights: Sequence[torch.Tensor],
        gradients: Sequence[torch.Tensor],
        velocities: Sequence[torch.Tensor],
        rates: torch.Tensor,
    ) -> None:
        """One step in place of stacked weights [member, ...]; rates and numbers of steps are [member]."""
        import torch

        weights, gradients = list(weights), list(gradients)
        *moments, taken = velocities
        means, squares = moments[: len(weights)], moments[len(weights) :]
        taken += 1
        if self.weight_decay and self.decoupled:
            kept = 1 - rates * self.weight_decay
            torch._foreach_mul_(weights, [_beside(kept, w) for w in weights])
        elif self.weight_decay:
            gradients = list(torch._foreach_add(gradients, weights, alpha=self.weight_decay))
        _remember(means, squares, gradients, self.mean_decay, self.square_decay)
        first, second = (
            1 - torch.pow(decay, taken.double()) for decay in (self.mean_decay, self.square_decay)
        )
        sizes, roots = (rates.double() / first).float(), second.sqrt().float()
        for weight, mean, square in zip(weights, means, squares, strict=True):
            scale = square.sqrt().div_(_beside(roots, square)).add_(self.epsilon)
            weight.sub_(mean.div(scale).mul_(_beside(sizes, mean)))


class AdamW(AdamL2, frozen=True):
    """Adam with weight decay apart from the gradient: ``torch.optim.AdamW``, to the bit on a CPU.

    Every step first takes off lr x ``weight_decay`` of each weight, whatever the moments are.
    """

    decoupled: ClassVar[bool] = True

    weight_decay: float = 0.01


def adam_step(
    weights: Sequence[torch.Tensor],
    gradients: Sequence[torch.Tensor],
    moments: Sequence[torch.Tensor],
    *,
    taken: int,
    lr: float,
    decays: tuple[float, float] = (MEAN_DECAY, SQUARE_DECAY),
    epsilon: float = EPSILON,
    corrected_within: bool = False,
) -> None:
    """One step of Adam in place, without weight decay.

    Args:
        weights: the parameters.
        gradients: of the same shapes.
        moments: means of gradients of the same shapes, then means of their squares.
        taken: number of this step, from 1 on.
        lr: learning rate of this step.
        decays: of the two moments.
        epsilon: is added to the root of the mean of squares.
        corrected_within: whether means of squares are corrected for their start before the root is taken, as
            the algorithm says, and not their roots, as torch does; the two are equal up to rounding.
    """
    import torch

    means, squares = list(moments[: len(weights)]), list(moments[len(weights) :])
    _remember(means, squares, list(gradients), *decays)
    first, second = (1 - decay**taken for decay in decays)
    if corrected_within:
        scales = torch._foreach_div(squares, second)
        torch._foreach_sqrt_(scales)
    else:
        scales = torch._foreach_sqrt(squares)
        torch._foreach_div_(scales, math.sqrt(second))
    torch._foreach_add_(scales, epsilon)
    torch._foreach_addcdiv_(list(weights), means, scales, -(lr / first))


def _remember(
    means: list[torch.Tensor],
    squares: list[torch.Tensor],
    gradients: list[torch.Tensor],
    mean_decay: float,
    square_decay: float,
) -> None:
    """Take gradients into the means of them and of their squares."""
    import torch

    torch._foreach_lerp_(means, gradients, 1 - mean_decay)
    torch._foreach_mul_(squares, square_decay)
    torch._foreach_addcmul_(squares, gradients, gradients, 1 - square_decay)


def _beside(numbers: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Numbers [member] in the shape in which they multiply arrays [member, ...]."""
    return numbers.view(-1, *[1] * (like.dim() - 1))
