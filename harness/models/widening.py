"""Reusing a network's weights in a wider one (Belkin et al. 2019, appendix on fully connected networks)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Weights = dict[str, NDArray[np.float32]]


class Widened(Value, frozen=True):
    """A transform for ``From``: the weights of ``Mlp(w)`` within those of ``Mlp(width)``, w at most width.

    Each array keeps its entries where the smaller network had them; new entries are normal draws of mean
    zero, biases among them. The number of hidden layers stays.

    Args:
        width: hidden units of the wider network.
        deviation: of the new entries; 0.1 in the source.

    Raises:
        ValueError: a width or deviation that is not positive.
    """

    width: int
    deviation: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width < 1 or not (math.isfinite(self.deviation) and self.deviation > 0):
            raise ValueError(f"Widened({self.width}, deviation={self.deviation}): both must be positive")

    def apply(self, weights: Weights, generator: np.random.Generator) -> Weights:
        """The wider network's arrays by name, float32, in the order of the given ones.

        Args:
            weights: of a dense network: weight [outputs, inputs] and bias [outputs] of each layer, first
                layer first.

        Raises:
            ValueError: the network is wider than ``width`` already, or has no hidden layer.
        """
        last = len({name.rpartition(".")[0] for name in weights}) - 1
        if last < 1:
            raise ValueError("Widened: a network without hidden layer has no width")
        layers = {prefix: i for i, prefix in enumerate(dict.fromkeys(n.rpartition(".")[0] for n in weights))}
        widened = {}
        for name, array in weights.items():
            layer = layers[name.rpartition(".")[0]]
            outputs = array.shape[0] if layer == last else self.width
            inputs = array.shape[1:] if layer == 0 else (self.width,) * (array.ndim - 1)
            widened[name] = self._within(array, (outputs, *inputs), generator)
        return widened

    def _within(
        self, array: NDArray[np.float32], shape: tuple[int, ...], generator: np.random.Generator
    ) -> NDArray[np.float32]:
        import numpy as np

        if any(new < old for new, old in zip(shape, array.shape, strict=True)):
            raise ValueError(f"Widened({self.width}): the network is wider already, {array.shape}")
        wide = generator.standard_normal(shape, dtype=np.float32) * np.float32(self.deviation)
        wide[tuple(slice(size) for size in array.shape)] = array
        return wide
