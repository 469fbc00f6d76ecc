"""Nets with more weights than labels still compress the labels: what counts is how a code uses the weights.

Blier and Ollivier 2018: the same nets are useless as a code when their weights are sent, better than the
uniform code when these are sent only as precisely as needed, and far better when nothing but labels is sent
and the net is trained along the way. Random labels are not compressed by any of them.

Calibrated on replicates 1000 to 1002, which no verdict reads: widths, learning rates, budgets and margins.
Without a warm-up the variational code of 1,000 digits ended at weights that cost and say nothing, a ratio of
1.02; with it, more epochs (100) made it 4 % shorter, and another rate no shorter.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from claims.papers import BLIER2018
from harness import Change
from harness import Check
from harness import Results
from harness import Solved
from harness import Tiers
from harness import above
from harness import below
from harness import claim
from harness import control
from harness import exact
from harness import matches
from harness import ordered
from harness import ratio
from harness import trained
from harness.analytic.description_length import Net
from harness.analytic.description_length import Prequential
from harness.analytic.description_length import TwoPart
from harness.analytic.variational import Variational
from harness.data import Digits
from harness.data import Mnist
from harness.data import RandomLabels
from harness.spec.contracts import Solver

MNIST = Mnist(n=5000, crop=None, whiten=False, n_test=2000)
DATA = Tiers(quick=Digits(n=1000), standard=MNIST, full=MNIST.but(n=None, n_test=None))
RANDOM = DATA.but(labels=RandomLabels(1.0))
NET = Tiers(quick=Net(), standard=Net(width=256, batch=64), full=Net(width=512, batch=128))
SMALL_NET = Tiers(
    quick=Net(width=16, depth=1),
    standard=Net(width=16, depth=1, batch=64),
    full=Net(width=16, depth=1, batch=128),
)
LARGE_NET = NET.but(quick__width=256, standard__width=512, full__width=1024)
TINY_NET = SMALL_NET.but(width=4)
VARIATIONAL = Tiers(
    quick=Variational(epochs=40, lr=0.01),
    standard=Variational(batch=64),
    full=Variational(width=128, batch=128),
)
ADAPTED = {
    "quick": "1,000 digits of 8x8 pixels and MLPs for MNIST and convolutional nets; no switching of models",
    "standard": "5,000 images of MNIST, MLPs for convolutional nets; no switching of models",
    "full": "MLPs for convolutional nets; no switching of models",
}


def code(data: Tiers, solver: Callable[[str], Solver]) -> Tiers:
    """A code of each tier's labels; ``solver`` makes it from a tier's net."""
    return Tiers(**{tier: Solved(data[tier], solver(tier)) for tier in ADAPTED})


def prequential(data: Tiers = DATA, net: Tiers = NET) -> Tiers:
    """Labels coded in blocks by a net trained on those before."""
    return code(data, lambda tier: Prequential(net[tier]))


def two_part(net: Tiers = NET) -> Tiers:
    """Labels coded after all of a net's weights."""
    return code(DATA, lambda tier: TwoPart(net[tier]))


def variational(data: Tiers = DATA) -> Tiers:
    """Labels coded with weights known only approximately."""
    return code(data, lambda tier: VARIATIONAL[tier])


@claim(
    BLIER2018,
    "Table 1, uniform code",
    adapted=dict.fromkeys(ADAPTED, "none: arithmetic"),
    reported={"MNIST, kbit": 199, "CIFAR-10, kbit": 166},
)
@trained(classes=10)
@control(classes=2, says="two classes, one bit for each label")
def test_the_uniform_code_is_arithmetic(classes: int, check: Check) -> None:
    """The labels of MNIST take 199 kbit by the uniform code, those of CIFAR-10 166."""
    for images, kbit in ((60_000, 199), (50_000, 166)):
        check(exact(round(images * math.log2(classes) / 1000), kbit, because="n log2 K bits"))


@claim(
    BLIER2018,
    "Section 3.4 and Table 1: prequential code",
    adapted=ADAPTED,
    reported={"MNIST, ratio": 0.021, "MNIST, kbit": 4.10, "MNIST, test accuracy": 0.995},
    changed=(
        Change("control", "A control for checks that failed in none was added; the verdict was reproduced."),
    ),
)
@trained(run=prequential())
@control(run=prequential(RANDOM), says="random labels")
@control(run=prequential(net=TINY_NET), says="a net of four units, with fewer weights than there are labels")
def test_prequential_codes_compress_labels(run: Results, check: Check) -> None:
    """A prequential code is far shorter than the uniform code, though its net has more weights than there are
    labels."""
    check(below(run.final("ratio"), 0.4, because="a code of two fifths is one that has learnt"))
    ends = run.array("ends")[0].tolist()
    spare = run.final("parameters") - float(ends[-1])
    check(above(spare.named("weights - labels"), 0.0, because="more weights than labels"))
    so_far = run.array("bits_so_far").tolist()
    uniform = [[end * math.log2(10) for end in ends]] * len(so_far)
    for series, bits in (("MLP", so_far), ("uniform", uniform)):
        check.draw("Prequential code", series=series, x=ends, y=bits, x_label="labels sent", y_label="bits")


@claim(
    BLIER2018,
    "Section 3.1 and Table 1: two-part codes",
    adapted=ADAPTED,
    reported={"float32, a million weights, of the uniform code of CIFAR-10": 200},
)
@trained(run=two_part())
@control(run=two_part(NET.but(depth=0)).but(standard__data__n=None), says="a linear model of few weights")
def test_two_part_codes_are_hopeless(run: Results, check: Check) -> None:
    """Sending the weights as floats costs far more than the labels cost without any net."""
    check(above(run.final("ratio"), 10.0, because="an order of magnitude above the uniform code"))


@claim(
    BLIER2018,
    "Table 1, all codes",
    adapted=ADAPTED,
    reported={"prequential, MNIST, kbit": 4.10, "uniform, MNIST, kbit": 199},
    changed=(
        Change(
            "control", "Two controls for checks that failed in none were added; the verdict was reproduced."
        ),
        Change(
            "control",
            "The variational code on both sides was exchanged for that of another net; the verdict "
            "was reproduced.",
        ),
    ),
)
@trained(prequential=prequential(), variational=variational(), two_part=two_part())
@control(prequential=prequential(RANDOM), variational=variational(RANDOM), says="random labels")
@control(
    prequential=prequential().but(solver__first=Tiers(quick=900, standard=4500, full=54_000)),
    says="a prequential code that begins to learn when nine tenths of the labels are sent",
)
@control(
    two_part=variational().but(solver__width=Tiers(quick=8, standard=128, full=512)),
    says="the weights of another net, sent only as precisely as needed, in place of the two-part code",
)
def test_the_codes_are_ordered(
    prequential: Results, variational: Results, two_part: Results, check: Check
) -> None:
    """From the longest code of the labels to the shortest: one that sends weights as floats, the uniform
    code without any net, the variational code, the prequential code."""
    lengths = [code.final("ratio") for code in (prequential, variational, two_part)]
    uniform = (lengths[0] - lengths[0] + 1.0).named("uniform")
    steps = [lengths[0], lengths[1], uniform, lengths[2]]
    check(ordered(steps, because="any step up, for the order is claimed; the next claims bound sizes"))


@claim(
    BLIER2018,
    "Section 3.3 and Table 1, variational code",
    adapted=ADAPTED,
    reported={"variational / prequential, MNIST": 6.0},
)
@trained(variational=variational(), prequential=prequential())
@control(variational=prequential(net=LARGE_NET), says="another prequential code, of a larger net")
def test_variational_codes_are_longer_than_prequential_ones(
    variational: Results, prequential: Results, check: Check
) -> None:
    """A variational code is longer than the prequential one."""
    longer = ratio(variational.final("ratio"), prequential.final("ratio"))
    check(above(longer, 1.2, because="a fifth; the paper has six times as long on MNIST"))


@claim(BLIER2018, "Section 3.3, why variational codes are long", reported="unconfirmed", adapted=ADAPTED)
@trained(
    large=variational().but(solver__width=Tiers(quick=32, standard=128, full=512)),
    small=variational().but(solver__width=Tiers(quick=8, standard=32, full=128)),
)
@control(
    large=prequential(net=LARGE_NET),
    small=prequential(net=SMALL_NET),
    says="prequential codes, whose length hardly depends on the number of weights",
)
def test_variational_codes_get_longer_with_width(large: Results, small: Results, check: Check) -> None:
    """A variational code gets longer with more weights."""
    growth = ratio(large.final("bits"), small.final("bits"))
    check(above(growth, 1.05, because="one in twenty, for four times the width"))


@claim(
    BLIER2018,
    "Section 3.4: the prequential code does not count weights",
    reported="unconfirmed",
    adapted=ADAPTED,
    changed=(
        Change("control", "A control for checks that failed in none was added; the verdict was reproduced."),
    ),
)
@trained(large=prequential(net=LARGE_NET), small=prequential(net=SMALL_NET))
@control(large=two_part(LARGE_NET), small=two_part(SMALL_NET), says="two-part codes, which do count weights")
@control(small=prequential(net=SMALL_NET.but(width=1)), says="a single unit, which cannot tell the digits")
@control(small=prequential(), says="a net of the middle size for the small one")
def test_prequential_codes_hardly_depend_on_the_number_of_weights(
    large: Results, small: Results, check: Check
) -> None:
    """The length of the prequential code hardly depends on the number of weights."""
    lengths = [run.final("bits") for run in (large, small)]
    longest = "a factor of 1.5, where the weights differ by a factor above 30"
    check(below(ratio(lengths[0], lengths[1]), 1.5, because=longest))
    check(below(ratio(lengths[1], lengths[0]), 1.5, because=longest))
    more = ratio(large.final("parameters"), small.final("parameters"))
    check(above(more, 30.0, because="tens of times"))


@claim(
    BLIER2018,
    "Figure 1 and Appendix A, Proposition 2: what cannot be compressed",
    adapted=ADAPTED,
    reported={"bits of n labels of K classes, at least, with probability 1 - 2^-b": "n log2 K - b - 1"},
)
@trained(prequential=prequential(RANDOM), variational=variational(RANDOM))
@control(prequential=prequential(), variational=variational(), says="true labels")
def test_random_labels_do_not_compress(prequential: Results, variational: Results, check: Check) -> None:
    """Random labels cannot be compressed: prequential and variational codes are at the uniform code."""
    for name, code in (("prequential", prequential), ("variational", variational)):
        length = code.final("ratio").named(f"{name} / uniform")
        few = "no code beats n log2 K by more than a few bits; above it, what learning nothing costs"
        check(matches(length, 1.035, 0.065, because=few))
