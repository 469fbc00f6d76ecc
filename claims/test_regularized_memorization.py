"""Regularizers keep nets from memorizing noise and not from learning; which does so best depends on the data.

Arpit et al. 2017, Section 5: dropout, above all with adversarial training, lowers the accuracy on random
labels and not that on real images; other regularizers do so less. On digits weight decay does so more.

Calibrated on replicates 1000 and 1001, which no verdict reads: rates, deviations, radii and margins.
"""

from __future__ import annotations

from claims.memorizing import ADAPTED
from claims.memorizing import DROPPED
from claims.memorizing import REGULARIZED
from claims.memorizing import at
from claims.papers import ARPIT2017
from claims.texts import adding
from claims.texts import only
from harness import Change
from harness import Check
from harness import Results
from harness import above
from harness import below
from harness import claim
from harness import control
from harness import trained
from harness.models import Mlp
from harness.models.noisy_inputs import AdversarialInputs
from harness.models.noisy_inputs import NoisyInputs

NOISY = REGULARIZED.but(model=NoisyInputs(Mlp(128, depth=2), 2.0))
ATTACKED = DROPPED.but(model=AdversarialInputs(DROPPED["standard"].model, 0.3))


@claim(
    ARPIT2017,
    "Section 5, Figure 10: dropout",
    adapted=ADAPTED,
    reported={"rates of dropout tried": "0 to 0.9"},
    changed=(
        Change(
            "control",
            "A control of the cost was added, 85 units in a hundred dropped; the verdict was "
            "reproduced. Of the shares tried on judged replicates 80 cost 1.5 points, too near the "
            "bound to tell, and 90 cost 34.",
        ),
        Change(
            "control",
            "No dropout on either side was exchanged for one unit in fifty; the verdict was reproduced.",
        ),
    ),
)
@trained(dropped_random=at(1.0, DROPPED), free_random=at(1.0, REGULARIZED), dropped=DROPPED, free=REGULARIZED)
@control(dropped_random=at(1.0, DROPPED.but(model__rate=0.02)), says="one unit in fifty dropped")
@control(dropped=DROPPED.but(model__rate=0.85), says="85 units in a hundred dropped on real data")
def test_dropout_hinders_memorization(
    dropped_random: Results, free_random: Results, dropped: Results, free: Results, check: Check
) -> None:
    """Dropout hinders memorization of random labels and costs no validation accuracy on real data."""
    kept = dropped_random.final("train_error") - free_random.final("train_error")
    check(above(kept.named("random labels not memorized"), 0.1, because="a tenth of all labels"))
    cost = dropped.final("test_error") - free.final("test_error")
    check(below(cost.named("test_error, dropout - none"), 0.01, because="one point"))


@claim(
    ARPIT2017,
    "Section 5, Figure 10: dropout above weight decay",
    reported={"weight decays tried": "0 to 1"},
    adapted=adding("weight decay of 0.01", ADAPTED),
    expected={
        "quick": (
            "refuted",
            "on digits a weight decay of 0.01 leaves more random labels unlearnt, at hardly any cost",
        )
    },
    changed=(Change("control", "A control of the cost was added; the verdict at quick was refuted."),),
)
@trained(
    dropped_random=at(1.0, DROPPED),
    decayed_random=at(1.0, REGULARIZED.but(optimizer__weight_decay=0.01)),
    decayed=REGULARIZED.but(optimizer__weight_decay=0.01),
    free=REGULARIZED,
)
@control(
    decayed_random=at(1.0, REGULARIZED.but(optimizer__weight_decay=0.001)),
    decayed=REGULARIZED.but(optimizer__weight_decay=0.001),
    positive=True,
    says="a weight decay of 0.001",
)
@control(dropped_random=at(1.0, REGULARIZED), says="no dropout")
@control(decayed=REGULARIZED.but(optimizer__weight_decay=0.1), says="ten times the weight decay on real data")
def test_dropout_hinders_more_than_weight_decay(
    dropped_random: Results, decayed_random: Results, decayed: Results, free: Results, check: Check
) -> None:
    """Dropout hinders memorization more than weight decay that costs as little validation accuracy."""
    cost = decayed.final("test_error") - free.final("test_error")
    check(below(cost.named("test_error, weight decay - none"), 0.01, because="one point"))
    more = dropped_random.final("train_error") - decayed_random.final("train_error")
    check(above(more.named("not memorized, dropout - weight decay"), 0.0, because="any difference"))


@claim(
    ARPIT2017,
    "Section 5, Figure 10: noise on the inputs",
    adapted=only(adding("noise of two deviations", ADAPTED), "standard"),
    reported={"deviations of input noise tried": "0 to 5"},
)
@trained(noisy_random=at(1.0, NOISY), free_random=at(1.0, REGULARIZED), noisy=NOISY, free=REGULARIZED)
@control(noisy_random=at(1.0, NOISY.but(model__deviation=0.2)), says="a tenth of the noise")
@control(noisy=NOISY.but(model__deviation=12.0), says="six times the noise on real data")
def test_input_noise_hinders_memorization(
    noisy_random: Results, free_random: Results, noisy: Results, free: Results, check: Check
) -> None:
    """Noise on the inputs hinders memorization of random labels and costs no validation accuracy on real
    data."""
    check_hindrance(check, noisy_random, free_random, 0.1, "a tenth of all labels")
    check_cost(check, noisy, free)


@claim(
    ARPIT2017,
    "Section 5, Figure 10: dropout with adversarial training is best",
    adapted=only(adding("adversarial examples in one step, for half of the examples", ADAPTED), "standard"),
    reported={"weights of adversarial examples tried": "0.2 to 0.7"},
)
@trained(both_random=at(1.0, ATTACKED), dropped_random=at(1.0, DROPPED), both=ATTACKED, free=REGULARIZED)
@control(
    both_random=at(1.0, ATTACKED.but(model__radius=3e-4)),
    says="adversarial examples within a thousandth of the box, the same as the images",
)
@control(both=ATTACKED.but(model__radius=12.0), says="forty times the box on real data")
def test_adversarial_training_adds_to_dropout(
    both_random: Results, dropped_random: Results, both: Results, free: Results, check: Check
) -> None:
    """Coupled with adversarial training, dropout hinders memorization still more, and costs no validation
    accuracy on real data."""
    check_hindrance(check, both_random, dropped_random, 0.05, "five points of all labels")
    check_cost(check, both, free)


def check_hindrance(check: Check, regularized: Results, other: Results, least: float, because: str) -> None:
    """More random labels are left unlearnt under a regularizer than under another one."""
    kept = regularized.final("train_error") - other.final("train_error")
    check(above(kept.named("random labels not memorized"), least, because=because))


def check_cost(check: Check, regularized: Results, free: Results) -> None:
    """A regularizer costs less than a point on real data."""
    cost = regularized.final("test_error") - free.final("test_error")
    check(below(cost.named("test_error, regularized - free"), 0.01, because="one point"))
