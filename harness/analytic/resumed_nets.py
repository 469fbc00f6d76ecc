"""Solvers that train one module by torch, from the step at which they were stopped."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from harness.analytic import landscape_of_models as landscapes
from harness.analytic.adam import Adam, _error, _Update
from harness.analytic.captured_adam import AdamGraphs
from harness.analytic.resuming import Between, Halfway, Parts, under, within
from harness.analytic.step_landscape import batches, summed_up
from harness.analytic.written_steps import gradients_of
from harness.fleet.replica import noisy
from harness.spec.contracts import Weights
from harness.spec.splits import Split

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import nn

MOMENT = "moment of "
"""What a checkpoint calls the optimizer's moments, each with its number: no name of a module's."""


def adam(
    solver: Adam, split: Split, generator: np.random.Generator, begun: Halfway | None, between: Between
) -> Mapping[str, Any]:
    """What ``Adam.solve`` gives; what the module's own stream draws anew is not kept."""
    import torch

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

    loss, stepped = torch.zeros(()), _stepping(module, x, y, update)
    for step, rows in enumerate(solver._rows(len(y), generator)):
        if step < first:
            continue
        if step > first:
            between(step, arrays)
        loss = stepped(rows, 1 - step / solver.steps)
    return {
        "train_error": _error(module, x, y),
        "test_error": _error(module, x_test, y_test),
        "train_loss": float(loss.detach()),
        "parameters": count,
    }


def _stepping(
    module: nn.Module, x: torch.Tensor, y: torch.Tensor, update: _Update
) -> Callable[[slice | torch.Tensor, float], torch.Tensor]:
    """What takes a step on some rows at a share of the rate, and gives its loss; on a GPU, captured."""
    if x.device.type == "cuda" and not noisy(module):
        return AdamGraphs(module, x, y, update.moments, update.lr, update.taken)
    gradients_at = gradients_of(module)

    def stepped(rows: slice | torch.Tensor, share: float) -> torch.Tensor:
        loss, gradients = gradients_at(x[rows], y[rows])
        update(gradients, share)
        return loss

    return stepped


def landscape(
    solver: landscapes.Landscape,
    split: Split,
    generator: np.random.Generator,
    begun: Halfway | None,
    between: Between,
) -> dict[str, Any]:
    """What ``Landscape.solve`` gives; parts are steps, and with them the looks along them.

    Raises:
        ValueError: fewer images than one batch has.
    """
    import numpy as np
    import torch

    if len(split.y_train) < solver.batch:
        raise ValueError(f"Landscape(batch={solver.batch}): there are {len(split.y_train)} images")
    device = "cuda" if solver.accelerated and torch.cuda.is_available() else "cpu"
    module = solver.model.build(tuple(split.x_train.shape[1:]), split.classes, generator).to(device)
    net = landscapes.FlatModule(module.train())
    arrays = (torch.from_numpy(a).to(device) for a in (split.x_train, split.y_train))
    everything = landscapes.TensorBatch(*arrays)
    looks: list[dict[str, float]] = []
    if begun:
        net.theta = torch.from_numpy(begun.arrays["theta"]).to(device)
        table = within("look: ", begun.arrays)
        names = sorted(table, key=lambda name: int(name.partition(" ")[0]))
        columns = {name.partition(" ")[2]: table[name].tolist() for name in names}
        looks = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def kept() -> Weights:
        columns = {f"{i} {name}": np.array([look[name] for look in looks]) for i, name in enumerate(looks[0])}
        return {"theta": net.theta.cpu().numpy(), **under("look: ", columns)}

    parts = Parts(begun, between)
    for step, rows in enumerate(batches(len(split.y_train), solver.batch, solver.steps, generator)):
        if step < parts.done:
            continue
        parts.begins(kept)
        batch = landscapes.TensorBatch(*(part[torch.from_numpy(rows).to(device)] for part in everything))
        loss, gradient = net.gradient(batch)
        if step % solver.every == 0:
            looks.append({"loss": loss} | solver._looked(net, gradient, batch))
        net.theta = net.theta - solver.lr * gradient
    by_look = {name: np.array([look[name] for look in looks]) for name in looks[0]}
    return landscapes._scored(net, everything, solver.batch) | summed_up(by_look) | by_look
