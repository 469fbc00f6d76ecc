"""A network whose output is scaled up learns by its linearization: lazy training, and what it costs.

Chizat, Oyallon and Bach 2019, Sections 1 and 3.1: the output of a two-layer ReLU network that starts at zero
is multiplied by a, and the squared loss divided by a^2; the larger a, the less the weights move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analytic.dense_nets import rectified

if TYPE_CHECKING:
    import numpy as np

PAIRS = 50
"""Pairs of student units: the second of each is the first with the other sign, so that all starts at 0."""


def scaled_training(
    generator: np.random.Generator, n: int, d: int, scale: float, units: int, steps: int, rate: float
) -> dict[str, float]:
    """Fit a teacher by full descent on the scaled loss; inputs are normal, weights on the sphere.

    Args:
        n, d: examples and their dimension.
        scale: a, which the output is multiplied by.
        units: of the teacher, ReLU with output weights of alternating sign; 0 makes it linear.
        steps, rate: of gradient descent; the rate is by unit, as if the gradient were times their number.

    Returns:
        ``moved``: the length of the way from the first weights to the last over the length of the first;
        ``training`` and ``test``: mean squared errors over the variance of the teacher's answers.
    """
    import numpy as np

    def directions(count: int) -> np.ndarray:
        rows = generator.normal(size=(count, d))
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))

    teacher = directions(max(units, 1))
    signs = np.where(np.arange(len(teacher)) % 2, -1.0, 1.0)
    x, x_test = (generator.normal(size=(rows, d)) for rows in (n, 2000))
    y, y_test = (np.maximum(z @ teacher.T, 0) @ signs if units else z @ teacher[0] for z in (x, x_test))
    w = np.vstack([directions(PAIRS)] * 2)
    a = np.repeat([1.0, -1.0], PAIRS)
    first = np.concatenate([w.ravel(), a])

    def answered(z: np.ndarray) -> np.ndarray:
        return np.asarray(scale / len(a) * (np.maximum(z @ w.T, 0) @ a))

    for _ in range(steps):
        hidden = rectified(x @ w.T)
        off = (scale / len(a) * (hidden @ a) - y) / (n * scale)  # the loss over a^2, by an output times a
        back = off[:, None] * a
        back *= hidden > 0
        a, w = a - rate * (hidden.T @ off), w - rate * (back.T @ x)
    moved = np.concatenate([w.ravel(), a]) - first
    return {
        "moved": float(np.linalg.norm(moved) / np.linalg.norm(first)),
        "training": float(np.mean((answered(x) - y) ** 2) / np.var(y_test)),
        "test": float(np.mean((answered(x_test) - y_test) ** 2) / np.var(y_test)),
    }
