"""PAC-Bayes bounds on the error of a stochastic network, optimised over its distribution of weights.

Dziugaite and Roy 2017, after Langford and Caruana 2002: weights are drawn from Q = N(w, diag s^2), the prior
is P = N(w0, lambda I) around the weights w0 that training started from. With probability 1 - delta over m
examples, for all Q at once, kl(training error of Q | error of Q) <= (KL(Q, P) + log(m / delta)) / (m - 1);
lambda comes from a grid whose every point pays for having been looked at, and the training error of Q, which
is estimated from draws of weights, pays for that as well.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from harness.analytic.dense_nets import in_batches
from harness.analytic.kl_bounds import (
    DELTA,
    GRID_STEPS,
    GRID_TOP,
    Sums,
    gaussian_kl,
    inverse_binary_kl,
    least_complexity,
    sampled_limit,
)
from harness.analytic.scores import flattened, require_positive
from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.data import Split

    Floats: TypeAlias = NDArray[Any]  # float32 in training, float64 where differences are checked

BIAS = 0.1
"""First biases of hidden units, in the authors' code; those of the output are 0."""
SMALLEST_VARIANCE = 1e-12
"""Of a unit's sum, below which its square root is not differentiated."""
NARROWEST = 1e-3
"""Added to |w|, from which deviations start, lest a weight of zero start with none."""
SQUARES_KEPT, SMALLEST_SQUARE = 0.9, 1e-10
"""Of RMSProp's running mean of squared gradients, as in the authors' framework."""


class GaussianWeights(NamedTuple):
    """Means and log deviations of all weights, a layer [inputs + 1, outputs] each, biases last."""

    means: list[Floats]
    log_deviations: list[Floats]


def sums_about(q: GaussianWeights, centre: list[Floats]) -> Sums:
    """The sums, in float64, of a posterior about a prior's centre."""
    import numpy as np

    moved = variances = logs = 0.0
    for mean, log_deviation, point in zip(*q, centre, strict=True):
        moved += float(np.square(mean - point, dtype=np.float64).sum())
        variances += float(np.exp(2 * log_deviation.astype(np.float64)).sum())
        logs += 2 * float(log_deviation.sum(dtype=np.float64))
    return Sums(moved, variances, logs, sum(mean.size for mean in q.means))


def first_weights(widths: list[int], deviation: float, generator: np.random.Generator) -> list[Floats]:
    """Weights [inputs + 1, outputs] of each layer, biases last: normal, drawn anew beyond two deviations."""
    import numpy as np

    layers = []
    for i, (a, b) in enumerate(pairwise(widths)):
        weights = generator.standard_normal((a + 1, b), dtype=np.float32)
        while (far := np.abs(weights) > 2).any():
            weights[far] = generator.standard_normal(int(far.sum()), dtype=np.float32)
        weights *= np.float32(deviation)
        weights[-1] = BIAS if i < len(widths) - 2 else 0.0
        layers.append(weights)
    return layers


def answers(layers: list[Floats], x: Floats) -> list[Floats]:
    """Inputs of each layer with a one, [batch, inputs + 1], and the outputs [batch, 1] last."""
    import numpy as np

    values = []
    for i, weights in enumerate(layers):
        values.append(np.hstack([np.maximum(x, 0) if i else x, np.ones((len(x), 1), np.float32)]))
        x = values[-1] @ weights
    return [*values, x]


def descend(layers: list[Floats], x: Floats, y: Floats, lr: float, velocities: list[Floats]) -> None:
    """One step of descent with momentum 0.9 on the mean logistic loss in bits, in place; y is -1 or 1."""
    *inputs, output = answers(layers, x)
    error = slope_of_loss(output, y) / len(y)
    for i in range(len(layers) - 1, -1, -1):
        velocities[i] *= 0.9
        velocities[i] += inputs[i].T @ error
        if i:
            error = (error @ layers[i].T)[:, :-1] * (inputs[i][:, :-1] > 0)
        layers[i] -= lr * velocities[i]


def slope_of_loss(output: Floats, y: Floats) -> Floats:
    """The slope of log2(1 + exp(-y f)) by the output f [batch, 1], for labels y [batch] of -1 and 1."""
    import numpy as np

    sides = y[:, None]
    slope: Floats = -sides / (np.float32(math.log(2)) * (1 + np.exp(np.clip(sides * output, -60, 60))))
    return slope


class DrawnLayer(NamedTuple):
    """A layer's share of a pass with drawn weights: inputs with a one, noise, deviations of the sums."""

    inputs: Floats
    noise: Floats
    deviation: Floats


def drawn_answers(
    means: list[Floats], variances: list[Floats], x: Floats, generator: np.random.Generator
) -> tuple[list[DrawnLayer], Floats]:
    """What backward passes need of every layer, and outputs [batch, 1], every row by weights of its own.

    Given its inputs, a unit's sum is Gaussian, so that drawing it draws weights (Kingma, Salimans and Welling
    2015); rows are independent, which weights drawn once for all rows would not leave them.
    """
    import numpy as np

    layers = []
    for i, (mean, variance) in enumerate(zip(means, variances, strict=True)):
        inputs = np.hstack([np.maximum(x, 0) if i else x, np.ones((len(x), 1), np.float32)])
        deviation = np.sqrt(inputs**2 @ variance + np.float32(SMALLEST_VARIANCE))
        noise = generator.standard_normal(deviation.shape, dtype=np.float32)
        layers.append(DrawnLayer(inputs, noise, deviation))
        x = inputs @ mean + deviation * noise
    return layers, x


def drawn_slopes(
    means: list[Floats], variances: list[Floats], layers: list[DrawnLayer], error: Floats
) -> list[tuple[Floats, Floats]]:
    """Slopes of a loss by means and by variances, from its slopes by the outputs [batch, 1]."""
    slopes = []
    for i in range(len(layers) - 1, -1, -1):
        inputs, noise, deviation = layers[i]
        by_variance = error * noise / (2 * deviation)
        slopes.append((inputs.T @ error, (inputs**2).T @ by_variance))
        if i:
            below = error @ means[i].T + 2 * inputs * (by_variance @ variances[i].T)
            error = below[:, :-1] * (inputs[:, :-1] > 0)
    return slopes[::-1]


def error_of_draws(
    q: GaussianWeights, x: Floats, y: Floats, passes: int, generator: np.random.Generator
) -> float:
    """Share of wrong answers over so many passes, each by weights of its own; labels y are -1 or 1."""
    import numpy as np

    wrong, variances = 0, [np.exp(2 * rho) for rho in q.log_deviations]
    for rows in in_batches(np.arange(len(y)), 5000):
        for _ in range(passes):
            output = drawn_answers(q.means, variances, x[rows], generator)[1]
            wrong += int(np.count_nonzero(output[:, 0] * y[rows] <= 0))
    return wrong / (passes * len(y))


class PacBayes(Value, frozen=True):
    """A bound on the error of a stochastic ReLU network that tells lower from upper classes.

    Args:
        width, depth: of the hidden layers.
        deviation: of the first weights.
        epochs, lr, batch: of descent with momentum from there.
        narrow: the deviations from which those of the posterior start, as multiples of |w|.
        steps, rate: of RMSProp on the bound, on batches of the same size; the rate falls to a tenth after
            three quarters of the steps. No steps leave the posterior where it starts.
        passes: over the training images, with other weights for every image, from which the training error is
            estimated.
    """

    width: int = 600
    depth: int = 1
    deviation: float = 0.04
    epochs: int = 20
    lr: float = 0.01
    batch: int = 100
    narrow: float = 1.0
    steps: int = 4000
    rate: float = 0.001
    passes: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive("PacBayes", "narrow", self.narrow)

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """The bound, what it is made of, and what it would be otherwise.

        Returns:
            ``bound``; ``stated``, the same without inverting the binary KL, which may be above one: training
            error plus sqrt(complexity / 2); ``about_origin``, the bound on the same network by a prior around
            zero; ``unpaid``, what it would be without the KL; ``kl`` in nats; ``prior``, its variance;
            ``train_error`` and ``test_error`` of the stochastic network, ``plain_train_error`` and
            ``plain_test_error`` of the one it was made from; ``parameters``.
        """
        import numpy as np

        x, x_test = flattened(split.x_train), flattened(split.x_test)
        y, y_test = (signs(labels, split.classes) for labels in (split.y_train, split.y_test))
        start = first_weights([x.shape[1], *[self.width] * self.depth, 1], self.deviation, generator)
        ended = self._descended(start, x, y, generator)
        q = self._narrowed(ended, start, x, y, generator)
        train_error = error_of_draws(q, x, y, self.passes, generator)
        limit = sampled_limit(train_error, self.passes * len(y))
        cost = least_complexity(sums_about(q, start), len(y))
        origin = least_complexity(sums_about(q, [np.zeros_like(layer) for layer in start]), len(y))
        return {
            "bound": inverse_binary_kl(limit, cost.rate),
            "stated": limit + math.sqrt(cost.rate / 2),
            "about_origin": inverse_binary_kl(limit, origin.rate),
            "unpaid": inverse_binary_kl(limit, cost.rate - cost.kl / (len(y) - 1)),
            "kl": cost.kl,
            "prior": cost.prior,
            "train_error": train_error,
            "test_error": error_of_draws(q, x_test, y_test, self.passes, generator),
            "plain_train_error": float(np.mean(answers(ended, x)[-1][:, 0] * y <= 0)),
            "plain_test_error": float(np.mean(answers(ended, x_test)[-1][:, 0] * y_test <= 0)),
            "parameters": sum(layer.size for layer in start),
        }

    def _descended(
        self, start: list[Floats], x: Floats, y: Floats, generator: np.random.Generator
    ) -> list[Floats]:
        import numpy as np

        layers = [layer.copy() for layer in start]
        velocities = [np.zeros_like(layer) for layer in layers]
        for _ in range(self.epochs):
            for rows in in_batches(generator.permutation(len(y)), self.batch):
                descend(layers, x[rows], y[rows], self.lr, velocities)
        return layers

    def _narrowed(
        self, ended: list[Floats], centre: list[Floats], x: Floats, y: Floats, generator: np.random.Generator
    ) -> GaussianWeights:
        """The posterior that descent on loss + sqrt(complexity / 2) ends at, from around ``ended``."""
        import numpy as np

        q = widened(ended, self.narrow)
        squares = [[np.zeros_like(w) for w in part] for part in q]
        for step in range(self.steps):
            rows = generator.integers(len(y), size=self.batch)
            rate = self.rate * (1.0 if step < 0.75 * self.steps else 0.1)
            step_on_bound(q, centre, squares, x[rows], y[rows], len(y), rate, generator)
        return q


def widened(means: list[Floats], narrow: float) -> GaussianWeights:
    """Around these means, a posterior whose deviations are so many times |w|."""
    import numpy as np

    widths = [np.float32(narrow) * (np.abs(w) + np.float32(NARROWEST)) for w in means]
    return GaussianWeights([w.copy() for w in means], [np.log(width) for width in widths])


def step_on_bound(
    q: GaussianWeights,
    centre: list[Floats],
    squares: list[list[Floats]],
    x: Floats,
    y: Floats,
    examples: int,
    rate: float,
    generator: np.random.Generator,
) -> None:
    """One step of RMSProp on loss + sqrt(complexity / 2), in place, by a batch x, y out of so many examples.

    Args:
        squares: running means of squared slopes, by means and by log deviations.
    """
    import numpy as np

    variances = [np.exp(2 * rho) for rho in q.log_deviations]
    layers, output = drawn_answers(q.means, variances, x, generator)
    error = slope_of_loss(output, y) / len(y)
    slopes = drawn_slopes(q.means, variances, layers, error)
    way = [mean - point for mean, point in zip(q.means, centre, strict=True)]
    weight, prior = priced(way, variances, q.log_deviations, examples)
    for i, (by_mean, by_variance) in enumerate(slopes):
        by_mean += (weight / prior) * way[i]
        by_variance *= 2 * variances[i]
        by_variance += weight * (variances[i] / prior - 1)
        move(q.means[i], by_mean, squares[0][i], np.float32(rate))
        move(q.log_deviations[i], by_variance, squares[1][i], np.float32(rate))


def priced(
    way: list[Floats], variances: list[Floats], log_deviations: list[Floats], examples: int
) -> tuple[np.float32, np.float32]:
    """The slope of sqrt(complexity / 2) by the KL, and the prior's variance at which the KL is least."""
    import numpy as np

    moved = sum(float(np.vdot(w, w)) for w in way)
    spread = sum(float(v.sum()) for v in variances)
    sums = Sums(moved, spread, 2 * sum(float(r.sum()) for r in log_deviations), sum(w.size for w in way))
    prior = min((moved + spread) / sums.size, GRID_TOP * math.exp(-1 / GRID_STEPS))
    j = GRID_STEPS * math.log(GRID_TOP / prior)
    nats = gaussian_kl(*sums, prior=prior) + math.log(math.pi**2 * j**2 * examples / (6 * DELTA))
    root = math.sqrt(nats / (2 * (examples - 1)))
    return np.float32(1 / (4 * (examples - 1) * root)), np.float32(prior)


def move(array: Floats, slope: Floats, squares: Floats, rate: np.float32) -> None:
    """One step of RMSProp, in place; the slope is written over."""
    import numpy as np

    squares *= np.float32(SQUARES_KEPT)
    squares += np.float32(1 - SQUARES_KEPT) * np.square(slope)
    slope *= rate
    slope /= np.sqrt(squares + np.float32(SMALLEST_SQUARE))
    array -= slope


def signs(labels: NDArray[np.int64], classes: int) -> Floats:
    """-1 for the lower half of the classes, 1 for the upper."""
    import numpy as np

    return np.where(labels < classes // 2, -1, 1).astype(np.float32)
