"""The measures that ``step_landscape`` takes of dense nets, for any model of ours, by torch's autograd.

Santurkar et al. 2018, Sections 2.2 and 3, on VGG nets: losses and gradients along the step about to be taken,
and how far a layer's gradient moves when the layers before it have taken their step (Definition 2.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from harness.analytic.scores import require_increasing, require_positive
from harness.analytic.step_landscape import batches, summed_up
from harness.spec import Value
from harness.spec.contracts import Dataset, Model

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor

    from harness.data.split import Split


class TensorBatch(NamedTuple):
    """Inputs [n, ...] and labels [n]."""

    x: Tensor
    y: Tensor


class Landscape(Value, frozen=True):
    """A training by plain gradient descent on batches that looks along its step every few steps.

    Batch normalization, if the model has it, uses the batch's own statistics throughout.

    Results, of the last weights: ``train_loss`` and ``train_error``, averaged over all training batches.
    Medians over the steps looked at: ``loss_range``, largest less smallest loss along the step;
    ``gradient_change``, the largest along the step, and ``relative_change``, that over the size of the
    gradient; ``cosine`` and ``gradient_distance`` of ``covariate_shift``, averaged over layers.
    ``smoothness_max``: the largest change of the gradient over the distance moved, of all.
    By step looked at: ``loss``, ``loss_low``, ``loss_high``, ``change_low``, ``change_high``, ``smoothness``,
    ``cosines``, ``distances``.

    Args:
        model: the model; its weights come first from the solver's stream, then the order of examples.
        lr, steps, batch: of the training.
        every: steps between two looks.
        moves: the points along the step, in multiples of it.
        accelerated: on a GPU, if there is one.

    Raises:
        ValueError: a number that is not positive, or moves that do not rise.
    """

    model: Model
    lr: float = 0.1
    steps: int = 200
    batch: int = 128
    every: int = 10
    moves: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    accelerated: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("lr", "steps", "batch", "every"):
            require_positive("Landscape", name, getattr(self, name))
        require_increasing("Landscape", "moves", self.moves)

    def cost(self, data: Dataset) -> float:
        """Multiply-adds: a gradient a step, and at each look one for every point and every layer above."""
        shape, classes = data.shape, data.classes
        looks = -(-self.steps // self.every)
        gradients = self.steps + looks * (len(self.moves) + len(self.model.layers(shape, classes)) - 1)
        return 3.0 * self.batch * gradients * float(self.model.cost(shape, classes))

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """One training, with its looks.

        Raises:
            ValueError: fewer images than one batch has.
        """
        import numpy as np
        import torch

        if len(split.y_train) < self.batch:
            raise ValueError(f"Landscape(batch={self.batch}): there are {len(split.y_train)} images")
        device = "cuda" if self.accelerated and torch.cuda.is_available() else "cpu"
        module = self.model.build(tuple(split.x_train.shape[1:]), split.classes, generator).to(device)
        net = FlatModule(module.train())
        everything = TensorBatch(*(torch.from_numpy(a).to(device) for a in (split.x_train, split.y_train)))
        looks = []
        for step, rows in enumerate(batches(len(split.y_train), self.batch, self.steps, generator)):
            batch = TensorBatch(*(part[torch.from_numpy(rows).to(device)] for part in everything))
            loss, gradient = net.gradient(batch)
            if step % self.every == 0:
                looks.append({"loss": loss} | self._looked(net, gradient, batch))
            net.theta = net.theta - self.lr * gradient
        table = {name: np.array([look[name] for look in looks]) for name in looks[0]}
        return _scored(net, everything, self.batch) | summed_up(table) | table

    def _looked(self, net: FlatModule, gradient: Tensor, batch: TensorBatch) -> dict[str, float]:
        """Losses and gradients along the step, and the covariate shift of the step itself."""
        import numpy as np

        seen = [net.gradient(batch, net.theta - m * self.lr * gradient) for m in self.moves]
        losses = [loss for loss, _ in seen]
        changes = np.array([float((there - gradient).norm()) for _, there in seen])
        size = float(gradient.norm())
        distances, cosines = covariate_shift(net, gradient, self.lr, batch)
        return {
            "loss_low": min(losses),
            "loss_high": max(losses),
            "change_low": float(changes.min()),
            "change_high": float(changes.max()),
            "relative": float(changes.max()) / size,
            "smoothness": float((changes / (np.array(self.moves) * self.lr * size)).max()),
            "cosines": float(np.mean(cosines)),
            "distances": float(np.mean(distances)),
        }


class FlatModule:
    """A module whose parameters are one vector ``theta`` [p], so that it can be looked at from nearby."""

    def __init__(self, module: torch.nn.Module) -> None:
        from torch.nn.utils import parameters_to_vector

        self.module = module
        self.named = dict(module.named_parameters())
        self.theta = parameters_to_vector(self.named.values()).detach()
        self.places: dict[str, slice] = {}
        begin = 0
        for name, parameter in self.named.items():
            self.places[name] = slice(begin, begin + parameter.numel())
            begin += parameter.numel()

    @property
    def weights(self) -> list[str]:
        """Names of the weights of dense and convolutional layers, from the first up."""
        return [name for name, parameter in self.named.items() if parameter.dim() > 1]

    def logits(self, x: Tensor, theta: Tensor) -> Tensor:
        """The outputs [n, classes] at other parameters."""
        from torch.func import functional_call

        parameters = {name: theta[place].view_as(self.named[name]) for name, place in self.places.items()}
        logits: Tensor = functional_call(self.module, parameters, (x,))
        return logits

    def gradient(
        self, batch: TensorBatch, theta: Tensor | None = None, only: str = ""
    ) -> tuple[float, Tensor]:
        """The mean cross-entropy of a batch and its gradient [p], or that by the tensor ``only``, flat."""
        import torch
        import torch.nn.functional as F

        theta = (self.theta if theta is None else theta).detach()
        if not only:
            theta.requires_grad_()
            loss = F.cross_entropy(self.logits(batch.x, theta), batch.y)
            (slope,) = torch.autograd.grad(loss, theta)
            return float(loss.detach()), slope
        place = self.places[only]
        part = theta[place].clone().requires_grad_()
        whole = torch.cat([theta[: place.start], part, theta[place.stop :]])
        loss = F.cross_entropy(self.logits(batch.x, whole), batch.y)
        (slope,) = torch.autograd.grad(loss, part)
        return float(loss.detach()), slope


def covariate_shift(
    net: FlatModule, gradient: Tensor, lr: float, batch: TensorBatch
) -> tuple[list[float], list[float]]:
    """Definition 2.1 on the batch of the step about to be taken.

    Returns:
        For each dense or convolutional layer after the first, the gradient of its weights before and after
        all layers below it took their step: Euclidean distances and cosines.
    """
    import torch.nn.functional as F

    distances, cosines = [], []
    for name in net.weights[1:]:
        place = net.places[name]
        moved = net.theta.clone()
        moved[: place.start] -= lr * gradient[: place.start]
        after, before = net.gradient(batch, moved, only=name)[1], gradient[place]
        distances.append(float((after - before).norm()))
        cosines.append(float(F.cosine_similarity(before, after, dim=0)))
    return distances, cosines


def _scored(net: FlatModule, everything: TensorBatch, size: int) -> dict[str, float]:
    """Loss and error of the whole training set, batch by batch."""
    import torch
    import torch.nn.functional as F

    losses, wrong = [], []
    with torch.no_grad():
        for x, y in zip(everything.x.split(size), everything.y.split(size), strict=True):
            logits = net.logits(x, net.theta)
            losses.append(F.cross_entropy(logits, y, reduction="none"))
            right = logits.isfinite().all(1) & (logits.argmax(1) == y)
            wrong.append((~right).double())
    return {"train_loss": float(torch.cat(losses).mean()), "train_error": float(torch.cat(wrong).mean())}
