"""Networks fit random labels, so capacity alone cannot explain why they generalize.

The same network, with the same hyperparameters, that generalizes from true labels reaches zero training
error on labels drawn at random and on images turned into noise, and its test error is then at chance (Zhang
et al. 2017, Section 2.1). How long that takes, and what a share of random labels does, is judged in the
family on the slow-down. What such fitting is good for, Feldman and Zhang asked in 2020 (``test_long_tail``);
what such a network has learnt all the same, others did (``test_random_label_teachers``).

Rates and decays are chosen on true labels alone before they are tried on random ones; what suits true labels
need not suit random ones, and that has a counter-claim. Calibrated on replicates 1000 and up, which no
verdict reads: the grids of rates and decays, and the worlds of the controls.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from collections.abc import Sequence

import pytest

from claims.figures import draw_training
from claims.fitting import TYPICAL
from claims.fitting import fits
from claims.fitting import times_longer
from claims.papers import OVERCLAIM
from claims.papers import ZHANG2017
from claims.precisions import NOTHING_CHANGED
from claims.precisions import agree
from claims.precisions import in_float32
from claims.settings import ADAPTED
from claims.settings import FIGURE_1A
from claims.settings import FITTED
from claims.settings import INCEPTION
from claims.settings import MLP
from claims.settings import MODELS
from claims.settings import RANDOM
from claims.settings import SMALL_ADAPTED
from claims.settings import TRUE
from claims.settings import UNFITTABLE_SAYS
from claims.settings import half_random
from claims.settings import random
from claims.settings import true
from claims.settings import unfittable
from claims.texts import SECOND_CONTROL
from claims.texts import nearer
from harness import Change
from harness import Check
from harness import Experiment
from harness import Results
from harness import Sgd
from harness import Tiers
from harness import Value
from harness import WhenFitted
from harness import above
from harness import claim
from harness import control
from harness import equivalent
from harness import matches
from harness import trained
from harness.data import Digits
from harness.data import GaussianInputs
from harness.data import Mnist
from harness.data import RandomLabels
from harness.data import RandomPixels
from harness.data import ShuffledPixels
from harness.models import Mlp

FIFTEEN = pytest.mark.claimed(
    replicates={"quick": 15},
    changed=(
        Change(
            "replicates",
            "Fifteen are read at quick: by the ladder it was inconclusive, then reproduced at the tenth, for "
            "on 200 test images single nets err on 80 to 92 %.",
        ),
    ),
)


@claim(
    ZHANG2017,
    "Section 2.1, Table 1",
    adapted=ADAPTED,
    changed=(nearer("a linear model, or labels drawn anew every epoch"), Change("statement", TYPICAL)),
    reported={
        "Inception, train accuracy": 1.0,
        "AlexNet": 0.9982,
        "MLP 3x512": 1.0,
        "MLP 1x512": 0.9934,
        "EPFL, MLP 1x512": 0.9984,
    },
)
@trained(random=random, fitted=FITTED)
@control(random=unfittable, says=UNFITTABLE_SAYS)
@pytest.mark.parametrize("model", MODELS)
def test_random_labels_are_fit_exactly(random: Results, fitted: float, check: Check, model: str) -> None:
    """Training error reaches zero on completely random labels."""
    check(fits(random, fitted))
    draw_training(check, f"Figure 1a, {model}", "random labels", random, "train_loss", "training loss")


@claim(
    OVERCLAIM,
    "a check of our own standard tier",
    kind="counter",
    changed=SECOND_CONTROL,
    adapted={"standard": "none"},
)
@trained(reduced=lambda: random("mlp"), float32=lambda: random("mlp").but(precision="float32"), fitted=FITTED)
@control(
    float32=lambda: MLP.but(precision="float32", data__inputs=GaussianInputs()),
    says="in float32 on Gaussian noise the time to fit is another",
)
@control(reduced=lambda: MLP, says="true labels in bfloat16, from which much is learnt about test images")
def test_bfloat16_changes_nothing_that_is_judged(
    reduced: Results, float32: Results, fitted: float, check: Check
) -> None:
    """bfloat16 operands change neither the time to fit random labels nor the test error after it."""
    longer = times_longer(reduced, float32, fitted)
    check(equivalent(longer, 1.2, because="a fifth: small beside every effect judged in this precision"))
    change = reduced.final("test_error") - float32.final("test_error")
    check(equivalent(change, 0.01, because="a point: about the sources' deviation between single runs"))


RANDOM_INCEPTION = Tiers(full=INCEPTION.full.but(data__labels=RANDOM))


@claim(OVERCLAIM, "a check of our own full tier", kind="counter", adapted=NOTHING_CHANGED)
@trained(reduced=RANDOM_INCEPTION, float32=in_float32(RANDOM_INCEPTION), fitted=FITTED.full)
@control(
    float32=in_float32(RANDOM_INCEPTION.but(data__inputs=GaussianInputs())),
    says="in float32 on Gaussian noise, which takes another time to fit",
)
@control(reduced=Tiers(full=INCEPTION.full), says="true labels, from which much is learnt about test images")
def test_bfloat16_changes_nothing_for_inception(
    reduced: Results, float32: Results, fitted: float, check: Check
) -> None:
    """bfloat16 operands change neither how long Inception takes to fit random labels nor its test error."""
    longer = times_longer(reduced, float32, fitted)
    check(equivalent(longer, 1.2, because="a fifth: small beside every effect judged in this precision"))
    agree(reduced, float32, check)


@claim(OVERCLAIM, "a check of our own full tier", kind="counter", adapted=NOTHING_CHANGED)
@trained(reduced=Tiers(full=INCEPTION.full), float32=in_float32(Tiers(full=INCEPTION.full)))
@control(reduced=Tiers(full=INCEPTION.full.but(model__batch_norm=False)), says="without batch normalization")
def test_bfloat16_changes_nothing_that_inception_learns(
    reduced: Results, float32: Results, check: Check
) -> None:
    """bfloat16 operands leave the test error of Inception on true labels as float32 has it."""
    agree(reduced, float32, check)


FEW_DIGITS = Experiment(Digits(n=500), Mlp(128), Sgd(lr=0.05, epochs=300), stop=WhenFitted())
FEW_IMAGES = MLP.standard.but(data__n=2000, data__n_test=2000, optimizer__decay_steps=391)
TUNED = Tiers(quick=FEW_DIGITS, standard=FEW_IMAGES, full=MLP.full)
RATES = {"quick": (0.05, 0.1), "standard": (0.01, 0.03), "full": (0.003, 0.01, 0.03)}
DECAYS = {"quick": (0.98, 1.0), "standard": (0.95, 1.0), "full": (0.98, 1.0)}
FAST_DECAYS = {"quick": (0.9, 0.95), "standard": (0.8,), "full": (0.8, 0.9)}
# of so few images of CIFAR-10 true labels are nearly as hard as random ones: digits tell the two apart
HASTY = TUNED.but(standard__data=Mnist(n=2000, n_test=2000), standard__optimizer__decay_steps=None)
Grid = dict[tuple[float, float], Experiment]


def over_rates(tier: str, labels: Value = TRUE) -> Grid:
    """The experiment at every learning rate and decay of a grid, with these labels."""
    return _over(TUNED[tier].but(data__labels=labels), RATES[tier], DECAYS[tier])


def over_fast_decays(tier: str, labels: Value = TRUE) -> Grid:
    """The same with decays after which hardly anything moves; at standard an epoch's, on MNIST."""
    return _over(HASTY[tier].but(data__labels=labels), RATES[tier], FAST_DECAYS[tier])


def _over(plain: Experiment, rates: Sequence[float], decays: Sequence[float]) -> Grid:
    cells = itertools.product(rates, decays)
    return {(r, d): plain.but(optimizer__lr=r, optimizer__decay=d) for r, d in cells}


@claim(
    ZHANG2017,
    "Section 2.1",
    adapted={
        "quick": "an MLP of 128 units on 500 digits of 8x8 pixels; rates of 0.05 and 0.1, constant or times "
        "0.98",
        "standard": "the MLP on 2,000 images, bfloat16 operands; rates of 0.01 and 0.03, constant or times "
        "0.95 after as many steps as an epoch of all images has",
        "full": "the MLP; rates of 0.003 to 0.03, constant or times 0.98 an epoch, which the paper does not "
        "try",
    },
    reported={"learning rate, Inception": 0.1, "AlexNet and MLPs": 0.01, "its factor each epoch": 0.95},
    contested="EPFL changed the MLPs' decay to 0.98; the paper's own Appendix E changes it with crops",
    changed=(
        nearer("a linear model, or labels drawn anew every epoch"),
        Change(
            "setting",
            "Rate and decay had been calibrated with random labels in view, and both labelings were only "
            "asked to be fitted, which was reproduced; now true labels alone choose them.",
        ),
    ),
)
@trained(true=lambda tier: over_rates(tier), random=lambda tier: over_rates(tier, RANDOM), fitted=FITTED)
@control(
    true=lambda tier: over_fast_decays(tier),
    random=lambda tier: over_fast_decays(tier, RANDOM),
    says="chosen among decays so fast that training ends soon, which suits true labels (standard: of MNIST)",
)
def test_the_same_hyperparameters_fit_both(
    true: Mapping[tuple[float, float], Results],
    random: Mapping[tuple[float, float], Results],
    fitted: float,
    check: Check,
) -> None:
    """The learning rate and decay that suit true labels fit random ones too, unchanged: those with which
    true labels are fitted soonest, chosen without a look at random ones."""
    soonest = min(true, key=lambda cell: float(true[cell].epochs_to("train_error", fitted).values.mean()))
    check(fits(random[soonest], fitted))


@claim(
    OVERCLAIM,
    "against ZHANG2017, Section 2.1: hyperparameters unchanged",
    kind="counter",
    adapted={
        "quick": "an MLP of 128 units on 500 digits of 8x8 pixels, learning rate 0.1 times 0.95 an epoch"
    },
)
@trained(
    true=Tiers(quick=FEW_DIGITS.but(optimizer__lr=0.1, optimizer__decay=0.95)),
    random=Tiers(quick=FEW_DIGITS.but(optimizer__lr=0.1, optimizer__decay=0.95, data__labels=RANDOM)),
)
@control(
    random=Tiers(quick=FEW_DIGITS.but(optimizer__lr=0.1, data__labels=RANDOM)),
    says="a constant rate, with which random labels are fitted",
)
@control(
    true=Tiers(quick=FEW_DIGITS.but(optimizer__lr=0.1, optimizer__decay=0.5)),
    says="times 0.5 an epoch, with which true labels are not fitted either",
)
def test_what_suits_true_labels_need_not_fit_random_ones(
    true: Results, random: Results, check: Check
) -> None:
    """A rate and decay that fit true labels can leave a tenth of random ones wrong: they are not the same
    for both whatever they are."""
    check(fits(true, 0.0))
    check(
        above(random.final("train_error"), 0.1, because="a tenth: far from the 0.7 % that the paper leaves")
    )


CORRUPTIONS: dict[str, dict[str, Value]] = {
    "true_labels": {},
    "half_random_labels": {"data__labels": RandomLabels(0.5)},
    "shuffled_pixels": {"data__inputs": ShuffledPixels()},
    "random_pixels": {"data__inputs": RandomPixels()},
    "gaussian": {"data__inputs": GaussianInputs()},
}


@claim(
    ZHANG2017,
    "Section 2.1, Figure 1a",
    adapted={
        **SMALL_ADAPTED,
        "standard": "an MLP for Inception, bfloat16 operands",
        "full": "bfloat16 operands",
    },
    reported={
        "EPFL, thousand steps to a loss near zero: true labels": "6 to 7",
        "shuffled pixels": 9,
        "Gaussian images": 9.5,
        "random pixels": 17,
    },
    changed=(nearer("a linear model, or labels drawn anew every epoch"), Change("statement", TYPICAL)),
)
@trained(run=lambda corruption: FIGURE_1A.but(**CORRUPTIONS[corruption]), fitted=FITTED)
@control(run=unfittable, says=UNFITTABLE_SAYS)
@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_every_corruption_is_fit_exactly(
    run: Results, fitted: float, check: Check, corruption: str, tier: str
) -> None:
    """Training error reaches zero on true labels and on every corruption of labels and of images."""
    check(fits(run, fitted))
    draw_training(
        check,
        "Figure 1a, inception" if tier == "full" else "Figure 1a, mlp",
        corruption.replace("_", " "),
        run,
        "train_loss",
        "training loss",
    )


def partly(tier: str, model: str) -> Experiment:
    """Half of the labels random, from the rest of which the net learns; for the AlexNet none: it is slow."""
    return (half_random if model == "mlp" else true)(model)[tier]


@claim(
    ZHANG2017,
    "Section 2.1, Table 1",
    adapted=ADAPTED,
    reported={"test accuracy, lowest": 0.0978, "test accuracy, highest": 0.1061},
    changed=(
        nearer("true labels throughout"),
        Change(
            "statement",
            "That the gap is then the whole test error was a claim of its own, reproduced by the same runs; "
            "it follows from this one and from that random labels are fitted.",
        ),
    ),
)
@trained(run=random)
@control(run=partly, says="half of the labels true (AlexNet: all of them)")
@pytest.mark.parametrize("model", ["mlp", pytest.param("alexnet", marks=FIFTEEN)])
def test_random_labels_leave_test_error_at_chance(run: Results, check: Check, model: str) -> None:
    """Trained on random labels, a network's test error is at chance."""
    check(
        matches(
            run.final("test_error"),
            0.9,
            0.05,
            because="five points: a small part of what true labels gain here, and wider than the binomial "
            "error, since predictions for similar images move together",
        )
    )
