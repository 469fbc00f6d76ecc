"""Points in general position are fitted by units of the order n / d, where Theorem 1 of Zhang et al. takes n.

Baum 1988 gave n / d threshold units for two labels; Bubeck et al. 2020 observe that four times as many ReLU
units fit any real labels. The units of a group of d points look at them through the hyperplane on which they
lie, so it takes points of which no d + 1 share a hyperplane. Both networks have about as many weights (4 n
and 2 n + d): weights are what it takes, and not units. On a line, where Theorem 1 still holds, they are of no
use (``test_finite_sample_expressivity`` has the world: fewer than n units fail on alternating labels).

The construction is ours, in rational arithmetic.
"""

from __future__ import annotations

import itertools
from fractions import Fraction

from hypothesis import assume
from hypothesis import given
from hypothesis import strategies as st

from claims.exact import EXACT
from claims.papers import BUBECK2020
from claims.texts import everywhere
from harness import claim
from harness import control
from harness import trained

Point = tuple[Fraction, ...]
Unit = tuple[Fraction, Point, Fraction]
"""An output weight, input weights, and an offset."""

FEW = everywhere("up to 8 points in 2 and 3 dimensions, in rational arithmetic; our own construction")
WHOLE = st.integers(-9, 9)


def solved(rows: list[Point], right: Point) -> Point | None:
    """The one solution of a square linear system by elimination; None if it is singular."""
    size = len(rows)
    table = [[*row, value] for row, value in zip(rows, right, strict=True)]
    for i in range(size):
        pivot = next((k for k in range(i, size) if table[k][i]), None)
        if pivot is None:
            return None
        table[i], table[pivot] = table[pivot], table[i]
        table[i] = [entry / table[i][i] for entry in table[i]]
        for k in range(size):
            if k != i:
                table[k] = [a - table[k][i] * b for a, b in zip(table[k], table[i], strict=True)]
    return tuple(row[-1] for row in table)


def dot(a: Point, b: Point) -> Fraction:
    """The scalar product."""
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def plane(group: list[Point]) -> Point | None:
    """The weights that are 1 on a group of d points, or None if no hyperplane off zero holds them alone."""
    return solved(group, (Fraction(1),) * len(group))


def four_units(group: list[Point], labels: Point, others: list[Point]) -> list[Unit]:
    """Four ReLU units that give a group of d points its labels, and all other points nothing.

    With s = w . x - 1, zero on the group, and q = v . x, the labels there, it is (relu(s + g + e q) - relu(s
    + g) - relu(s - g + e q) + relu(s - g)) / e: q where s is zero, and nothing beyond 2 g on either side if
    e |q| < g everywhere.
    """
    w, v = plane(group), solved(group, labels)
    assert w is not None
    assert v is not None
    away = min((abs(dot(w, x) - 1) for x in others), default=Fraction(1))
    gap = away / 2
    most = max(abs(dot(v, x)) for x in [*group, *others])
    small = gap / (2 * most + 1)
    leaning = tuple(a + small * b for a, b in zip(w, v, strict=True))
    return [
        (1 / small, leaning, gap - 1),
        (-1 / small, w, gap - 1),
        (-1 / small, leaning, -gap - 1),
        (1 / small, w, -gap - 1),
    ]


def output(units: list[Unit], x: Point) -> Fraction:
    """What a two-layer ReLU network answers."""
    return sum((a * max(dot(w, x) + b, Fraction(0)) for a, w, b in units), Fraction(0))


@st.composite
def samples(draw: st.DrawFn) -> tuple[list[Point], list[Fraction]]:
    """Points in general position, as many as fill their groups, and labels."""
    d = draw(st.integers(2, 3))
    n = d * draw(st.integers(1, 4 if d == 2 else 2))
    drawn = draw(st.lists(st.tuples(*[WHOLE] * d), min_size=n, max_size=n, unique=True))
    points = [tuple(Fraction(entry) for entry in point) for point in drawn]
    for group in itertools.combinations(points, d):
        w = plane(list(group))
        assume(w is not None)
        assert w is not None
        assume(all(dot(w, x) != 1 for x in points if x not in group))
    labels = draw(st.lists(st.integers(-9, 9), min_size=n, max_size=n))
    return points, [Fraction(label) for label in labels]


@claim(
    BUBECK2020,
    "Abstract: four times as many ReLU neurons as Baum's n / d fit arbitrary real labels",
    adapted=FEW,
    reported={"units": "4 ceil(n / d)"},
    contested="Theorem 1 of Zhang et al. 2017 takes n units, and 2 n + d weights",
)
@trained(units=4)
@control(units=3, says="three units a group: the last of the four is left out")
@given(sample=samples())
@EXACT
def test_four_units_for_every_d_points_fit_any_labels(
    units: int, sample: tuple[list[Point], list[Fraction]]
) -> None:
    """Two-layer ReLU networks of 4 ceil(n / d) units fit any labels of n points in general position."""
    points, labels = sample
    d = len(points[0])
    network: list[Unit] = []
    for i in range(0, len(points), d):
        group = points[i : i + d]
        others = [x for x in points if x not in group]
        network += four_units(group, tuple(labels[i : i + d]), others)[:units]
    assert len(network) <= 4 * -(-len(points) // d)
    assert [output(network, x) for x in points] == labels


@claim(BUBECK2020, "Abstract: points in general position", reported="words", adapted=FEW)
@trained(place="on a line")
@control(place="off the line", says="the same points, every other one a step off the line")
@given(n=st.integers(3, 8), far=st.integers(1, 9))
@EXACT
def test_points_on_a_line_allow_no_group(place: str, n: int, far: int) -> None:
    """On a line d points share their hyperplane with all others, so no group can be told apart by its own."""
    points: list[Point] = [
        (Fraction(i), Fraction(far if place == "on a line" or i % 2 else far + i * i))
        for i in range(1, n + 1)
    ]
    w = plane(points[:2])
    assert w is not None
    assert all(dot(w, x) == 1 for x in points[2:])
