"""Random ReLU features on the sphere: simulated, and the precise asymptotics of Mei and Montanari 2019.

Inputs and directions are uniform on spheres of radius sqrt(d), targets linear with noise, features
relu(<v, x> / sqrt(d)); coefficients minimize mean squared error + (N penalty / d) |a|^2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from harness.analytic.least_squares import nested_least_squares
from harness.analytic.random_features import ReluFeatures
from harness.analytic.ridge import ridge_coefficients

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

LINEAR = 0.5  # mu_1 of ReLU: E[relu(g) g] for a standard normal g
BEYOND = 0.25 - 1 / (2 * math.pi)  # mu_*^2: E[relu^2] - E[relu]^2 - mu_1^2
SETTLED = 1e-13  # relative change at which the iteration ends
ROUNDS = 100_000  # of the iteration at most


def asymptotic_risk(psi1: float, psi2: float, penalty: float, noise: float, signal: float = 1.0) -> float:
    """The limit of the risk without noise, for N = psi1 d features and n = psi2 d examples (Theorem 2).

    Args:
        psi1, psi2: as above, different from each other if the penalty is zero.
        penalty: see the module; zero is the ridgeless limit.
        noise: variance of the targets' noise.
        signal: squared norm of the linear target's coefficients.
    """
    z = LINEAR / math.sqrt(BEYOND)
    chi = _chi(psi1, psi2, penalty / BEYOND, z)
    z2, z4, z6 = z**2, z**4, z**6
    both, total = psi1 * psi2, psi1 + psi2
    e0 = (
        -(chi**5) * z6
        + 3 * chi**4 * z4
        + chi**3 * ((both - total + 1) * z6 - 2 * z4 - 3 * z2)
        + chi**2 * ((total - 3 * both + 1) * z4 + 2 * z2 + 1)
        + 3 * both * chi * z2
        - both
    )
    e1 = psi2 * chi**3 * z4 - psi2 * chi**2 * z2 + both * chi * z2 - both
    e2 = (
        chi**5 * z6
        - 3 * chi**4 * z4
        + chi**3 * ((psi1 - 1) * z6 + 2 * z4 + 3 * z2)
        - chi**2 * ((psi1 + 1) * z4 + 2 * z2 + 1)
    )
    return signal * e1 / e0 + noise * e2 / e0


def _chi(psi1: float, psi2: float, penalty: float, z: float) -> float:
    """The product of the two Stieltjes transforms at i sqrt(psi1 psi2 penalty), without its sign."""
    if penalty == 0:
        psi = min(psi1, psi2)
        a = psi * z**2 - z**2 - 1
        return -(math.sqrt(a * a + 4 * z**2 * psi) + a) / (2 * z**2)
    u = math.sqrt(psi1 * psi2 * penalty)
    v1, v2 = psi1 / u, psi2 / u
    for _ in range(ROUNDS):
        old1, old2 = v1, v2
        mixed = 1 + z**2 * v1 * v2
        v1 = 0.5 * (v1 + psi1 / (u + v2 + z**2 * v2 / mixed))
        v2 = 0.5 * (v2 + psi2 / (u + v1 + z**2 * v1 / (1 + z**2 * v1 * v2)))
        if abs(v1 - old1) <= SETTLED * v1 and abs(v2 - old2) <= SETTLED * v2:
            break
    return -v1 * v2


def sphere_risks(
    generator: np.random.Generator,
    *,
    d: int,
    n: int,
    widths: Sequence[int],
    noise: float,
    penalty: float = 0.0,
    draws: int = 1,
    n_test: int = 1000,
) -> dict[str, Floats]:
    """The risk of regression on random ReLU features at every width, on new inputs without noise.

    Args:
        generator: draws inputs, directions, the linear target (of norm one) and noise.
        d: inputs.
        n: examples.
        widths: increasing numbers of features.
        noise: variance of the targets' noise.
        penalty: see the module; zero takes the solution of minimum norm.
        draws: independent repetitions of everything, averaged.
        n_test: inputs on which the risk is averaged.

    Returns:
        ``risk`` [widths].
    """
    import numpy as np

    risks = [_sphere_risks(generator, d, n, widths, noise, penalty, n_test) for _ in range(draws)]
    return {"risk": np.mean(risks, axis=0)}


def _sphere_risks(
    generator: np.random.Generator,
    d: int,
    n: int,
    widths: Sequence[int],
    noise: float,
    penalty: float,
    n_test: int,
) -> list[float]:
    import numpy as np

    x = generator.standard_normal((n + n_test, d))
    x *= math.sqrt(d) / np.linalg.norm(x, axis=1, keepdims=True)
    true = generator.standard_normal(d)
    clean = x @ true / np.linalg.norm(true)
    y = (clean[:n] + math.sqrt(noise) * generator.standard_normal(n))[:, None]
    kind = ReluFeatures()
    directions = kind.draw(generator, d, widths[-1])
    train, test = (kind.of(rows, directions, widths[-1]) for rows in (x[:n], x[n:]))
    if penalty == 0:
        predictions = [fit.test for fit in nested_least_squares(train, y, widths, test)]
    else:
        predictions = [test[:, :p] @ ridge_coefficients(train[:, :p], y, n * p * penalty / d) for p in widths]
    return [float(np.mean((predicted[:, 0] - clean[n:]) ** 2)) for predicted in predictions]
