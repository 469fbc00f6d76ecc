"""Past zero training error a network's classes collapse to their means, and on random labels they do too.

Papyan, Han and Donoho 2020: training goes on past zero error, the activations before the last layer
collapse to their class means, these become equally long and equally far apart, the last layer's weights
align with them, and its decision is that of the nearest mean. They see in it a reason to generalize better.
Labels that are drawn at random collapse as well, so that by itself it is none: Zhang et al. 2017's
experiment, once more.

A net with batch normalization is trained until it first fits, and goes on from there at a rate that falls.
The controls go on for three epochs. Settings and margins were read off replicates 1000 to 1007, which no
verdict reads. They were chosen there: at a constant rate the scatter of such nets falls less (on MNIST by
nothing to a third), and on digits it rises without batch normalization; without it and at a rate that falls
all fall but the angles, which is a counter-claim below.
"""

from __future__ import annotations

from claims.papers import OVERCLAIM
from claims.papers import PAPYAN2020
from harness import Change
from harness import Check
from harness import Experiment
from harness import From
from harness import Probing
from harness import Results
from harness import Sgd
from harness import Tiers
from harness import WhenFitted
from harness import above
from harness import below
from harness import claim
from harness import control
from harness import ratio
from harness import trained
from harness.analytic.collapse import Collapse
from harness.data import Digits
from harness.data import Mnist
from harness.data import RandomLabels
from harness.data import TrueLabels
from harness.models import Mlp

ADAPTED = {
    "quick": "500 digits for seven data sets, 4 layers of 128 units with batch normalization for three deep "
    "architectures; 200 epochs past zero error",
    "standard": "2,000 images of MNIST (1,000 with random labels) for seven data sets, 4 layers of 256 units "
    "with batch normalization for three deep architectures; 60 epochs past zero error (100)",
}
RATE, DECAY, BATCH = 0.05, 5e-4, 32
"""Learning rate, weight decay, and examples a step."""
SHORT = 3
"""Epochs past zero error of the controls."""


def until_fitted(tier: str, *, random: bool = False, normalized: bool = True) -> Experiment:
    """The training to its first epoch of zero error."""
    labels = RandomLabels() if random else TrueLabels()
    sgd = Sgd(RATE, 200, batch=BATCH, weight_decay=DECAY)
    if tier == "quick":
        return Experiment(Digits(n=500, labels=labels), net(128, normalized), sgd, stop=WhenFitted())
    images = Mnist(n=1000 if random else 2000, crop=None, n_test=2000, labels=labels)
    return Experiment(images, net(256, normalized), sgd, stop=WhenFitted())


def net(width: int, normalized: bool) -> Mlp:
    """The network, with or without batch normalization."""
    return Mlp(width=width, depth=4, batch_norm=normalized)


def past(tier: str, *, random: bool = False, normalized: bool = True, epochs: int = 0) -> Experiment:
    """The training that goes on from there, at a rate that falls to a twentieth; or for so many epochs."""
    fitted = until_fitted(tier, random=random, normalized=normalized)
    most, fall = {"quick": (200, 0.985), "standard": (100, 0.97) if random else (60, 0.95)}[tier]
    return fitted.but(
        optimizer=Sgd(RATE, epochs or most, batch=BATCH, weight_decay=DECAY, decay=fall),
        stop=None,
        start=From(fitted),
    )


def before(**which: bool) -> Tiers:
    """The collapse at the first epoch of zero error."""
    return Tiers(**{tier: Probing(until_fitted(tier, **which), Collapse()) for tier in ADAPTED})


def after(*, epochs: int = 0, **which: bool) -> Tiers:
    """The collapse at the end of the training that goes on."""
    return Tiers(**{tier: Probing(past(tier, epochs=epochs, **which), Collapse()) for tier in ADAPTED})


def at_first() -> Tiers:
    """The collapse after one epoch, before there is zero error."""
    first = {tier: until_fitted(tier).but(stop=None, optimizer__epochs=1) for tier in ADAPTED}
    return Tiers(**{tier: Probing(first[tier], Collapse()) for tier in ADAPTED})


def trained_on(*, random: bool) -> Tiers:
    """The nets themselves at the end, on random or on true labels."""
    return Tiers(**{tier: past(tier, random=random) for tier in ADAPTED})


SOON = "three epochs past zero error"


@claim(PAPYAN2020, "Abstract (NC1)", reported="words", adapted=ADAPTED)
@trained(first=before(), last=after())
@control(last=after(epochs=SHORT), says=SOON)
def test_within_class_variability_collapses(first: Results, last: Results, check: Check) -> None:
    """In training past zero error the variability within classes collapses, against that between them."""
    left = ratio(last.final("scatter"), first.final("scatter"))
    check(below(left, 0.75, because="0.3 to 0.7 in calibration"))


@claim(
    PAPYAN2020,
    "Abstract (NC2)",
    reported="words",
    adapted=ADAPTED,
    changed=(
        Change(
            "replicates",
            "A fixed number at quick, 20, since the chance of the same verdict on fresh replicates was .82.",
        ),
        Change(
            "control",
            "The net without batch normalization was added: with 20 replicates the angles had begun to move "
            "within three epochs of zero error, and the verdict was inconclusive.",
        ),
    ),
    replicates={"quick": 20},
)
@trained(first=before(), last=after())
@control(last=after(epochs=SHORT), says=SOON)
@control(first=before(normalized=False), last=after(normalized=False), says="no batch normalization")
def test_class_means_tend_to_a_simplex(first: Results, last: Results, check: Check) -> None:
    """The class means become equally long, and the angles between them those of a simplex."""
    lengths = ratio(last.final("unequal_norms"), first.final("unequal_norms"))
    angles = ratio(last.final("unequal_angles"), first.final("unequal_angles"))
    check(below(lengths, 0.75, because="0.3 to 0.74 in calibration"))
    check(below(angles, 0.95, because="0.7 to 0.9 in calibration: of all four the slowest"))


@claim(PAPYAN2020, "Abstract (NC3)", reported="words", adapted=ADAPTED)
@trained(first=before(), last=after())
@control(last=after(epochs=SHORT), says=SOON)
def test_the_last_layer_aligns_with_the_class_means(first: Results, last: Results, check: Check) -> None:
    """Up to their scale the last layer's weights come nearer to the class means."""
    left = ratio(last.final("misaligned"), first.final("misaligned"))
    check(below(left, 0.9, because="0.6 to 0.9 in calibration"))


@claim(PAPYAN2020, "Abstract (NC4)", reported="words", adapted=ADAPTED)
@trained(last=after())
@control(last=at_first(), says="one epoch of the same training, before there is zero error")
def test_decisions_are_those_of_the_nearest_class_mean(last: Results, check: Check) -> None:
    """The network decides for the class whose mean is nearest."""
    check(below(last.final("disagreement"), 0.005, because="zero up to one image in 200"))


@claim(OVERCLAIM, "beside PAPYAN2020: does collapse generalize?", kind="counter", adapted=ADAPTED)
@trained(first=before(random=True), last=after(random=True), net=trained_on(random=True))
@control(last=after(random=True, epochs=SHORT), says=SOON)
@control(net=trained_on(random=False), says="true labels")
def test_random_labels_collapse_too(first: Results, last: Results, net: Results, check: Check) -> None:
    """Classes of random labels collapse as well, and the network knows nothing of other images."""
    left = ratio(last.final("scatter"), first.final("scatter"))
    check(below(left, 0.85, because="0.4 to 0.8 in calibration"))
    check(above(net.final("test_error"), 0.8, because="chance is 0.9"))


@claim(OVERCLAIM, "beside PAPYAN2020 (NC2): without batch normalization?", kind="counter", adapted=ADAPTED)
@trained(first=before(normalized=False), last=after(normalized=False))
@control(first=before(), last=after(), says="the same net with batch normalization")
def test_without_batch_normalization_the_angles_stay(first: Results, last: Results, check: Check) -> None:
    """Without batch normalization the angles between class means do not come nearer to a simplex's."""
    angles = ratio(last.final("unequal_angles"), first.final("unequal_angles"))
    check(above(angles, 0.95, because="what counts as coming nearer (NC2); 0.96 to 1.14 in calibration"))
