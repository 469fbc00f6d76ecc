"""Training any model by Adam as a solver: so many steps, at a rate that falls linearly to zero.

Kingma and Ba 2015, Algorithm 1; Li et al. 2018 train in random subspaces with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from harness.analytic.scores import require_positive
from harness.data.blocks import EVALUATION_BATCH
from harness.fleet.adaptive import MOMENTS, adam_step
from harness.spec import Value
from harness.spec.contracts import Model

if TYPE_CHECKING:
    import numpy as np
    import torch

    from harness.data.split import Split


class Adam(Value, frozen=True):
    """Training by Adam at a rate that falls linearly to zero, with errors measured at the end.

    Args:
        model: the model; its weights come first from the solver's stream, then the order of examples.
        reach: learning rate times the square root of the number of trained parameters: about the length
            of a step, so that one value serves subspaces of all dimensions (with columns of norm one).
        steps: number of steps.
        batch: examples per step, drawn without repetition until all were seen; None for all of them.
        accelerated: on a GPU, if there is one.

    Raises:
        ValueError: a number that is not positive.
    """

    model: Model
    reach: float = 1.0
    steps: int = 200
    batch: int | None = None
    accelerated: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("reach", "steps", *(("batch",) if self.batch is not None else ())):
            require_positive("Adam", name, getattr(self, name))

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """``train_error``, ``test_error``, ``train_loss`` (of the last step) and ``parameters`` trained."""
        import torch
        import torch.nn.functional as F

        device = "cuda" if self.accelerated and torch.cuda.is_available() else "cpu"
        module = self.model.build(tuple(split.x_train.shape[1:]), split.classes, generator).to(device)
        x, y, x_test, y_test = (
            torch.from_numpy(array).to(device)
            for array in (split.x_train, split.y_train, split.x_test, split.y_test)
        )
        weights = list(module.parameters())
        count = sum(w.numel() for w in weights)
        update = _Update(weights, self.reach / math.sqrt(count))
        loss = torch.zeros(())
        for step, rows in enumerate(self._rows(len(y), generator)):
            loss = F.cross_entropy(module(x[rows]), y[rows])
            update(torch.autograd.grad(loss, weights), 1 - step / self.steps)
        return {
            "train_error": _error(module, x, y),
            "test_error": _error(module, x_test, y_test),
            "train_loss": float(loss.detach()),
            "parameters": count,
        }

    def _rows(self, n: int, generator: np.random.Generator) -> Iterator[slice | torch.Tensor]:
        """The rows of each step's examples, drawn without repetition until all were seen."""
        import torch

        if self.batch is None or self.batch >= n:
            yield from [slice(None)] * self.steps
            return
        left = self.steps
        while left:
            order = torch.from_numpy(generator.permutation(n))
            for rows in order.split(self.batch)[:left]:
                yield rows
                left -= 1


class _Update:
    """Moments of the gradients, and steps of a module's weights by them."""

    def __init__(self, weights: Sequence[torch.Tensor], lr: float) -> None:
        import torch

        self.weights, self.lr, self.taken = weights, lr, 0
        self.moments = [torch.zeros_like(w) for _ in range(MOMENTS) for w in weights]

    def __call__(self, gradients: Sequence[torch.Tensor], share: float) -> None:
        """Move the weights by one step, at a share of the rate."""
        import torch

        self.taken += 1
        rate = self.lr * share
        with torch.no_grad():
            adam_step(self.weights, gradients, self.moments, taken=self.taken, lr=rate, corrected_within=True)


def _error(module: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """The share of wrong predictions of a module at images x with labels y."""
    import torch

    with torch.no_grad():
        wrong = torch.cat([module(part).argmax(1) for part in x.split(EVALUATION_BATCH)]) != y
    return float(wrong.double().mean())
