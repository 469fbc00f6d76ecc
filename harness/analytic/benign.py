"""The minimum-norm fit of noisy labels, by the spectrum of the inputs: benign, tempered, or neither.

Bartlett et al. 2020 bound its excess risk by k / n + n / R: k strong directions, which are learnt, and a tail
whose effective rank R = (sum of eigenvalues)^2 / (sum of their squares) spreads what was memorized of noise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

STRONG = 5
"""Directions that carry the signal, each of variance 1."""


def spectrum(kind: str, n: int) -> np.ndarray:
    """Eigenvalues of the inputs' covariance [direction], largest first.

    Args:
        kind: "long tail": five of 1 and n^2 more of 1 / n^2; "short tail": five of 1 and 4 n more of
            1 / (4 n); "power law": i^-2, up to i = 20 n.
        n: examples.

    Raises:
        ValueError: there is no such kind.
    """
    import numpy as np

    if kind == "power law":
        return np.asarray(np.arange(1, 20 * n + 1) ** -2.0)
    tails = {"long tail": n * n, "short tail": 4 * n}
    if kind not in tails:
        raise ValueError(f"kind={kind!r}: one of 'long tail', 'short tail', 'power law'")
    length = tails[kind]
    return np.concatenate([np.ones(STRONG), np.full(length, 1 / length)])


def excess_risks(
    generator: np.random.Generator, sizes: tuple[int, ...], kind: str, noise: float, penalty: float
) -> dict[str, list[float]]:
    """The excess risk of the fit at each number of examples, and the training error it leaves.

    The signal has length 1 in the first five directions; labels have noise of this deviation. The risk of
    weights w is (w - signal)' Sigma (w - signal), without sampling. Without a penalty on |w|^2 the fit is the
    shortest that interpolates.

    Returns:
        ``excess`` and ``training`` (the largest residual of a label), by size.
    """
    import numpy as np

    excess, training = [], []
    for n in sizes:
        eigenvalues = spectrum(kind, n)
        roots = np.sqrt(eigenvalues)
        signal = np.zeros(len(eigenvalues))
        direction = generator.normal(size=STRONG)
        signal[:STRONG] = direction / np.linalg.norm(direction)
        x = generator.standard_normal((n, len(eigenvalues)))
        x *= roots
        y = x @ signal + noise * generator.normal(size=n)
        w = x.T @ np.linalg.solve(x @ x.T + penalty * np.eye(n), y)
        excess.append(float((w - signal) ** 2 @ eigenvalues))
        training.append(float(np.abs(x @ w - y).max()))
    return {"excess": excess, "training": training}
