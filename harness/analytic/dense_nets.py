"""Several small ReLU networks of one shape trained side by side in numpy.

They serve measurements that need more than a training's curves: errors of single examples at every epoch,
losses on examples still to come, gradients with respect to inputs. They compute in float32, on the
cross-entropy, with momentum as in ``Sgd``.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from harness.data.blocks import blocks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]

KEPT_ZEROS = 2**16
"""Numbers of the largest array of zeros that is kept."""


MOVED_AT_ONCE = 2**16
"""Weights that all of a step is done to before the next ones: few enough to stay in a processor's cache."""


class DenseLayer(NamedTuple):
    """One dense layer of R networks: weight [R, inputs, outputs], bias [R, 1, outputs]."""

    weight: Floats
    bias: Floats


class DenseNets:
    """R networks: dense layers with ReLU between them.

    Args:
        layers: from the inputs up; they are copied.
        velocities: of the layers, in the same order; without any they are at rest.

    Attributes:
        layers: trained in place, as parts of one array: a step goes over this, and not over each part.
        velocities: likewise.
    """

    def __init__(self, layers: Sequence[DenseLayer], velocities: Sequence[DenseLayer] = ()) -> None:
        import numpy as np

        weights, self.layers = in_one(layers)
        moving, self.velocities = in_one(velocities or [DenseLayer(*map(np.zeros_like, a)) for a in layers])
        slopes, self._slopes = in_one(layers)
        rows = blocks(len(weights), MOVED_AT_ONCE)
        self._moved = [(weights[part], moving[part], slopes[part]) for part in rows]

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
        return DenseNets(self.layers)

    def activations(self, x: Floats) -> list[Floats]:
        """Inputs of every layer and, last, the logits [R, batch, classes].

        Args:
            x: one batch for all networks, [batch, inputs], or one for each, [R, batch, inputs].
        """
        values = [x if x.ndim == 3 else x[None]]
        for i, (weight, bias) in enumerate(self.layers):
            z = values[-1] @ weight
            z += bias
            values.append(z if i == len(self.layers) - 1 else rectified(z))
        return values

    def logits(self, x: Floats) -> Floats:
        """The logits [R, batch, classes] for x [batch, inputs]."""
        return self.activations(x)[-1]

    def step(self, x: Floats, y: NDArray[np.int64], lr: float, momentum: float = 0.9) -> None:
        """Take one step on the mean cross-entropy of a batch.

        Args:
            x, y: a batch for all networks, [batch, inputs] and [batch], or one for each, [R, batch, inputs]
                and [R, batch].
            lr, momentum: v <- momentum v + gradient; weights <- weights - lr v.
        """
        self._stepped(x, y, lr, momentum)

    def step_felt(self, x: Floats, y: NDArray[np.int64], lr: float, momentum: float = 0.9) -> Floats:
        """Take the same step, and return its gradient by the inputs.

        Returns:
            d(loss of an example)/d(its input), [R, batch, inputs], by the weights before the step.
        """
        first = self.layers[0].weight.copy()
        return self._stepped(x, y, lr, momentum) @ first.swapaxes(1, 2)

    def _stepped(self, x: Floats, y: NDArray[np.int64], lr: float, momentum: float) -> Floats:
        """The step; the gradients by what leaves the first layer before its ReLU [R, batch, units]."""
        import numpy as np

        inputs = self.activations(x)
        error = surplus(inputs.pop(), y)
        for i in reversed(range(len(self.layers))):
            below, slope = inputs[i], self._slopes[i]
            np.matmul(below.swapaxes(1, 2), error, out=slope.weight)
            np.add.reduce(error, axis=1, keepdims=True, out=slope.bias)
            if i:
                error = error @ self.layers[i].weight.swapaxes(1, 2)
                error *= below > 0
        for weights, moving, slopes in self._moved:
            moving *= momentum
            slopes /= y.shape[-1]
            moving += slopes
            weights -= np.multiply(moving, lr, out=slopes)
        return error


def in_one(layers: Sequence[DenseLayer]) -> tuple[Floats, list[DenseLayer]]:
    """A copy of all layers in one array, and the layers as parts of it."""
    import numpy as np

    arrays = [array for layer in layers for array in layer]
    whole = np.concatenate([array.ravel() for array in arrays])
    parts = np.split(whole, np.cumsum([array.size for array in arrays])[:-1])
    shaped = [part.reshape(array.shape) for part, array in zip(parts, arrays, strict=True)]
    return whole, [DenseLayer(*pair) for pair in zip(shaped[::2], shaped[1::2], strict=True)]


def rectified(values: NDArray[Any]) -> NDArray[Any]:
    """ReLU of values [..., units], in place.

    The zeros are an array: numpy compares arrays several times as fast as an array and a number.
    """
    import numpy as np

    return np.maximum(values, _zeros(values.shape, values.dtype), out=values)


@functools.lru_cache(maxsize=16)
def _zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Zeros of a shape; of large arrays one row, which is not worth its memory over again."""
    import numpy as np

    return np.zeros(shape if math.prod(shape) <= KEPT_ZEROS else shape[-1:], dtype)


def log_probabilities(logits: NDArray[Any]) -> NDArray[Any]:
    """Logs of the softmax over the last axis, in the precision of the logits."""
    import numpy as np

    logs: NDArray[Any] = np.subtract(logits, _largest(logits), order="C")
    sums = np.add.reduce(np.exp(logs), axis=-1, keepdims=True)
    logs -= np.log(sums, out=sums)
    return logs


def _largest(logits: NDArray[Any]) -> NDArray[Any]:
    """The largest of the last axis, which stays, of length one.

    With the few classes across and the many examples along it is a tenth of the time of numpy's own way.
    """
    import numpy as np

    columns = np.ascontiguousarray(logits.reshape(-1, logits.shape[-1]).T)
    return np.maximum.reduce(columns, axis=0).reshape(*logits.shape[:-1], 1)


def surplus(logits: Floats, y: NDArray[np.int64]) -> Floats:
    """The gradient of each example's cross-entropy by its logits: probabilities less the one-hot labels.

    Args:
        logits: [R, batch, classes].
        y: labels [batch] or [R, batch].
    """
    import numpy as np

    error: Floats = log_probabilities(logits)
    np.exp(error, out=error)
    count = error.size // error.shape[-1]
    labels = y.reshape(-1) if y.size == count else np.tile(y, count // y.size)
    error.reshape(-1)[places_of(labels, error.shape[-1])] -= 1
    return error


def places_of(labels: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """The places of the labels [n] in scores [n, classes] that lie in memory one row after the other."""
    import numpy as np

    return np.arange(0, len(labels) * classes, classes) + labels


def in_batches(order: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    """Consecutive pieces of an order of examples."""
    return [order[rows] for rows in blocks(len(order), size)]
