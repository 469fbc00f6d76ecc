"""On ImageNet too a network can memorize random labels, and generalizes without explicit regularizers.

Inception V3 memorizes most of ImageNet's labels when they are drawn at random, and with true labels and no
explicit regularizer it still generalizes; augmentation, dropout and weight decay help, by less than a
network of that capacity would need them (Zhang et al. 2017, Section 3 and Table 2).

Nothing here was calibrated: no ImageNet was at hand, and the setting follows the paper where it is stated.
The bounds come from its printed numbers and were fixed before any training. What says that a network *can*
do something needs one replicate; comparisons need five, and their rows are shared: 20 trainings of 100
epochs for all of them. That something can be is refuted by proof alone, so those claims are held against
grey images, of which no function can tell two apart. Cells of Table 2 that no source at hand confirms are
not used.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import pytest

from claims.figures import draw_training
from claims.papers import ZHANG2017
from harness import Check
from harness import Experiment
from harness import Results
from harness import Sgd
from harness import Tiers
from harness import WhenFitted
from harness import above
from harness import claim
from harness import control
from harness import exists
from harness import matches
from harness import trained
from harness.data import RandomLabels
from harness.data.image_folder import ImageNet
from harness.models import Dropout
from harness.models.inception_v3 import InceptionV3

SETTING_ADAPTED = (
    "synchronous gradient descent in batches of 256 for the paper's asynchronous workers, rate 0.1 x 0.95 an "
    "epoch, bfloat16 operands, no auxiliary classifier; weight decay 5e-5 and dropout 0.2, which the paper "
    "does not state; training errors on 50,000 training images; images are brought to a shorter side of 342 "
    "pixels, of which the centre is seen (7/8 of that side) or, augmented, 8 to 100 % of the area, mirrored "
    "and changed in colour"
)
ADAPTED = {"full": SETTING_ADAPTED}
RANDOM_ADAPTED = {
    "full": f"{SETTING_ADAPTED}; random labels get up to 300 epochs of rate x 0.985, ended at an error of 5 %"
}

WITH_DECAY = {"optimizer__weight_decay": 5e-5}
BARE = Tiers(
    full=Experiment(
        ImageNet(), InceptionV3(), Sgd(lr=0.1, epochs=100, decay=0.95, batch=256), precision="bfloat16"
    )
)
DECAYED = BARE.but(**WITH_DECAY)
AUGMENTED = BARE.but(data__augmented=True)
REGULARIZED = AUGMENTED.but(model=Dropout(InceptionV3(), 0.2), **WITH_DECAY)
RANDOM_LABELED = BARE.but(
    data__labels=RandomLabels(1.0), optimizer__epochs=300, optimizer__decay=0.985, stop=WhenFitted(0.05)
)
RANDOM_ROWS = {
    "bare": RANDOM_LABELED,
    "weight_decay": RANDOM_LABELED.but(**WITH_DECAY),
    "regularized": RANDOM_LABELED.but(model=Dropout(InceptionV3(), 0.2), **WITH_DECAY),
}
BLANK = RANDOM_LABELED.but(data__blank=True, data__size=75, optimizer__epochs=1)
BLANK_SAYS = "every image is the same grey: whatever is guessed for one label is guessed for all"

MEMORIZED_ERROR = {"bare": 0.10, "weight_decay": 0.15, "regularized": 0.15}
MEMORIZED_BECAUSE = {
    "bare": "the paper's 4.8 % in one run, with as much again for another optimizer; chance is 99.9 %",
    "weight_decay": "as with dropout too, of which the paper says 'about 90 %'",
    "regularized": "the paper's 'about 90 %' of labels fitted, to five points; chance is 99.9 %",
}


def random(model: str) -> Tiers:
    """A row of Table 2 with random labels, no augmentation."""
    return RANDOM_ROWS[model]


table_2 = functools.partial(claim, ZHANG2017, "Section 3, Table 2")
"""A claim of the paper's table on ImageNet."""


@table_2(
    adapted=RANDOM_ADAPTED,
    reported={
        "train accuracy, no regularizer": 0.9520,
        "train accuracy, dropout and weight decay": "about 0.9",
    },
    replicates=1,
)
@trained(random=random)
@control(random=BLANK, says=BLANK_SAYS)
@pytest.mark.parametrize("model", RANDOM_ROWS)
def test_imagenet_random_labels_can_be_memorized(random: Results, check: Check, model: str) -> None:
    """Inception V3 can memorize most of ImageNet's labels when they are drawn at random."""
    check(
        exists(
            random.final("train_error"),
            MEMORIZED_ERROR[model],
            least=random.final("least_train_error"),
            because=MEMORIZED_BECAUSE[model],
        )
    )
    draw_training(
        check,
        "Table 2, random labels",
        f"{model}: training error",
        random,
        "train_error",
        "top-1 training error",
        epochs=True,
    )


@table_2(
    adapted=RANDOM_ADAPTED,
    reported={"test accuracy, lowest": 0.0009, "test accuracy, highest": 0.0012},
    replicates=1,
)
@trained(random=RANDOM_LABELED)
@control(random=BLANK, says=BLANK_SAYS)
def test_imagenet_capacity_allows_the_widest_gap(random: Results, check: Check) -> None:
    """A network that fits ImageNet's images can fail on new ones as badly as by guessing."""
    gap = random.final("train_error") - random.final("test_error")
    least = random.final("least_train_error") - 1.0
    check(
        exists(
            gap.named("training error minus test error"),
            -0.88,
            least=least,
            because="test accuracy at chance, 0.1 %, and at most twelve per cent training error; with true "
            "labels the paper's widest gap is 40 points",
        )
    )


@table_2(
    adapted=ADAPTED,
    reported={
        "top-1 test accuracy": 0.5980,
        "top-5 test accuracy": 0.8038,
        "AlexNet of 2012, top-5 test accuracy": 0.836,
    },
    replicates=1,
)
@trained(bare=BARE)
@control(bare=BLANK, says=BLANK_SAYS)
def test_imagenet_is_learnt_without_explicit_regularizers(bare: Results, check: Check) -> None:
    """Without any explicit regularizer Inception V3 can still generalize, to most of ImageNet's test set."""
    check(
        exists(
            bare.final("test_top5_error"),
            0.25,
            least=bare.final("least_test_top5_error"),
            because="the AlexNet that won in 2012, regularized, erred on 16.4 %: within nine points of it; "
            "guessing errs on 99.5 %",
        )
    )
    check(
        exists(
            bare.final("test_error"),
            0.5,
            least=bare.final("least_test_error"),
            because="the paper keeps 59.8 %; most is at least half of 1,000",
        )
    )
    for measure in ("train_error", "test_error"):
        draw_training(
            check,
            "Table 2, no regularizer",
            measure.replace("_", " "),
            bare,
            measure,
            "top-1 error",
            epochs=True,
        )


@table_2(
    adapted=ADAPTED,
    reported={"top-1 test accuracy, all": 0.7784, "none": 0.5980, "difference": 0.1804},
    replicates=5,
)
@trained(all=REGULARIZED, none=BARE)
@control(all=DECAYED, says="weight decay alone is switched off, by which the paper loses 7 points of the 18")
def test_imagenet_loses_accuracy_without_regularizers(all: Results, none: Results, check: Check) -> None:
    """Switching all regularizers off costs accuracy on ImageNet."""
    lost = none.final("test_error") - all.final("test_error")
    check(
        above(
            lost,
            0.09,
            because="half the paper's 18 points: another optimizer may change it, not make it little",
        )
    )


@table_2(
    adapted=ADAPTED,
    reported={"top-1 test accuracy, augmentation": 0.7295, "weight decay": 0.6718},
    replicates=5,
)
@trained(augmented=AUGMENTED, decayed=DECAYED)
@control(augmented=BARE, says="nothing in the place of augmentation, which does less than weight decay")
def test_imagenet_gains_more_from_augmentation_than_from_weight_decay(
    augmented: Results, decayed: Results, check: Check
) -> None:
    """On ImageNet, augmentation alone does more than weight decay alone."""
    more = decayed.final("test_error") - augmented.final("test_error")
    check(above(more, 0.02, because="two points, a third of the paper's 5.8: the coefficient is our choice"))


@table_2(
    adapted=ADAPTED,
    reported={"top-1 test accuracy, all three": 0.7784, "augmentation alone": 0.7295},
    replicates=5,
)
@trained(all=REGULARIZED, augmented=AUGMENTED)
@control(all=DECAYED, says="weight decay in the place of augmentation, not on top of it")
def test_imagenet_gains_from_dropout_and_weight_decay_on_top(
    all: Results, augmented: Results, check: Check
) -> None:
    """On ImageNet, dropout and weight decay add to what augmentation gains."""
    added = augmented.final("test_error") - all.final("test_error")
    check(
        above(added, 0.01, because="a point: the least that five runs of 50,000 test images tell from none")
    )


STOPPED = {"bare": BARE, "weight_decay": DECAYED}


@claim(
    ZHANG2017,
    "Section 3, Table 2 (numbers in parentheses): early stopping",
    adapted=ADAPTED,
    reported={
        "weight decay, last epoch": 0.6718,
        "weight decay, best epoch": 0.7257,
        "none, last epoch": 0.5980,
        "none, best epoch": 0.6316,
    },
    replicates=5,
)
@trained(run=lambda row: STOPPED[row])
@control(run=REGULARIZED, says="with all regularizers the paper gives no better epoch than the last")
@pytest.mark.parametrize("row", STOPPED)
def test_imagenet_early_stopping_would_have_helped(run: Results, check: Check, row: str) -> None:
    """On ImageNet without augmentation, stopping at the best epoch would have gained accuracy."""
    gained = run.final("test_error") - run.best("test_error")
    check(
        above(
            gained,
            0.01,
            because="a point, a third of the paper's smaller gain: the best of 100 epochs is better than the "
            "last by chance too, by a few tenths",
        )
    )
    draw_training(
        check,
        "Table 2, over epochs",
        f"{row.replace('_', ' ')}: test error",
        run,
        "test_error",
        "top-1 test error",
        epochs=True,
    )


class Row(NamedTuple):
    """A row of Table 2 with true labels: its setting, what it prints (accuracies), and another row."""

    run: Tiers
    top1: float
    top5: float
    best: float | None
    another: Tiers


ROWS = {
    "all": Row(REGULARIZED, 0.7784, 0.9392, None, AUGMENTED),
    "augmentation": Row(AUGMENTED, 0.7295, 0.9043, None, DECAYED),
    "weight_decay": Row(DECAYED, 0.6718, 0.8644, 0.7257, BARE),
    "bare": Row(BARE, 0.5980, 0.8038, 0.6316, DECAYED),
}
TWO_POINTS = (
    "two points: in eight of fourteen rows the reproduction on CIFAR-10 differs from the paper by more; what "
    "another optimizer does here is unknown"
)


def row(name: str) -> object:
    """A row as a parameter, with the numbers that it prints."""
    _, top1, top5, best, _ = ROWS[name]
    numbers = {"top-1 test accuracy": top1, "top-5 test accuracy": top5}
    if best is not None:
        numbers["top-1 test accuracy, best epoch"] = best
    return pytest.param(name, marks=pytest.mark.claimed(reported=numbers))


@table_2(kind="printed", adapted=ADAPTED, reported={"top-1 test accuracy": 0.7784}, replicates=5)
@trained(run=lambda name: ROWS[name].run)
@control(run=lambda name: ROWS[name].another, says="another row of the table")
@pytest.mark.parametrize("name", [row(name) for name in ROWS])
def test_imagenet_has_the_printed_accuracies(run: Results, check: Check, name: str) -> None:
    """With true labels Inception V3 has the test accuracies that the table prints."""
    _, top1, top5, best, _ = ROWS[name]
    check(matches(1.0 - run.final("test_error"), top1, 0.02, because=TWO_POINTS))
    check(matches(1.0 - run.final("test_top5_error"), top5, 0.02, because=TWO_POINTS))
    if best is not None:
        check(matches(1.0 - run.best("test_error"), best, 0.02, because=TWO_POINTS))


@table_2(
    kind="printed",
    adapted=ADAPTED,
    reported={"top-1 training accuracy, no regularizer": 0.9953},
    replicates=5,
)
@trained(bare=BARE)
@control(bare=DECAYED, says="weight decay, with which the paper prints 90.60 %")
def test_imagenet_is_fitted_as_printed(bare: Results, check: Check) -> None:
    """Without regularizers the training accuracy on ImageNet is the printed one."""
    half = "half a point, as much as is left to a hundred"
    check(matches(1.0 - bare.final("train_error"), 0.9953, 0.005, because=half))
