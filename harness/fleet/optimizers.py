"""Optimizers and stopping rules, as values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from harness.spec import Value

if TYPE_CHECKING:
    import torch


class Sgd(Value, frozen=True):
    """Stochastic gradient descent with momentum (not Nesterov), as in Zhang et al. 2017, Section 3.

    Args:
        lr: learning rate before any decay.
        epochs: budget; training may end earlier by the experiment's stopping rule.
        momentum: v <- momentum v + g;  w <- w - lr v.
        decay: factor on the learning rate after every ``decay_steps`` steps.
        decay_steps: None means once an epoch. On small data an epoch has few steps, and a decay per
            epoch would freeze training; 391 steps are an epoch of 50,000 images in batches of 128.
        weight_decay: L2 penalty's coefficient, added to the gradient of every parameter.
        batch: examples per step; the last step of an epoch may have fewer.

    Raises:
        ValueError: a number out of range.
    """

    fast_kernels: ClassVar[bool] = True

    lr: float
    epochs: int
    momentum: float = 0.9
    decay: float = 1.0
    decay_steps: int | None = None
    weight_decay: float = 0.0
    batch: int = 128

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("lr", "epochs", "batch", "decay"):
            if not getattr(self, name) > 0:
                no_epochs = "; to train not at all say Untrained()" if name == "epochs" else ""
                raise ValueError(f"Sgd({name}={getattr(self, name)!r}): must be positive{no_epochs}")
        if not 0 <= self.momentum < 1 or self.weight_decay < 0:
            raise ValueError("Sgd needs 0 <= momentum < 1 and weight_decay >= 0")

    @property
    def plain_step(self) -> bool:
        """Whether ``update`` is the one below; that of a subclass may be anything."""
        return type(self).update is Sgd.update

    def lr_at(self, step: int, steps_per_epoch: int) -> float:
        """The learning rate of a step (counted from 0)."""
        return self.lr * self.decay ** (step // (self.decay_steps or steps_per_epoch))

    def update(
        self,
        weights: Sequence[torch.Tensor],
        gradients: Sequence[torch.Tensor],
        velocities: Sequence[torch.Tensor],
        lr: float,
    ) -> None:
        """One step in place, in one fused pass over memory.

        Calls the kernel beneath ``torch.optim.SGD(fused=True)``: constructing an optimizer imports
        the compiler stack, which costs a second per process.
        """
        import torch

        torch._fused_sgd_(
            list(weights),
            list(gradients),
            list(velocities),
            weight_decay=self.weight_decay,
            momentum=self.momentum,
            lr=lr,
            dampening=0.0,
            nesterov=False,
            maximize=False,
            is_first_step=False,
        )


class Untrained(Value, frozen=True):
    """No step: a training of no epochs, which leaves a net at the weights that it starts from.

    What starts from such a run starts from initial weights. Its record has no curves, and no kernel that
    writes steps out by itself gets to see it.
    """

    epochs: ClassVar[int] = 0
    batch: ClassVar[int] = 128  # as of ``Sgd``: of estimates alone
    momentum: ClassVar[float] = 0.0
    weight_decay: ClassVar[float] = 0.0
    plain_step: ClassVar[bool] = False
    fast_kernels: ClassVar[bool] = False

    def lr_at(self, step: int, steps_per_epoch: int) -> float:
        """Zero: there is no step to have a rate."""
        return 0.0

    def update(
        self,
        weights: Sequence[torch.Tensor],
        gradients: Sequence[torch.Tensor],
        velocities: Sequence[torch.Tensor],
        lr: float,
    ) -> None:
        """Leave the weights as they are."""


class WhenFitted(Value, frozen=True):
    """Stop once the training error has been at most ``error`` for ``patience`` epochs in a row."""

    error: float = 0.0
    patience: int = 1

    def reached(self, curves: dict[str, list[float]]) -> bool:
        """Whether the last ``patience`` training errors are all at most ``error``."""
        tail = curves["train_error"][-self.patience :]
        return len(tail) == self.patience and all(error <= self.error for error in tail)
