"""Descent on separable data by the logistic loss, against the classifier of the largest margin.

The weights grow as log t times those of the support vector machine, and their direction tends to it as
1 / log t (Soudry et al. 2018, Theorems 3 and 5). The machine is solved as a problem of least distance by
non-negative least squares (Lawson and Hanson 1974, chapter 23), to rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def largest_margin(signed: Floats) -> Floats:
    """The shortest weights [feature] by which every signed example [example, feature] is at least 1.

    Raises:
        ValueError: no weights do; the examples are not separable.
    """
    import numpy as np
    from scipy.optimize import nnls

    n, d = signed.shape
    stacked = np.vstack([signed.T, np.ones(n)])
    target = np.zeros(d + 1)
    target[d] = 1.0
    solution, rest = nnls(stacked, target)
    if rest < 1e-9:
        raise ValueError("the examples are not separable by a hyperplane through zero")
    residual = stacked @ solution - target
    return np.asarray(-residual[:d] / residual[d])


def separable(generator: np.random.Generator, n: int, d: int) -> Floats:
    """Signed examples [example, feature]: normal inputs, labels by the side of a random hyperplane."""
    import numpy as np

    x = generator.normal(size=(n, d))
    return np.asarray(x * np.sign(x @ generator.normal(size=d))[:, None])


def logistic_descent(
    generator: np.random.Generator, n: int, d: int, decades: int, loss: str, flipped: int
) -> dict[str, Any]:
    """Descend from zero in steps of the inverse curvature at zero, and look at every power of ten.

    Args:
        n, d: examples and features.
        decades: steps are 10^decades.
        loss: "logistic", or "squared", whose end is the least-squares fit of the labels.
        flipped: so many labels are turned afterwards, so that no weights classify all (where one did).

    Returns:
        By power of ten, from 10 on: ``length`` of the weights, ``off``: 1 less the cosine to the support
        vector machine's, ``margin``: the smallest of an example over the largest possible, ``loss_by_time``:
        the mean loss times the steps. And ``growth``: the length gained over the last decade, over log 10
        times the machine's length.
    """
    import numpy as np

    signed = separable(generator, n, d)
    best = largest_margin(signed)
    length = float(np.linalg.norm(best))
    if flipped:  # the examples farthest from the boundary: near ones could be classified by other weights
        signed[np.argsort(signed @ best)[-flipped:]] *= -1
    share = 4.0 if loss == "logistic" else 1.0  # the logistic loss curves by at most 1/4
    rate = share / float(np.linalg.eigvalsh(signed.T @ signed / n)[-1])
    w, looks = np.zeros(d), {10**k for k in range(1, decades + 1)}
    seen: dict[str, list[float]] = {"length": [], "off": [], "margin": [], "loss_by_time": []}
    for t in range(1, 10**decades + 1):
        outputs = signed @ w
        slope = -1 / (1 + np.exp(outputs)) if loss == "logistic" else outputs - 1
        w -= rate * (slope @ signed) / n
        if t in looks:
            norm = float(np.linalg.norm(w))
            outputs = signed @ w
            seen["length"].append(norm)
            seen["off"].append(1 - float(w @ best) / (norm * length))
            seen["margin"].append(float(outputs.min()) / norm * length)
            seen["loss_by_time"].append(float(np.mean(np.logaddexp(0, -outputs))) * t)
    gained = seen["length"][-1] - seen["length"][-2]
    return {**seen, "growth": gained / (np.log(10) * length)}
