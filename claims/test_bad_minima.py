"""From a start that was fitted to random labels descent ends at a bad minimum, unless it is regularized.

Liu, Papailiopoulos and Achlioptas 2020: not every start leads descent without regularizers to a minimum that
generalizes. Fit random labels first, of copies of the training images in which a tenth of the pixels is
missing; then train on the images with their true labels. Every training label comes out right, and the test
error is clearly larger than from a random start. With explicit regularization, here weight decay together
with momentum, such a start does no harm. So that regularizers help little and are not needed (Zhang et al.
2017, ``test_explicit_regularization``) is a finding about random starts; from others they are needed.

What does the harm is what was learnt, and not how large the weights have become: the same weights in another
order, layer by layer, do little of it, and a start that was fitted to the copies' true labels does none.
Nor are bad minima sharp: by the largest eigenvalue of the loss's Hessian and by its trace they are far
flatter than good ones. Granziol 2020 has the reason: of networks that fit by cross-entropy those of large
weights and low loss are flat, so that weight decay makes minima sharper and, it says, generalization better.
Most of that is how small the loss is: trained only until their training losses are equal, bad minima have no
smaller trace than good ones, and a network without weight decay is about as sharp as one with it.
Settings and margins were read off replicates 1000 to 1007 (digits) and 1000 to 1003 (MNIST), which no verdict
reads.
"""

from __future__ import annotations

from claims.papers import GRANZIOL2020
from claims.papers import LIU2020
from claims.papers import OVERCLAIM
from claims.texts import DIRECTION
from claims.texts import SECOND_CONTROL
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
from harness import all_reach
from harness import below
from harness import claim
from harness import control
from harness import equivalent
from harness import ratio
from harness import trained
from harness.analytic.collapse import Collapse
from harness.analytic.curvature import Sharpness
from harness.analytic.curvature import Trace
from harness.analytic.performance import Performance
from harness.data import Digits
from harness.data import Mnist
from harness.data import RandomLabels
from harness.data import TrueLabels
from harness.data.copies import MaskedCopies
from harness.models import Mlp
from harness.models.scattering import Scattered
from harness.spec.contracts import Corruption
from harness.spec.contracts import Probe
from harness.spec.contracts import Transform

ADAPTED = {
    "quick": "500 digits and two hidden layers of 128 units for CIFAR-10 and a ResNet18, five copies of an "
    "image, a constant rate",
    "standard": "1,500 images of MNIST and two hidden layers of 256 units for CIFAR-10 and a ResNet18, five "
    "copies of an image, a constant rate",
}
REGULARIZERS = "; weight decay together with momentum for data augmentation and others"
REGULARLY = {tier: how + REGULARIZERS for tier, how in ADAPTED.items()}
PLAIN = Tiers(
    quick=Experiment(Digits(n=500), Mlp(128, depth=2), Sgd(0.03, 100, batch=32, momentum=0.0)),
    standard=Experiment(
        Mnist(n=1500, crop=None, n_test=2000), Mlp(256, depth=2), Sgd(0.03, 40, batch=32, momentum=0.0)
    ),
)
"""Descent without regularizers from a random start."""
REGULARIZED = PLAIN.but(optimizer__momentum=0.9, optimizer__weight_decay=5e-3)
FAINT = PLAIN.but(optimizer__weight_decay=5e-4)
"""A tenth of the decay, and no momentum."""


def after(nets: Tiers, labels: Corruption, transform: Transform | None = None) -> Tiers:
    """The same trainings from a start that was fitted to such labels of the copies, without regularizers."""

    def fitted(tier: str) -> Experiment:
        plain = PLAIN[tier]
        optimizer = Sgd(0.1, 300, batch=32, momentum=0.0)
        copies = MaskedCopies(plain.data, labels=labels)
        return plain.but(data=copies, optimizer=optimizer, stop=WhenFitted())

    return Tiers(**{t: nets[t].but(start=From(fitted(t), transform)) for t in ADAPTED})


BAD = after(PLAIN, RandomLabels())
RESCUED = after(REGULARIZED, RandomLabels())
HARMLESS = after(PLAIN, TrueLabels())
SCATTERED = after(PLAIN, RandomLabels(), Scattered())
SHORT = BAD.but(optimizer__epochs=3)
LOSS_OF_GOOD = BAD.but(optimizer__epochs=8)
"""On the way to the bad minimum, at the training loss of the good one: 0.02 of digits, 0.01 of MNIST."""
TRUE_COPIES = "a start that was fitted to the true labels of the same copies"
REORDERED = "the weights of that start in another order, layer by layer"


@claim(
    LIU2020,
    "Abstract",
    adapted=ADAPTED,
    reported={"test accuracy lost (abstract of the first version)": "up to 40 %"},
    contested="Zhang et al. 2017, Section 3: networks generalize without regularizers",
)
@trained(bad=BAD, scratch=PLAIN)
@control(bad=HARMLESS, says=TRUE_COPIES)
@control(bad=SCATTERED, says=REORDERED)
@control(bad=SHORT, says="three epochs of the same training")
def test_from_random_labels_sgd_ends_at_a_bad_minimum(bad: Results, scratch: Results, check: Check) -> None:
    """From a start that was fitted to random labels descent fits the true ones, and generalizes worse."""
    check(all_reach(bad.final("train_error"), 0.0))
    lost = (bad.final("test_error") - scratch.final("test_error")).named("test error lost by the start")
    check(above(lost, 0.025, because="four to seven points in calibration; reordered weights lose 0 to 3"))


@claim(LIU2020, "Abstract: no detrimental effect", reported="words", adapted=REGULARLY)
@trained(rescued=RESCUED, scratch=REGULARIZED)
@control(
    rescued=after(FAINT, RandomLabels()), scratch=FAINT, says="a tenth of the decay, and no momentum, in both"
)
def test_with_regularizers_the_start_does_no_harm(rescued: Results, scratch: Results, check: Check) -> None:
    """With weight decay and momentum a start that was fitted to random labels has no detrimental effect."""
    lost = (rescued.final("test_error") - scratch.final("test_error")).named("test error lost by the start")
    check(below(lost, 0.01, because="one point; without regularizers four to seven"))


@claim(
    LIU2020,
    "Abstract: a far more important role than has been understood",
    reported="words",
    adapted=REGULARLY,
    contested="Zhang et al. 2017, Section 3: regularizers help little, and are not needed to generalize",
)
@trained(plain=BAD, regularized=RESCUED)
@control(plain=HARMLESS, regularized=after(REGULARIZED, TrueLabels()), says=TRUE_COPIES)
@control(plain=PLAIN, regularized=REGULARIZED, says="a random start, of which Zhang et al. speak")
def test_from_such_a_start_regularizers_are_needed(
    plain: Results, regularized: Results, check: Check
) -> None:
    """From a start that was fitted to random labels regularizers gain more than "a little"."""
    gained = (plain.final("test_error") - regularized.final("test_error")).named("test error without - with")
    check(above(gained, 0.03, because="what weight decay is held to gain at most, from a random start"))


@claim(
    OVERCLAIM,
    "beside LIU2020: is it the size of the weights?",
    kind="counter",
    adapted=ADAPTED,
    changed=(
        Change(
            "replicates",
            "A fixed number at quick, 10, since the chance of the same verdict on fresh replicates was .81.",
        ),
    ),
    replicates={"quick": 10},
)
@trained(bad=BAD, scattered=SCATTERED)
@control(bad=HARMLESS, says=TRUE_COPIES)
def test_what_was_learnt_does_the_harm(bad: Results, scattered: Results, check: Check) -> None:
    """The start harms by what it has learnt: its weights in another order, as large, harm less."""
    more = (bad.final("test_error") - scattered.final("test_error")).named("test error, learnt - reordered")
    check(above(more, 0.015, because="2 to 6 points in calibration"))


def probed(nets: Tiers, probe: Probe) -> Tiers:
    """A probe of each tier's network where it ends."""
    return Tiers(**{tier: Probing(nets[tier], probe) for tier in ADAPTED})


CURVATURES = Sharpness(tolerance=0.01), Trace(8)
"""Both to a few per cent, for what is compared differs by factors."""
COARSER = (
    Change(
        "setting",
        "For cost, eigenvalues to a hundredth and traces by 8 directions, after finer ones by 16 had "
        "reproduced it.",
    ),
)
FLAT = "flat minima are said to generalize (Hochreiter and Schmidhuber 1997, Keskar et al. 2017)"
TWICE = "a factor of two, for flatness is compared by orders of magnitude"


@claim(
    OVERCLAIM,
    "beside LIU2020: is the bad minimum a sharp one?",
    kind="counter",
    adapted=ADAPTED,
    contested=FLAT,
    changed=(*SECOND_CONTROL, *COARSER),
)
@trained(
    bad=probed(BAD, CURVATURES[0]),
    bad_trace=probed(BAD, CURVATURES[1]),
    good=probed(PLAIN, CURVATURES[0]),
    good_trace=probed(PLAIN, CURVATURES[1]),
    bad_net=BAD,
    good_net=PLAIN,
)
@control(
    bad=probed(RESCUED, CURVATURES[0]),
    bad_trace=probed(RESCUED, CURVATURES[1]),
    good=probed(REGULARIZED, CURVATURES[0]),
    good_trace=probed(REGULARIZED, CURVATURES[1]),
    bad_net=RESCUED,
    good_net=REGULARIZED,
    says="both with weight decay and momentum",
)
@control(
    bad=probed(LOSS_OF_GOOD, CURVATURES[0]),
    bad_trace=probed(LOSS_OF_GOOD, CURVATURES[1]),
    bad_net=LOSS_OF_GOOD,
    says="ended where its training loss is that of the good one: with the loss the Hessian shrinks",
)
def test_bad_minima_are_flatter_than_good_ones(
    bad: Results,
    bad_trace: Results,
    good: Results,
    good_trace: Results,
    bad_net: Results,
    good_net: Results,
    check: Check,
) -> None:
    """The minimum that generalizes worse is the flatter one, by the Hessian's largest eigenvalue and its
    trace."""
    check(below(ratio(bad.final("sharpness"), good.final("sharpness")), 0.5, because=TWICE))
    check(below(ratio(bad_trace.final("trace"), good_trace.final("trace")), 0.5, because=TWICE))
    lost = (bad_net.final("test_error") - good_net.final("test_error")).named("test error lost by the start")
    check(above(lost, 0.025, because="what a bad minimum is held to lose"))


@claim(
    OVERCLAIM,
    "beside LIU2020: is the bad minimum flatter at equal training loss?",
    kind="counter",
    adapted=ADAPTED,
)
@trained(
    bad_trace=probed(LOSS_OF_GOOD, CURVATURES[1]),
    good_trace=probed(PLAIN, CURVATURES[1]),
    bad_net=LOSS_OF_GOOD,
    good_net=PLAIN,
)
@control(bad_trace=probed(BAD, CURVATURES[1]), bad_net=BAD, says="trained on, to a much lower loss")
def test_at_equal_training_loss_bad_minima_are_not_flatter(
    bad_trace: Results, good_trace: Results, bad_net: Results, good_net: Results, check: Check
) -> None:
    """At equal training loss the minimum that generalizes worse has no smaller trace of the Hessian."""
    losses = ratio(bad_net.final("train_loss"), good_net.final("train_loss"))
    check(equivalent(losses, 1.5, because="equal up to a half; trained on, it is a sixth or less"))
    traces = ratio(bad_trace.final("trace"), good_trace.final("trace"))
    check(above(traces, 0.8, because="four fifths; trained on, it is about a quarter"))


UNDECAYED = PLAIN.but(optimizer__momentum=0.9)
LOSS_OF_DECAYED = UNDECAYED.but(quick__optimizer__epochs=12, standard__optimizer__epochs=7)
"""Without decay, where the training loss is that with it: 0.02 and more."""
HARDLY = UNDECAYED.but(optimizer__weight_decay=5e-5)
HEAVILY = UNDECAYED.but(optimizer__weight_decay=2e-2)
DECAY_ADAPTED = {
    "quick": "500 digits and two hidden layers of 128 units for MNIST, CIFAR-100 and larger nets; after "
    "equal numbers of epochs, not at equal training loss",
    "standard": "1,500 images of MNIST and two hidden layers of 256 units for all of it and larger nets; "
    "after equal numbers of epochs, not at equal training loss",
}


@claim(
    GRANZIOL2020,
    "Abstract: with L2 regularization sharper than without",
    reported="words",
    adapted=DECAY_ADAPTED,
    contested=FLAT,
    changed=(*SECOND_CONTROL, *COARSER),
)
@trained(
    plain=probed(UNDECAYED, CURVATURES[0]),
    plain_trace=probed(UNDECAYED, CURVATURES[1]),
    decayed=probed(REGULARIZED, CURVATURES[0]),
    decayed_trace=probed(REGULARIZED, CURVATURES[1]),
)
@control(
    decayed=probed(HARDLY, CURVATURES[0]),
    decayed_trace=probed(HARDLY, CURVATURES[1]),
    says="a hundredth of the decay",
)
@control(
    plain=probed(LOSS_OF_DECAYED, CURVATURES[0]),
    plain_trace=probed(LOSS_OF_DECAYED, CURVATURES[1]),
    says="without decay until its training loss is that with decay: what is sharper is the larger loss",
)
def test_weight_decay_ends_at_sharper_minima(
    plain: Results, plain_trace: Results, decayed: Results, decayed_trace: Results, check: Check
) -> None:
    """With weight decay the minimum is sharper, by the Hessian's largest eigenvalue and its trace."""
    sharper = ratio(decayed.final("sharpness"), plain.final("sharpness"))
    check(
        above(sharper, 4.0, because="ten and more in calibration; a hundredth of the decay gives up to two")
    )
    more = ratio(decayed_trace.final("trace"), plain_trace.final("trace"))
    check(above(more, 4.0, because="as of the largest eigenvalue"))


@claim(
    GRANZIOL2020,
    "Abstract: despite generalizing better",
    reported="words",
    adapted=DECAY_ADAPTED,
    contested="Zhang et al. 2017, Section 3: regularizers help little",
    expected={
        "quick": (
            "inconclusive",
            "of the replicates 1000 to 1019 the error falls by 0.07 points, with a standard error of 0.09",
        ),
        "standard": (
            "inconclusive or refuted",
            "of the replicates 1000 to 1002 the error rises by 0, 0.1 and 1.2 points",
        ),
    },
)
@trained(plain=UNDECAYED, decayed=REGULARIZED)
@control(decayed=HEAVILY, says="four times the decay, with which not every image is fitted")
def test_weight_decay_lowers_the_test_error_at_sharper_minima(
    plain: Results, decayed: Results, check: Check
) -> None:
    """The sharper minimum, that with weight decay, has the lower test error."""
    gain = (plain.final("test_error") - decayed.final("test_error")).named("test error without - with decay")
    check(above(gain, 0.0, because=DIRECTION))


@claim(
    OVERCLAIM,
    "after GRANZIOL2020, Abstract: the test loss, which is finer than the error",
    kind="counter",
    adapted=DECAY_ADAPTED,
)
@trained(plain=probed(UNDECAYED, Performance()), decayed=probed(REGULARIZED, Performance()))
@control(decayed=probed(HARDLY, Performance()), says="a hundredth of the decay")
def test_weight_decay_lowers_the_test_loss_at_sharper_minima(
    plain: Results, decayed: Results, check: Check
) -> None:
    """The sharper minimum, that with weight decay, has the lower test loss."""
    lower = ratio(decayed.final("test_loss"), plain.final("test_loss"))
    check(below(lower, 0.9, because="a tenth of the loss; a hundredth of the decay gains a fortieth"))


@claim(OVERCLAIM, "beside LIU2020 and PAPYAN2020: do bad minima collapse?", kind="counter", adapted=ADAPTED)
@trained(bad=probed(BAD, Collapse()), harmless=probed(HARMLESS, Collapse()))
@control(
    bad=probed(RESCUED, Collapse()),
    harmless=probed(after(REGULARIZED, TrueLabels()), Collapse()),
    says="both with weight decay and momentum",
)
def test_bad_minima_are_less_collapsed(bad: Results, harmless: Results, check: Check) -> None:
    """After a start of random labels classes scatter more about their means than after one of true labels."""
    more = ratio(bad.final("scatter"), harmless.final("scatter"))
    check(above(more, 1.15, because="1.2 to 1.7 in calibration; with regularizers less than one"))
