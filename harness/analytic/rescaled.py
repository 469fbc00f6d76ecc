"""A transform that leaves a ReLU net's function and changes how sharp its loss is (Dinh et al. 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np

    Weights = dict[str, np.ndarray]


class Rescaled(Value, frozen=True):
    """The first layer, biases included, times a factor, and the weights of the second over it.

    Of a net whose first two layers have a ReLU between them the function stays as it is; to the bit where the
    factor is a power of two. Batch normalization between them would undo it.

    Args:
        factor: of the first layer.
        balanced: whether the second layer is divided by it.

    Raises:
        ValueError: a factor that is not positive.
    """

    factor: float
    balanced: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.factor > 0:
            raise ValueError(
                f"Rescaled(factor={self.factor!r}): must be positive, as ReLU passes on no other"
            )

    def apply(self, weights: Weights, generator: np.random.Generator) -> Weights:
        """Weights by name.

        Raises:
            ValueError: fewer than two layers.
        """
        layers = [name for name, array in weights.items() if array.ndim > 1]
        if len(layers) < 2:
            raise ValueError(f"Rescaled needs two layers of weights, and the net has {', '.join(layers)}")
        first, second = layers[:2]
        inside = first.removesuffix("weight")
        changed = {n: a * a.dtype.type(self.factor) for n, a in weights.items() if n.startswith(inside)}
        if self.balanced:
            changed[second] = weights[second] / weights[second].dtype.type(self.factor)
        return {**weights, **changed}
