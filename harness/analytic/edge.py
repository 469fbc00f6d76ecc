"""Full gradient descent on a smooth network and its sharpness along the way: the edge of stability.

What Cohen et al. 2021 watch: the largest eigenvalue of the Hessian of the training loss against 2 / step, and
whether single steps raise the loss.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.analytic.scores import flat, require_positive
from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.data.split import Split

    Floats: TypeAlias = NDArray[np.float64]

ROUNDS = 6
"""Products with the Hessian at a look: the vector of the look before is a good start."""
FIRST_ROUNDS = 60
"""At the first look, from a Gaussian vector."""


@dataclasses.dataclass(frozen=True)
class TanhNetwork:
    """Half the mean squared distance to the classes' indicators, as a function of all weights in one vector.

    Attributes:
        x: inputs [n, d]; targets: indicators [n, classes].
        widths: of all layers, from d to the number of classes; tanh between them, nothing after the last.
    """

    x: Floats
    targets: Floats
    widths: tuple[int, ...]

    def drawn(self, generator: np.random.Generator) -> Floats:
        """Weights and biases, uniform within 1 / sqrt(inputs of their layer), [p]."""
        import numpy as np

        ends = zip(self.widths, self.widths[1:], strict=False)
        return np.concatenate([generator.uniform(-1, 1, (a + 1) * b) / a**0.5 for a, b in ends])

    def gradient(self, theta: Floats) -> tuple[float, Floats]:
        """The loss and its gradient [p]."""
        import numpy as np

        values, matrices, place = [self.x], [], 0
        for a, b in zip(self.widths, self.widths[1:], strict=False):
            matrix, biases = theta[place : place + a * b].reshape(a, b), theta[place + a * b :][:b]
            matrices.append((place, matrix))
            place += (a + 1) * b
            inner = values[-1] @ matrix
            inner += biases
            values.append(np.tanh(inner, out=inner) if place < len(theta) else inner)
        off = np.subtract(values[-1], self.targets, out=values[-1])
        back, gradient = off / len(self.x), np.empty_like(theta)
        for i, (start, matrix) in reversed(list(enumerate(matrices))):
            a, b = matrix.shape
            np.matmul(values[i].T, back, out=gradient[start : start + a * b].reshape(a, b))
            np.add.reduce(back, axis=0, out=gradient[start + a * b : start + (a + 1) * b])
            if i:
                back = back @ matrix.T
                slope = np.square(values[i])
                back *= np.subtract(1.0, slope, out=slope)
        return float(np.square(off).sum() / (2 * len(self.x))), gradient

    def hessian_times(self, theta: Floats, v: Floats) -> Floats:
        """The Hessian times a unit vector v, [p], by central differences: exact to some 1e-8 in float64."""
        epsilon = 1e-5
        ahead, behind = (self.gradient(theta + s * epsilon * v)[1] for s in (1, -1))
        return (ahead - behind) / (2 * epsilon)


class FullBatchWatched(Value, frozen=True):
    """Gradient descent on all examples for so many steps, with a look at the sharpness every so often.

    Results: ``sharpness``, the largest eigenvalue of the Hessian of the training loss at each look, and
    ``loss``; ``first_sharpness``; ``last_sharpness``, the median over the last half of looks, and ``late``,
    the same times the step over 2; ``rises``: the share of steps of the last half that raise the loss;
    ``fall``: the loss at the end over that at half of the steps; ``train_error`` and ``test_error``.

    Args:
        lr: learning rate.
        steps: how many.
        hidden: widths of the hidden layers, of tanh units; without any the model is linear.
        every: steps from one look to the next.

    Raises:
        ValueError: a number that is not positive.
    """

    lr: float
    steps: int
    hidden: tuple[int, ...] = (32, 32)
    every: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("lr", "steps", "every"):
            require_positive("FullBatchWatched", name, getattr(self, name))

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """One training; generators of equal state give all learning rates the same start."""
        import numpy as np

        x, x_test = flat(split.x_train), flat(split.x_test)
        net = TanhNetwork(x, np.eye(split.classes)[split.y_train], (x.shape[1], *self.hidden, split.classes))
        theta = net.drawn(generator)
        v, rounds = generator.standard_normal(len(theta)), FIRST_ROUNDS
        losses, sharpness = np.empty(self.steps + 1), []
        for t in range(self.steps + 1):
            losses[t], gradient = net.gradient(theta)
            if t % self.every == 0:
                eigenvalue = 0.0
                for _ in range(rounds):
                    v /= np.linalg.norm(v)
                    product = net.hessian_times(theta, v)
                    eigenvalue, v = float(v @ product), product
                sharpness.append(eigenvalue)
                rounds = ROUNDS
            if t < self.steps:
                theta = theta - self.lr * gradient
        half = self.steps // 2
        late = np.median(sharpness[len(sharpness) // 2 :])
        return {
            "sharpness": sharpness,
            "loss": losses[:: self.every].tolist(),
            "first_sharpness": sharpness[0],
            "late": float(late * self.lr / 2),
            "last_sharpness": float(late),
            "rises": float(np.mean(np.diff(losses[half:]) > 0)),
            "fall": float(losses[-1] / losses[half]),
            "train_error": _error(net, theta, x, split.y_train),
            "test_error": _error(net, theta, x_test, split.y_test),
        }


def _error(net: TanhNetwork, theta: Floats, x: Floats, y: NDArray[np.int64]) -> float:
    """The share of examples whose largest score is not their class's."""
    import numpy as np

    values, place = x, 0
    for a, b in zip(net.widths, net.widths[1:], strict=False):
        inner = values @ theta[place : place + a * b].reshape(a, b) + theta[place + a * b :][:b]
        place += (a + 1) * b
        values = np.tanh(inner) if place < len(theta) else inner
    return float(np.mean(values.argmax(1) != y))
