"""Variants that the engine does not use, measured so that nobody has to wonder: vmap and torch.compile."""

from __future__ import annotations

import copy
import functools
from typing import TYPE_CHECKING

from harness.benchmarks import baselines
from harness.benchmarks.workloads import Cell, Workload
from harness.data.blocks import EVALUATION_BATCH, blocks

if TYPE_CHECKING:
    from torch import Tensor, nn

    from harness.data import Split

STACKED = 8
"""Replicas under one vmap."""


def compiled(workload: Workload, precision: str, device: str, round_: int, cells: int = 0) -> str:
    """The tuned loop with ``torch.compile`` around the network, at torch's default threads.

    It is compiled once, in the first call; every cell then loads its own weights into it.
    """
    import torch

    for cell, split in baselines.chosen(workload, "float32", round_, cells):
        model = _network(workload, device)
        model.load_state_dict(baselines.fresh(cell, split, device).state_dict())
        setting = baselines.Setting(_threads())
        compiled_model = _compiled(workload, device)
        baselines.tuned_cell(cell, split, device, setting, compiled_model, evaluated=model)
    return f"{torch.get_num_threads()} threads"


@functools.cache
def _threads() -> int:
    import torch

    return int(torch.get_num_threads())


@functools.cache
def _network(workload: Workload, device: str) -> nn.Module:
    cell, split = next(baselines.chosen(workload, "float32", 0, 1))
    return baselines.fresh(cell, split, device)


@functools.cache
def _compiled(workload: Workload, device: str) -> nn.Module:
    import torch

    return torch.compile(_network(workload, device))  # type: ignore[return-value]


def vmap(workload: Workload, precision: str, device: str, round_: int, cells: int = 0) -> str:
    """Eight replicas at a time as one ``torch.func`` program, resident data, torch's default threads."""
    import torch

    taken = list(baselines.chosen(workload, "float32", round_, cells))
    for rows in blocks(len(taken), STACKED):
        fleet = taken[rows]
        _vmap_fleet([cell for cell, _ in fleet], [split for _, split in fleet], device)
    return f"E = {min(STACKED, len(taken))}, {torch.get_num_threads()} threads"


def _vmap_fleet(cells: list[Cell], splits: list[Split], device: str) -> None:
    import torch
    import torch.nn.functional as F
    from torch.func import functional_call, grad_and_value, stack_module_state
    from torch.func import vmap as vectorized

    models = [baselines.fresh(cell, split, device) for cell, split in zip(cells, splits, strict=True)]
    template = copy.deepcopy(models[0]).to("meta")
    params, buffers = stack_module_state(models)
    velocities = {name: torch.zeros_like(p) for name, p in params.items()}
    x_train, x_test = (torch.from_numpy(x).to(device) for x in (splits[0].x_train, splits[0].x_test))
    y_train = torch.stack([torch.from_numpy(split.y_train) for split in splits]).to(device)
    y_test = torch.stack([torch.from_numpy(split.y_test) for split in splits]).to(device)

    def logits(weights: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(template, (weights, {}), (x,))

    def loss(weights: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(logits(weights, x), y)

    step = vectorized(grad_and_value(loss))
    sgd = cells[0].experiment.optimizer
    assert not buffers
    for _ in range(sgd.epochs):
        total = torch.zeros(len(cells), device=device)
        orders = torch.stack([torch.randperm(y_train.shape[1], device=device) for _ in cells])
        for rows in orders.split(sgd.batch, 1):
            gradients, losses = step(params, x_train[rows], y_train.gather(1, rows))
            with torch.no_grad():
                total += losses * rows.shape[1]
                for name, velocity in velocities.items():
                    velocity.mul_(sgd.momentum).add_(gradients[name])
                    params[name].sub_(velocity, alpha=sgd.lr_at(0, 1))
        total.tolist()
        with torch.no_grad():
            for x, y in ((x_train, y_train), (x_test, y_test)):
                for part, labels in zip(x.split(EVALUATION_BATCH), y.split(EVALUATION_BATCH, 1), strict=True):
                    guessed = vectorized(logits, in_dims=(0, None))(params, part).argmax(2)
                    (guessed != labels).sum(1).tolist()
