"""Linear models with more weights than examples: their minima, their curvature, and where SGD ends.

All is computed in rationals (``fractions.Fraction``), where an identity can be decided, and in float64 for
limits.
Source: Zhang et al. 2017, Section 5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.analytic.interpolation import Matrix, Vector, dot

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

Loss: TypeAlias = Callable[[Fraction, Fraction], Any]  # a Fraction, or a float where it has no other value


def transposed(matrix: Matrix) -> Matrix:
    """Columns as rows."""
    return tuple(zip(*matrix, strict=True))


def combination(rows: Matrix, shares: Sequence[Fraction]) -> Vector:
    """The sum of the rows [n, d], each times its share [n]: [d]."""
    return tuple(dot(shares, column) for column in transposed(rows))


def gram(points: Matrix) -> Matrix:
    """Inner products [n, n] of the points [n, d]."""
    return tuple(tuple(dot(x, other) for other in points) for x in points)


def solution(matrix: Matrix, y: Sequence[Fraction]) -> Vector:
    """Some weights w with matrix w = y, those that elimination leaves free being zero.

    Raises:
        ValueError: there are none.
    """
    rows, pivots = _reduced([[*row, value] for row, value in zip(matrix, y, strict=True)])
    width = len(matrix[0])
    if width in pivots:
        raise ValueError("no weights solve this system")
    weights = [Fraction(0)] * width
    for row, column in zip(rows, pivots, strict=False):
        weights[column] = row[-1]
    return tuple(weights)


def null_vector(matrix: Matrix) -> Vector:
    """A vector v other than zero with matrix v = 0.

    Raises:
        ValueError: the columns are independent.
    """
    rows, pivots = _reduced([list(row) for row in matrix])
    width = len(matrix[0])
    free = next((column for column in range(width) if column not in pivots), None)
    if free is None:
        raise ValueError("the columns are independent: only zero is mapped to zero")
    vector = [Fraction(0)] * width
    vector[free] = Fraction(1)
    for row, column in zip(rows, pivots, strict=False):
        vector[column] = -row[free]
    return tuple(vector)


def _reduced(rows: list[list[Fraction]]) -> tuple[list[list[Fraction]], list[int]]:
    """The reduced echelon form, and the column of each row's leading one."""
    pivots: list[int] = []
    for column in range(len(rows[0])):
        rank = len(pivots)
        pivot = next((i for i in range(rank, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        head = rows[rank][column]
        rows[rank] = [entry / head for entry in rows[rank]]
        for i, row in enumerate(rows):
            if i != rank and row[column]:
                rows[i] = [entry - row[column] * lead for entry, lead in zip(row, rows[rank], strict=True)]
        pivots.append(column)
    return rows, pivots


def stepped(
    points: Matrix,
    labels: Sequence[Fraction],
    start: Vector,
    order: Sequence[int],
    *,
    lr: Fraction,
    momentum: Fraction,
) -> Vector:
    """Weights [d] after SGD on half the squared error, one example of ``order`` at a time.

    v <- momentum v + g;  w <- w - lr v, as ``harness.Sgd`` does it.
    """
    weights, velocity = list(start), [Fraction(0)] * len(start)
    for i in order:
        error = dot(weights, points[i]) - labels[i]
        velocity = [momentum * v + error * x for v, x in zip(velocity, points[i], strict=True)]
        weights = [w - lr * v for w, v in zip(weights, velocity, strict=True)]
    return tuple(weights)


def second_differences(
    loss: Loss, points: Matrix, labels: Sequence[Fraction], weights: Sequence[Fraction]
) -> tuple[tuple[Any, ...], ...]:
    """The second differences of the mean loss L at weights w, [d, d].

    They are L(w + e_i + e_j) - L(w + e_i) - L(w + e_j) + L(w) for all i and j: the Hessian where L is
    quadratic, and a difference quotient of it elsewhere.

    Args:
        loss: of a prediction and a label.
    """

    def mean(*moved: int) -> Any:
        at = [w + moved.count(i) for i, w in enumerate(weights)]
        return sum(loss(dot(at, x), y) for x, y in zip(points, labels, strict=True)) / len(points)

    d = range(len(weights))
    here, once = mean(), [mean(i) for i in d]
    return tuple(tuple(mean(i, j) - once[i] - once[j] + here for j in d) for i in d)


def squared(prediction: Fraction, label: Fraction) -> Fraction:
    """Half the squared error."""
    return (prediction - label) ** 2 / 2


def logistic(prediction: Fraction, label: Fraction) -> float:
    """The logistic loss of a label, 1 if it is positive and -1 if not."""
    import math

    margin = float(prediction if label > 0 else -prediction)
    return math.log1p(math.exp(-abs(margin))) + max(-margin, 0.0)


def conditioned(generator: np.random.Generator, n: int, d: int) -> Floats:
    """Examples [n, d], n <= d, in random directions, with singular values between 1 and 2."""
    import numpy as np

    left = np.linalg.qr(generator.standard_normal((n, n)))[0]
    right = np.linalg.qr(generator.standard_normal((d, n)))[0]
    return (left * generator.uniform(1.0, 2.0, n)) @ right.T


def descended(
    features: Floats, targets: Floats, start: Floats, generator: np.random.Generator, *, epochs: int
) -> Floats:
    """Weights [d] after SGD on half the squared error, every example once an epoch, in random order.

    The step is half of what the longest example allows. Where the targets can be fitted, the distance
    from the solutions falls by a constant factor an epoch.

    Args:
        features: [n, d].
        targets: [n].
        start: [d].
    """
    weights = start.copy()
    lr = 1.0 / (features**2).sum(axis=1).max()
    for _ in range(epochs):
        for i in generator.permutation(len(features)):
            weights -= lr * (features[i] @ weights - targets[i]) * features[i]
    return weights
