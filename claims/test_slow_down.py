"""Random labels slow fitting down by a small factor only, and the test error grows with their share.

With more random labels a network takes longer, but not many times, and ends with a larger test error, up to
chance; noise in place of images is fitted sooner than random labels on images; on random labels the loss
falls late and then quickly; and of labels half of which are random the right ones are fitted first (Zhang et
al. 2017, Section 2.1, Figure 1; the EPFL reproduction, Figures 1 and 2).

The slow-down is held to four, the end of the axis of the paper's Figure 1b, where images are real, and to ten
on small data. Calibrated on replicates 1000 and up, which no verdict reads: the worlds of the controls.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from claims.figures import draw_training
from claims.fitting import times_longer
from claims.papers import EPFL
from claims.papers import ZHANG2017
from claims.settings import ADAPTED
from claims.settings import ALEXNET
from claims.settings import FIGURE_1A
from claims.settings import FITTED
from claims.settings import INCEPTION
from claims.settings import MLP
from claims.settings import RANDOM
from claims.settings import SMALL_ADAPTED
from claims.settings import TRUE
from claims.settings import random
from claims.settings import true
from claims.texts import nearer
from harness import Change
from harness import Check
from harness import Experiment
from harness import Results
from harness import Sgd
from harness import Tiers
from harness import WhenFitted
from harness import above
from harness import below
from harness import claim
from harness import control
from harness import matches
from harness import ratio
from harness import smaller_of
from harness import trained
from harness.data import GaussianInputs
from harness.data import Mnist
from harness.data import RandomLabels
from harness.data import RandomPixels
from harness.data import ShuffledPixels
from harness.models import Mlp

SMALL_CONSTANT = Tiers(quick=10.0, standard=4.0, full=4.0)
SMALL_BECAUSE = "no source gives the constant: the paper's figure ends at 4; small data need not be as fast"
SMALL_CHANGED = (
    Change(
        "control",
        "Labels drawn anew for a linear model stood in the control after budgets of 100 to 300 epochs had "
        "been too short for one; now a real slow-down beyond the bound does. It was reproduced with each.",
    ),
)
GREY = Experiment(
    Mnist(n=30_000), Mlp(512), Sgd(lr=0.02, epochs=300), stop=WhenFitted(0.01), precision="bfloat16"
)
SLOWED = Tiers(quick=MLP.quick.but(model=Mlp(32), optimizer__epochs=1500), standard=GREY, full=GREY)
"""Where random labels take far longer: an MLP with 2.4 weights an image (quick), or digits of MNIST."""
SLOWED_RANDOM = SLOWED.but(data__labels=RANDOM)
SLOWED_SAYS = (
    "hardly more weights than images (an MLP, quick), or digits, whose true labels are learnt at once"
)


@claim(
    ZHANG2017,
    "Section 2.1, Figure 1b",
    adapted=ADAPTED,
    reported={"EPFL, Inception": 2.67, "EPFL, AlexNet": 2.15, "EPFL, MLP": 1.35},
    changed=SMALL_CHANGED,
)
@trained(true=true, random=random, fitted=FITTED, limit=SMALL_CONSTANT)
@control(true=SLOWED, random=SLOWED_RANDOM, says=SLOWED_SAYS)
@pytest.mark.parametrize("model", ["mlp", "alexnet"])
def test_slowdown_is_bounded_by_a_constant(
    true: Results, random: Results, fitted: float, limit: float, check: Check, model: str
) -> None:
    """Random labels slow fitting down by no more than a small constant factor."""
    slower = times_longer(random, true, fitted)
    check(below(slower, limit, because=SMALL_BECAUSE))


LEVELS = Tiers(
    quick=(0.0, 0.25, 0.5, 0.75, 1.0),
    standard=(0.0, 0.25, 0.5, 0.75, 1.0),
    full=tuple(round(0.1 * i, 1) for i in range(11)),
)
CURVE = Tiers(quick=MLP.quick, standard=MLP.standard, full=INCEPTION.full)
EPFL_TIME = {
    "EPFL, Inception": [(0, 1), (1, 2.67)],
    "EPFL, AlexNet": [(0, 1), (1, 2.15)],
    "EPFL, MLP": [(0, 1), (1, 1.35)],
}
EPFL_ERROR = {
    "EPFL, Inception": [(0, 0.13), (0.5, 0.545), (1, 0.9)],
    "EPFL, AlexNet": [(0, 0.215), (0.5, 0.615), (1, 0.9)],
    "EPFL, MLP": [(0, 0.465), (0.5, 0.67), (1, 0.9)],
}


def at_levels(tier: str) -> list[Experiment]:
    """The experiment at every level of corruption; at 0 it is the one with true labels, trained once."""
    return [CURVE[tier].but(data__labels=RandomLabels(p) if p else TRUE) for p in LEVELS[tier]]


def shuffled_first(tier: str) -> list[Experiment]:
    """True labels, then shuffled pixels in place of the first share, then every share but the whole."""
    clean, *corrupted, _ = at_levels(tier)
    return [clean, clean.but(data__inputs=ShuffledPixels()), *corrupted]


@claim(
    ZHANG2017,
    "Section 2.1, Figure 1b",
    adapted={
        **SMALL_ADAPTED,
        "standard": "an MLP, bfloat16 operands",
        "full": "one model for three, bfloat16 operands",
    },
    reported={"EPFL, Inception, all random": 2.67, "EPFL, AlexNet": 2.15, "EPFL, MLP": 1.35},
    changed=SMALL_CHANGED,
)
@trained(levels=at_levels, fitted=FITTED, at=LEVELS, limit=SMALL_CONSTANT)
@control(
    levels=lambda tier: [SLOWED[tier], *[SLOWED_RANDOM[tier]] * (len(LEVELS[tier]) - 1)],
    says=f"all labels random in place of every share, and {SLOWED_SAYS}",
)
def test_slowdown_is_bounded_at_every_level(
    levels: Sequence[Results], fitted: float, at: tuple[float, ...], limit: float, check: Check
) -> None:
    """At every share of random labels, fitting takes longer by a small constant factor only."""
    slower = [times_longer(level, levels[0], fitted) for level in levels[1:]]
    for factor in slower:
        check(below(factor, limit, because=SMALL_BECAUSE))
    check.draw(
        "Figure 1b",
        series="epochs to fit, against true labels",
        x=at,
        y=[[1.0, *factors] for factors in zip(*(factor.shown for factor in slower), strict=True)],
        x_label="share of labels replaced at random",
        y_label="relative convergence time",
        reported=EPFL_TIME,
    )


@claim(
    ZHANG2017,
    "Section 2.1, Figure 1c",
    changed=(nearer("no label replaced at any level"),),
    adapted={
        **SMALL_ADAPTED,
        "standard": "an MLP, bfloat16 operands",
        "full": "one model for three, bfloat16 operands",
    },
    reported={"EPFL, Inception at 0, 1/2, 1": "0.13, 0.545, 0.90", "EPFL, MLP": "0.465, 0.67, 0.90"},
)
@trained(levels=at_levels, at=LEVELS)
@control(
    levels=shuffled_first,
    says="the first corruption shuffles pixels and no labels, and the last leaves a share of them true",
)
def test_test_error_grows_with_corruption_up_to_chance(
    levels: Sequence[Results], at: tuple[float, ...], check: Check
) -> None:
    """Test error grows steadily with the share of random labels, up to chance."""
    errors = [level.final("test_error") for level in levels]
    steps = [after - before for before, after in itertools.pairwise(errors)]
    check(
        above(smaller_of(*steps), 0.02, because="two points a step: less is not steady growth over 80 points")
    )
    check(matches(errors[-1], 0.9, 0.05, because="chance for ten classes, to five points"))
    check.draw(
        "Figure 1c",
        series="test error",
        x=at,
        y=errors,
        x_label="share of labels replaced at random",
        y_label="test error",
        reported=EPFL_ERROR,
    )


NOISE_INPUTS = {"random_pixels": RandomPixels(), "gaussian": GaussianInputs()}


@claim(
    ZHANG2017,
    "Section 2.1, Figure 1a",
    adapted={
        **SMALL_ADAPTED,
        "standard": "an MLP for Inception, bfloat16 operands",
        "full": "bfloat16 operands",
    },
    reported={
        "EPFL, Gaussian / random labels, steps": 9.5 / 20,
        "EPFL, random pixels / random labels": 17 / 20,
    },
    changed=(
        Change(
            "setting",
            "Labels had been random on noise as well, and it was reproduced; now noise keeps the true ones, "
            "as in the paper.",
        ),
    ),
)
@trained(
    noise=lambda inputs: FIGURE_1A.but(data__inputs=NOISE_INPUTS[inputs]),
    images=lambda: FIGURE_1A.but(data__labels=RANDOM),
    fitted=FITTED,
)
@control(
    noise=lambda: FIGURE_1A.but(data__labels=RANDOM, data__inputs=ShuffledPixels()),
    says="one permutation of the pixels for all images: as hard to fit as the images themselves",
)
@pytest.mark.parametrize("inputs", NOISE_INPUTS)
def test_noise_images_are_fitted_sooner_than_random_labels(
    noise: Results, images: Results, fitted: float, check: Check, inputs: str
) -> None:
    """Random pixels and Gaussian noise are fitted sooner than random labels on real images."""
    sooner = times_longer(noise, images, fitted)
    check(
        below(sooner, 0.9, because="the paper says sooner and gives no factor; a tenth is the least we count")
    )


LATE = Tiers(standard=ALEXNET.standard, full=INCEPTION.full).but(data__labels=RANDOM)


@claim(
    ZHANG2017,
    "Section 2.1, Figure 1a",
    adapted={
        "standard": "the AlexNet for Inception, 5,000 images, bfloat16 operands",
        "full": "bfloat16 operands",
    },
    reported={"EPFL, end of the plateau / end of training, steps": 9 / 20},
)
@trained(random=LATE, fitted=FITTED)
@control(random=LATE.but(data__labels=TRUE), says="with true labels the loss falls from the start")
def test_fitting_starts_late_and_then_is_quick(random: Results, fitted: float, check: Check) -> None:
    """On random labels the loss stays high for long, and once it falls it falls quickly."""
    late = ratio(random.epochs_to("train_error", 0.5), random.epochs_to("train_error", fitted))
    check(above(late, 0.5, because="late means past the middle: half the labels take over half the time"))
    draw_training(check, "Figure 1a, late start", "random labels", random, "train_error", "training error")


@claim(
    EPFL,
    "Figure 2",
    adapted={
        "quick": SMALL_ADAPTED["quick"] + "; a random label may be the right one",
        "standard": "an MLP for Inception, bfloat16 operands; a random label may be the right one",
        "full": "a random label may be the right one; bfloat16 operands",
    },
    reported={"accuracy on true / wrong labels at 4,000 steps": "0.78 / 0.07"},
)
@trained(half=lambda: FIGURE_1A.but(data__labels=RandomLabels(0.5)))
@control(
    half=lambda: FIGURE_1A.but(data__labels=RandomLabels(0.5), data__inputs=GaussianInputs()),
    says="on Gaussian noise right labels follow no pattern, so both halves are fitted alike",
)
def test_pattern_is_fitted_before_noise(half: Results, check: Check) -> None:
    """With half of the labels drawn at random, the right ones are fitted before the wrong ones."""
    wrong = half.at("corrupted_error", when="train_error", below=0.5)
    right = half.at("clean_error", when="train_error", below=0.5)
    check(
        above(wrong - right, 0.1, because="ten points apart at the epoch where half of all labels are fitted")
    )
    for series, measure in (("clean labels", "clean_error"), ("corrupted labels", "corrupted_error")):
        draw_training(check, "Figure 2", series, half, measure, "training accuracy", correct=True)
