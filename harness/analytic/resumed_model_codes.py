"""The prequential code of labels by any model, from the batch at which a training was stopped."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.analytic.description_length import HELD_OUT, Prequential, uniform_bits
from harness.analytic.model_codes import MOMENTUM, CodedByModel
from harness.analytic.resumed_codes import Epochs
from harness.analytic.resuming import Between, Halfway, Keeping, Parts, set_back, state_of, under, within
from harness.spec.contracts import Weights
from harness.spec.splits import Split

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import nn


class Labelled(NamedTuple):
    """Images [n, ...] and their labels [n]."""

    x: torch.Tensor
    y: torch.Tensor


def coded_by_model(
    solver: CodedByModel,
    split: Split,
    generator: np.random.Generator,
    begun: Halfway | None,
    between: Between,
) -> dict[str, Any]:
    """What ``CodedByModel.solve`` gives; parts are steps of the models' trainings."""
    import numpy as np
    import torch

    device = "cuda" if solver.accelerated and torch.cuda.is_available() else "cpu"
    x, y, x_test, y_test = (
        torch.from_numpy(array).to(device)
        for array in (split.x_train, split.y_train, split.x_test, split.y_test)
    )
    ends = Prequential(first=solver.first, growth=solver.growth).ends(len(y))
    parts, held = Parts(begun, between), begun.arrays if begun else {}
    bits = held["bits"].tolist() if held else [uniform_bits(ends[0], split.classes)]
    error, parameters = math.nan, 0
    block, within_block = state_of(generator), within("model: ", held)

    def before() -> Weights:
        return {"bits": np.array(bits), "block": block}

    for begin, end in list(pairwise(ends))[len(bits) - 1 :]:
        if within_block:
            set_back(generator, held["block"])
        block = state_of(generator)
        module = solver.model.build(tuple(split.x_train.shape[1:]), split.classes, generator).to(device)
        training = _ModelTraining(solver, module, Labelled(x[:begin], y[:begin]), generator, within_block)
        module, within_block = training.fitted(parts, before), {}
        bits.append(bits[-1] + solver._bits(module, x[begin:end], y[begin:end])[0])
        error = solver._bits(module, x_test, y_test)[1]
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


class _ModelTraining:
    """The training of a model for a code, as ``CodedByModel`` has it.

    Args:
        module: as it was drawn.
        held: what a checkpoint keeps of it; empty for the beginning.
    """

    def __init__(
        self,
        solver: CodedByModel,
        module: nn.Module,
        labelled: Labelled,
        generator: np.random.Generator,
        held: Weights,
    ) -> None:
        import torch

        self.solver, self.module, self.labelled = solver, module, labelled
        self.order = held["first order"] if held else generator.permutation(len(labelled.y))
        self.velocities = [torch.zeros_like(weight) for weight in module.parameters()]
        self.best, self.lowest, self.stale = module, math.inf, 0
        if held:
            self.lowest, self.stale = float(held["lowest"]), int(held["stale"])
            if best := within("best ", held):
                self.best = copy.deepcopy(module)
                _load(self.best, best)
            _load(module, within("state ", held))
            for i, velocity in enumerate(self.velocities):
                velocity.copy_(torch.from_numpy(held[f"velocity {i}"]))
        self.waiting = max(1, round(HELD_OUT * len(labelled.y)))
        seen = self.order[self.waiting :]
        self.epochs = Epochs(generator, seen, solver.batch, solver.epochs, within("epochs: ", held))

    def fitted(self, parts: Parts, before: Keeping) -> nn.Module:
        """The module after the epoch with the shortest code for the labels that are held out.

        Args:
            before: what a checkpoint keeps beside the training.
        """
        import torch

        (x, y), solver = self.labelled, self.solver
        waiting = torch.from_numpy(self.order[: self.waiting])
        step = self._stepping()
        for batches in self.epochs:
            self.module.train()
            for rows in batches:
                parts.begins(lambda: {**before(), **under("model: ", self._kept())})
                step(x[rows], y[rows])
            length = solver._bits(self.module, x[waiting], y[waiting])[0]
            self.best, self.lowest, self.stale = (
                (copy.deepcopy(self.module), length, 0)
                if length < self.lowest
                else (self.best, self.lowest, self.stale + 1)
            )
            if self.stale == solver.patience:
                break
        return self.best

    def _stepping(self) -> Callable[[torch.Tensor, torch.Tensor], None]:
        """One step on a batch."""
        import torch
        import torch.nn.functional as F

        weights = list(self.module.parameters())

        def step(x: torch.Tensor, y: torch.Tensor) -> None:
            loss = F.cross_entropy(self.module(x), y)
            slopes = torch.autograd.grad(loss, weights)
            with torch.no_grad():
                for weight, velocity, slope in zip(weights, self.velocities, slopes, strict=True):
                    velocity.mul_(MOMENTUM).add_(slope)
                    weight.add_(velocity, alpha=-self.solver.lr)

        return step

    def _kept(self) -> Weights:
        import numpy as np

        best = {} if self.best is self.module else under("best ", _state(self.best))
        return {
            "first order": self.order,
            "lowest": np.array(self.lowest),
            "stale": np.array(self.stale),
            **under("epochs: ", self.epochs.kept()),
            **under("state ", _state(self.module)),
            **{f"velocity {i}": _array(velocity) for i, velocity in enumerate(self.velocities)},
            **best,
        }


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()


def _state(module: nn.Module) -> dict[str, np.ndarray]:
    return {name: _array(tensor) for name, tensor in module.state_dict().items()}


def _load(module: nn.Module, held: Weights) -> None:
    import torch

    module.load_state_dict({name: torch.from_numpy(array) for name, array in held.items()})
