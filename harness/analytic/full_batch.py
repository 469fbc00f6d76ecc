"""Full gradient descent on a small ReLU network, in float64, and the flatness of where it ends.

What Barrett and Dherin 2021 measure: the size of the gradient and the curvature at the end of training for
several learning rates, with and without a penalty on the squared norm of the gradient.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from harness.analytic.dense_nets import log_probabilities, places_of, rectified
from harness.analytic.scores import flat, require_positive
from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.data.split import Split

    Floats: TypeAlias = NDArray[np.float64]


class Weights(NamedTuple):
    """A layer's weights: matrix [inputs, outputs] and biases [outputs]."""

    matrix: Floats
    biases: Floats


class Passes(NamedTuple):
    """A forward and a backward pass.

    Attributes:
        layers: the weights of each layer.
        values: what enters each layer, and last the scores [n, classes].
        logs, chances: their softmax, and its logs.
        backs: the loss's derivatives by what leaves each layer before its ReLU, [n, outputs].
        active: 1.0 where a unit of a hidden layer is, else 0.0, [n, units] for each; numpy multiplies by
            numbers several times as fast as by truth values.
    """

    layers: list[Weights]
    values: list[Floats]
    logs: Floats
    chances: Floats
    backs: list[Floats]
    active: list[Floats]


@dataclasses.dataclass(frozen=True)
class Network:
    """Mean cross-entropy of a network with ReLU layers, as a function of all its weights in one vector.

    Attributes:
        x: inputs [n, d]; y: classes [n].
        widths: of all layers, from d to the number of classes.
    """

    x: Floats
    y: NDArray[np.int64]
    widths: tuple[int, ...]

    def drawn(self, generator: np.random.Generator) -> Floats:
        """Weights and biases, uniform within 1 / sqrt(inputs of their layer), [p]."""
        import numpy as np

        ends = zip(self.widths, self.widths[1:], strict=False)
        return np.concatenate([generator.uniform(-1, 1, (a + 1) * b) / a**0.5 for a, b in ends])

    @functools.cached_property
    def places(self) -> list[tuple[int, int, int]]:
        """Where each layer's matrix, its biases, and what follows them begin in theta [p]."""
        starts = [0, *itertools.accumulate((a + 1) * b for a, b in itertools.pairwise(self.widths))]
        return [(i, j - b, j) for (i, j), b in zip(itertools.pairwise(starts), self.widths[1:], strict=True)]

    def layers(self, theta: Floats) -> list[Weights]:
        """The weights of each layer, as views into theta [p]."""
        return [
            Weights(theta[begin:middle].reshape(-1, end - middle), theta[middle:end])
            for begin, middle, end in self.places
        ]

    @functools.cached_property
    def labels(self) -> NDArray[np.int64]:
        """The places [n] of the examples' classes in their scores, which lie one row after the other."""
        return places_of(self.y, self.widths[-1])

    def values(self, theta: Floats, layers: list[Weights] | None = None) -> list[Floats]:
        """The values that enter each layer, and last the scores [n, classes]."""
        values = [self.x]
        for i, (matrix, biases) in enumerate(layers or self.layers(theta)):
            inner = values[-1] @ matrix
            inner += biases
            values.append(rectified(inner) if i < len(self.widths) - 2 else inner)
        return values

    def loss_and_error(self, theta: Floats) -> tuple[float, float]:
        """Mean cross-entropy, and the share of wrong classes."""
        import numpy as np

        scores = self.values(theta)[-1]
        return self.loss(log_probabilities(scores)), float(np.mean(scores.argmax(1) != self.y))

    def loss(self, logs: Floats) -> float:
        """Mean cross-entropy, from the logs of the chances [n, classes] of the classes."""
        return float(-logs.reshape(-1)[self.labels].mean())

    def passed(self, theta: Floats) -> Passes:
        """Forward and backward pass, from which the gradient and products with the Hessian follow."""
        import numpy as np

        layers = self.layers(theta)
        values = self.values(theta, layers)
        logs = log_probabilities(values[-1])
        chances = np.exp(logs)
        back = chances.copy()
        back.reshape(-1)[self.labels] -= 1.0
        back /= len(self.y)
        backs, active = [back], [(inputs > 0).astype(np.float64) for inputs in values[1:-1]]
        for layer, on in zip(reversed(layers[1:]), reversed(active), strict=True):
            back = backs[-1] @ layer.matrix.T
            back *= on
            backs.append(back)
        return Passes(layers, values, logs, chances, backs[::-1], active)

    def gradient(self, theta: Floats, passes: Passes | None = None) -> tuple[float, Floats]:
        """Mean cross-entropy and its gradient [p]; from passes at theta, if they were made."""
        import numpy as np

        passes = passes or self.passed(theta)
        gradient = np.empty_like(theta)
        for part, values, back in zip(self.layers(gradient), passes.values, passes.backs, strict=False):
            np.matmul(values.T, back, out=part.matrix)
            np.add.reduce(back, axis=0, out=part.biases)
        return self.loss(passes.logs), gradient

    def hessian_times(self, theta: Floats, v: Floats, passes: Passes | None = None) -> Floats:
        """The Hessian times v, [p]: the derivative of the gradient along v, no ReLU changing sides.

        Forward and backward pass, each with its derivative along v beside it (Pearlmutter 1994); the inputs
        do not change. Passes at theta are used if they were made.
        """
        import numpy as np

        layers, values, _, p, backs, active = passes or self.passed(theta)
        along = self.layers(v)
        changes = [self.x @ along[0].matrix]
        changes[0] += along[0].biases
        for i, (towards, biases) in list(enumerate(along))[1:]:
            changes[-1] *= active[i - 1]
            change = changes[-1] @ layers[i].matrix
            change += values[i] @ towards
            change += biases
            changes.append(change)
        turn = changes[-1] - np.add.reduce(p * changes[-1], axis=1, keepdims=True)
        turn *= p
        turn /= len(self.y)
        product = np.empty_like(theta)
        parts = self.layers(product)
        for i in reversed(range(len(layers))):
            np.add.reduce(turn, axis=0, out=parts[i].biases)
            np.matmul(values[i].T, turn, out=parts[i].matrix)
            if i:
                parts[i].matrix[:] += changes[i - 1].T @ backs[i]
                turn = turn @ layers[i].matrix.T
                turn += backs[i] @ along[i].matrix.T
                turn *= active[i - 1]
        return product

    def sharpness(self, theta: Floats, generator: np.random.Generator, rounds: int = 60) -> float:
        """The largest eigenvalue of the Hessian, by power iteration from a Gaussian vector.

        Args:
            theta: weights [p].
            generator: draws the first vector.
            rounds: products with the Hessian.
        """
        import numpy as np

        v = generator.standard_normal(len(theta))
        eigenvalue, passes = 0.0, self.passed(theta)
        for _ in range(rounds):
            product = self.hessian_times(theta, v / np.linalg.norm(v), passes)
            eigenvalue, v = float(v @ product / np.linalg.norm(v)), product
        return eigenvalue


class FullBatch(Value, frozen=True):
    """Gradient descent on all examples at once until the training loss is at most ``until``.

    Results: ``steps`` taken, and at how many of them the loss rose, ``rises``; ``train_loss``,
    ``train_error``, ``test_loss``, ``test_error``; ``sharpness``, the largest eigenvalue of the Hessian of
    the training loss; ``r_ig``, the squared norm of its gradient divided by the number of weights;
    ``noisy_test_error``, averaged over draws of noise that changes every weight by a normal share of
    ``noise``. All NaN if the budget ends first.

    Args:
        lr: learning rate h.
        penalty: c in E + c |grad E|^2, whose gradient is g + 2c H g.
        until: training loss at which to stop: all learning rates are compared at this loss.
        steps: budget.
        hidden: widths of the hidden layers.
        noise: relative size of the noise on the weights.
        draws: of noise.

    Raises:
        ValueError: a number that is not positive (or, for the penalty, negative).
    """

    lr: float
    penalty: float = 0.0
    until: float = 0.01
    steps: int = 20_000
    hidden: tuple[int, ...] = (32, 32)
    noise: float = 0.2
    draws: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("lr", "until", "steps", "draws"):
            require_positive("FullBatch", name, getattr(self, name))
        if self.penalty < 0:
            raise ValueError(f"FullBatch(penalty={self.penalty!r}): must not be negative")

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, float]:
        """One training; generators of equal state give all learning rates the same start."""
        import numpy as np

        x_train, x_test = (flat(x) for x in (split.x_train, split.x_test))
        widths = (x_train.shape[1], *self.hidden, split.classes)
        train = Network(x_train, split.y_train, widths)
        test = Network(x_test, split.y_test, widths)
        theta, losses = self._descended(train, train.drawn(generator))
        train_loss, train_error = train.loss_and_error(theta)
        test_loss, test_error = test.loss_and_error(theta)
        gradient = train.gradient(theta)[1]
        noise = generator.standard_normal((self.draws, len(theta)))
        noisy = [test.loss_and_error(theta * (1 + self.noise * e))[1] for e in noise]
        results = {
            "steps": float(len(losses) - 1),
            "rises": float(np.sum(np.diff(losses) > 0)),
            "train_loss": train_loss,
            "train_error": train_error,
            "test_loss": test_loss,
            "test_error": test_error,
            "sharpness": train.sharpness(theta, generator),
            "r_ig": float(gradient @ gradient / len(theta)),
            "noisy_test_error": float(np.mean(noisy)),
        }
        return results if train_loss <= self.until else dict.fromkeys(results, float("nan"))

    def _descended(self, train: Network, theta: Floats) -> tuple[Floats, list[float]]:
        """The first weights with a small enough loss, or the last within the budget; and all losses."""
        losses: list[float] = []
        while True:
            passes = train.passed(theta)
            loss, gradient = train.gradient(theta, passes)
            losses.append(loss)
            if not loss > self.until or len(losses) > self.steps:
                return theta, losses
            if self.penalty:
                gradient = gradient + 2 * self.penalty * train.hessian_times(theta, gradient, passes)
            theta = theta - self.lr * gradient
