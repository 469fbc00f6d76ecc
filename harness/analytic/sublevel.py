"""An explicit path between any two nets of width 2N on which the loss never exceeds its worse end.

Nguyen 2019, for one hidden layer, where no property of the activation is needed: N examples span at most
N dimensions of hidden units, so N of the 2N units can carry a net while the others are exchanged, and a
convex loss of an output that moves on a straight line is at most the larger of its ends.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from numpy.typing import NDArray

    Array = NDArray[Any]  # of floats, or of Fractions (dtype object)
    Number = float | Fraction

DEPENDENT = 1e-12  # of the largest pivot: a column with less is a combination of others, to rounding


class TwoLayer(NamedTuple):
    """A net with one hidden layer; arrays of floats, or of Fractions (dtype object) for exact arithmetic.

    Attributes:
        hidden: [inputs, m]; a bias is the weight of an input that is one.
        output: [m, outputs]; offset: [outputs].
    """

    hidden: Array
    output: Array
    offset: Array


def activated(x: Array, hidden: Array, slope: Number) -> Array:
    """Leaky ReLU units [examples, m] for inputs x [examples, inputs]; ``slope`` 0 is ReLU."""
    import numpy as np

    z = x @ hidden
    return np.where(z > 0, z, slope * z)


def outputs(net: TwoLayer, x: Array, slope: Number) -> Array:
    """The outputs of a net at x, [examples, outputs]."""
    values: Array = activated(x, net.hidden, slope) @ net.output + net.offset
    return values


def between(a: TwoLayer, b: TwoLayer, t: Number) -> TwoLayer:
    """The point at ``t`` in [0, 1] of the straight line from a to b."""
    return TwoLayer(*((1 - t) * p + t * q for p, q in zip(a, b, strict=True)))


def independent(units: Array) -> tuple[list[int], Array]:
    """Columns that span all units [examples, m], and coefficients: units = units[:, columns] @ coefficients.

    It is exact for Fractions; floats are reduced by pivoted QR (``DEPENDENT``).
    """
    return _eliminated(units) if units.dtype == object else _pivoted(units)


def _eliminated(units: Array) -> tuple[list[int], Array]:
    """The same over any field, exactly, by the reduced row echelon form."""
    rows = units.copy()
    chosen: list[int] = []
    for column in range(rows.shape[1]):
        rank = len(chosen)
        pivots = [i for i in range(rank, len(rows)) if rows[i, column] != 0]
        if not pivots:
            continue
        rows[[rank, pivots[0]]] = rows[[pivots[0], rank]]
        rows[rank] = rows[rank] / rows[rank, column]
        for i in range(len(rows)):
            if i != rank and rows[i, column] != 0:
                rows[i] = rows[i] - rows[i, column] * rows[rank]
        chosen.append(column)
    return chosen, rows[: len(chosen)]


def _pivoted(units: Array) -> tuple[list[int], Array]:
    import numpy as np
    import scipy.linalg

    _, triangle, order = scipy.linalg.qr(units, mode="economic", pivoting=True)
    sizes = np.abs(np.diag(triangle))
    chosen = sorted(order[: int((sizes > DEPENDENT * sizes[0]).sum())].tolist())
    return chosen, np.linalg.lstsq(units[:, chosen], units, rcond=None)[0]


def compressed(net: TwoLayer, x: Array, slope: Number) -> tuple[list[int], TwoLayer]:
    """The numbers of at most N units that carry the net, and the net with output weights on these alone.

    That net says the same on the N examples x; its hidden weights stay.
    """
    units, coefficients = independent(activated(x, net.hidden, slope))
    output = net.output * 0
    output[units] = coefficients @ net.output
    return units, net._replace(output=output)


def explicit_path(first: TwoLayer, last: TwoLayer, x: Array, slope: Number) -> list[TwoLayer]:
    """The corners of a path from first to last, to be joined by straight lines.

    Args:
        first, last: nets of one width m.
        x: the examples [N, inputs].
        slope: of the leaky ReLU below zero.

    Raises:
        ValueError: m is below the sum of the two ranks (at most 2N), so the exchange has no room.
    """
    m = first.hidden.shape[1]
    mine, start = compressed(first, x, slope)
    theirs, goal = compressed(last, x, slope)
    free = [i for i in range(m) if i not in mine and i not in theirs]
    moved = [i for i in theirs if i in mine]
    if len(moved) > len(free):
        raise ValueError(f"width {m} is below the {len(mine)} + {len(theirs)} units that carry the two nets")
    guests = dict(zip(moved, free, strict=False))  # a unit of last -> the slot where it waits for its own
    waiting = {i: guests.get(i, i) for i in theirs}
    placed = _with_units(start, last, waiting)
    crossed = placed._replace(output=_at_slots(goal, waiting), offset=last.offset)
    home = _with_units(crossed, last, {i: i for i in theirs})
    carried = home._replace(output=goal.output)
    return [first, start, placed, crossed, home, carried, carried._replace(hidden=last.hidden), last]


def _with_units(net: TwoLayer, other: TwoLayer, slots: dict[int, int]) -> TwoLayer:
    """The net with units of another one in some of its slots."""
    hidden = net.hidden.copy()
    for unit, slot in slots.items():
        hidden[:, slot] = other.hidden[:, unit]
    return net._replace(hidden=hidden)


def _at_slots(net: TwoLayer, slots: dict[int, int]) -> Array:
    """The output weights of a net whose units wait in other slots."""
    output = net.output * 0
    for unit, slot in slots.items():
        output[slot] = net.output[unit]
    return output


def losses_along(
    corners: Sequence[TwoLayer], x: Array, y: Array, slope: Number, *, loss: str, steps: int
) -> list[Number]:
    """The loss at ``steps`` points of each straight piece and at the last corner.

    Args:
        loss: "squared", the mean over examples and outputs; or "cross_entropy" (floats only), mean in nats.
        y: targets [N, outputs], one-hot for the cross-entropy.
    """
    import numpy as np

    def value(net: TwoLayer) -> Number:
        f = outputs(net, x, slope)
        if loss == "squared":
            return ((f - y) ** 2).sum() / y.size
        highest = f.max(axis=1, keepdims=True)
        logs = np.log(np.exp(f - highest).sum(axis=1, keepdims=True)) + highest - f
        return (logs * y).sum() / len(y)

    # j * (1 / steps) would not be a Fraction
    one = corners[0].offset.flat[0] * 0 + 1
    losses = [value(between(a, b, j * one / steps)) for a, b in pairwise(corners) for j in range(steps)]
    return [*losses, value(corners[-1])]
