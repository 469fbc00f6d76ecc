"""Layers of a trained net put back: to an earlier checkpoint or to fresh random weights.

Zhang, Bengio and Singer 2022: re-initialization takes a layer's weights from a checkpoint of the same
training (epoch 0: its own initial weights), re-randomization from another draw of the initial distribution.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np

    Weights = dict[str, np.ndarray]


class Reset(Value, frozen=True):
    """The first of two nets with some of its layers taken from the second.

    Args:
        layers: beginnings of the names of weights, ``"1."`` for the layer ``1`` of a Sequential.
    """

    layers: tuple[str, ...]

    def apply(self, parents: list[Weights], generator: np.random.Generator) -> Weights:
        """Weights by name.

        Raises:
            ValueError: a layer is not in the nets, so that nothing would be put back.
        """
        trained, other = parents
        for layer in self.layers:
            if not any(name.startswith(layer) for name in trained):
                raise ValueError(f"no weights begin with {layer!r}: the net has {', '.join(trained)}")
        return {
            name: other[name] if name.startswith(self.layers) else array for name, array in trained.items()
        }
