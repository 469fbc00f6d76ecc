"""The variational code for labels: weights sent only as precisely as their posterior is narrow.

Blier and Ollivier 2018, Section 3.3, after Hinton and van Camp 1993: KL(posterior, prior) plus the mean code
of the labels under the posterior. Gaussian posteriors of independent weights by local reparametrization
(Kingma, Salimans and Welling 2015); the prior of each layer is the centred Gaussian that suits it best, whose
deviation costs 32 bits.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from harness.analytic.dense_nets import in_batches, log_probabilities, surplus
from harness.analytic.description_length import WEIGHT_BITS, uniform_bits
from harness.analytic.scores import flattened
from harness.fleet.adaptive import EPSILON, MEAN_DECAY, SQUARE_DECAY
from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.data import Split

    Floats: TypeAlias = NDArray[Any]  # float32 in training, float64 where differences are checked

SMALLEST = 1e-12  # variance of an activation below which its square root is not differentiated
NARROW = -4.0  # log deviation of all weights at first: e^-4 = 0.018, less than the means' own scale


class Posterior(NamedTuple):
    """A layer's weights and bias (last row): their means and log deviations, [inputs + 1, outputs]."""

    mean: Floats
    log_deviation: Floats


def divergence(layer: Posterior) -> tuple[float, Posterior]:
    """KL in nats from the posterior to its best centred Gaussian prior, and the gradient."""
    import numpy as np

    variance = np.exp(2 * layer.log_deviation)
    prior = float(np.mean(layer.mean**2 + variance))  # its variance, at which the KL is smallest
    kl = 0.5 * layer.mean.size * math.log(prior) - float(layer.log_deviation.sum())
    return kl, Posterior(layer.mean / prior, variance / prior - 1)


class SampledPass(NamedTuple):
    """A layer's share of the backward pass: inputs with a one, noise, deviation of activations."""

    inputs: Floats
    noise: Floats
    deviation: Floats


def sampled(
    layers: list[Posterior], x: Floats, generator: np.random.Generator
) -> tuple[Floats, list[SampledPass]]:
    """Logits [batch, classes] with each activation drawn from its own Gaussian."""
    import numpy as np

    passes = []
    for i, layer in enumerate(layers):
        inputs = np.hstack([np.maximum(x, 0) if i else x, np.ones((len(x), 1), np.float32)])
        deviation = np.sqrt(inputs**2 @ np.exp(2 * layer.log_deviation) + SMALLEST)
        noise = generator.standard_normal(deviation.shape, dtype=np.float32)
        passes.append(SampledPass(inputs, noise, deviation))
        x = inputs @ layer.mean + deviation * noise
    return x, passes


def gradients(layers: list[Posterior], passes: list[SampledPass], error: Floats) -> list[Posterior]:
    """The gradient of the summed loss in all layers, from its gradient by the logits [batch, classes]."""
    import numpy as np

    slopes: list[Posterior] = []
    for i in range(len(layers) - 1, -1, -1):
        (mean, log_deviation), (inputs, noise, deviation) = layers[i], passes[i]
        variance = np.exp(2 * log_deviation)
        by_variance = error * noise / (2 * deviation)
        slopes.append(Posterior(inputs.T @ error, 2 * variance * (inputs.T**2 @ by_variance)))
        below = error @ mean.T + 2 * inputs * (by_variance @ variance.T)
        error = below[:, :-1] * (inputs[:, :-1] > 0)
    return slopes[::-1]


class PosteriorUpdate:
    """Adam (Kingma and Ba 2015, with their constants), in place on the float32 arrays of all posteriors."""

    def __init__(self, arrays: list[Floats], lr: float) -> None:
        import numpy as np

        self.arrays, self.lr, self.steps = arrays, lr, 0
        self.moments = [(np.zeros_like(a), np.zeros_like(a)) for a in arrays]

    def step(self, slopes: list[Floats]) -> None:
        """Move every array by one step against its slope."""
        import numpy as np

        self.steps += 1
        rate = self.lr * math.sqrt(1 - SQUARE_DECAY**self.steps) / (1 - MEAN_DECAY**self.steps)
        for array, slope, (first, second) in zip(self.arrays, slopes, self.moments, strict=True):
            first += (1 - MEAN_DECAY) * (slope - first)
            second += (1 - SQUARE_DECAY) * (slope * slope - second)
            array -= rate * first / (np.sqrt(second) + EPSILON)


class Variational(Value, frozen=True):
    """The variational code of an MLP.

    Args:
        width, depth: of the hidden layers.
        epochs, lr, batch: of Adam on the code's length.
        warm_up: epochs over which the weights' share of the length grows from nothing to its own: without
            it a small sample can end at weights that cost nothing and say nothing.
        draws: of the weights, over which the labels' mean cost is measured in the end.
    """

    width: int = 32
    depth: int = 1
    epochs: int = 60
    lr: float = 0.005
    batch: int = 32
    warm_up: int = 20
    draws: int = 10

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """``bits``, ``ratio`` to the uniform code, ``weight_bits``, ``parameters``, ``test_error``."""
        import numpy as np

        x, y = flattened(split.x_train), split.y_train
        layers = self._trained(x, y, split.classes, generator)
        nats = 0.0
        for _ in range(self.draws):
            logs = log_probabilities(sampled(layers, x, generator)[0])
            nats -= float(logs[np.arange(len(y)), y].astype(np.float64).sum()) / self.draws
        weight_nats = sum(divergence(layer)[0] for layer in layers)
        weight_bits = weight_nats / math.log(2) + WEIGHT_BITS * len(layers)
        bits = weight_bits + nats / math.log(2)
        return {
            "bits": bits,
            "ratio": bits / uniform_bits(len(y), split.classes),
            "weight_bits": weight_bits,
            "parameters": sum(layer.mean.size for layer in layers),
            "test_error": _error_at_means(layers, split),
        }

    def _trained(
        self, x: Floats, y: NDArray[np.int64], classes: int, generator: np.random.Generator
    ) -> list[Posterior]:
        import numpy as np

        layers = []
        for a, b in pairwise([x.shape[1], *[self.width] * self.depth, classes]):
            mean = (2 * generator.random((a + 1, b), dtype=np.float32) - 1) / np.float32(math.sqrt(a))
            layers.append(Posterior(mean, np.full((a + 1, b), NARROW, np.float32)))
        update = PosteriorUpdate([array for layer in layers for array in layer], self.lr)
        for epoch in range(self.epochs):
            weight = np.float32(min(1.0, (epoch + 1) / self.warm_up))
            for rows in in_batches(generator.permutation(len(y)), self.batch):
                logits, passes = sampled(layers, x[rows], generator)
                share = np.float32(len(rows) / len(y))
                slopes = gradients(layers, passes, surplus(logits[None], y[rows])[0])
                priors = [divergence(layer)[1] for layer in layers]
                update.step(
                    [
                        a + weight * share * b
                        for slope, prior in zip(slopes, priors, strict=True)
                        for a, b in zip(slope, prior, strict=True)
                    ]
                )
        return layers


def _error_at_means(layers: list[Posterior], split: Split) -> float:
    import numpy as np

    z = flattened(split.x_test)
    for i, layer in enumerate(layers):
        z = (np.maximum(z, 0) if i else z) @ layer.mean[:-1] + layer.mean[-1]
    return float(np.mean(z.argmax(axis=1) != split.y_test))
