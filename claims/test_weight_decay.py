"""Weight decay, crops and dropout do not prevent memorization: random labels are fitted with them too.

Zhang et al. 2017, Table 4 (appendix E). The exception there is the small AlexNet, which did not converge
with weight decay; the EPFL reproduction fitted it, with batch normalisation and other widths. Neither the
paper's coefficient nor what it counts as failing is known; here more than a tenth of the labels left
unfitted counts as failing, decided beforehand: the same table calls 0.8 % converged.

Calibrated on replicates 1000 and up, which no verdict reads: numbers of images, budgets and the coefficients
of the controls. Numbers of images are small because more were not fitted in the budget: with everything at
once 300 digits were not in 600 epochs, nor 200 images of CIFAR-10 in 1,000. So what is shown is that an MLP
can, not that it does at the paper's size; that is the full tier's. With weight decay 5e-3 on 1,000 digits,
100 times EPFL's, the MLP left 4 % unfitted after 300 epochs, and with 5e-2 nearly all.
"""

from __future__ import annotations

import pytest

from claims.fitting import TYPICAL
from claims.fitting import fits
from claims.papers import EPFL
from claims.papers import OVERCLAIM
from claims.papers import ZHANG2017
from claims.papers import ZHANG2021
from claims.settings import EPFL_COEFFICIENT
from claims.settings import FITTED
from claims.settings import IMAGES
from claims.settings import INCEPTION
from claims.settings import MLP
from claims.settings import RANDOM
from claims.settings import random
from claims.texts import adding
from claims.texts import nearer
from harness import Change
from harness import Check
from harness import Experiment
from harness import Results
from harness import Sgd
from harness import Tiers
from harness import WhenFitted
from harness import above
from harness import claim
from harness import control
from harness import trained
from harness.data import Cifar10
from harness.data import Digits
from harness.data import GaussianInputs
from harness.data.augmentation import Augmented
from harness.data.augmentation import ColourJitter
from harness.data.augmentation import RandomCrop
from harness.data.augmentation import RandomFlip
from harness.data.augmentation import RandomRotation
from harness.models import Dropout
from harness.models import EpflAlexNet
from harness.models import Mlp
from harness.models import SmallAlexNet
from harness.spec.contracts import Dataset

KRIZHEVSKY_COEFFICIENT = 5e-4  # of the AlexNet of 2012
STRONG_COEFFICIENT = 0.1
BETWEEN = 0.05
DECAY_COEFFICIENTS = Tiers(quick=5e-4, standard=EPFL_COEFFICIENT, full=EPFL_COEFFICIENT)
SOME_FITTED = Tiers(quick=0.0, standard=0.01, full=0.01)
# on all of CIFAR-10 a coefficient that strong takes as long as any: 5,000 images show the same
HELD_BACK = Tiers(quick=0.01, standard=0.05, full=0.05)
HELD_BACK_SAYS = "a coefficient 20 times (quick) or 1,000 times as large, on 5,000 images beyond quick"


def decayed(model: str) -> Tiers:
    """Random labels and weight decay at the model's shared setting."""
    return random(model).but(optimizer__weight_decay=DECAY_COEFFICIENTS)


def held_back(model: str) -> Tiers:
    """The same with so large a coefficient that the labels are not fitted."""
    fewer = random(model).but(standard__data__n=5000, standard__data__n_test=1000, full__data__n=5000)
    return fewer.but(optimizer__weight_decay=HELD_BACK)


@claim(
    ZHANG2017,
    "Appendix E, Table 4",
    adapted={
        "quick": "1,000 digits of 8x8 pixels, weight decay 5e-4: ten times EPFL's",
        "standard": "learning rate x 0.98 an epoch and weight decay 5e-5, as EPFL; bfloat16 operands",
        "full": "learning rate x 0.98 an epoch and weight decay 5e-5, as EPFL: the paper gives none",
    },
    reported={"MLP 3x512": 1.0, "MLP 1x512": 0.9921, "EPFL, MLP 3x512": 1.0, "EPFL, MLP 1x512": 0.9985},
    changed=(nearer("a weight decay with which nothing is learnt"), Change("statement", TYPICAL)),
)
@trained(random=decayed, fitted=FITTED)
@control(random=held_back, says=HELD_BACK_SAYS)
@pytest.mark.parametrize("model", ["mlp", "mlp3"])
def test_mlps_fit_random_labels_with_weight_decay(
    random: Results, fitted: float, check: Check, model: str
) -> None:
    """MLPs fit random labels with weight decay too."""
    check(fits(random, fitted))


def on_noise(**coefficients: float) -> Tiers:
    """Random labels of Gaussian noise; at other coefficients, of 5,000 images beyond quick."""
    noise = decayed("mlp").but(data__inputs=GaussianInputs())
    if not coefficients:
        return noise
    fewer = noise.but(standard__data__n=5000, standard__data__n_test=1000, full__data__n=5000)
    return fewer.but(optimizer__weight_decay=Tiers(**coefficients))


@claim(
    ZHANG2021,
    "Abstract: unaffected by explicit regularization, and even on completely unstructured noise",
    reported="words",
    adapted={
        "quick": "1,000 images of 8x8 numbers and an MLP; weight decay 5e-4 alone, on noise",
        "standard": "an MLP for convolutional nets; weight decay 5e-5 alone, on noise; bfloat16 operands",
        "full": "an MLP for convolutional nets; weight decay 5e-5 alone, on noise",
    },
)
@trained(random=on_noise(), fitted=FITTED)
@control(
    random=on_noise(quick=0.05, standard=0.1, full=0.1),
    says="a coefficient 100 times (quick) or 2,000 times as large, on 5,000 images beyond quick",
)
def test_random_labels_of_noise_are_fit_with_weight_decay(
    random: Results, fitted: float, check: Check
) -> None:
    """Random labels of unstructured noise in place of images are fitted, with weight decay as well."""
    check(fits(random, fitted))


@claim(
    ZHANG2017,
    "Appendix E, Table 4",
    adapted={"full": "weight decay 5e-5, as EPFL: the paper gives no coefficient; bfloat16 operands"},
    reported={"paper": 1.0, "EPFL": 1.0},
)
@trained(random=Tiers(full=INCEPTION.full).but(data__labels=RANDOM, optimizer__weight_decay=EPFL_COEFFICIENT))
@control(random=held_back("mlp"), says=f"an MLP and {HELD_BACK_SAYS}")
def test_inception_fits_random_labels_with_weight_decay(random: Results, check: Check) -> None:
    """Inception fits random labels with weight decay too."""
    check(fits(random, FITTED.full))


def augmented(data: Dataset, crop: RandomCrop, everything: bool) -> Augmented:
    """Random crops of images that keep their random labels; or crops, flips, colours and rotations."""
    further = (RandomFlip(), ColourJitter(), RandomRotation()) if everything else ()
    return Augmented(data.but(labels=RANDOM, whiten=False), (crop, *further))


LONG_RECIPE = Sgd(lr=0.05, epochs=1500, batch=32)
WHOLE_CIFAR = Cifar10(crop=None)


def memorizing(*, digits: int, images: int, recipe: Sgd, epochs: int, everything: bool) -> Tiers:
    """A net on so many augmented images with random labels, trained until it fits them.

    Args:
        digits: images of the quick tier, shifted by a pixel; images: those of the standard tier.
        recipe: of the standard tier.
        epochs: budget of the full tier, whose images are all of CIFAR-10.
        everything: whether images are mirrored and recoloured too, and not only cropped.
    """
    shifted = augmented(Digits(n=digits), RandomCrop(8, padding=1), everything)
    cropped = augmented(WHOLE_CIFAR.but(n=images, n_test=1000), RandomCrop(28), everything)
    return Tiers(
        quick=Experiment(shifted, Mlp(512), LONG_RECIPE, stop=WhenFitted()),
        standard=Experiment(cropped, Mlp(512), recipe, stop=WhenFitted(0.01), precision="bfloat16"),
        full=INCEPTION.full.but(
            data=augmented(WHOLE_CIFAR, RandomCrop(28), everything),
            optimizer__decay=0.999,
            optimizer__epochs=epochs,
        ),
    )


MEMORIZING = {
    "crops": memorizing(
        digits=300, images=1000, recipe=Sgd(lr=0.01, epochs=600), epochs=400, everything=False
    ),
    "everything": memorizing(
        digits=20, images=50, recipe=Sgd(lr=0.01, epochs=1000, batch=32), epochs=800, everything=True
    ),
}

# each further pixel of a border, and each further image, makes more to memorize
TOO_MUCH = {
    "crops": MEMORIZING["crops"].but(
        quick__data=augmented(Digits(n=300), RandomCrop(8, padding=2), everything=False),
        quick__optimizer__epochs=400,
        standard__data=augmented(
            WHOLE_CIFAR.but(n=1000, n_test=1000), RandomCrop(28, padding=8), everything=False
        ),
        full__data=augmented(WHOLE_CIFAR, RandomCrop(28, padding=14), everything=False),
        full__model=Mlp(24),
    ),
    "everything": MEMORIZING["everything"].but(
        quick__data=augmented(Digits(n=100), RandomCrop(8, padding=1), everything=True),
        quick__optimizer__epochs=300,
        standard__data=augmented(WHOLE_CIFAR.but(n=200, n_test=1000), RandomCrop(28), everything=True),
        full__model=Mlp(24),
    ),
}


@claim(
    ZHANG2017,
    "Appendix E, Table 4",
    adapted={
        "quick": "an MLP for Inception, 300 digits of 8x8 (crops) or 20 (everything), shifted by one pixel",
        "standard": "an MLP for Inception, 1,000 images (crops) or 50 (everything), bfloat16 operands",
        "full": "budgets of 400 and 800 epochs; the paper says only that it trained longer; bfloat16 "
        "operands",
    },
    reported={"crops": 0.9993, "everything": 0.9928},
    changed=(nearer("labels drawn anew with the pixels"), Change("statement", TYPICAL)),
)
@trained(random=lambda augmentation: MEMORIZING[augmentation], fitted=SOME_FITTED)
@control(
    random=lambda augmentation: TOO_MUCH[augmentation],
    says="crops from a wider border (quick: two pixels), or everything on 300 digits (standard: 200 images)",
)
@pytest.mark.parametrize("augmentation", ["crops", "everything"])
def test_augmentation_does_not_prevent_memorization(
    random: Results, fitted: float, check: Check, augmentation: str
) -> None:
    """Random labels are fitted on augmented images too, where every epoch draws the pixels anew and the
    labels stay: with crops, and with crops, flips, colours and rotations."""
    check(fits(random, fitted))


DROPPED = Tiers(
    quick=Experiment(
        Digits(n=100, labels=RANDOM), Dropout(Mlp(512)), Sgd(lr=0.05, epochs=400), stop=WhenFitted()
    ),
    standard=Experiment(
        Cifar10(n=2000, n_test=1000, labels=RANDOM),
        Dropout(Mlp(512)),
        Sgd(lr=0.01, epochs=300),
        stop=WhenFitted(0.01),
    ),
    full=MLP.full.but(data__labels=RANDOM, model=Dropout(Mlp(512))),
)


@claim(
    ZHANG2017,
    "Section 2.1 and Table 2, dropout and random labels",
    adapted={
        "quick": "an MLP and 100 digits of 8x8 pixels for Inception V3 and ImageNet",
        "standard": "an MLP and 2,000 images of CIFAR-10 for Inception V3 and ImageNet",
        "full": "an MLP and CIFAR-10 for Inception V3 and ImageNet: the paper drops units nowhere else",
    },
    reported={"ImageNet with dropout and weight decay, top-1 training accuracy, in words": "about 90 %"},
    changed=(
        nearer("labels drawn anew every epoch"),
        Change("setting", "To save time 300 digits became 100 at quick; it was reproduced with both."),
        Change("statement", TYPICAL),
    ),
)
@trained(random=DROPPED, fitted=SOME_FITTED)
@control(
    random=DROPPED.but(
        model=Tiers(quick=Dropout(Mlp(8)), standard=Dropout(Mlp(24)), full=Dropout(Mlp(24))),
        quick__optimizer__epochs=150,
    ),
    says="24 units for 512 (quick: 8), of which half are dropped",
)
def test_random_labels_are_fit_with_dropout(random: Results, fitted: float, check: Check) -> None:
    """Random labels are fitted with dropout too."""
    check(fits(random, fitted))


# the paper's AlexNet without weight decay, which fits random labels
ALEXNET = Tiers(
    quick=random("alexnet").quick,
    standard=Experiment(
        Cifar10(n=1000, n_test=1000, labels=RANDOM),
        SmallAlexNet(width=0.25),
        Sgd(lr=0.01, epochs=150),
        stop=WhenFitted(0.001),
        precision="bfloat16",
    ),
    full=random("alexnet").full,
)
EPFL_ALEXNET = ALEXNET.but(
    quick__data=IMAGES.but(size=10, labels=RANDOM),
    model=Tiers(quick=EpflAlexNet(width=0.25), standard=EpflAlexNet(width=0.25), full=EpflAlexNet()),
    optimizer__weight_decay=EPFL_COEFFICIENT,
)
STRONGLY_DECAYED = ALEXNET.but(optimizer__weight_decay=STRONG_COEFFICIENT).but(
    quick__optimizer__epochs=60, standard__optimizer__epochs=60
)
SCALED_ADAPTED = {
    "quick": "a quarter of the width, 100 generated images of 8x8 in batches of 32",
    "standard": "a quarter of the width, 1,000 images, bfloat16 operands",
}
UNKNOWN_ADAPTED = (
    "the paper's coefficient is unknown: here 5e-4, that of the AlexNet of 2012; failing means that over a "
    "tenth stays unfitted"
)
FAILS = 0.1
FAILS_BECAUSE = "a tenth of the labels; the same table counts 0.8 % unfitted as converged"


@claim(
    ZHANG2017,
    "Appendix E, Table 4",
    adapted={**adding(UNKNOWN_ADAPTED, SCALED_ADAPTED), "full": UNKNOWN_ADAPTED},
    contested="EPFL reports 100 % for an AlexNet with batch norm, other widths and weight decay 5e-5",
    reported={"paper": "failed to converge"},
    expected={
        "quick": ("refuted", "100 labels are a strong signal: this coefficient does not hold it back"),
        "standard": ("refuted", "as on the quick tier; a calibration run on 1,000 labels fitted them"),
    },
    changed=(nearer("the same nets at the quick tier's size, whatever the tier", "refuted"),),
)
@trained(random=ALEXNET.but(optimizer__weight_decay=KRIZHEVSKY_COEFFICIENT))
@control(
    random=ALEXNET.but(optimizer__weight_decay=EPFL_COEFFICIENT),
    says="with a tenth of the coefficient, EPFL's, it fits them",
)
@control(
    random=STRONGLY_DECAYED,
    positive=True,
    says="with a weight decay of 0.1, 200 times as strong, it does fail",
)
def test_alexnet_with_weight_decay_fails_on_random_labels(random: Results, check: Check) -> None:
    """With weight decay the small AlexNet fails to fit random labels."""
    check(above(random.final("train_error"), FAILS, because=FAILS_BECAUSE))


@claim(
    EPFL,
    "Table II",
    adapted={
        "quick": "a quarter of the width, 100 generated images of 10x10 in batches of 32",
        "standard": SCALED_ADAPTED["standard"],
        "full": "learning rate x 0.95 an epoch; no run with weight decay is in its published code",
    },
    contested="the paper reports that its AlexNet, without batch norm, failed to converge with weight decay",
    reported={"EPFL, train accuracy": 1.0},
    changed=(nearer("the paper's AlexNet at the quick tier's size"),),
)
@trained(random=EPFL_ALEXNET, fitted=FITTED)
@control(
    random=EPFL_ALEXNET.but(optimizer__weight_decay=STRONG_COEFFICIENT).but(
        quick__optimizer__epochs=60, standard__optimizer__epochs=60
    ),
    says="a weight decay of 0.1, 2,000 times as strong",
)
def test_epfl_alexnet_fits_random_labels_with_weight_decay(
    random: Results, fitted: float, check: Check
) -> None:
    """With weight decay AlexNet fits random labels."""
    check(fits(random, fitted))


@claim(
    OVERCLAIM,
    "on the contradiction between ZHANG2017, Table 4, and EPFL, Table II",
    kind="counter",
    adapted=SCALED_ADAPTED,
    changed=(
        Change(
            "setting",
            "To save time the strong coefficient went from 100 to 60 epochs after it had been reproduced.",
        ),
        Change(
            "control",
            "That EPFL's coefficient lets it fit had no control at first; it was reproduced without.",
        ),
    ),
)
@trained(weak=ALEXNET.but(optimizer__weight_decay=EPFL_COEFFICIENT), strong=STRONGLY_DECAYED, fitted=FITTED)
@control(
    strong=ALEXNET.but(optimizer__weight_decay=KRIZHEVSKY_COEFFICIENT),
    says="a coefficient of 5e-4 for 0.1, ten times EPFL's: with it, too, random labels are fitted",
)
@control(
    weak=ALEXNET.but(optimizer__weight_decay=BETWEEN).but(
        quick__optimizer__epochs=60, standard__optimizer__epochs=60
    ),
    says="a coefficient of 0.05 on the weak side",
)
def test_the_coefficient_decides_whether_alexnet_fits(
    weak: Results, strong: Results, fitted: float, check: Check
) -> None:
    """The coefficient alone can decide: the paper's own AlexNet, without batch norm, fits random labels
    with EPFL's weight decay and fails with a strong one."""
    check(fits(weak, fitted))
    check(above(strong.final("train_error"), FAILS, because=FAILS_BECAUSE))
