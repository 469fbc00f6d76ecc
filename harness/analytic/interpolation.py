"""ReLU networks that fit any labels of distinct points, built rather than trained.

First in rationals (``fractions.Fraction``), where a fit is an identity and a theorem can be refuted;
then in float64 at the size of CIFAR-10, in O(n d) for the projections and O(n log n) for the rest.
Source: Zhang et al. 2017, Theorem 1, Lemma 1 and the corollary on depth; the deep network is ours.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from harness.data.blocks import blocks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

Vector: TypeAlias = tuple[Fraction, ...]
Matrix: TypeAlias = tuple[Vector, ...]
ZERO, ONE = Fraction(0), Fraction(1)

BYTE = 255  # largest value of a byte
AT_ONCE = 500  # points of random bytes that are in memory together
MANTISSA = 53  # bits of a float64
BY_HAND = 300  # points at which a plain forward pass is held against the exact outputs
SAMPLES = 8  # draws of which the geometric mean is taken: one alone depends on its closest pair


class Affine(NamedTuple):
    """A layer: matrix [outputs, inputs] and biases [outputs]."""

    matrix: Matrix
    biases: Vector


@dataclasses.dataclass(frozen=True)
class Theorem1Net:
    """The network c(x) = sum_j weights[j] relu(<direction, x> - thresholds[j]), of one direction [d]."""

    direction: Vector
    thresholds: Vector
    weights: Vector

    @property
    def size(self) -> int:
        """The number of numbers that the network is made of."""
        return len(self.direction) + len(self.thresholds) + len(self.weights)

    def __call__(self, x: Sequence[Fraction]) -> Fraction:
        z = dot(self.direction, x)
        return dot(self.weights, [max(z - b, ZERO) for b in self.thresholds])


@dataclasses.dataclass(frozen=True)
class Deep:
    """A network on the scalar <direction, x>: affine layers, with ReLU after all but the last."""

    direction: Vector
    layers: tuple[Affine, ...]

    @property
    def depth(self) -> int:
        """The number of layers of weights."""
        return len(self.layers)

    @property
    def width(self) -> int:
        """The number of units of the widest hidden layer."""
        return max(len(layer.biases) for layer in self.layers[:-1])

    @property
    def size(self) -> int:
        """Weights and biases that are not zero; the direction, shared by the first layer, counts once."""
        first, *others = self.layers
        later = (entry for matrix, _ in others for row in matrix for entry in row)
        biases = (b for _, layer in (first, *others) for b in layer)
        return len(self.direction) + sum(number != 0 for number in itertools.chain(later, biases))

    def __call__(self, x: Sequence[Fraction]) -> Fraction:
        values: Sequence[Fraction] = (dot(self.direction, x),)
        for matrix, biases in self.layers[:-1]:
            values = [max(dot(row, values) + b, ZERO) for row, b in zip(matrix, biases, strict=True)]
        matrix, biases = self.layers[-1]
        return dot(matrix[0], values) + biases[0]

    def silenced(self, layer: int, unit: int) -> Deep:
        """The same network with one hidden unit missing; layers and units count from either end."""
        matrix, biases = self.layers[layer]
        missing = unit % len(matrix)
        rows = tuple((ZERO,) * len(row) if i == missing else row for i, row in enumerate(matrix))
        kept = tuple(ZERO if i == missing else b for i, b in enumerate(biases))
        layers = list(self.layers)
        layers[layer] = Affine(rows, kept)
        return dataclasses.replace(self, layers=tuple(layers))


def dot(left: Sequence[Fraction], right: Sequence[Fraction]) -> Fraction:
    """The inner product of two vectors of one length."""
    return sum((a * b for a, b in zip(left, right, strict=True)), ZERO)


def separating_direction(points: Sequence[Vector]) -> Vector:
    """A direction on which distinct points of R^d have distinct projections.

    On the moment curve (1, t, t^2, ...) each pair of points excludes at most d - 1 values of t, so the
    search ends after (d - 1) n (n - 1) / 2 + 1 of them.

    Raises:
        ValueError: two points are equal.
    """
    if len(set(points)) < len(points):
        raise ValueError("two points are equal: no direction separates them")
    for t in itertools.count(1):
        direction = tuple(Fraction(t) ** power for power in range(len(points[0])))
        if len({dot(direction, x) for x in points}) == len(points):
            return direction
    raise AssertionError("unreachable: the search is finite")


def interleaved(z: Sequence[Fraction], shares: Sequence[Fraction] = ()) -> Vector:
    """Thresholds b_1 < z_1 < b_2 < z_2 ...: b_i lies at a share in (0, 1) of the gap before z_i.

    Args:
        z: increasing.
        shares: one per gap, default one half; the gap before z_1 has length one.
    """
    before = (z[0] - 1, *z[:-1])
    halves = shares or (Fraction(1, 2),) * len(z)
    return tuple(low + share * (high - low) for low, high, share in zip(before, z, halves, strict=True))


def hinge_matrix(z: Sequence[Fraction], thresholds: Sequence[Fraction]) -> Matrix:
    """The matrix relu(z_i - b_j), [points, units]; lower triangular if the two interleave."""
    return tuple(tuple(max(place - b, ZERO) for b in thresholds) for place in z)


def forward_substitution(matrix: Matrix, y: Sequence[Fraction]) -> Vector:
    """The solution of a lower triangular system with a diagonal free of zeros."""
    solution: list[Fraction] = []
    for i, row in enumerate(matrix):
        solution.append((y[i] - dot(row[:i], solution)) / row[i])
    return tuple(solution)


def two_layer(points: Sequence[Vector], labels: Sequence[Fraction]) -> Theorem1Net:
    """The network of Theorem 1: 2n + d numbers that give n distinct points of R^d any labels."""
    direction = separating_direction(points)
    pairs = sorted((dot(direction, x), y) for x, y in zip(points, labels, strict=True))
    z = [place for place, _ in pairs]
    thresholds = interleaved(z)
    weights = forward_substitution(hinge_matrix(z, thresholds), [y for _, y in pairs])
    return Theorem1Net(direction, thresholds, weights)


def deep(points: Sequence[Vector], labels: Sequence[Fraction], depth: int) -> Deep:
    """Theorem 1's function with its hinges spread over the depth - 1 hidden layers of a deep network.

    Beside its share of the n hinges every hidden layer carries on the projection, relu(z - b_1), and,
    from the second on, the sum of the hinges so far, lifted so that on the sample a ReLU lets it pass:
    width <= ceil(n / (depth - 1)) + 2, and at most d + 5 n - 1 weights.

    Raises:
        ValueError: a depth below 2 or above n + 1, which leaves a hidden layer without a hinge.
    """
    if not 2 <= depth <= len(points) + 1:
        raise ValueError(f"depth={depth}: n = {len(points)} hinges fill 1 to {len(points)} hidden layers")
    flat = two_layer(points, labels)
    b, w, hidden = flat.thresholds, flat.weights, depth - 1
    ends = [len(b) * i // hidden for i in range(hidden + 1)]
    hinges = [range(low, high) for low, high in itertools.pairwise(ends)]
    lift = _lift([dot(flat.direction, x) for x in points], b, w, ends[1:-1])
    layers = [Affine(((ONE,),) * len(hinges[0]), tuple(-b[j] for j in hinges[0]))]
    summing: Vector = tuple(w[j] for j in hinges[0])  # over the units of the layer before
    for number, block in enumerate(hinges[1:]):
        projection = (ONE, *(ZERO,) * (len(summing) - 1))
        matrix = (projection, summing, *(projection,) * len(block))
        biases = (ZERO, ZERO if number else lift, *(b[0] - b[j] for j in block))
        layers.append(Affine(matrix, biases))
        summing = (ZERO, ONE, *(w[j] for j in block))
    layers.append(Affine((summing,), (-lift if hidden > 1 else ZERO,)))
    return Deep(flat.direction, tuple(layers))


def _lift(z: Sequence[Fraction], b: Vector, w: Vector, ends: Sequence[int]) -> Fraction:
    """The smallest number that keeps every partial sum of hinges from being negative on the sample."""
    sums = (dot(w[:end], [max(place - c, ZERO) for c in b[:end]]) for end in ends for place in z)
    return max((-value for value in sums), default=ZERO)


def rank(matrix: Matrix) -> int:
    """The exact rank, by elimination."""
    rows = [list(row) for row in matrix]
    pivots = 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((i for i in range(pivots, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[pivots], rows[pivot] = rows[pivot], rows[pivots]
        for row in rows[pivots + 1 :]:
            factor = row[column] / rows[pivots][column]
            row[:] = [entry - factor * head for entry, head in zip(row, rows[pivots], strict=True)]
        pivots += 1
    return pivots


def solvable(matrix: Matrix, y: Sequence[Fraction]) -> bool:
    """Some weights w give matrix w = y: adding y as a column does not raise the rank."""
    return rank(matrix) == rank(tuple((*row, value) for row, value in zip(matrix, y, strict=True)))


def characteristic_polynomial(matrix: Matrix) -> Vector:
    """Coefficients of det(t I - matrix), highest power first, by Faddeev and LeVerrier's recursion.

    It never looks at the matrix's shape, so it is a check of what is said about triangular ones.
    """
    n = len(matrix)
    coefficients, product = [ONE], [[ZERO] * n for _ in range(n)]
    for k in range(1, n + 1):
        shifted = [[*row] for row in product]
        for i in range(n):
            shifted[i][i] += coefficients[-1]
        by_column = list(zip(*shifted, strict=True))
        product = [[dot(row, column) for column in by_column] for row in matrix]
        coefficients.append(-sum((product[i][i] for i in range(n)), ZERO) / k)
    return tuple(coefficients)


def with_roots(roots: Sequence[Fraction]) -> Vector:
    """Coefficients of prod_i (t - roots[i]), highest power first."""
    coefficients = [ONE]
    for root in roots:
        longer = [*coefficients, ZERO]
        coefficients = [a - root * b for a, b in zip(longer, (ZERO, *coefficients), strict=True)]
    return tuple(coefficients)


def memorized(generator: np.random.Generator, *, n: int, d: int) -> dict[str, float]:
    """Theorem 1's network for n images of d random bytes with random labels 0 to 9, in float64.

    Three networks are evaluated at all n points: ``float64``; ``spoiled``, which misses one hinge (the
    one of median weight); ``float32``, the first with thresholds and weights rounded to float32.

    Returns:
        ``weights``: how many numbers the network has; for each of the three its ``<name>_residual``
        (largest |output - label|) and ``<name>_error`` (share of labels that rounding the output gets
        wrong); ``disagreement``: largest difference between a plain float64 forward pass of the first
        network and its exact outputs, over ``BY_HAND`` points; ``largest_weight``, per standard deviation
        of z.
    """
    import numpy as np

    direction = byte_direction(generator, d)
    z = projected_bytes(generator, direction, n)
    y = generator.integers(0, 10, n).astype(np.float64)
    thresholds, weights = interpolating(z, y)
    spoiled = weights.copy()
    spoiled[np.argsort(np.abs(weights))[n // 2]] = 0.0
    outputs = exact_outputs(z, thresholds, weights)
    sample = generator.choice(n, min(n, BY_HAND), replace=False)
    by_hand = [np.sum(weights * np.maximum(place - thresholds, 0.0)) for place in z[sample]]
    return {
        "weights": float(direction.size + thresholds.size + weights.size),
        "largest_weight": float(np.max(np.abs(weights)) * np.std(z)),
        "disagreement": float(np.max(np.abs(by_hand - outputs[sample]))),
        **_misfit("float64", outputs, y),
        **_misfit("spoiled", exact_outputs(z, thresholds, spoiled), y),
        **_misfit("float32", exact_outputs(z, _in_float32(thresholds), _in_float32(weights)), y),
    }


def _misfit(name: str, outputs: Floats, y: Floats) -> dict[str, float]:
    import numpy as np

    wrong = np.rint(outputs) != y
    return {f"{name}_residual": float(np.max(np.abs(outputs - y))), f"{name}_error": float(np.mean(wrong))}


def _in_float32(values: Floats) -> Floats:
    import numpy as np

    return values.astype(np.float32).astype(np.float64)


def byte_direction(generator: np.random.Generator, d: int) -> Floats:
    """A direction [d] of whole numbers, each a float32, whose product with d bytes is exact in float64.

    All partial sums are whole numbers below 2^53, so neither the order of summation nor the machine
    changes a projection, and float32 changes nothing about the first layer.
    """
    import numpy as np

    largest = 2**53 // (BYTE * d) * 15 // 16  # room for rounding up to the next float32
    return _in_float32(generator.integers(-largest, largest, d).astype(np.float64))


def projected_bytes(generator: np.random.Generator, direction: Floats, n: int) -> Floats:
    """The projections [n] of n points of random bytes, drawn block by block and never held together.

    Raises:
        ValueError: two projections coincide, so that this direction will not do.
    """
    import numpy as np

    z = np.empty(n)
    for rows in blocks(n, AT_ONCE):
        shape = (rows.stop - rows.start, direction.size)
        values = generator.integers(0, BYTE + 1, shape, dtype=np.uint8)
        z[rows] = values.astype(np.float64) @ direction
    if np.unique(z).size < n:
        raise ValueError(f"two of {n} projections coincide: draw another direction")
    return z


def interpolating(z: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Thresholds and weights [n] of Theorem 1's network for distinct projections z [n] and labels y [n].

    Each threshold is the previous point, the last place where the matrix is still triangular with a
    positive diagonal. Then c is the piecewise linear interpolant, whose slopes depend on two neighbours
    only: solving costs a sort, and no rounding error travels along the points.
    """
    import numpy as np

    order = np.argsort(z)
    z, y = z[order], y[order]
    first = z[0] - (z[-1] - z[0] + 1.0) / z.size
    thresholds = np.concatenate(([first], z[:-1]))
    slopes = np.diff(y, prepend=0.0) / (z - thresholds)
    return thresholds, np.diff(slopes, prepend=0.0)


def exact_outputs(z: Floats, thresholds: Floats, weights: Floats) -> Floats:
    """The sums over j of weights[j] relu(z_i - thresholds[j]), [n], each correctly rounded.

    Terms of 1e10 cancel to a label, so the floats are taken as what they are, whole numbers over a
    power of two, and z_i * (sum of weights) - (sum of weights times thresholds) over the thresholds
    below z_i is computed in whole numbers. It reads the network alone, not how it was solved.
    """
    import numpy as np

    order = np.argsort(thresholds)
    places, finest = _whole(np.concatenate((z, thresholds[order])))
    heights, smallest = _whole(weights[order])
    moments = (height * place for height, place in zip(heights, places[z.size :], strict=True))
    sums, means = ([0, *itertools.accumulate(terms)] for terms in (heights, moments))
    active = np.searchsorted(thresholds[order], z).tolist()
    unit = finest * smallest
    return np.array([(places[i] * sums[k] - means[k]) / unit for i, k in enumerate(active)])


def _whole(values: Floats) -> tuple[list[int], int]:
    """Whole numbers and the power of two to divide them by, exactly equal to the floats."""
    import numpy as np

    fractions, powers = np.frexp(values)
    whole = np.ldexp(fractions, MANTISSA).astype(np.int64)  # values are whole * 2^(powers - MANTISSA)
    zeros = np.maximum(np.frexp((whole & -whole).astype(np.float64))[1] - 1, 0)  # at the end, in binary
    whole, powers = whole >> zeros, np.where(whole == 0, 0, powers - MANTISSA + zeros)
    finest = max(0, -int(powers.min()))
    shifts = (powers + finest).tolist()
    return [number << shift for number, shift in zip(whole.tolist(), shifts, strict=True)], 1 << finest


def weight_growth(
    generator: np.random.Generator, *, sizes: tuple[int, ...], d: int, conditioned: int, spacing: str
) -> dict[str, float]:
    """The size of Theorem 1's weights as it grows with n, on projections of variance one and labels 0 to 9.

    Args:
        sizes: numbers of points.
        d: dimension of the Gaussian points, projected on a Gaussian direction.
        conditioned: number of points at which the matrix's condition number is computed.
        spacing: ``"generic"``, or ``"even"`` for projections at equal distances.

    Returns:
        ``weight_<n>``: for each n the largest |w_j|, the geometric mean over ``SAMPLES`` draws (one alone
        depends on its closest pair); ``condition``: the decimal logarithm of the condition number.
    """
    import numpy as np

    def projections(n: int) -> Floats:
        direction = generator.standard_normal(d)
        generic = generator.standard_normal((n, d)) @ (direction / np.linalg.norm(direction))
        return generic if spacing == "generic" else np.linspace(-(3**0.5), 3**0.5, n)  # variance one

    def largest(n: int) -> float:
        _, weights = interpolating(projections(n), generator.integers(0, 10, n).astype(np.float64))
        return float(np.max(np.abs(weights)))

    growth = {
        f"weight_{n}": float(np.exp(np.mean(np.log([largest(n) for _ in range(SAMPLES)])))) for n in sizes
    }
    z = np.sort(projections(conditioned))
    matrix = np.maximum(z[:, None] - interpolating(z, z)[0], 0.0)
    return {**growth, "condition": float(np.log10(np.linalg.cond(matrix)))}
