"""Layers of a trained net put back, to an earlier checkpoint or to fresh random weights; how far they moved.

Zhang, Bengio and Singer 2022: re-initialization takes a layer's weights from a checkpoint of the same
training (epoch 0: its own initial weights), re-randomization from another draw of the initial distribution.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from harness.data.split import Split

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


class Movement(Value, frozen=True):
    """How far each of the first net's weights is from the second's, over the size of its layer there.

    The size is the root mean square over an array of the second net; where that is zero, as of biases that
    have not moved yet, it is taken as one.
    """

    def apply(self, parents: list[Weights], generator: np.random.Generator) -> Weights:
        """Differences by name of the weights."""
        import numpy as np

        trained, before = parents
        sizes = {name: float(np.sqrt(np.mean(np.square(array)))) or 1.0 for name, array in before.items()}
        return {name: (array - before[name]) / np.float32(sizes[name]) for name, array in trained.items()}


class WeightSizes(Value, frozen=True):
    """A probe: for the weights of each layer, biases apart, ``size_<layer>``, their root mean square."""

    def measure(self, model: nn.Module, split: Split) -> dict[str, float]:
        """The sizes by the layers' names."""
        weights = {n: w.detach() for n, w in model.named_parameters() if n.endswith(".weight")}
        sizes = {n.removesuffix(".weight"): float(w.square().mean().sqrt()) for n, w in weights.items()}
        return {f"size_{layer}": size for layer, size in sizes.items()}
