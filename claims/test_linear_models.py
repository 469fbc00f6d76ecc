"""All minima of a linear model with more weights than examples look alike, and descent from zero picks one.

Zhang et al. 2017, Section 5: infinitely many weights fit the labels, all of the same curvature, and SGD
from zero ends at those of smallest norm, which a kernel finds too; from elsewhere it ends at another. That
the norm does not predict generalization is judged in the family on kernel interpolation.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING
from typing import NamedTuple

from hypothesis import assume
from hypothesis import given
from hypothesis import strategies as st

from claims.exact import EXACT
from claims.papers import OVERCLAIM
from claims.papers import ZHANG2017
from claims.texts import everywhere
from harness import claim
from harness import control
from harness import trained
from harness.analytic.interpolation import Matrix
from harness.analytic.interpolation import dot
from harness.analytic.interpolation import rank
from harness.analytic.interpolation import solvable
from harness.analytic.linear_descent import combination
from harness.analytic.linear_descent import conditioned
from harness.analytic.linear_descent import descended
from harness.analytic.linear_descent import gram
from harness.analytic.linear_descent import logistic
from harness.analytic.linear_descent import null_vector
from harness.analytic.linear_descent import second_differences
from harness.analytic.linear_descent import solution
from harness.analytic.linear_descent import squared
from harness.analytic.linear_descent import stepped
from harness.analytic.linear_descent import transposed
from harness.analytic.minimum_norm import descent_limit
from harness.analytic.minimum_norm import minimum_norm

if TYPE_CHECKING:
    import numpy as np

INTEGERS = st.integers(-4, 4).map(Fraction)
SHARES = st.integers(1, 8).map(lambda parts: Fraction(parts, 64))


Sample = tuple[Matrix, list[Fraction]]


@st.composite
def wide(draw: st.DrawFn, *, extra: int = 1) -> Sample:
    """One to three independent examples with ``extra`` to ``extra`` + 2 more weights, and any labels."""
    n = draw(st.integers(1, 3))
    d = n + extra + draw(st.integers(0, 2))
    points = tuple(tuple(draw(INTEGERS) for _ in range(d)) for _ in range(n))
    assume(rank(points) == n)
    return points, [draw(INTEGERS) for _ in points]


RATIONAL_ADAPTED = everywhere("up to 3 examples and 6 weights, in rational arithmetic")
FLOATING_ADAPTED = everywhere("up to 6 examples and 12 weights, 200 epochs in float64")


@claim(ZHANG2017, "Section 5", reported="words", adapted=RATIONAL_ADAPTED)
@trained(world="more weights")
@control(world="as many weights", says="d = n, which the paper counts in: there the solution is unique")
@given(sample=wide(), other=st.integers(1, 9).map(Fraction))
@EXACT
def test_more_weights_than_examples_have_many_minima(world: str, sample: Sample, other: Fraction) -> None:
    """With more weights than examples infinitely many linear models fit the labels exactly."""
    points, labels = sample
    if world == "as many weights":
        points = tuple(tuple(Fraction(i == j) for j in range(len(points))) for i in range(len(points)))
    first = solution(points, labels)
    assert rank(points) < len(first), "the solution is unique"
    second = combination((first, null_vector(points)), (Fraction(1), other))
    assert first != second
    for weights in (first, second):
        assert [dot(weights, x) for x in points] == labels


@claim(ZHANG2017, "Section 5", reported="words", adapted=RATIONAL_ADAPTED)
@trained(world="squared")
@control(world="logistic", says="the logistic loss, whose curvature depends on the margins")
@given(sample=wide(), places=st.lists(st.lists(INTEGERS, min_size=6, max_size=6), min_size=2, max_size=2))
@EXACT
def test_the_hessian_is_the_same_at_all_minima(
    world: str, sample: Sample, places: list[list[Fraction]]
) -> None:
    """The Hessian of the squared error is the same everywhere, so at all global minima, and of rank n:
    curvature tells no minimum from another."""
    points, labels = sample
    loss = squared if world == "squared" else logistic
    first, second = (second_differences(loss, points, labels, place[: len(points[0])]) for place in places)
    assert apart(first, second) <= 1e-9
    assert rank(first) == len(points)


@claim(
    OVERCLAIM,
    "after ZHANG2017, Section 5: other losses",
    kind="counter",
    adapted=everywhere("up to 3 examples and 6 weights, second differences in float64"),
    contested="Zhang et al. 2017 say so of the minima, which this loss does not have at separable labels",
)
@trained(world="unseen")
@control(world="seen", says="a step along an example")
@given(sample=wide(), place=st.lists(INTEGERS, min_size=6, max_size=6))
@EXACT
def test_logistic_curvature_is_shared_where_predictions_are(
    world: str, sample: Sample, place: list[Fraction]
) -> None:
    """The curvature of the logistic loss is shared only by weights with equal predictions: what the
    examples do not see leaves it, what they see changes it."""
    points, labels = sample
    here = place[: len(points[0])]
    move = null_vector(points) if world == "unseen" else points[0]
    there = combination((tuple(here), move), (Fraction(1), Fraction(1)))
    first, second = (second_differences(logistic, points, labels, weights) for weights in (here, there))
    assert apart(first, second) <= 1e-9


def apart(first: Matrix, second: Matrix) -> float:
    """The largest difference between two matrices."""
    return max(
        abs(float(a - b)) for x, y in zip(first, second, strict=True) for a, b in zip(x, y, strict=True)
    )


@claim(ZHANG2017, "Section 5", reported="words", adapted=RATIONAL_ADAPTED)
@trained(world="zero")
@control(world="elsewhere", says="a start outside the span of the examples, which no step makes up for")
@given(sample=wide(), steps=st.lists(st.integers(0, 2), max_size=6), lr=SHARES, momentum=SHARES)
@EXACT
def test_sgd_from_zero_stays_in_the_span_of_the_examples(
    world: str, sample: Sample, steps: list[int], lr: Fraction, momentum: Fraction
) -> None:
    """Started from zero, SGD only ever reaches combinations of the examples, w = X' a, whatever the
    order, the step and the momentum."""
    points, labels = sample
    origin = null_vector(points) if world == "elsewhere" else tuple(Fraction(0) for _ in points[0])
    order = [step % len(points) for step in steps]
    weights = stepped(points, labels, origin, order, lr=lr, momentum=momentum)
    assert solvable(transposed(points), weights)


@claim(ZHANG2017, "Section 5", reported="words", adapted=RATIONAL_ADAPTED)
@trained(world="plain")
@control(world="ridge", says="one is added to the kernel's diagonal")
@given(sample=wide(), other=st.integers(-9, 9).filter(bool).map(Fraction))
@EXACT
def test_the_kernel_solution_has_the_smallest_norm(world: str, sample: Sample, other: Fraction) -> None:
    """Where the kernel equation X X' a = y has a solution, w = X' a fits and is the interpolant of
    smallest norm, the one of the pseudo-inverse."""
    import numpy as np

    points, labels = sample
    matrix = gram(points)
    if world == "ridge":
        matrix = tuple(tuple(entry + (i == j) for j, entry in enumerate(row)) for i, row in enumerate(matrix))
    weights = combination(points, solution(matrix, labels))
    assert [dot(weights, x) for x in points] == labels
    longer = combination((weights, null_vector(points)), (Fraction(1), other))
    assert [dot(longer, x) for x in points] == labels
    assert dot(weights, weights) < dot(longer, longer)
    inverse = minimum_norm(np.array(points, float), np.array(labels, float)[:, None]).coefficients[:, 0]
    assert np.abs(inverse - np.array(weights, float)).max() <= 1e-8


class DescentRun(NamedTuple):
    """A random problem of least squares, and where SGD began and ended on it."""

    features: np.ndarray
    targets: np.ndarray
    origin: np.ndarray
    end: np.ndarray


def descent_run(seed: int, n: int, more: int, *, elsewhere: bool) -> DescentRun:
    """200 epochs of SGD on n examples with ``more`` weights than that, from zero or from random weights."""
    import numpy as np

    generator = np.random.default_rng(seed)
    features, targets = conditioned(generator, n, n + more), generator.standard_normal(n)
    origin = generator.standard_normal(n + more) * elsewhere
    return DescentRun(features, targets, origin, descended(features, targets, origin, generator, epochs=200))


@claim(ZHANG2017, "Section 5", reported="words", adapted=FLOATING_ADAPTED)
@trained(world="zero")
@control(world="elsewhere", says="random initial weights, whose part outside the span of the examples stays")
@given(seed=st.integers(0, 10_000), n=st.integers(1, 6), more=st.integers(1, 6))
@EXACT
def test_sgd_from_zero_finds_the_smallest_norm(world: str, seed: int, n: int, more: int) -> None:
    """SGD from zero converges to the interpolant of smallest norm."""
    import numpy as np

    features, targets, _, end = descent_run(seed, n, more, elsewhere=world == "elsewhere")
    assert np.abs(end - np.linalg.pinv(features) @ targets).max() <= 1e-8


@claim(
    OVERCLAIM, "against ZHANG2017, Section 5: where descent starts", kind="counter", adapted=FLOATING_ADAPTED
)
@trained(world="nearest")
@control(world="smallest", says="the interpolant of smallest norm, whatever the start")
@given(seed=st.integers(0, 10_000), n=st.integers(1, 6), more=st.integers(1, 6))
@EXACT
def test_sgd_ends_nearest_to_its_start(world: str, seed: int, n: int, more: int) -> None:
    """From elsewhere SGD converges to the interpolant nearest to its start, of a larger norm: the
    smallest norm is owed to the start at zero."""
    import numpy as np

    features, targets, origin, end = descent_run(seed, n, more, elsewhere=True)
    smallest = minimum_norm(features, targets[:, None]).coefficients[:, 0]
    nearest = descent_limit(features, targets[:, None], origin[:, None])[:, 0]
    assert np.abs(end - (nearest if world == "nearest" else smallest)).max() <= 1e-8
    assert np.linalg.norm(end) > np.linalg.norm(smallest)
