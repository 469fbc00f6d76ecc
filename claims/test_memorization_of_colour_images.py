"""Convolutional nets on colour images learn patterns before noise, too, and dropout keeps them from noise.

Arpit et al. 2017 train a small AlexNet on CIFAR-10 (Figures 8 to 11); here it is LeNet on 3,000 images
at standard, and their net on all of them at full.

Calibrated on replicates 1000 and 1001, which no verdict reads: rate, budget, radius and margins at standard.
What dropout costs LeNet on 3,000 images scatters by five points there, so that it is asked at full alone.
"""

from __future__ import annotations

from claims.fitting import times_longer
from claims.papers import ARPIT2017
from claims.texts import adding
from harness import Check
from harness import Experiment
from harness import Probing
from harness import Results
from harness import Sgd
from harness import Tiers
from harness import WhenFitted
from harness import above
from harness import below
from harness import claim
from harness import control
from harness import trained
from harness.analytic.memorization import CriticalSamples
from harness.data import Cifar10
from harness.data import RandomLabels
from harness.models import Dropout
from harness.models import SmallAlexNet
from harness.models.lenet import LeNet

PAPERS = Sgd(lr=0.01, decay=0.5, decay_steps=15 * 391, epochs=100)
"""The rate halved every 15 epochs of 391 steps."""
REAL = Tiers(
    standard=Experiment(
        Cifar10(n=3000, n_test=1000), LeNet(), Sgd(lr=0.003, epochs=150, batch=32), stop=WhenFitted(0.005)
    ),
    full=Experiment(Cifar10(), SmallAlexNet(), PAPERS, stop=WhenFitted(0.005)),
)
WHOLE = REAL.but(standard__optimizer__epochs=60, stop=None)
DROPPED = WHOLE.but(model=Tiers(standard=Dropout(LeNet(), 0.5), full=Dropout(SmallAlexNet(), 0.5)))
RADIUS = {"standard": CriticalSamples(0.02), "full": CriticalSamples(0.02, images=None)}
ADAPTED = {"standard": "LeNet and 3,000 images of CIFAR-10, a constant rate", "full": "none"}
NEAR = 0.01
"""Training error at which a net counts as fitted, when epochs are compared."""


def at(level: float, nets: Tiers = REAL) -> Tiers:
    """Training with a share of random labels."""
    return nets.but(data__labels=RandomLabels(level))


def critical(level: float, **changes: object) -> Tiers:
    """The share of critical samples around test images after training with a share of random labels."""
    return Tiers(**{tier: Probing(at(level)[tier].but(**changes), RADIUS[tier]) for tier in ADAPTED})


@claim(
    ARPIT2017,
    "Section 3.3.2: time to convergence is longer on noise data",
    reported="unconfirmed",
    adapted=ADAPTED,
)
@trained(random=at(1.0), true=at(0.0))
@control(random=at(0.005), says="one random label in 200: 99 % are fitted without it")
def test_colour_images_with_random_labels_take_longer(random: Results, true: Results, check: Check) -> None:
    """Random labels of colour images take longer to fit than true ones."""
    check(above(times_longer(random, true, NEAR), 1.1, because="a tenth longer"))


@claim(
    ARPIT2017, "Abstract; Section 4.2, Figure 8b: patterns before noise", reported="words", adapted=ADAPTED
)
@trained(run=at(0.4))
@control(run=at(0.0), says="true labels: nothing to memorize")
def test_patterns_of_colour_images_are_learnt_first(run: Results, check: Check) -> None:
    """With two fifths of random labels, test error is lowest before these are memorized, and rises as they
    are."""
    lost = run.final("test_error") - run.best("test_error")
    check(above(lost.named("final - lowest test_error"), 0.03, because="three points of test error"))


@claim(
    ARPIT2017,
    "Section 4.2, Figures 8b and 9: critical samples with noise labels",
    adapted=adding("projected gradient ascent with noise for LASS", ADAPTED),
    reported={"radius of the box, of 255": 0.3},
)
@trained(random=critical(1.0), true=critical(0.0))
@control(random=critical(0.005), says="one random label in 200")
def test_noise_labels_make_more_critical_samples_of_colour_images(
    random: Results, true: Results, check: Check
) -> None:
    """A net trained on random labels of colour images has more critical samples than one on true labels."""
    more = random.final("critical") - true.final("critical")
    check(above(more.named("critical, random - true labels"), 0.03, because="three points of the images"))


@claim(
    ARPIT2017,
    "Section 5, Figures 10 and 11: dropout",
    adapted={"full": ADAPTED["full"]},
    reported={"rates of dropout tried": "0 to 0.9"},
)
@trained(dropped_random=at(1.0, DROPPED), free_random=at(1.0, WHOLE), dropped=DROPPED, free=WHOLE)
@control(dropped_random=at(1.0, DROPPED.but(model__rate=0.02)), says="one unit in fifty dropped")
@control(dropped=DROPPED.but(model__rate=0.95), says="19 units in 20 dropped on real data")
def test_dropout_hinders_memorization_of_colour_images(
    dropped_random: Results, free_random: Results, dropped: Results, free: Results, check: Check
) -> None:
    """Dropout hinders memorization of random labels of colour images and costs no validation accuracy on
    real labels."""
    kept = dropped_random.final("train_error") - free_random.final("train_error")
    check(above(kept.named("random labels not memorized"), 0.1, because="a tenth of all labels"))
    cost = dropped.final("test_error") - free.final("test_error")
    check(below(cost.named("test_error, dropout - none"), 0.01, because="one point"))
