"""The mean loss of any net on its training images as a function of its weights, and its curvature.

Everything is in float64, at the float32 weights as they were trained and with the net in evaluation mode:
statistics of batch normalization are held, dropout is off. Images come in blocks so small that the graph of
a second derivative stays below a fixed size, whatever the net.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.data.blocks import EVALUATION_BATCH, blocks
from harness.spec import Value
from harness.spec.informed import HowTrained

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import torch

    from harness.data.split import Split

GRAPH_BYTES = 2**28
"""What the graph of one block may take: 256 MiB."""
GRAPH_COPIES = 8
"""Arrays that the graph of a second derivative keeps for each that a layer gives: values, slopes and their
derivatives, with some to spare."""


class TrainingLoss:
    """The mean loss of a net on its training images, of which the Hessian is multiplied by vectors.

    The net is turned to float64 in place.

    Args:
        model: the net; what it trains are its parameters.
        split: its data.
        loss: "cross_entropy" in nats, or "squared", the mean over examples and classes.

    Attributes:
        weights: number of all trained weights.
    """

    def __init__(self, model: torch.nn.Module, split: Split, loss: str) -> None:
        self.model, self.split, self.loss = model.double().eval(), split, loss
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.weights = sum(p.numel() for p in self.parameters)
        self.device = self.parameters[0].device
        self.rows = rows_at_once(model, split)
        self._kept: list[torch.Tensor] | None = None

    def start(self, training: HowTrained) -> torch.Tensor:
        """A normal vector [weights] of the run's own stream."""
        import torch

        return torch.from_numpy(training.generator().standard_normal(self.weights)).to(self.device)

    def times(self, vector: torch.Tensor) -> torch.Tensor:
        """The Hessian times a vector [weights]: the gradient's derivative along it, by a second backward."""
        import torch

        parts = vector.split([p.numel() for p in self.parameters])
        along = [part.view_as(p) for part, p in zip(parts, self.parameters, strict=True)]
        total = torch.zeros_like(vector)
        for slopes in self._gradients():
            bent = [(slope, v) for slope, v in zip(slopes, along, strict=True) if slope.requires_grad]
            if not bent:  # linear in all its weights
                continue
            outputs, towards = zip(*bent, strict=True)
            changes = torch.autograd.grad(
                outputs, self.parameters, towards, retain_graph=self._kept is not None, materialize_grads=True
            )
            total += torch.cat([change.flatten() for change in changes])
        return total

    def _gradients(self) -> Iterator[list[torch.Tensor]]:
        """The share of each block of images in the gradient, with its graph; one block's graph is kept."""
        if self._kept is not None:
            yield self._kept
            return
        count = len(self.split.y_train)
        for rows in blocks(count, self.rows):
            slopes = self._gradient(rows)
            if self.rows >= count:
                self._kept = slopes
            yield slopes

    def _gradient(self, rows: slice) -> list[torch.Tensor]:
        import torch
        import torch.nn.functional as F

        x = torch.from_numpy(self.split.x_train[rows]).to(self.device).double()
        y = torch.from_numpy(self.split.y_train[rows]).to(self.device)
        scores = self.model(x)
        if self.loss == "squared":
            loss = ((scores - F.one_hot(y, scores.shape[1])) ** 2).sum() / scores.shape[1]
        else:
            loss = F.cross_entropy(scores, y, reduction="sum")
        loss = loss / len(self.split.y_train)
        slopes = torch.autograd.grad(loss, self.parameters, create_graph=True, materialize_grads=True)
        return list(slopes)


def rows_at_once(model: torch.nn.Module, split: Split) -> int:
    """How many images one block may have, from what every layer of the net gives for one of them."""
    import torch

    sizes: list[int] = []

    def noted(module: torch.nn.Module, inputs: object, output: object) -> None:
        if isinstance(output, torch.Tensor):
            sizes.append(output.numel())

    layers = [module for module in model.modules() if not any(True for _ in module.children())]
    hooks = [layer.register_forward_hook(noted) for layer in layers]
    first = next(model.parameters())
    try:
        with torch.no_grad():
            model(torch.from_numpy(split.x_train[:1]).to(first.device, first.dtype))
    finally:
        for hook in hooks:
            hook.remove()
    return max(1, min(EVALUATION_BATCH, GRAPH_BYTES // (8 * GRAPH_COPIES * max(1, sum(sizes)))))


class OfTheTraining(Value, frozen=True):
    """A probe that is told how a net was trained; asked by hand, by cross-entropy at replicate 0."""

    def measure(self, model: torch.nn.Module, split: Split) -> Mapping[str, Any]:
        """What ``measure_trained`` gives of a net trained by cross-entropy."""
        return self.measure_trained(model, split, HowTrained())

    def measure_trained(
        self, model: torch.nn.Module, split: Split, training: HowTrained
    ) -> Mapping[str, Any]:
        """What it measures.

        Raises:
            NotImplementedError: the class does not say what.
        """
        raise NotImplementedError(f"{type(self).__name__} has no measure_trained(model, split, training)")
