"""A linear classifier that generalizes, and errs on a sample of the same law: Nagarajan and Kolter 2019.

An example is 2 y u in a few directions, with |u|^2 = 1 / n, and normal noise in D further ones. One pass of
descent adds y x of every example. The sample with the noise of the training set mirrored is as probable as
the training set itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.data.blocks import blocks

if TYPE_CHECKING:
    import numpy as np

SIGNAL = 10
"""Directions of the signal."""
AT_ONCE = 40
"""Test examples drawn at once: the system hands out no memory for all of their noise."""


def errors_of_the_sum(
    generator: np.random.Generator, n: int, excess: int, variance: float, n_test: int = 1000
) -> dict[str, float]:
    """Shares of errors of the classifier that one pass over n examples ends at.

    Args:
        n: training examples.
        excess: directions of noise per example, D / n.
        variance: of the noise, summed over its directions (32 in the source).
        n_test: test examples.

    Returns:
        ``training``, ``test`` and ``mirrored`` errors, and ``gap``: how much less than on the mirrored
        sample the classifier errs in truth, which a two-sided uniform bound cannot fall below.
    """
    import numpy as np

    directions = excess * n
    u = generator.normal(size=SIGNAL)
    u /= np.linalg.norm(u) * np.sqrt(n)

    def labels(count: int) -> np.ndarray:
        return generator.choice([-1.0, 1.0], size=count)

    def drawn(count: int) -> np.ndarray:
        noise = generator.standard_normal((count, directions))
        noise *= np.sqrt(variance / directions)
        return noise

    y, noise = labels(n), drawn(n)
    along, across = 2 * n * u, y @ noise
    signal = float(2 * (u @ along))  # y times an example's part along u, for every example
    y_test = labels(n_test)
    parts = [drawn(len(y_test[rows])) @ across for rows in blocks(n_test, AT_ONCE)]
    training = float(np.mean(signal + y * (noise @ across) <= 0))
    mirrored = float(np.mean(signal - y * (noise @ across) <= 0))
    test = float(np.mean(signal + y_test * np.concatenate(parts) <= 0))
    return {"training": training, "test": test, "mirrored": mirrored, "gap": mirrored - test}
