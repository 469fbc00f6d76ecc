"""A small ReLU network can carry any labels of any n points, and that it can says little about learning.

Theorem 1 of Zhang et al. holds to the letter: 2n + d numbers fit any labels of n distinct points, in
rational arithmetic for every sample tried and in float64 for 50,000 random images. What it does not say
is here too: how many units it takes, how large the weights become, and that float32 cannot hold them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from claims.exact import EXACT
from claims.figures import draw_powers
from claims.papers import EPFL
from claims.papers import OVERCLAIM
from claims.papers import ZHANG2017
from claims.texts import adding
from claims.texts import everywhere
from claims.texts import nearer
from harness import Check
from harness import Results
from harness import Simulation
from harness import Tiers
from harness import above
from harness import all_reach
from harness import claim
from harness import control
from harness import exact
from harness import slope
from harness import trained
from harness.analytic.interpolation import Vector
from harness.analytic.interpolation import characteristic_polynomial
from harness.analytic.interpolation import deep
from harness.analytic.interpolation import dot
from harness.analytic.interpolation import forward_substitution
from harness.analytic.interpolation import hinge_matrix
from harness.analytic.interpolation import interleaved
from harness.analytic.interpolation import memorized
from harness.analytic.interpolation import rank
from harness.analytic.interpolation import separating_direction
from harness.analytic.interpolation import solvable
from harness.analytic.interpolation import two_layer
from harness.analytic.interpolation import weight_growth
from harness.analytic.interpolation import with_roots

ANY_LABELS = Tiers(
    quick=Simulation(memorized, {"n": 50_000, "d": 2352}),
    standard=Simulation(memorized, {"n": 50_000, "d": 2352}),
    full=Simulation(memorized, {"n": 500_000, "d": 2352}),
)
FEW = Simulation(memorized, {"n": 400, "d": 2352})
SIZES = tuple(50 * 2**k for k in range(9))
GENERIC = Simulation(weight_growth, {"sizes": SIZES, "d": 16, "conditioned": 800, "spacing": "generic"})
EVEN = Simulation(weight_growth, {"sizes": SIZES, "d": 16, "conditioned": 800, "spacing": "even"})

CROPPED = 28 * 28 * 3  # the sources' CIFAR-10 images after the centre crop
SIX_POINTS_ADAPTED = everywhere("up to 6 points in up to 3 dimensions, in rational arithmetic")
FIVE_POINTS_ADAPTED = everywhere("up to 5 points, in rational arithmetic")
GENERATED_ADAPTED = {
    "quick": "50,000 images of random bytes, of CIFAR-10's size after cropping",
    "standard": "50,000 images of random bytes, of CIFAR-10's size after cropping",
    "full": "500,000 images of random bytes, of CIFAR-10's size after cropping",
}


LABELS = st.fractions(min_value=-9, max_value=9, max_denominator=6)
PLACES = st.integers(-20, 20).map(Fraction)
SHARES = st.integers(1, 7).map(lambda eighths: Fraction(eighths, 8))


Sample = tuple[list[Vector], list[Fraction]]
System = tuple[list[Fraction], Vector, list[Fraction]]


@st.composite
def samples(draw: st.DrawFn, *, least: int = 1) -> Sample:
    """Up to six distinct points in up to three dimensions, and any labels."""
    point = st.tuples(*[PLACES] * draw(st.integers(1, 3)))
    points = draw(st.lists(point, min_size=least, max_size=6, unique=True))
    return points, [draw(LABELS) for _ in points]


@st.composite
def systems(draw: st.DrawFn) -> System:
    """Up to five projections in order, thresholds that interleave with them, and labels."""
    z = sorted(draw(st.lists(PLACES, min_size=1, max_size=5, unique=True)))
    return z, interleaved(z, [draw(SHARES) for _ in z]), [draw(LABELS) for _ in z]


@st.composite
def units_on_a_line(draw: st.DrawFn) -> tuple[list[Fraction], list[Fraction]]:
    """Two to six points of a line and as many thresholds, each anywhere in the gap before some point."""
    z = sorted(draw(st.lists(PLACES, min_size=2, max_size=6, unique=True)))
    gaps = [(z[0] - 4, z[0]), *pairwise(z)]
    chosen = [draw(st.tuples(st.sampled_from(gaps), SHARES)) for _ in z]
    return z, [low + share * (high - low) for (low, high), share in chosen]


@claim(ZHANG2017, "Section 4, Theorem 1", adapted=SIX_POINTS_ADAPTED, reported={"weights": "2n + d"})
@trained(world="whole")
@control(world="spoiled", says="one weight is off by one, so the point farthest along gets another label")
@given(sample=samples())
@EXACT
def test_any_labels_of_distinct_points_are_fit(world: str, sample: Sample) -> None:
    """A ReLU network with one hidden layer and 2n + d weights fits any labels of n distinct points."""
    points, labels = sample
    network = two_layer(points, labels)
    assert network.size == 2 * len(points) + len(points[0])
    if world == "spoiled":
        network = replace(network, weights=(*network.weights[:-1], network.weights[-1] + 1))
    for x, y in zip(points, labels, strict=True):
        assert network(x) == y


@claim(
    ZHANG2017,
    "Section 4, Theorem 1",
    adapted=GENERATED_ADAPTED,
    reported={"weights": "2n + d", "of n = 50,000 and d = 2,352": 102_352},
)
@trained(fit=ANY_LABELS, measure="float64_residual")
@control(measure="spoiled_residual", says="one of the 50,000 hinges is missing")
def test_random_labels_are_fit_at_the_size_of_cifar10(fit: Results, measure: str, check: Check) -> None:
    """At the size of CIFAR-10 a network of 102,352 weights fits completely random labels without error."""
    doubt = fit.final("disagreement")  # of plain summation with the exact evaluation
    residual = (fit.final(measure) + doubt).named("largest residual")
    check(
        all_reach(residual, 0.499, because="labels are whole: within one half an output rounds to its label")
    )


@claim(
    ZHANG2017,
    "Section 4, Theorem 1 and the results it is compared with",
    adapted=GENERATED_ADAPTED,
    reported={"EPFL: 2n + d for 500,000 images": 1_002_352},
)
@trained(fit=ANY_LABELS, n=Tiers(quick=50_000, standard=50_000, full=500_000), directions="one")
@control(directions="one per unit", says="every hidden unit has a direction of its own")
def test_the_network_has_2n_plus_d_weights(fit: Results, n: int, directions: str, check: Check) -> None:
    """The network has 2n + d weights, where earlier constructions took of the order of d n."""

    def weights(points: int, d: int) -> int:
        return (d if directions == "one" else points * d) + 2 * points

    check(exact(fit.final("weights"), weights(n, CROPPED), because="the fitted arrays, counted"))
    check(exact(102_352, weights(50_000, CROPPED), because="CIFAR-10"))
    check(exact(120_784, weights(60_000, 28 * 28), because="MNIST"))
    check(exact(1_002_352, weights(500_000, CROPPED), because="the 500,000 images of the EPFL report"))
    prior = 50_000 * CROPPED
    check(exact(1148, prior // weights(50_000, CROPPED), because="d n = 117,600,000 is 1,148 times as many"))


@claim(
    EPFL,
    "Section II-B, 500,000 Gaussian images",
    adapted=everywhere("counted, not trained"),
    reported={"2n + d": 1_002_352, "weights of the network": 1_209_866},
    expected=everywhere(
        (
            "refuted",
            "it has weights enough, but the theorem's network has one unit per image and this one 512",
        )
    ),
)
@trained(images=500_000)
@control(images=512, positive=True, says="512 images need 512 units, which this network has")
def test_theorem_1_covers_a_width_of_512_on_500000_images(images: int, check: Check) -> None:
    """Theorem 1 covers a network of width 512 with 1,209,866 weights on 500,000 images of 2,352 numbers."""
    width, weights = 512, 512 * (CROPPED + 1) + 10 * (512 + 1)
    missing_weights = max(0, 2 * images + CROPPED - weights)
    missing_units = max(0, images - width)
    check(exact(missing_weights, 0, because="2n + d weights are needed, and the network has 1,209,866"))
    check(exact(missing_units, 0, because="the theorem's network has n hidden units, this one 512"))


@claim(
    ZHANG2017,
    "Section 4, corollary on depth",
    adapted=adding("our own network", SIX_POINTS_ADAPTED),
    reported={"width at depth k": "O(n / k)", "weights": "O(n + d)"},
)
@trained(world="whole")
@control(world="no hinge", says="the last hidden layer misses a hinge")
@control(world="no carry", says="the last hidden layer misses the unit that carries on the sum so far")
@given(sample=samples(least=2), extra=st.integers(0, 5))
@EXACT
def test_depth_makes_the_network_narrow(world: str, sample: Sample, extra: int) -> None:
    """A network of any depth k from 2 to n + 1, of width O(n/k) and with O(n + d) weights, fits them too:
    any labels of n distinct points."""
    points, labels = sample
    n, d, depth = len(points), len(points[0]), 2 + extra % len(points)
    network = deep(points, labels, depth)
    assert network.depth == depth
    assert network.width <= -(-n // (depth - 1)) + 2
    assert network.size <= 5 * (n + d)
    if world == "no hinge":
        network = network.silenced(-2, -1)
    elif world == "no carry" and depth > 2:
        network = network.silenced(-2, 1)
    for x, y in zip(points, labels, strict=True):
        assert network(x) == y


@claim(
    OVERCLAIM,
    "after ZHANG2017, Theorem 1: is p > n enough?",
    kind="counter",
    adapted=everywhere(
        "2 to 6 points, thresholds searched by hypothesis, each system decided in rational arithmetic"
    ),
)
@trained(world="n - 1 units")
@control(world="n units", says="with one unit in each gap the labels are fit")
@given(line=units_on_a_line())
@EXACT
def test_fewer_than_n_units_fail_on_alternating_labels(
    world: str, line: tuple[list[Fraction], list[Fraction]]
) -> None:
    """On n points of a line with alternating labels no n - 1 units with one direction fit, though their
    2n - 1 weights outnumber the points: every point needs a bend of its own."""
    z, thresholds = line
    spared = 1 if world == "n - 1 units" else 0
    alternating = [Fraction((-1) ** i) for i in range(len(z))]
    assert not solvable(hinge_matrix(z, thresholds[spared:]), alternating)


@claim(
    ZHANG2017,
    "Section 4, Theorem 1: what a function on a sample presupposes",
    reported="theorem",
    adapted=everywhere("up to 7 points and 13 units in up to 3 dimensions, decided in rational arithmetic"),
)
@trained(world="equal")
@control(world="distinct", says="the last point moves by one, and all labels are fit")
@given(sample=samples(), more=st.lists(PLACES, max_size=6))
@EXACT
def test_equal_points_with_different_labels_cannot_be_fit(
    world: str, sample: Sample, more: list[Fraction]
) -> None:
    """The points must be distinct: no number of units fits equal points with different labels."""
    points, labels = sample
    direction = separating_direction(points)
    z = sorted(zip((dot(direction, x) for x in points), labels, strict=True))
    place, label = z[-1]
    z.append((place if world == "equal" else place + 1, label + 1))
    thresholds = (*interleaved(sorted({at for at, _ in z})), *more)
    assert not solvable(hinge_matrix([at for at, _ in z], thresholds), [y for _, y in z])


@claim(ZHANG2017, "Appendix, Lemma 1", reported="theorem", adapted=FIVE_POINTS_ADAPTED)
@trained(world="interleaved")
@control(world="touching", says="the last threshold moves up to its point")
@given(system=systems())
@EXACT
def test_the_triangular_matrix_has_full_rank(world: str, system: System) -> None:
    """Thresholds that interleave with the points give a matrix of full rank, whose eigenvalues are the
    distances z_i - b_i, the smallest of them its smallest."""
    z, thresholds, _ = system
    if world == "touching":
        thresholds = (*thresholds[:-1], z[-1])
    matrix = hinge_matrix(z, thresholds)
    assert characteristic_polynomial(matrix) == with_roots(
        [at - b for at, b in zip(z, thresholds, strict=True)]
    )
    assert rank(matrix) == len(z)


@claim(
    ZHANG2017,
    "Appendix, remark to Lemma 1",
    reported="unconfirmed",
    adapted=FIVE_POINTS_ADAPTED,
    expected=everywhere(
        (
            "refuted",
            "the matrix is not symmetric: its smallest singular value lies below its smallest eigenvalue",
        )
    ),
)
@trained(world="triangular")
@control(world="diagonal", positive=True, says="each unit acts on its own point only: a symmetric matrix")
@given(system=systems())
@EXACT
def test_the_smallest_eigenvalue_bounds_the_weights(world: str, system: System) -> None:
    """The smallest eigenvalue bounds the weights: |w| <= |y| / min (z_i - b_i)."""
    z, thresholds, y = system
    matrix = hinge_matrix(z, thresholds)
    if world == "diagonal":
        matrix = tuple(
            tuple(entry if i == j else Fraction(0) for j, entry in enumerate(row))
            for i, row in enumerate(matrix)
        )
    w = forward_substitution(matrix, y)
    smallest = min(row[i] for i, row in enumerate(matrix))
    shown = f"z = {_shown(z)}, b = {_shown(thresholds)}, y = {_shown(y)} give w = {_shown(w)}"
    assert dot(w, w) * smallest**2 <= dot(y, y), shown


def _shown(vector: Sequence[object]) -> str:
    return f"({', '.join(map(str, vector))})"


@claim(
    OVERCLAIM,
    "after ZHANG2017, Theorem 1: what the network looks like",
    kind="counter",
    adapted=everywhere(
        "50 to 12,800 Gaussian points in 16 dimensions, projections of variance one, labels 0 to 9"
    ),
)
@trained(growth=GENERIC)
@control(growth=EVEN, says="projections at equal distances, whose gaps shrink like 1/n only")
def test_the_weights_grow_like_the_square_of_n(growth: Results, check: Check) -> None:
    """The theorem's weights grow like n squared, and at 800 points float32 no longer solves for them."""
    weights = [growth.final(f"weight_{n}").named("largest weight") for n in SIZES]
    smallest_gap = "the smallest of n random gaps is of order 1/n^2; equal gaps would give an order of 1"
    check(slope(SIZES, weights, 1.5, 2.5, log=True, because=smallest_gap))
    digits = "above 2^24 = 10^7.22, one over float32's precision, a solution has no correct digit"
    check(above(growth.final("condition").named("log10 of the condition number"), 7.22, because=digits))
    figure = "Weights of Theorem 1's network"
    draw_powers(check, figure, "generic points", SIZES, weights, "points n", "largest weight")


@claim(
    OVERCLAIM,
    "after ZHANG2017, Theorem 1: what the network looks like",
    kind="counter",
    adapted=GENERATED_ADAPTED,
    changed=(nearer("the network as solved against itself"),),
)
@trained(fit=ANY_LABELS)
@control(fit=FEW, says="400 images for 50,000: float32 keeps what it fits of them")
def test_float32_loses_the_fit(fit: Results, check: Check) -> None:
    """The same network does not survive float32: rounding its thresholds and weights loses most labels."""
    lost = fit.final("float32_error") - fit.final("float64_error")
    most = "with more than half of the labels lost it is no longer a fit in any sense"
    check(above(lost.named("labels lost by rounding"), 0.5, because=most))
