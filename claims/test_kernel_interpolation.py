"""A Gaussian kernel fits any labels and generalizes without regularization; its norm tells half the story.

Zhang et al. 2017, Section 5: the minimum-norm solution of K a = y, which is what gradient descent on the
squared error finds from zero, reaches the test error of good classifiers with no penalty, no early stop
and no network. Features before the kernel improve it; a penalty adds little. Its norm is what separates
true from random labels under one kernel, and says nothing between kernels.

Calibrated on replicates 1000 and up, which no verdict reads: bandwidths, ridges, filter banks and margins
(the paper gives none of the first three; 5 is the first author's own bandwidth for MNIST). What the paper
prints as a number is judged in the family on kernel numbers.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from claims.kernels import CIFAR10_PATCHES
from claims.kernels import CIFAR10_PIXELS
from claims.kernels import HALF
from claims.kernels import HALF_RANDOM_PATCHES
from claims.kernels import LARGE
from claims.kernels import NARROW_ON_GABOR
from claims.kernels import ON_GABOR
from claims.kernels import ON_PIXELS
from claims.kernels import RANDOM
from claims.papers import OVERCLAIM
from claims.papers import ZHANG2017
from claims.texts import SECOND_CONTROL
from claims.texts import adding
from claims.texts import nearer
from harness import Change
from harness import Check
from harness import Measured
from harness import Results
from harness import Tiers
from harness import above
from harness import all_reach
from harness import below
from harness import claim
from harness import control
from harness import ordered
from harness import ratio
from harness import smaller_of
from harness import trained
from harness.analytic.gabor import LinearFit
from harness.analytic.gabor import OnFeatures
from harness.analytic.gabor import Pixels
from harness.data import RandomLabels
from harness.data import ShuffledPixels
from harness.data import TrueLabels

BY_FEW_IMAGES = {
    "quick": (
        "inconclusive or reproduced",
        "in one run of ten the gain is at most one of 797 digits, and all of 5 or 9 of 10 must gain two",
    )
}
RIDGES = (0.001, 0.03, 1.0)
LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)
# bandwidths that fall with the share of random labels
NARROWING = {
    0.0: Tiers(quick=3.0, standard=10.0, full=10.0),
    0.25: Tiers(quick=1.2, standard=4.0, full=4.0),
    0.5: Tiers(quick=0.9, standard=3.0, full=3.0),
    0.75: Tiers(quick=0.7, standard=2.3, full=2.3),
    1.0: Tiers(quick=0.5, standard=1.7, full=1.7),
}
SMALL_ADAPTED = {
    "quick": "1,000 digits of 8x8 pixels for MNIST",
    "standard": "2,000 images of MNIST",
    "full": "none",
}
TEN_THOUSAND_ADAPTED = {**SMALL_ADAPTED, "standard": "10,000 training images"}
WITH_GABOR_ADAPTED = adding(
    "our own filters, since the paper does not specify its own: magnitudes of Gabor filters of two "
    "wavelengths and four orientations, averaged over squares of 2x2 pixels",
    SMALL_ADAPTED,
)
WITH_PATCHES_ADAPTED = {
    "standard": "3,000 images, 400 filters in one layer for a net with 32,000, a Gaussian kernel on top",
    "full": "2,000 filters in one layer for a net with 32,000 (of whose features 60,000 images would take "
    "more than 100 GiB), a Gaussian kernel on top",
}


def corrupted(level: float) -> Tiers:
    """Interpolation of labels of which a share is random; of none, at full, what other claims read too."""
    labels = RandomLabels(level)
    none = Tiers(quick=labels, standard=labels, full=TrueLabels())
    return ON_PIXELS.but(data__labels=labels if level else none)


def penalized(free: Tiers) -> dict[float, Tiers]:
    """The same with a penalty on the norm, weak to strong."""
    return {ridge: free.but(solver__ridge=ridge) for ridge in RIDGES}


def norm_ratio(one: Results, other: Results) -> Measured:
    """How many times the norm of another interpolant one has."""
    return ratio(one.final("norm"), other.final("norm"))


def gain(before: Results, after: Results) -> Measured:
    """The amount by which a change lowers the test error."""
    return before.final("test_error") - after.final("test_error")


ON_CIFAR10 = pytest.mark.claimed(
    adapted={
        "standard": "10,000 training images, a bandwidth of our own",
        "full": "none but the bandwidth, which the paper does not give",
    },
    reported={"test error": 0.46},
)


@claim(
    ZHANG2017,
    "Section 5",
    adapted=TEN_THOUSAND_ADAPTED,
    reported={"test error": 0.012, "first author's script": 0.0122},
    changed=(nearer("random labels, and a penalty with which nothing is interpolated"),),
)
@trained(run=lambda data: LARGE[data])
@control(
    run=lambda data: LARGE[data].but(data__labels=HALF, standard__data__n=2000, full__data__n=5000),
    says="half of the labels random, which are interpolated too (2,000 images at standard, 5,000 at full)",
)
@control(
    run=lambda data: LARGE[data].but(solver__ridge=3.0, standard__data__n=2000, full__data__n=5000),
    says="a penalty on the norm, with which a few labels are missed (as many images)",
)
@pytest.mark.parametrize("data", ["mnist", pytest.param("cifar10", marks=ON_CIFAR10)])
def test_an_interpolating_kernel_generalizes(run: Results, check: Check, data: str) -> None:
    """A kernel on pixels interpolates, its training error exactly zero, and generalizes without
    regularization: on MNIST, and on CIFAR-10 far better than chance."""
    check(all_reach(run.final("train_error"), 0.0))
    limits = {"mnist": (0.1, "a ninth of chance, 0.9"), "cifar10": (0.65, "25 points below chance")}
    limit, because = limits[data]
    check(below(run.final("test_error"), limit, because=because))


@claim(ZHANG2017, "Section 5 and Section 2.1", reported="words", adapted=SMALL_ADAPTED)
@trained(run=ON_PIXELS.but(data__labels=RANDOM))
@control(
    run=ON_PIXELS.but(data__labels=RANDOM, solver=OnFeatures(Pixels(), LinearFit())),
    says="a linear kernel, whose rank is at most the number of pixels",
)
def test_any_labels_are_fit(run: Results, check: Check) -> None:
    """A Gaussian kernel fits any labels of distinct images, random ones included, without error."""
    check(all_reach(run.final("train_error"), 0.0))


@claim(
    OVERCLAIM,
    "after ZHANG2017, Section 5: equation (3) without preprocessing",
    kind="counter",
    adapted={**SMALL_ADAPTED, "standard": "10,000 images of MNIST (the control has 2,000)"},
    changed=(
        Change(
            "setting",
            "At standard it had 2,000 images, which were not calibrated, and left 35 % of random "
            "labels wrong; 10,000 images have the ratio of digits to pixels.",
        ),
    ),
)
@trained(run=LARGE["mnist"].but(data__labels=RANDOM, solver=OnFeatures(Pixels(), LinearFit())))
@control(run=ON_PIXELS.but(data__labels=RANDOM), says="a Gaussian kernel on the same pixels and labels")
def test_a_linear_kernel_cannot_interpolate(run: Results, check: Check) -> None:
    """A linear kernel on pixels cannot interpolate: its rank is below n, and half of all random labels
    stay wrong. What the paper solves on raw MNIST must be another kernel."""
    check(above(run.final("train_error"), 0.5, because="chance is 0.9, and an interpolant has 0"))


@claim(ZHANG2017, "Section 5", reported="words", adapted=SMALL_ADAPTED)
@trained(free=ON_PIXELS, held=penalized(ON_PIXELS))
@control(
    free=corrupted(0.5),
    held=penalized(corrupted(0.5)),
    says="half of the labels are random, which a penalty keeps from being fitted",
)
def test_ridge_does_not_help(free: Results, held: Mapping[float, Results], check: Check) -> None:
    """A penalty on the norm does not improve the interpolant on MNIST."""
    best = smaller_of(*(run.final("test_error") for run in held.values()))
    gained = (free.final("test_error") - best).named("gain from the best penalty")
    half = "half a point, though the best of three penalties is picked on the test set, in their favour"
    check(below(gained, 0.005, because=half))


@claim(
    ZHANG2017,
    "Section 5",
    adapted=WITH_GABOR_ADAPTED,
    reported={"pixels": 0.012, "Gabor wavelets": 0.006},
    expected=BY_FEW_IMAGES,
    changed=(
        Change(
            "expected",
            "Inconclusive was declared beside reproduced at quick after fresh replicates had been "
            "read; both were and are reproduced.",
        ),
    ),
)
@trained(pixels=ON_PIXELS, gabor=ON_GABOR)
@control(
    pixels=ON_PIXELS.but(data__inputs=ShuffledPixels()),
    gabor=ON_GABOR.but(data__inputs=ShuffledPixels()),
    says="pixels in another order, which a kernel does not notice and a wavelet does",
)
def test_gabor_features_lower_the_error(pixels: Results, gabor: Results, check: Check) -> None:
    """Gabor features before the kernel lower its error on MNIST."""
    gained = gain(pixels, gabor).named("gain from Gabor features")
    check(above(gained, 0.002, because="a third of the paper's gain of 0.6 points"))


@claim(
    ZHANG2017,
    "Section 5",
    adapted=WITH_PATCHES_ADAPTED,
    reported={"pixels": 0.46, "random convolutional net": 0.17},
)
@trained(pixels=CIFAR10_PIXELS, patches=CIFAR10_PATCHES)
@control(
    patches=lambda: CIFAR10_PATCHES.but(data__inputs=ShuffledPixels()),
    says="filters on images whose pixels are in another order",
)
def test_random_convolutional_features_lower_the_error(
    pixels: Results, patches: Results, check: Check
) -> None:
    """Features of a random convolutional net before the kernel lower its error on CIFAR-10."""
    sixth = "five points: a sixth of the paper's gain, with far fewer filters"
    check(above(gain(pixels, patches).named("gain from random filters"), 0.05, because=sixth))


@claim(
    ZHANG2017,
    "Section 5",
    adapted=WITH_PATCHES_ADAPTED,
    reported={"random convolutional net": 0.17, "with l2": 0.15},
    changed=(*SECOND_CONTROL, nearer("a penalty too small to be felt")),
)
@trained(free=CIFAR10_PATCHES, held=CIFAR10_PATCHES.but(solver__solver__ridge=0.1))
@control(
    held=CIFAR10_PATCHES.but(solver__solver__ridge=10.0),
    says="a penalty a hundred times as strong, which does harm",
)
@control(
    free=HALF_RANDOM_PATCHES,
    held=HALF_RANDOM_PATCHES.but(solver__solver__ridge=0.1),
    says="half of the labels are random, and a penalty keeps them from being fitted: it helps by far more",
)
def test_l2_helps_a_little_on_random_features(free: Results, held: Results, check: Check) -> None:
    """A penalty on top of the random convolutional net helps, but only by a few points."""
    gained = gain(free, held).named("gain from the penalty")
    check(above(gained, 0.01, because="half of the paper's gain of two points"))
    check(below(gained, 0.1, because="ten points: a third of the paper's gain from the features"))


@claim(
    ZHANG2017,
    "Section 5",
    adapted=WITH_GABOR_ADAPTED,
    reported={"norm, pixels": 220.0, "norm, Gabor wavelets": 390.0},
    expected=BY_FEW_IMAGES,
    contested="the comparison turns with the bandwidth of a kernel: see the claim on a narrower one",
    changed=(
        *SECOND_CONTROL,
        nearer("pixels with random labels"),
        Change(
            "expected",
            "Inconclusive was declared beside reproduced at quick after fresh replicates had been "
            "read; both were and are reproduced.",
        ),
    ),
)
@trained(pixels=ON_PIXELS, gabor=ON_GABOR)
@control(
    gabor=ON_GABOR.but(data__inputs=ShuffledPixels()),
    says="the same filters on pixels in another order: a larger norm and a larger error",
)
@control(gabor=NARROW_ON_GABOR, says="a narrower kernel on the same features: a smaller norm and error")
def test_a_larger_norm_can_have_a_smaller_error(pixels: Results, gabor: Results, check: Check) -> None:
    """The minimum norm does not predict generalization: Gabor features raise it and lower the error."""
    check(above(norm_ratio(gabor, pixels), 1.2, because="a fifth; the paper's norms differ by a factor 1.8"))
    check(above(gain(pixels, gabor), 0.002, because="a third of the paper's gain of 0.6 points"))


@claim(
    OVERCLAIM,
    "against ZHANG2017, Section 5: norms of different kernels",
    kind="counter",
    adapted=WITH_GABOR_ADAPTED,
    contested="Zhang et al. 2017 read a larger norm beside a smaller error as a failure of the norm",
    changed=(
        *SECOND_CONTROL,
        Change(
            "setting",
            "The narrow bandwidth on digits was 0.6 by a guess, came out inconclusive, and became 1, "
            "the best narrow one of those calibrated; the margins stayed.",
        ),
    ),
)
@trained(pixels=ON_PIXELS, gabor=NARROW_ON_GABOR)
@control(gabor=ON_GABOR, says="the wider kernel of the paper's claim")
@control(
    gabor=NARROW_ON_GABOR.but(data__inputs=ShuffledPixels()),
    says="the narrow kernel on the same filters of pixels in another order",
)
def test_the_comparison_of_norms_turns_with_the_bandwidth(
    pixels: Results, gabor: Results, check: Check
) -> None:
    """With a narrower kernel on the same Gabor features the norm is smaller than on pixels, and the error
    still smaller: norms of different kernels cannot be compared."""
    twentieth = "one in twenty: far above the spread of norms between replicates"
    check(below(norm_ratio(gabor, pixels), 0.95, because=twentieth))
    sixth = "a sixth of the paper's gain: enough to say that it is not lost"
    check(above(gain(pixels, gabor), 0.001, because=sixth))


@claim(
    ZHANG2017,
    "Section 5, with Section 2",
    reported="words",
    adapted=SMALL_ADAPTED,
    changed=(nearer("pixels in another order, which are the same to a kernel"),),
)
@trained(random=ON_PIXELS.but(data__labels=RANDOM), true=ON_PIXELS)
@control(random=corrupted(0.02), says="one label in fifty random, and the others true")
def test_random_labels_have_a_larger_norm(random: Results, true: Results, check: Check) -> None:
    """Under one kernel random labels need a larger norm than true ones."""
    half = "half as large again; in calibration it was four times as large on digits"
    check(above(norm_ratio(random, true), 1.5, because=half))


@claim(
    OVERCLAIM,
    "against ZHANG2017, Section 5: norms under one kernel",
    kind="counter",
    adapted=SMALL_ADAPTED,
    contested="Zhang et al. 2017: the norm does not predict generalization",
    changed=(
        Change(
            "control",
            "A kernel that narrows as the share rises was added after it had come out reproduced with"
            " the shares in falling order alone.",
        ),
    ),
)
@trained(levels={p: corrupted(p) for p in LEVELS})
@control(
    levels={p: corrupted(p).but(solver__kernel__bandwidth=b) for p, b in NARROWING.items()},
    says="not within one kernel: the more labels are random, the narrower it is, and the smaller the norm",
)
@control(
    levels={p: corrupted(1 - p) for p in LEVELS},
    says="the shares in falling order",
    trivial="the error must rise with the share under any kernel, so each step fails in reverse alone",
)
def test_within_one_kernel_the_norm_ranks_corruption(levels: Mapping[float, Results], check: Check) -> None:
    """Within one kernel the norm does rank: it grows with the share of random labels, as the error does."""
    for measure in ("norm", "test_error"):
        values = [run.final(measure).named(f"{measure} at {p:g}") for p, run in levels.items()]
        check(ordered(values, because="any step up, for the order is claimed and not its size"))
        check.draw(
            "Norm and error under one kernel",
            series=measure,
            x=LEVELS,
            y=values,
            x_label="share of random labels",
            y_label="RKHS norm, test error",
            y_scale="log",
        )
