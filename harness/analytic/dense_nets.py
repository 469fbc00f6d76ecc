"""Several small ReLU networks of one shape trained side by side in numpy.

They serve measurements that need more than a training's curves: errors of single examples at every epoch,
losses on examples still to come, gradients with respect to inputs. They compute in float32, on the
cross-entropy, with momentum as in ``Sgd``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from harness.data.blocks import blocks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]


class DenseLayer(NamedTuple):
    """One dense layer of R networks: weight [R, inputs, outputs], bias [R, 1, outputs]."""

    weight: Floats
    bias: Floats


class DenseNets:
    """R networks: dense layers with ReLU between them.

    Attributes:
        layers: from the inputs up, trained in place.
        velocities: of the layers, in the same order.
    """

    def __init__(self, layers: Sequence[DenseLayer]) -> None:
        import numpy as np

        self.layers = list(layers)
        self.velocities = [DenseLayer(*(np.zeros_like(a) for a in layer)) for layer in layers]

    @classmethod
    def drawn(cls, widths: Sequence[int], nets: int, generator: np.random.Generator) -> DenseNets:
        """Weights and biases uniform in +-1/sqrt(inputs of the layer), as ``Mlp`` draws them.

        Args:
            widths: inputs, hidden layers, classes.
            nets: R.
        """
        import numpy as np

        def uniform(bound: float, *shape: int) -> Floats:
            return (2 * generator.random(shape, dtype=np.float32) - 1) * np.float32(bound)

        return cls(
            [
                DenseLayer(uniform(1 / math.sqrt(a), nets, a, b), uniform(1 / math.sqrt(a), nets, 1, b))
                for a, b in pairwise(widths)
            ]
        )

    @property
    def parameters(self) -> int:
        """Number of parameters of one network."""
        return sum(array[0].size for layer in self.layers for array in layer)

    def copy(self) -> DenseNets:
        """The same networks, at rest."""
        return DenseNets([DenseLayer(*(a.copy() for a in layer)) for layer in self.layers])

    def activations(self, x: Floats) -> list[Floats]:
        """Inputs of every layer and, last, the logits [R, batch, classes].

        Args:
            x: one batch for all networks, [batch, inputs], or one for each, [R, batch, inputs].
        """
        import numpy as np

        values = [x if x.ndim == 3 else x[None]]
        for i, (weight, bias) in enumerate(self.layers):
            z = values[-1] @ weight + bias
            values.append(z if i == len(self.layers) - 1 else np.maximum(z, 0, out=z))
        return values

    def logits(self, x: Floats) -> Floats:
        """The logits [R, batch, classes] for x [batch, inputs]."""
        return self.activations(x)[-1]

    def step(self, x: Floats, y: NDArray[np.int64], lr: float, momentum: float = 0.9) -> Floats:
        """Take one step on the mean cross-entropy of a batch, and return its gradient by the inputs.

        Args:
            x, y: a batch for all networks, [batch, inputs] and [batch], or one for each, [R, batch, inputs]
                and [R, batch].
            lr, momentum: v <- momentum v + gradient; weights <- weights - lr v.

        Returns:
            d(loss of an example)/d(its input), [R, batch, inputs], by the weights before the step.
        """
        inputs = self.activations(x)
        error = surplus(inputs.pop(), y)
        for i in range(len(self.layers) - 1, -1, -1):
            weight, below = self.layers[i].weight, inputs[i]
            passed = error @ weight.swapaxes(1, 2)
            if i:
                passed *= below > 0
            gradient = DenseLayer(below.swapaxes(1, 2) @ error, error.sum(axis=1, keepdims=True))
            for array, velocity, slope in zip(self.layers[i], self.velocities[i], gradient, strict=True):
                velocity *= momentum
                velocity += slope / y.shape[-1]
                array -= lr * velocity
            error = passed
        return error


def log_probabilities(logits: NDArray[Any]) -> NDArray[Any]:
    """Logs of the softmax over the last axis, in the precision of the logits."""
    import numpy as np

    centred: NDArray[Any] = logits - logits.max(axis=-1, keepdims=True)
    normalised: NDArray[Any] = centred - np.log(np.exp(centred).sum(axis=-1, keepdims=True))
    return normalised


def surplus(logits: Floats, y: NDArray[np.int64]) -> Floats:
    """The gradient of each example's cross-entropy by its logits: probabilities less the one-hot labels.

    Args:
        logits: [R, batch, classes].
        y: labels [batch] or [R, batch].
    """
    import numpy as np

    error: Floats = np.exp(log_probabilities(logits))
    error -= y[..., None] == np.arange(logits.shape[-1])
    return error


def in_batches(order: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    """Consecutive pieces of an order of examples."""
    return [order[rows] for rows in blocks(len(order), size)]
