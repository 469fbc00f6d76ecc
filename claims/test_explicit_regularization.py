"""Explicit regularizers help a little; without any of them networks generalize, and with them they memorize.

Zhang et al. 2017, Section 3: weight decay, random crops and dropout change the test accuracy by a few points,
the choice of model by many; and a network with them still fits random labels. So they cannot be what makes
networks generalize. ImageNet's rows are judged in the family on ImageNet. All of this is about random starts:
from a start that was fitted to random labels regularizers are needed (Liu et al. 2020, ``test_bad_minima``).

"A little" was fixed before judged replicates, by the sources' tables: twice the largest effect that either
prints (dropout: what the paper's ImageNet table gives it together with weight decay). Weight decay on small
data keeps about EPFL's product of coefficient, learning rate and steps. So what is bounded is weight decay of
the sources' strength, not the best one: on 500 generated images of 12x12 a coefficient of 5e-2 gained an MLP
seven points, on a calibration run.

Calibrated on replicates 1000 and up, which no verdict reads: learning rates, budgets, sizes of the quick
worlds and the controls. What calibration showed has also shaped which claims there are. On generated images
crops gain an MLP about fifteen points, so crops are held to their margin on an AlexNet only (the table has no
MLP with crops), and the MLP is its control and a counter-claim. That counter-claim said half of what
convolutions do; calibrated, half was borderline, and it says a third.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from claims.papers import OVERCLAIM
from claims.papers import ZHANG2017
from claims.settings import EPFL_COEFFICIENT
from claims.settings import INCEPTION
from claims.settings import MLP
from claims.settings import SETTINGS
from claims.settings import with_crops
from claims.settings import with_decay
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
from harness import larger_of
from harness import trained
from harness.data import Cifar10
from harness.data import GeneratedImages
from harness.data import RandomLabels
from harness.data import ShuffledPixels
from harness.models import Dropout
from harness.models import Mlp
from harness.models import SmallAlexNet
from harness.spec import TIERS

PHOTOS = GeneratedImages(n=300, size=8, difficulty=0.3, n_test=600)
FEW_CIFAR = Cifar10(n=3000, n_test=2000)
NARROW_ALEXNET = SmallAlexNet(width=0.25)
FEW_RECIPE = Sgd(lr=0.01, decay=0.95, decay_steps=391, epochs=120)
# all of CIFAR-10 beyond the quick tier
TABLE_1_NETS = {
    "mlp": Tiers(
        quick=Experiment(PHOTOS, Mlp(512), Sgd(lr=0.02, epochs=60)), standard=MLP.standard, full=MLP.full
    )
}
TABLE_1_NETS["mlp3"] = TABLE_1_NETS["mlp"].but(
    model=Tiers(quick=Mlp(128, depth=3), standard=Mlp(512, depth=3), full=Mlp(512, depth=3))
)
# few images below the full tier
SMALL_MLP = Tiers(
    quick=TABLE_1_NETS["mlp"].quick,
    standard=Experiment(FEW_CIFAR, Mlp(512), FEW_RECIPE, stop=WhenFitted(0.001), precision="bfloat16"),
    full=MLP.full,
)
ALEXNET = Tiers(
    quick=SMALL_MLP.quick.but(model=NARROW_ALEXNET, optimizer=Sgd(lr=0.01, epochs=60, batch=32)),
    standard=SMALL_MLP.standard.but(model=NARROW_ALEXNET),
    full=SETTINGS["alexnet"].full,
)
INCEPTION_ONLY = Tiers(full=INCEPTION.full)
TABLE_COEFFICIENTS = Tiers(quick=2.5e-3, standard=EPFL_COEFFICIENT, full=EPFL_COEFFICIENT)
SMALL_COEFFICIENTS = Tiers(quick=2.5e-3, standard=5e-4, full=EPFL_COEFFICIENT)

CONV_ADAPTED = {
    "standard": "an AlexNet of a quarter's width, 3,000 images, bfloat16 operands; weight decay 5e-4",
    "full": "weight decay 5e-5, as EPFL: the paper does not give its coefficient; Inception: bfloat16 "
    "operands",
}
TABLE_ADAPTED = {
    "quick": "300 generated images of 8x8 for CIFAR-10, a constant learning rate and weight decay 2.5e-3: as "
    "strong as EPFL's in so few steps, not the best coefficient",
    "standard": "learning rate x 0.98 an epoch and weight decay 5e-5, as EPFL; bfloat16 operands",
    "full": "learning rate x 0.98 an epoch and weight decay 5e-5, as EPFL: the paper gives no coefficient",
}


def with_dropout(plain: Tiers) -> Tiers:
    """The same with half of the hidden units dropped."""
    return Tiers(
        **{tier: plain[tier].but(model=Dropout(plain[tier].model)) for tier in TIERS if tier in plain}
    )


def gain(check: Check, without: Results, regularized: Results, margin: float, because: str) -> None:
    """Judge that the regularizer lowers the test error by less than the margin."""
    change = without.final("test_error") - regularized.final("test_error")
    check(below(change.named("test error without - with"), margin, because=because))


DECAY_MARGIN = 0.03
DECAY_BECAUSE = "twice the largest effect of weight decay in either source's table, 1.56 points"
CROP_MARGIN = 0.09
CROP_BECAUSE = "twice the largest effect of crops in either source's table, 4.60 points"
DROPOUT_MARGIN = 0.05
DROPOUT_BECAUSE = (
    "what dropout and weight decay together add to augmentation in the paper's ImageNet table, 4.89 points; "
    "no source prints dropout alone"
)
FEW_OF_TABLE_1 = Tiers(quick=200, standard=10_000, full=10_000)
FEWER = Tiers(quick=100, standard=1000, full=10_000)
FEWEST = Tiers(quick=150, standard=500, full=5000)
FEWER_SAYS = "with the regularizer, but without a third to four fifths of the images, which cost more"


def fewer(plain: Tiers, n: Tiers = FEWER) -> Tiers:
    """The same net on so many images: their absence costs more than that of a regularizer."""
    return Tiers(**{tier: plain[tier].but(data__n=n[tier]) for tier in TIERS if tier in plain})


MOVED = Change(
    "tier",
    "At quick, on an AlexNet and 100 images, it was reproduced at the tenth replicate, but within 0.002 of "
    "its bound; it begins at standard.",
)


@claim(
    ZHANG2017,
    "Section 3, Table 1",
    adapted=TABLE_ADAPTED,
    reported={
        "MLP 1x512, gain": -0.0012,
        "MLP 3x512, gain": 0.0096,
        "EPFL, MLP 1x512": 0.0062,
        "EPFL, MLP 3x512": 0.0057,
    },
    changed=(nearer("digits with half of the labels random, whatever the data"),),
)
@trained(
    without=lambda model: TABLE_1_NETS[model],
    regularized=lambda model: with_decay(TABLE_1_NETS[model], TABLE_COEFFICIENTS),
)
@control(without=lambda model: fewer(TABLE_1_NETS[model], FEW_OF_TABLE_1), says=FEWER_SAYS)
@pytest.mark.parametrize("model", ["mlp", "mlp3"])
def test_weight_decay_helps_an_mlp_by_little(
    without: Results, regularized: Results, check: Check, model: str
) -> None:
    """Weight decay is not necessary for an MLP: without it the test accuracy is lower by a few points at
    most."""
    gain(check, without, regularized, DECAY_MARGIN, DECAY_BECAUSE)


@claim(
    ZHANG2017,
    "Section 3, Table 1",
    adapted=CONV_ADAPTED,
    reported={"AlexNet, gain": 0.0129, "AlexNet with crops": 0.0156, "EPFL, AlexNet": 0.0014},
    changed=(nearer("an MLP on digits with half of the labels random"),),
)
@trained(without=ALEXNET, regularized=with_decay(ALEXNET, SMALL_COEFFICIENTS))
@control(without=fewer(ALEXNET), says=FEWER_SAYS)
def test_weight_decay_helps_alexnet_by_little(without: Results, regularized: Results, check: Check) -> None:
    """Weight decay is not necessary for convolutional nets: without it the test accuracy is lower by a
    few points at most."""
    gain(check, without, regularized, DECAY_MARGIN, DECAY_BECAUSE)


@claim(
    ZHANG2017,
    "Section 3, Table 1",
    adapted=CONV_ADAPTED,
    reported={"AlexNet, gain": 0.0359, "with weight decay": 0.0386, "EPFL": 0.0367, "EPFL, both": 0.046},
    changed=(nearer("an MLP on generated images"), MOVED),
)
@trained(without=ALEXNET, regularized=with_crops(ALEXNET))
@control(without=fewer(ALEXNET), says=FEWER_SAYS)
def test_crops_help_alexnet_by_a_bounded_amount(without: Results, regularized: Results, check: Check) -> None:
    """Random crops are not necessary: without them the test accuracy is lower by some points at most."""
    gain(check, without, regularized, CROP_MARGIN, CROP_BECAUSE)


@claim(
    ZHANG2017,
    "Section 3, Table 1",
    adapted={"full": CONV_ADAPTED["full"]},
    reported={"weight decay": 0.0028, "crops": 0.0356, "EPFL, weight decay": 0.0024, "EPFL, crops": 0.0369},
)
@trained(
    without=INCEPTION_ONLY,
    decayed=with_decay(INCEPTION_ONLY, SMALL_COEFFICIENTS),
    cropped=with_crops(INCEPTION_ONLY),
)
@control(without=fewer(INCEPTION_ONLY), says=FEWER_SAYS)
def test_regularizers_help_inception_by_little(
    without: Results, decayed: Results, cropped: Results, check: Check
) -> None:
    """For Inception neither weight decay nor crops are necessary: without them the test accuracy is lower
    by some points at most."""
    error = without.final("test_error")
    check(below(error - decayed.final("test_error"), DECAY_MARGIN, because=DECAY_BECAUSE))
    check(below(error - cropped.final("test_error"), CROP_MARGIN, because=CROP_BECAUSE))


@claim(
    ZHANG2017,
    "Section 3, Table 2, dropout",
    adapted={
        "quick": "300 generated images of 8x8 and an MLP for ImageNet and Inception V3",
        "standard": "3,000 images of CIFAR-10 and an MLP for ImageNet and Inception V3, bfloat16 operands",
        "full": "CIFAR-10 and an MLP for ImageNet and Inception V3: the paper drops units nowhere else",
    },
    reported={"ImageNet, dropout and weight decay": 0.0489},
    changed=(nearer("crops in place of dropout, on generated images"),),
)
@trained(without=SMALL_MLP, regularized=with_dropout(SMALL_MLP))
@control(without=fewer(SMALL_MLP, FEWEST), says="with dropout, but without half of the images or more")
def test_dropout_helps_an_mlp_by_little(without: Results, regularized: Results, check: Check) -> None:
    """Dropout is not necessary: without it the test accuracy is lower by a few points at most."""
    gain(check, without, regularized, DROPOUT_MARGIN, DROPOUT_BECAUSE)


def kept(check: Check, without: Results, regularized: Results) -> None:
    """Judge that the unregularized network keeps four fifths of the other's gain over chance."""
    gains = [0.9 - run.final("test_error") for run in (without, regularized)]
    spare = (gains[0] - 0.8 * gains[1]).named("gain over chance without - 0.8 x gain with")
    check(above(spare, 0.0, because="four fifths; the sources' networks keep nine tenths or more"))


def few_true(tier: str, model: str) -> Experiment:
    """Three quarters of the labels random; at standard of the net that other claims train on them."""
    plain: Experiment = TABLE_1_NETS["mlp" if tier == "standard" else model][tier]
    return plain.but(data__labels=RandomLabels(0.75))


@claim(
    ZHANG2017,
    "Section 3, Table 1",
    adapted=TABLE_ADAPTED,
    reported={"MLP 1x512": 0.5051, "MLP 3x512": 0.5239, "EPFL, MLP 1x512": 0.5262, "EPFL, MLP 3x512": 0.5512},
    contested="Liu et al. 2020: clearly worse, where the start was fitted to random labels",
    changed=(
        nearer("random labels, of which nothing is learnt"),
        Change(
            "statement",
            "It was held to four fifths of the accuracy with weight decay, and reproduced, by the runs of "
            "the claim that weight decay helps by little, which implies as much; now by the net without it "
            "alone.",
        ),
    ),
)
@trained(without=lambda model: TABLE_1_NETS[model])
@control(without=few_true, says="three quarters of the labels random (standard: the MLP 1x512 for both)")
@pytest.mark.parametrize("model", ["mlp", "mlp3"])
def test_mlps_generalize_without_regularizers(without: Results, check: Check, model: str) -> None:
    """Without any regularizer an MLP generalizes: it gains over chance at least half of what is printed."""
    gain_over_chance = (0.9 - without.final("test_error")).named("gain over chance, nothing on")
    check(above(gain_over_chance, 0.2, because="half of the paper's smaller gain, 40.5 points of MLP 1x512"))


@claim(
    ZHANG2017,
    "Section 3, Table 1",
    adapted=CONV_ADAPTED,
    reported={"nothing: AlexNet": 0.7607, "crops": 0.7966, "EPFL, nothing": 0.7899, "EPFL, crops": 0.8266},
    changed=(nearer("an MLP on digits with random labels"), MOVED),
)
@trained(without=ALEXNET, regularized=with_crops(ALEXNET))
@control(
    without=fewer(ALEXNET), says="without two thirds of the images (full: four fifths) in place of crops"
)
def test_alexnet_generalizes_without_regularizers(
    without: Results, regularized: Results, check: Check
) -> None:
    """Without crops a convolutional net keeps most of what it gains over chance with them."""
    kept(check, without, regularized)


AUGMENTED = Tiers(quick=SMALL_MLP.quick, standard=ALEXNET.standard, full=INCEPTION.full)
SHUFFLED = SMALL_MLP.but(data__inputs=ShuffledPixels())


@claim(
    ZHANG2017,
    "Section 3, Tables 1 and 2",
    adapted={
        "quick": "an MLP on 300 generated images of 8x8 that crops shift by a pixel; weight decay 2.5e-3",
        "standard": CONV_ADAPTED["standard"] + "; crops only",
        "full": "crops only; weight decay 5e-5 as EPFL: the paper does not give its coefficient; bfloat16 "
        "operands",
    },
    reported={"Inception, crops alone": 0.8931, "weight decay alone": 0.8603, "EPFL": "0.8896 and 0.8551"},
    changed=(nearer("generated images at every tier"),),
)
@trained(crops=with_crops(AUGMENTED), decay=with_decay(AUGMENTED, SMALL_COEFFICIENTS))
@control(
    crops=with_crops(SHUFFLED),
    decay=with_decay(SHUFFLED, SMALL_COEFFICIENTS),
    says="pixels shuffled beforehand (an MLP): a crop is no view of the same thing",
)
def test_augmentation_helps_more_than_weight_decay(crops: Results, decay: Results, check: Check) -> None:
    """Data augmentation helps more than weight decay."""
    more = decay.final("test_error") - crops.final("test_error")
    check(above(more, 0.01, because="a point: less is noise between the sources' single runs"))


@claim(
    ZHANG2017,
    "Section 3, Table 1",
    adapted={
        "quick": "300 generated images of 8x8, an AlexNet of a quarter's width; of regularizers, weight "
        "decay (2.5e-3) and dropout on the MLP; not crops, which gain an MLP nearly as much here",
        "standard": CONV_ADAPTED["standard"] + "; of regularizers, weight decay on both and crops on AlexNet",
        "full": CONV_ADAPTED["full"] + "; AlexNet for Inception",
    },
    reported={
        "Inception - MLP 1x512, nothing on": 0.3524,
        "AlexNet - MLP 1x512": 0.2556,
        "largest gain by a regularizer": 0.0386,
    },
    changed=(
        nearer("generated images at every tier"),
        Change(
            "setting",
            "At quick it was reproduced with crops and weight decay on an AlexNet of 100 images; to save "
            "time it went to 300, where the regularizers are weight decay and dropout on the MLP.",
        ),
    ),
)
@trained(
    plain=SMALL_MLP,
    convolutional=ALEXNET,
    on_mlp=lambda tier: [
        with_decay(SMALL_MLP, SMALL_COEFFICIENTS)[tier],
        *([with_dropout(SMALL_MLP)[tier]] if tier == "quick" else []),
    ],
    on_convolutional=lambda tier: (
        [] if tier == "quick" else [with_crops(ALEXNET)[tier], with_decay(ALEXNET, SMALL_COEFFICIENTS)[tier]]
    ),
)
@control(
    convolutional=SMALL_MLP.but(model=Mlp(256)),
    on_convolutional=[],
    says="the other model is an MLP too, of half the width",
)
def test_the_model_matters_more_than_regularizers(
    plain: Results,
    convolutional: Results,
    on_mlp: Sequence[Results],
    on_convolutional: Sequence[Results],
    check: Check,
) -> None:
    """Going from an MLP to a convolutional net gains more than any regularizer the table has."""
    mlp, conv = plain.final("test_error"), convolutional.final("test_error")
    gains = [mlp - run.final("test_error") for run in on_mlp]
    gains += [conv - run.final("test_error") for run in on_convolutional]
    more = (mlp - conv - larger_of(*gains)).named("gain by the model - by a regularizer")
    check(above(more, 0.02, because="two points: about one deviation between single runs in the sources"))


@claim(
    OVERCLAIM,
    "against ZHANG2017, Section 3, Table 1, which has no MLP with crops",
    kind="counter",
    adapted={"quick": "an MLP and an AlexNet of a quarter's width, 300 generated images of 8x8 pixels"},
)
@trained(plain=SMALL_MLP, regularized=with_crops(SMALL_MLP), convolutional=ALEXNET)
@control(regularized=with_decay(SMALL_MLP, SMALL_COEFFICIENTS), says="weight decay in place of crops")
def test_crops_can_do_a_third_of_what_convolutions_do(
    plain: Results, regularized: Results, convolutional: Results, check: Check
) -> None:
    """A regularizer is not small beside the model everywhere: crops give an MLP at least a third of what
    convolutions do."""
    without = plain.final("test_error")
    crops = without - regularized.final("test_error")
    model = without - convolutional.final("test_error")
    spare = (crops - model / 3).named("gain by crops - a third of the gain by convolutions")
    check(above(spare, 0.0, because="a third: three times the share that the paper's table leads to expect"))
