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

After the first verdicts, which were as they are now, dropout went from 300 to 100 digits and the strong
weight decay from 100 to 60 epochs, to save time. Since then fits are of the typical run
(``claims.fitting``), and that EPFL's coefficient lets AlexNet fit has a control in which another does not.
"""

from __future__ import annotations

import pytest

from claims.fitting import fits
from claims.papers import EPFL
from claims.papers import OVERCLAIM
from claims.papers import ZHANG2017
from claims.settings import FITTED
from claims.settings import IMAGES
from claims.settings import INCEPTION
from claims.settings import MLP
from claims.settings import RANDOM
from claims.settings import SETTINGS
from claims.settings import random
from claims.texts import adding
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
from harness.data import RedrawnLabels
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

EPFL_COEFFICIENT = 5e-5
KRIZHEVSKY_COEFFICIENT = 5e-4  # of the AlexNet of 2012
STRONG_COEFFICIENT = 0.1
DECAY_COEFFICIENTS = Tiers(quick=5e-4, standard=EPFL_COEFFICIENT, full=EPFL_COEFFICIENT)
SOME_FITTED = Tiers(quick=0.0, standard=0.01, full=0.01)
NOTHING_LEARNT = random("mlp").quick.but(optimizer__weight_decay=0.5, optimizer__epochs=100)
NOTHING_LEARNT_SAYS = "a weight decay so strong that nothing is learnt (digits, an MLP)"


def decayed(model: str) -> Tiers:
    """Random labels and weight decay at the model's shared setting."""
    return random(model).but(optimizer__weight_decay=DECAY_COEFFICIENTS)


@claim(
    ZHANG2017,
    "Appendix E, Table 4",
    adapted={
        "quick": "1,000 digits of 8x8 pixels, weight decay 5e-4: ten times EPFL's",
        "standard": "learning rate x 0.98 an epoch and weight decay 5e-5, as EPFL; bfloat16 operands",
        "full": "learning rate x 0.98 an epoch and weight decay 5e-5, as EPFL: the paper gives none",
    },
    reported={"MLP 3x512": 1.0, "MLP 1x512": 0.9921, "EPFL, MLP 3x512": 1.0, "EPFL, MLP 1x512": 0.9985},
)
@trained(random=decayed, fitted=FITTED)
@control(random=NOTHING_LEARNT, says=NOTHING_LEARNT_SAYS)
@pytest.mark.parametrize("model", ["mlp", "mlp3"])
def test_mlps_fit_random_labels_with_weight_decay(
    random: Results, fitted: float, check: Check, model: str
) -> None:
    """MLPs fit random labels with weight decay too."""
    check(fits(random, fitted))


@claim(
    ZHANG2017,
    "Appendix E, Table 4",
    adapted={"full": "weight decay 5e-5, as EPFL: the paper gives no coefficient"},
    reported={"paper": 1.0, "EPFL": 1.0},
)
@trained(random=Tiers(full=INCEPTION.full).but(data__labels=RANDOM, optimizer__weight_decay=EPFL_COEFFICIENT))
@control(random=NOTHING_LEARNT, says=NOTHING_LEARNT_SAYS)
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


@claim(
    ZHANG2017,
    "Appendix E, Table 4",
    adapted={
        "quick": "an MLP for Inception, 300 digits of 8x8 (crops) or 20 (everything), shifted by one pixel",
        "standard": "an MLP for Inception, 1,000 images (crops) or 50 (everything), bfloat16 operands",
        "full": "budgets of 400 and 800 epochs; the paper says only that it trained longer",
    },
    reported={"crops": 0.9993, "everything": 0.9928},
)
@trained(random=lambda augmentation: MEMORIZING[augmentation], fitted=SOME_FITTED)
@control(
    random=MEMORIZING["crops"].quick.but(data__labels=RedrawnLabels(), optimizer__epochs=100),
    says="labels drawn anew with the pixels: nothing stays that could be memorized (digits)",
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
    "Section 3, dropout and random labels",
    adapted={
        "quick": "an MLP and 100 digits of 8x8 pixels for Inception V3 and ImageNet",
        "standard": "an MLP and 2,000 images of CIFAR-10 for Inception V3 and ImageNet",
        "full": "an MLP and CIFAR-10 for Inception V3 and ImageNet: the paper drops units nowhere else",
    },
)
@trained(random=DROPPED, fitted=SOME_FITTED)
@control(
    random=DROPPED.quick.but(data__labels=RedrawnLabels(), optimizer__epochs=60),
    says="labels drawn anew every epoch: nothing stays that could be memorized (digits)",
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
STRONGLY_DECAYED = SETTINGS["alexnet"].quick.but(
    data__labels=RANDOM, optimizer__weight_decay=STRONG_COEFFICIENT, optimizer__epochs=60
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
)
@trained(random=ALEXNET.but(optimizer__weight_decay=KRIZHEVSKY_COEFFICIENT))
@control(random=ALEXNET.quick, says="without weight decay it fits them (quick tier)")
@control(
    random=STRONGLY_DECAYED,
    positive=True,
    says="with a weight decay of 0.1, 200 times as strong, it does fail (quick tier)",
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
)
@trained(random=EPFL_ALEXNET, fitted=FITTED)
@control(random=STRONGLY_DECAYED, says="a weight decay of 0.1, on the paper's AlexNet (quick tier)")
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
)
@trained(
    weak=ALEXNET.but(optimizer__weight_decay=EPFL_COEFFICIENT),
    strong=ALEXNET.but(
        optimizer__weight_decay=STRONG_COEFFICIENT,
        quick__optimizer__epochs=60,
        standard__optimizer__epochs=60,
    ),
    fitted=FITTED,
)
@control(
    weak=ALEXNET.quick.but(optimizer__weight_decay=EPFL_COEFFICIENT),
    strong=ALEXNET.quick.but(optimizer__weight_decay=EPFL_COEFFICIENT),
    says="one and the same coefficient on both sides (quick tier)",
)
@control(weak=STRONGLY_DECAYED, says="the strong coefficient on the other side, too (quick tier)")
def test_the_coefficient_decides_whether_alexnet_fits(
    weak: Results, strong: Results, fitted: float, check: Check
) -> None:
    """The coefficient alone can decide: the paper's own AlexNet, without batch norm, fits random labels
    with EPFL's weight decay and fails with a strong one."""
    check(fits(weak, fitted))
    check(above(strong.final("train_error"), FAILS, because=FAILS_BECAUSE))
