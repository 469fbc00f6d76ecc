"""Descents on least squares: where they end, and their risk over time.

Sources: Hastie, Montanari, Rosset and Tibshirani 2019, Proposition 1 (gradient descent from zero ends at
the solution of minimum norm); Heckel and Yilmaz 2021, Section 2 (epoch-wise double descent where features
are learnt at different speeds).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from harness.analytic.minimum_norm import minimum_norm
from harness.fleet.adaptive import EPSILON, MEAN_DECAY, SQUARE_DECAY

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

METHODS = ("sgd", "adam")
STABLE = 0.9  # step of gradient descent over the largest that is stable everywhere


class Group(NamedTuple):
    """Features that are learnt at one speed.

    Attributes:
        features: how many.
        deviation: of each feature over examples.
        share: norm of what they contribute to the target.
        rate: relative learning rate.
    """

    features: int
    deviation: float
    share: float
    rate: float


def descent_end(
    generator: np.random.Generator,
    *,
    method: str,
    n: int,
    p: int,
    epochs: int,
    rate: float = 1.0,
    start: float = 0.0,
) -> dict[str, float]:
    """Descent on (y - Xw)^2 / 2 with p > n Gaussian features, held against the solution of minimum norm.

    Args:
        generator: draws features, targets, the start and the order of examples.
        method: ``"sgd"`` takes one example a step, in an order drawn every epoch, with ``rate`` over the
            largest squared norm of an example; ``"adam"`` takes the mean gradient of all, at ``rate``.
        n, p: examples and features.
        epochs: passes over the examples.
        rate: see ``method``.
        start: deviation of the initial weights; 0 starts from zero.

    Returns:
        ``distance`` to the minimum-norm solution over its norm; ``norm_ratio``, the norm over that of
        minimum norm; ``outside``, the share of the squared norm outside the span of the examples;
        ``train_mse``.

    Raises:
        ValueError: an unknown method.
    """
    import numpy as np

    if method not in METHODS:
        raise ValueError(f"method={method!r}: one of {', '.join(METHODS)}")
    x, y = generator.standard_normal((n, p)), generator.standard_normal(n)
    w = start * generator.standard_normal(p)
    w = _by_examples(x, y, w, epochs, rate, generator) if method == "sgd" else _adam(x, y, w, epochs, rate)
    least = minimum_norm(x, y[:, None]).coefficients[:, 0]
    inside = minimum_norm(x, (x @ w)[:, None]).coefficients[:, 0]
    size, smallest = float(np.linalg.norm(w)), float(np.linalg.norm(least))
    return {
        "distance": float(np.linalg.norm(w - least)) / smallest,
        "norm_ratio": size / smallest,
        "outside": float(np.linalg.norm(w - inside)) ** 2 / size**2,
        "train_mse": float(np.mean((x @ w - y) ** 2)),
    }


def _by_examples(
    x: Floats, y: Floats, w: Floats, epochs: int, rate: float, generator: np.random.Generator
) -> Floats:
    """Stochastic gradient descent, one example a step."""
    step = rate / float((x * x).sum(axis=1).max())
    for _ in range(epochs):
        for i in generator.permutation(len(x)):
            w = w - step * (x[i] @ w - y[i]) * x[i]
    return w


def _adam(x: Floats, y: Floats, w: Floats, epochs: int, rate: float) -> Floats:
    """Adam (Kingma and Ba 2015, Algorithm 1) on the mean gradient."""
    import numpy as np

    mean, square = np.zeros_like(w), np.zeros_like(w)
    for step in range(1, epochs + 1):
        gradient = x.T @ (x @ w - y) / len(x)
        mean = MEAN_DECAY * mean + (1 - MEAN_DECAY) * gradient
        square = SQUARE_DECAY * square + (1 - SQUARE_DECAY) * gradient**2
        corrected = np.sqrt(square / (1 - SQUARE_DECAY**step)) + EPSILON
        w = w - rate * mean / (1 - MEAN_DECAY**step) / corrected
    return w


def epoch_risks(
    generator: np.random.Generator,
    *,
    n: int,
    groups: Sequence[tuple[int, float, float, float]],
    noise: float,
    times: Sequence[int],
) -> dict[str, Floats]:
    """The risk of gradient descent from zero after so many steps, by eigenvalues rather than step by step.

    A step is ``STABLE`` over the largest eigenvalue of X'X / n with each group's columns scaled by the root
    of its relative rate.

    Args:
        generator: draws features, coefficients and noise.
        n: examples.
        groups: the fields of a ``Group`` each.
        noise: variance of the targets' noise.
        times: numbers of steps.

    Returns:
        ``risk`` [times], the expected squared distance of prediction and noiseless target; and
        ``best_risk``, the lowest of these.
    """
    import numpy as np

    parts = [Group(*group) for group in groups]
    counts = [part.features for part in parts]
    scales = np.repeat([part.deviation for part in parts], counts)
    rates = np.sqrt(np.repeat([part.rate for part in parts], counts))
    directions = [generator.standard_normal(count) for count in counts]
    true = [part.share * d / np.linalg.norm(d) for d, part in zip(directions, parts, strict=True)]
    contributions = np.concatenate(true)  # scale x coefficient
    standard = generator.standard_normal((n, len(scales)))
    y = standard @ contributions + np.sqrt(noise) * generator.standard_normal(n)
    scaled = standard * (scales * rates)
    values, vectors = np.linalg.eigh(scaled.T @ scaled / n)
    pull = vectors.T @ (scaled.T @ y / n)
    kept = 1.0 - STABLE * values / values[-1]
    risks = []
    for time in times:
        coefficients = rates * (vectors @ ((1.0 - kept**time) / values * pull))
        risks.append(((scales * coefficients - contributions) ** 2).sum())
    return {"risk": np.array(risks), "best_risk": np.min(risks)}
