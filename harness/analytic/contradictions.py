"""The training error that no function of the images escapes: equal images whose labels differ."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.data import Split


class Contradictions(Value, frozen=True):
    """The smallest training error that any function of the images, network or not, can have.

    A function gives equal images one answer, right for at most the most frequent of their labels.
    """

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, float]:
        """``least_train_error``, between 0 (all images differ, or agree) and 1."""
        return {"least_train_error": least_error(split.x_train, split.y_train)}


def least_error(images: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The share of examples that contradict the most frequent label of their image.

    Args:
        images: [n, ...], compared value by value.
        labels: [n].
    """
    import numpy as np

    rows = np.ascontiguousarray(images).reshape(len(images), -1)
    votes: dict[bytes, Counter[int]] = {}
    for row, label in zip(rows, labels.tolist(), strict=True):
        votes.setdefault(row.tobytes(), Counter())[label] += 1
    agreed = sum(max(count.values()) for count in votes.values())
    return (len(rows) - agreed) / len(rows)
