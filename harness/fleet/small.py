"""Small nets by the native kernel: whole epochs in C++ (see ``native``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.data.blocks import blocks
from harness.fleet import native, native_rules, numerics
from harness.fleet.replica import Replica
from harness.spec import Experiment
from harness.spec.contracts import Weights

if TYPE_CHECKING:
    import numpy as np
    import torch

    from harness.data import Split

DRAWS = 2**22
"""Numbers drawn at once for what is dropped: 16 MiB."""
ALIGNED = 64
"""Bytes at a multiple of which images begin, for the processor's widest loads."""
LONG = 2.5e10
"""Multiply-adds of a forward pass over all training images from which on an epoch takes seconds, so that it
is made step by step, and somebody may look between them; the bits are the same."""


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
        rule = native_rules.rule_of(recipe)
        if rule is None:
            raise ValueError(f"{recipe!r} has steps that the native kernel does not take")
        net = native.net(
            module,
            shape,
            batch=recipe.batch,
            loss=experiment.loss,
            rule=rule,
            precision=numerics.computed_in(experiment.precision, device),
        )
        if net is None:
            raise ValueError(f"{experiment.model!r} cannot be trained by the native kernel here")
        self.net = net
        self._bounds = self.batches, net.bounds(self.batches, len(split.y_train))
        cost = experiment.model.cost(shape, split.classes)
        self.resumable = not self.noise and cost * len(split.y_train) > LONG
        self._kept: list[tuple[torch.Tensor, torch.Tensor, native.NativeExamples]] = []

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
        batches, bounds = self._bounds
        if batches is not self.batches:
            bounds = self.net.bounds(self.batches, len(order))
        if self.resumable:
            return self._descend_by_steps(order, rates)
        examples = self._examples(self.x_train, self.y_train)
        if not any(layer.dropped for layer in self.net.plan.layers):
            return self.net.descend(examples, order, bounds, rates) / len(order)
        total = 0.0
        for steps in self._in_parts(bounds):
            first, last = bounds[steps.start], bounds[steps.stop]
            here, within = order[first:last], bounds[steps.start : steps.stop + 1] - first
            total += self.net.descend(examples, here, within, rates[steps], self._kept_inputs(len(here)))
        return total / len(order)

    def _in_parts(self, bounds: np.ndarray) -> list[slice]:
        """The steps of an epoch in parts for which draws of noise are made at once."""
        widest = max(layer.inputs for layer in self.net.plan.layers)
        return list(blocks(len(bounds) - 1, max(1, DRAWS // (self.optimizer.batch * widest))))

    def _kept_inputs(self, count: int) -> dict[int, np.ndarray]:
        """What each layer keeps of the inputs that it drops, as ``SeededDropout`` draws them.

        A generator's numbers are the same, drawn at once or step by step.
        """
        import torch

        from harness.models._dropout_nets import SeededDropout

        dropping = [i for i, layer in enumerate(self.net.plan.layers) if layer.dropped]
        kept = {}
        drawing = [part for part in self.noise if isinstance(part, SeededDropout) and part.rate]
        for i, part in zip(dropping, drawing, strict=True):
            draws = torch.rand(count, self.net.plan.layers[i].inputs, generator=part.generator)
            kept[i] = (draws >= part.rate).numpy()
        return kept

    def _descend_by_steps(self, order: np.ndarray, rates: list[float]) -> float:
        import torch

        examples = self._examples(self.x_train, self.y_train)
        total = torch.zeros((), dtype=torch.float64)
        for begin, end, lr in self._steps(rates, total):
            total += self.net.descend(examples, order, self.net.bounds([(begin, end)], len(order)), [lr])
        return float(total.item() / len(order))

    def _evaluated(self) -> torch.nn.Module:
        import torch

        self.model.load_state_dict({name: torch.from_numpy(w) for name, w in self.net.weights().items()})
        return self.model

    def _wrong(self, x: torch.Tensor, y: torch.Tensor) -> np.ndarray:
        return self.net.wrong(self._examples(x, y)).view(bool)

    def _examples(self, x: torch.Tensor, y: torch.Tensor) -> native.NativeExamples:
        """What the library reads, checked anew where it is not what it read before."""
        for images, labels, examples in self._kept:
            if images is x and labels is y:
                return examples
        examples = self.net.read(x.numpy(), y.numpy())
        self._kept = [(x, y, examples), *self._kept[:1]]
        return examples
