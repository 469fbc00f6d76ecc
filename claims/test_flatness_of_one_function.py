"""Flatness is no property of the function: the same ReLU network can be made as sharp as one likes.

Dinh et al. 2017: what one layer is multiplied by and the next divided by leaves a ReLU network's function as
it is, and changes the curvature of its loss by the square. "Flat minima generalize", which Barrett and
Dherin's larger steps are said to end in (``test_flatness_at_larger_steps``), is therefore a statement about
the weights that descent ends at, and not about the functions that they compute.

Networks of one hidden layer on few points, in rational arithmetic; the curvature is the second derivative of
the squared loss along single output weights, in which the network is linear: a lower bound of the largest
eigenvalue of the Hessian. And networks as they were trained, of whose cross-entropy the largest eigenvalue
itself is measured (``Sharpness``), and the sum of all (``Trace``); their settings were read off replicates
1000 to 1009, which no verdict reads.
"""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from claims.exact import EXACT
from claims.papers import DINH2017
from claims.papers import OVERCLAIM
from claims.texts import everywhere
from harness import Change
from harness import Check
from harness import Experiment
from harness import From
from harness import Probing
from harness import Results
from harness import Sgd
from harness import Tiers
from harness import Untrained
from harness import above
from harness import claim
from harness import control
from harness import equivalent
from harness import ratio
from harness import trained
from harness.analytic.curvature import Sharpness
from harness.analytic.curvature import Trace
from harness.analytic.performance import Performance
from harness.analytic.rescaled import Rescaled
from harness.data import Digits
from harness.data import Mnist
from harness.models import Mlp

Net = tuple[list[tuple[Fraction, Fraction]], list[Fraction]]
"""Weight and offset of each hidden unit, and the output weights."""

ADAPTED = {"quick": "500 digits, 64 units", "standard": "2,000 images of MNIST, 64 units"}
NETS = {
    "quick": Experiment(Digits(n=500), Mlp(64), Sgd(lr=0.05, epochs=20, batch=32)),
    "standard": Experiment(Mnist(n=2000, crop=None, n_test=2000), Mlp(64), Sgd(lr=0.02, epochs=20, batch=32)),
}
FEW = everywhere("up to 4 units and 5 points on a line, in rational arithmetic")
WEIGHT = st.integers(-9, 9).map(Fraction)


@st.composite
def networks(draw: st.DrawFn) -> Net:
    """A network in which some unit is active somewhere."""
    count = draw(st.integers(1, 4))
    hidden = draw(st.lists(st.tuples(WEIGHT, WEIGHT), min_size=count, max_size=count))
    hidden[0] = (Fraction(draw(st.integers(1, 9))), Fraction(draw(st.integers(0, 9))))
    return hidden, draw(st.lists(WEIGHT, min_size=count, max_size=count))


POINTS = st.lists(st.integers(1, 9).map(Fraction), min_size=1, max_size=5, unique=True)


def activation(kind: str, z: Fraction) -> Fraction:
    """ReLU, or z / (1 + |z|), which has no scale of its own to give away."""
    return max(z, Fraction(0)) if kind == "relu" else z / (1 + abs(z))


def features(net: Net, kind: str, x: Fraction) -> list[Fraction]:
    """What each hidden unit answers."""
    return [activation(kind, w * x + b) for w, b in net[0]]


def output(net: Net, kind: str, x: Fraction) -> Fraction:
    """What the network answers."""
    return sum((a * h for a, h in zip(net[1], features(net, kind, x), strict=True)), Fraction(0))


def sharpness(net: Net, kind: str, points: list[Fraction]) -> Fraction:
    """The largest second derivative of the squared loss along an output weight: a sum of squared features."""
    rows = [features(net, kind, x) for x in points]
    return max(sum((row[i] ** 2 for row in rows), Fraction(0)) for i in range(len(net[1])))


def rescaled(net: Net, factor: Fraction) -> Net:
    """The hidden layer times the factor, the output weights over it."""
    hidden, out = net
    return [(factor * w, factor * b) for w, b in hidden], [a / factor for a in out]


@claim(
    DINH2017,
    "Abstract: symmetries of rectifier networks",
    reported="words",
    adapted=FEW,
    contested="flat minima are said to generalize: see test_flatness_at_larger_steps",
)
@trained(kind="relu", both=True)
@control(kind="softsign", says="a bounded activation, which is not homogeneous")
@control(both=False, says="the hidden layer times the factor alone")
@given(net=networks(), points=POINTS, factor=st.integers(2, 1000).map(Fraction))
@EXACT
def test_a_rescaled_network_is_as_sharp_as_one_likes(
    kind: str, both: bool, net: Net, points: list[Fraction], factor: Fraction
) -> None:
    """Rescaling layers of a ReLU network leaves every output and multiplies a curvature by any square."""
    other = rescaled(net, factor)
    if not both:
        other = other[0], net[1]
    assert [output(other, kind, x) for x in points] == [output(net, kind, x) for x in points]
    assert sharpness(other, kind, points) == factor**2 * sharpness(net, kind, points)
    assert sharpness(net, kind, points) > 0


def probed(probe: Sharpness | Trace | Performance, transform: Rescaled | None = None) -> Tiers:
    """A probe of each tier's trained network, or of that network after a transform."""
    nets = {
        tier: net.but(optimizer=Untrained(), start=From(net, transform)) if transform else net
        for tier, net in NETS.items()
    }
    return Tiers(**{tier: Probing(net, probe) for tier, net in nets.items()})


SIXTEENFOLD, QUARTER, UNBALANCED = Rescaled(16.0), Rescaled(1.25), Rescaled(1.25, balanced=False)


@claim(
    DINH2017,
    "Abstract: models with equivalent behavior, of arbitrarily sharper minima",
    reported="words",
    adapted=ADAPTED,
    contested="flat minima are said to generalize: see test_flatness_at_larger_steps",
)
@trained(
    net=probed(Sharpness()),
    said=probed(Performance()),
    sharp=probed(Sharpness(), SIXTEENFOLD),
    again=probed(Performance(), SIXTEENFOLD),
)
@control(
    sharp=probed(Sharpness(), QUARTER),
    again=probed(Performance(), QUARTER),
    says="the same rescaling by a quarter, not sixteenfold",
)
@control(
    sharp=probed(Sharpness(), UNBALANCED),
    again=probed(Performance(), UNBALANCED),
    says="the hidden layer times the factor alone",
)
def test_a_trained_network_rescaled_is_sharper_and_tests_the_same(
    net: Results, said: Results, sharp: Results, again: Results, check: Check
) -> None:
    """A trained network, rescaled, has many times the sharpness and the same loss on test images."""
    sharper = ratio(sharp.final("sharpness"), net.final("sharpness"))
    check(above(sharper, 10.0, because="a tenth of the square of 16, which the output weights tend to"))
    same = ratio(again.final("test_loss"), said.final("test_loss"))
    check(equivalent(same, 1.001, because="a thousandth, the rounding of float32; 16 is a power of two"))


@claim(
    OVERCLAIM,
    "beside DINH2017: is the mean curvature a property of the function?",
    kind="counter",
    adapted=ADAPTED,
    changed=(Change("setting", "For cost, traces by 16 directions, after 64 had reproduced it."),),
)
@trained(
    net=probed(Trace(16)),
    said=probed(Performance()),
    sharp=probed(Trace(16), SIXTEENFOLD),
    again=probed(Performance(), SIXTEENFOLD),
)
@control(
    sharp=probed(Trace(16), QUARTER),
    again=probed(Performance(), QUARTER),
    says="the same rescaling by a quarter, not sixteenfold",
)
@control(
    sharp=probed(Trace(16), UNBALANCED),
    again=probed(Performance(), UNBALANCED),
    says="the hidden layer times the factor alone",
)
def test_a_trained_network_rescaled_has_a_larger_trace(
    net: Results, said: Results, sharp: Results, again: Results, check: Check
) -> None:
    """Nor is the trace of the Hessian one of the function: rescaled, it is many times as large."""
    larger = ratio(sharp.final("trace"), net.final("trace"))
    check(above(larger, 10.0, because="as of the largest eigenvalue: a tenth of what the outputs tend to"))
    same = ratio(again.final("test_loss"), said.final("test_loss"))
    check(equivalent(same, 1.001, because="a thousandth, the rounding of float32; 16 is a power of two"))
