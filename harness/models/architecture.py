"""What models have in common: a base for those of one's own, and one for those made of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.models.counts import multiply_adds, parameters
from harness.spec import Value, canonical, digest
from harness.spec.contracts import LayerCount, Model

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

MOST_COUNTED = 256
_counted: dict[tuple[type, str, tuple[int, ...], int], list[LayerCount]] = {}
"""Layers of modules that were built only to be counted, by class, fields, shape and classes."""


class Architecture(Value, frozen=True):
    """A model whose size and cost follow from its layers, and these, if need be, from what it builds.

    A class of one's own writes ``build`` (``harness.spec.contracts.Model``); ``layers`` too where plans
    should not have to import torch and make the network in order to count it.
    """

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The float32 module, its weights from ``generator`` alone.

        Raises:
            NotImplementedError: the class does not say how its module is made.
        """
        raise NotImplementedError(f"{type(self).__name__} has no build(shape, classes, generator)")

    def layers(self, shape: tuple[int, ...], classes: int) -> Sequence[LayerCount]:
        """Parameters and multiply-adds of the layers of the module that ``build`` makes, in its order."""
        key = (type(self), digest(canonical(self)), tuple(shape), classes)
        if key not in _counted:
            from harness.models._counting_nets import counted

            if len(_counted) >= MOST_COUNTED:
                _counted.clear()
            _counted[key] = counted(self, tuple(shape), classes)
        return _counted[key]

    def size(self, shape: tuple[int, ...], classes: int) -> int:
        """Number of parameters for examples of this shape."""
        return parameters(self.layers(shape, classes))

    def cost(self, shape: tuple[int, ...], classes: int) -> float:
        """Multiply-adds of one forward pass of one example."""
        return multiply_adds(self.layers(shape, classes))


class AroundModel(Architecture, frozen=True):
    """A model made of another one, ``model``, whose layers, size and cost it has unless it says otherwise."""

    model: Model

    def layers(self, shape: tuple[int, ...], classes: int) -> Sequence[LayerCount]:
        """The layers of the other model."""
        return self.model.layers(shape, classes)

    def size(self, shape: tuple[int, ...], classes: int) -> int:
        """Number of parameters of the other model."""
        return self.model.size(shape, classes)

    def cost(self, shape: tuple[int, ...], classes: int) -> float:
        """Multiply-adds of one forward pass of one example by the other model."""
        return self.model.cost(shape, classes)
