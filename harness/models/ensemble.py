"""Trained nets of one model as a model of its own, which predicts by the mean of their probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.models.architecture import AroundModel
from harness.spec import Value
from harness.spec.contracts import LayerCount

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    Weights = dict[str, np.ndarray]


class Ensemble(AroundModel, frozen=True):
    """Several nets of a model, side by side; what they say are logarithms of their mean probabilities.

    It starts from as many trained nets, the last of them through ``Members``, and is not trained itself
    (``Untrained``): its first net stands where training would change something.

    Args:
        model: the model of the nets.
        members: how many.

    Raises:
        ValueError: fewer than one member.
    """

    members: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.members < 1:
            raise ValueError(f"Ensemble(members={self.members}): must be at least 1")

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The float32 module, at first the model's initial weights in every member."""
        from harness.models._ensemble_nets import EnsembleNet

        return EnsembleNet(self.model.build(shape, classes, generator), self.members)

    def layers(self, shape: tuple[int, ...], classes: int) -> Sequence[LayerCount]:
        """The layers of every member."""
        return [*self.model.layers(shape, classes)] * self.members

    def size(self, shape: tuple[int, ...], classes: int) -> int:
        """Number of parameters of all members."""
        return self.members * self.model.size(shape, classes)

    def cost(self, shape: tuple[int, ...], classes: int) -> float:
        """Multiply-adds of one forward pass of one example by all members."""
        return self.members * self.model.cost(shape, classes)


class Members(Value, frozen=True):
    """Trained nets become the members of an ensemble, in the order of the parents."""

    def apply(self, parents: list[Weights], generator: np.random.Generator) -> Weights:
        """Weights of an ``EnsembleNet`` from those of nets of its model."""
        return {f"nets.{i}.{name}": array for i, net in enumerate(parents) for name, array in net.items()}
