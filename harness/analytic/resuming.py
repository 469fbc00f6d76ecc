"""Solvers that go on from where they were stopped: the steps of ``solve``, to the bit, with looks between.

What solvers run names their runs, so that this stands beside them, as kernels stand beside the plain path.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from harness.analytic.adam import Adam, _error, _Update
from harness.spec.contracts import Weights
from harness.spec.splits import Split

if TYPE_CHECKING:
    import numpy as np

MOMENT = "moment of "
"""What a checkpoint calls the optimizer's moments, each with its number: no name of a module's."""


class Halfway(NamedTuple):
    """Where a solver was stopped.

    Attributes:
        step: how many steps were taken.
        arrays: weights of its module by name, buffers that its steps changed, and moments by number.
    """

    step: int
    arrays: Weights


def is_resumable(solver: object) -> TypeGuard[Adam]:
    """Whether a solver goes on from a checkpoint."""
    return type(solver) is Adam


def solve_on(
    solver: Adam,
    split: Split,
    generator: np.random.Generator,
    begun: Halfway | None,
    between: Callable[[int, Callable[[], Weights]], None],
) -> Mapping[str, Any]:
    """What ``solver.solve`` gives, from a checkpoint on.

    Args:
        solver, split, generator: as for ``solve``; the generator is at its beginning.
        begun: the checkpoint; None for the beginning.
        between: told between two steps: how many were taken, and what a checkpoint keeps.
    """
    import torch
    import torch.nn.functional as F

    device = "cuda" if solver.accelerated and torch.cuda.is_available() else "cpu"
    module = solver.model.build(tuple(split.x_train.shape[1:]), split.classes, generator).to(device)
    x, y, x_test, y_test = (
        torch.from_numpy(array).to(device)
        for array in (split.x_train, split.y_train, split.x_test, split.y_test)
    )
    weights = list(module.parameters())
    count = sum(w.numel() for w in weights)
    update = _Update(weights, solver.reach / math.sqrt(count))
    drawn = {name: tensor._version for name, tensor in module.state_dict().items()}
    first = begun.step if begun else 0
    if begun:
        tensors = {name: torch.from_numpy(array) for name, array in begun.arrays.items()}
        for i, moment in enumerate(update.moments):
            moment.copy_(tensors.pop(f"{MOMENT}{i}"))
        module.load_state_dict(tensors, strict=False)
        update.taken = first

    def arrays() -> Weights:
        kept = {n: t for n, t in module.state_dict().items() if t._version != drawn[n]}
        kept |= {f"{MOMENT}{i}": m for i, m in enumerate(update.moments)}
        return {name: tensor.detach().cpu().numpy().copy() for name, tensor in kept.items()}

    loss = torch.zeros(())
    for step, rows in enumerate(solver._rows(len(y), generator)):
        if step < first:
            continue
        if step > first:
            between(step, arrays)
        loss = F.cross_entropy(module(x[rows]), y[rows])
        update(torch.autograd.grad(loss, weights), 1 - step / solver.steps)
    return {
        "train_error": _error(module, x, y),
        "test_error": _error(module, x_test, y_test),
        "train_loss": float(loss.detach()),
        "parameters": count,
    }
