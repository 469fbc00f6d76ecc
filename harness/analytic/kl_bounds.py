"""What a PAC-Bayes bound pays, and its inverse: binary and Gaussian KL, and a grid of prior variances.

Dziugaite and Roy 2017, after Langford and Caruana 2002.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[Any]

DELTA = 0.025
"""Chance that the bound fails by the draw of the examples; Section 5 and the authors' code."""
DELTA_OF_DRAWS = 0.01
"""Chance that it fails by the draws of weights from which the training error is estimated; the same."""
GRID_TOP, GRID_STEPS = 0.1, 100
"""c and b of the grid of prior variances c exp(-j / b), j = 1, 2, ...; the same."""
GRID_POINTS = 2500
"""How many of them are looked at: down to a variance of 0.1 e^-25, beyond which no prior is of use."""


def binary_kl(q: float, p: float) -> float:
    """KL in nats from a coin that shows heads with probability q to one that does with p; infinite if p rules
    out what q allows."""
    total = 0.0
    for a, b in ((q, p), (1 - q, 1 - p)):
        if a > 0:
            total += a * math.log(a / b) if b > 0 else math.inf
    return max(total, 0.0)


def inverse_binary_kl(q: float, nats: float) -> float:
    """The largest p for which ``binary_kl(q, p) <= nats``, by bisection from above to the last bit.

    Raises:
        ValueError: q is no probability, or nats are negative.
    """
    if not (0 <= q <= 1 and nats >= 0):
        raise ValueError(f"inverse_binary_kl({q}, {nats}): q must be in [0, 1] and nats at least 0")
    low, high = q, 1.0
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if binary_kl(q, middle) <= nats else (low, middle)
    return high


def gaussian_kl(moved: float, variances: float, log_variances: float, size: int, prior: Any) -> Any:
    """KL in nats from N(w, diag s^2) to N(w0, prior I), from sums over the weights.

    Args:
        moved: |w - w0|^2.
        variances, log_variances: sums of s^2 and of log s^2.
        size: number of weights.
        prior: the prior's variance; a number, or an array of which each is taken.
    """
    import numpy as np

    return 0.5 * ((moved + variances) / prior + size * np.log(prior) - size - log_variances)


def grid_variances(points: int = GRID_POINTS) -> Floats:
    """The variances [points] that a prior may have: c exp(-j / b) for j = 1, 2, ..."""
    import numpy as np

    return GRID_TOP * np.exp(-np.arange(1, points + 1) / GRID_STEPS)


def grid_prices(points: int = GRID_POINTS) -> Floats:
    """What each point pays in nats [points]: log(pi^2 j^2 / 6), so that their chances to fail sum to one."""
    import numpy as np

    return np.log(math.pi**2 / 6) + 2 * np.log(np.arange(1, points + 1))


def sampled_limit(error: float, draws: int) -> float:
    """What the mean of independent indicators is at most, where so many of them came out with this mean."""
    return inverse_binary_kl(error, math.log(2 / DELTA_OF_DRAWS) / draws)


class Sums(NamedTuple):
    """What a KL to N(centre, lambda I) depends on: see ``gaussian_kl``."""

    moved: float
    variances: float
    log_variances: float
    size: int


class Complexity(NamedTuple):
    """The smallest price over the grid of priors, in nats per example, and where it is."""

    rate: float
    kl: float
    prior: float


def least_complexity(sums: Sums, examples: int) -> Complexity:
    """(KL + log(m pi^2 j^2 / 6 delta)) / (m - 1) at the point j of the grid at which it is least."""
    import numpy as np

    variances = grid_variances()
    kls = gaussian_kl(*sums, prior=variances)
    total = kls + grid_prices() + math.log(examples / DELTA)
    best = int(np.argmin(total))
    return Complexity(float(total[best]) / (examples - 1), float(kls[best]), float(variances[best]))
