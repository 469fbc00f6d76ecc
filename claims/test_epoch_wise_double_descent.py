"""Trained on, a large enough network first learns, then unlearns by fitting wrong labels, then recovers.

Nakkiran et al. 2020, Section 6, tell three regimes apart by the size of the network alone, where labels are
noisy: a large one falls, rises and falls again; one of middling size, which training to its end brings just
about to fit, goes through a U; one too small for that only falls. All three are shown here with two fifths of
the labels wrong, on digits by networks of three hidden layers and on MNIST by a convolutional one; so is a
fourth, which the source does not know. What does not follow here is that going on pays: the second descent
ends far above the first minimum.

The windows of epochs were chosen by the curves of replicates 1000 to 1007 (digits, large), 1100 to 1139
(digits, the others) and 1000 to 1003 (MNIST), which no verdict reads. On digits the large network rose by
0.29 there and fell by 0.03; the middling one (56 units, 90 epochs) rose by 0.26 (deviation 0.02), went on by
0.024 (0.014) and was left with a training error of 0.071 (0.016); the small one fell by 0.19 (0.10). On MNIST
the three rose by 0.141 (0.019), 0.163 and -0.171 (0.052), and the first two fell by 0.049 (0.015) and -0.004
(0.004) afterwards.

Looked at again on replicates 1100 to 1103, the large one rose by 0.093 (0.031) and fell by 0.020 (0.029), so
that only the direction of its fall is judged, and half of that rise; the middling one rose by 0.175 and fell
by -0.015, the small one fell by 0.184; the fourth (4 channels) rose by 0.100 (0.032) with a training error
of 0.24 in the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from claims.papers import NAKKIRAN2020
from claims.papers import OVERCLAIM
from claims.texts import DIRECTION
from claims.texts import SECOND_CONTROL
from claims.texts import only
from claims.widths import NOISY_DIGITS
from claims.widths import TRUE_LABELS
from claims.widths import window
from harness import AdamL2
from harness import Change
from harness import Check
from harness import Experiment
from harness import Measured
from harness import Results
from harness import Sgd
from harness import Tiers
from harness import above
from harness import below
from harness import claim
from harness import control
from harness import exists
from harness import trained
from harness.data import AveragedMnist
from harness.data import WrongLabels
from harness.models import Mlp
from harness.models.cnn3 import Cnn3

AS_OFTEN = "20 at quick for 5: it had come out reproduced, and would have come again so in {} of 100 repeats."
Span = tuple[int, int]


class Windows(NamedTuple):
    """The epochs, both ends included, over which a curve is read: at first, in the middle, at the end."""

    first: Span
    middle: Span
    end: Span


class Sizes(NamedTuple):
    """How far the test error must at least rise from first to middle, and fall or not fall to the end."""

    rise: float
    fall: float
    unfitted: float
    because: str


LARGE = Tiers(
    quick=Experiment(
        NOISY_DIGITS.but(labels=WrongLabels(0.4)), Mlp(64, depth=3), Sgd(lr=0.02, epochs=200, batch=32)
    ),
    standard=Experiment(
        AveragedMnist(n=1000, n_test=3000, square=2, labels=WrongLabels(0.4)),
        Cnn3(24),
        AdamL2(lr=0.003, epochs=32, batch=64),
    ),
)
MEDIUM = LARGE.but(
    quick__model__width=56,
    quick__optimizer__epochs=90,
    standard__model__width=8,
    standard__optimizer__epochs=60,
)
SMALL = LARGE.but(quick__model__width=4, standard__model__width=2, standard__optimizer__epochs=60)
BETWEEN = SMALL.but(quick__model__width=16, standard__model__width=4)
CLEAN = LARGE.but(data__labels=TRUE_LABELS)
TENTH = WrongLabels(0.1)
OF_LARGE = Tiers(quick=Windows((8, 14), (71, 95), (141, 200)), standard=Windows((3, 6), (12, 16), (24, 32)))
OF_MEDIUM = Tiers(quick=Windows((8, 14), (57, 68), (80, 90)), standard=Windows((4, 8), (31, 40), (51, 60)))
OF_BETWEEN = Tiers(quick=Windows((8, 14), (71, 95), (171, 200)), standard=Windows((4, 8), (31, 40), (51, 60)))
OF_SMALL = Tiers(quick=Windows((3, 7), (71, 95), (171, 200)), standard=Windows((4, 8), (31, 40), (51, 60)))
ADAPTED = {
    "quick": "three hidden layers of {} units and 1,000 digits of 8x8 pixels, two fifths wrong, {} epochs",
    "standard": "three convolutional layers, width {}, 1,000 images of MNIST averaged to 14x14 pixels, two "
    "fifths wrong, Adam at 0.003, {} epochs, no augmentation",
}
POINT_BECAUSE = "one point, well below what one network's test error scatters from epoch to epoch"
BY_WIDTH = {"widths k of the ResNet18 in Figure 9: small, medium, large": "3, 12 and 64"}


def adapted(quick: tuple[int, int], standard: tuple[int, int]) -> dict[str, str]:
    """What was changed from the source, for a network of such a width, trained for so many epochs."""
    return {"quick": ADAPTED["quick"].format(*quick), "standard": ADAPTED["standard"].format(*standard)}


LARGE_ADAPTED = adapted((64, 200), (24, 32))


def read(run: Results, windows: Windows, measure: str = "test_error") -> Iterator[Measured]:
    """A measure at first, in the middle and at the end."""
    return (window(run, measure, *span) for span in windows)


def rise(run: Results, windows: Windows) -> Measured:
    """The test error in the middle less that at first."""
    first, middle, _ = read(run, windows)
    return middle - first


@claim(
    NAKKIRAN2020,
    "Section 6, Figures 9 and 10: large models",
    adapted=LARGE_ADAPTED,
    reported=BY_WIDTH,
    replicates={"standard": 8},
    expected={
        "standard": (
            "inconclusive or reproduced",
            "in the mean it falls again by 0.05, but in six replicates of eight, and seven are needed",
        )
    },
    changed=(
        *SECOND_CONTROL,
        Change("expected", "It came out inconclusive at standard, where reproduced had been expected."),
        Change("expected", "Either is declared since its chance to be inconclusive again is .16."),
    ),
)
@trained(
    net=LARGE,
    medium=MEDIUM,
    small=SMALL,
    clean=CLEAN,
    windows=OF_LARGE,
    sizes=Tiers(
        quick=Sizes(0.1, 0.01, 0.01, "ten points, a quarter of the wrong labels; and " + POINT_BECAUSE),
        standard=Sizes(0.05, 0.0, 0.01, "half of the rise on replicates 1100 to 1103; the fall's direction"),
    ),
)
@control(net=CLEAN, says="true labels")
@control(net=MEDIUM, windows=OF_MEDIUM, says="a network that just about fits its labels in the end")
@control(net=SMALL, windows=OF_SMALL, says="a network too small to fit its labels")
def test_the_test_error_falls_rises_and_falls_again(
    net: Results,
    medium: Results,
    small: Results,
    clean: Results,
    windows: Windows,
    sizes: Sizes,
    check: Check,
) -> None:
    """During training the test error of a large network falls, rises, and falls again once the labels are
    nearly fitted."""
    dip, peak, end = read(net, windows)
    check(above((peak - dip).named("peak - dip"), sizes.rise, because=sizes.because))
    check(above((peak - end).named("peak - end"), sizes.fall, because=sizes.because))
    _, unfit, fitted = read(net, windows, "train_error")
    check(below(unfit, 0.1, because="nearly fitted: a quarter of the wrong labels at most is left"))
    check(below(fitted, sizes.unfitted, because="fitted, but for one example in a hundred"))
    runs = {"large": net, "medium": medium, "small": small, "large, true labels": clean}
    for series, run in runs.items():
        check.draw(
            "Epochs",
            series=series,
            x=run.epochs,
            y=run.curve("test_error"),
            x_label="epochs",
            y_label="test error",
            x_scale="log",
            marks={"dip": windows.first[1], "peak": windows.middle[0], "end": windows.end[0]},
        )


@claim(
    NAKKIRAN2020,
    "Section 6, Figure 9: medium models",
    adapted=adapted((56, 90), (8, 60)),
    reported=BY_WIDTH,
    replicates={"quick": 20},
    changed=(
        *SECOND_CONTROL,
        Change("replicates", AS_OFTEN.format("86")),
        Change(
            "statement",
            "It reproduced of 16 units, which never fit their labels (training error 0.27); the source "
            "says it of "
            "networks that just about do, so it is judged of others, in other windows.",
        ),
        Change(
            "setting",
            "The first of these, 48 units for 110 epochs, were inconclusive, since two of ten replicates "
            "were "
            "left with more than a tenth; 56 units and 90 epochs are from replicates 1100 to 1139.",
        ),
    ),
)
@trained(
    net=MEDIUM,
    windows=OF_MEDIUM,
    sizes=Tiers(
        quick=Sizes(0.1, 0.02, 0.1, "a quarter of the wrong labels; two points; the source's own epsilon"),
        standard=Sizes(
            0.08, 0.02, 0.01, "half of the rise on replicates 1000 to 1003; two points; a hundredth"
        ),
    ),
)
@control(net=LARGE, windows=OF_LARGE, says="the large network, whose error falls again")
@control(net=SMALL, windows=OF_SMALL, says="a network too small to fit its labels, whose error only falls")
def test_a_medium_network_goes_through_a_u(
    net: Results, windows: Windows, sizes: Sizes, check: Check
) -> None:
    """A network of middling size, which training to its end just about brings to fit its labels, goes through
    a U: its test error falls and rises, and stays."""
    first, middle, end = read(net, windows)
    check(above((middle - first).named("middle - first"), sizes.rise, because=sizes.because))
    check(below((middle - end).named("middle - end"), sizes.fall, because=sizes.because))
    *_, fitted = read(net, windows, "train_error")
    check(below(fitted, sizes.unfitted, because=sizes.because))


@claim(
    NAKKIRAN2020,
    "Section 6, Figure 9: models too small to reach the threshold",
    adapted=adapted((4, 200), (2, 60)),
    reported=BY_WIDTH,
    replicates={"quick": 20},
    changed=(Change("replicates", AS_OFTEN.format("75")),),
)
@trained(net=SMALL, windows=OF_SMALL)
@control(net=MEDIUM, windows=OF_MEDIUM, says="a network that just about fits its labels in the end")
@control(net=BETWEEN, says="a wider network, which does not fit its labels either")
def test_a_small_network_only_falls(net: Results, windows: Windows, check: Check) -> None:
    """Of a network too small to fit its labels the test error only falls, however long it is trained."""
    first, middle, end = read(net, windows)
    check(
        below((end - first).named("end - first"), -0.05, because="five points, an eighth of the wrong labels")
    )
    check(below((end - middle).named("end - middle"), 0.04, because="a tenth of the wrong labels at most"))
    check(above(net.final("train_error"), 0.3, because="most of the wrong labels are left"))


@claim(
    OVERCLAIM,
    "against NAKKIRAN2020, Section 6, Figure 9: models too small to reach the threshold",
    kind="counter",
    changed=(
        Change(
            "statement",
            "It reproduced as the source's statement on medium models, which it is not: they just about fit.",
        ),
        Change(
            "window",
            "Read from epochs 3 to 7 on, when these networks still learn, it was refuted on digits; it "
            "is read from "
            "8 to 14 on, as it had been before.",
        ),
    ),
    adapted=adapted((16, 200), (4, 60)),
    contested="the source: models that are too small to fit their labels only fall",
)
@trained(net=BETWEEN, windows=OF_BETWEEN)
@control(net=SMALL, says="a smaller network, whose error only falls")
@control(net=MEDIUM, windows=OF_MEDIUM, says="a network that just about fits its labels in the end")
def test_some_networks_that_never_fit_go_through_a_u_too(
    net: Results, windows: Windows, check: Check
) -> None:
    """Between small and medium there are networks which are too small to fit their labels and whose test
    error rises all the same: fitting is not what turns the curve."""
    first, _, end = read(net, windows)
    check(
        above((end - first).named("end - first"), 0.05, because="five points, an eighth of the wrong labels")
    )
    unfit = "a third of the wrong labels and more are left: beyond the source's own epsilon"
    check(above(net.final("train_error"), 0.15, because=unfit))


# -- longer, and more noise ---------------------------------------------------------------------------


@claim(
    NAKKIRAN2020,
    "Section 6: the error may end below its first minimum, as in Figure 10 for 10 % label noise",
    adapted=only(LARGE_ADAPTED, "quick"),
    reported={"Figure 10, 10 % label noise": "the end is below the first minimum"},
    changed=(
        Change(
            "statement",
            "That training on does so was refuted with two fifths wrong; the source says that it may, "
            "with a tenth.",
        ),
        Change("expected", "The curves of these very replicates had been seen: at a tenth none ends below."),
    ),
    expected={"quick": ("inconclusive", "no replicate does, and absence proves nothing of what may be")},
)
@trained(net=LARGE.but(data__labels=TENTH), windows=OF_LARGE)
@control(net=LARGE, says="two fifths of the labels wrong, where the end lies far above")
def test_training_on_may_beat_the_first_minimum(net: Results, windows: Windows, check: Check) -> None:
    """With a tenth of the labels wrong, a network trained on may end below its first minimum."""
    first, _, end = read(net, windows)
    check(exists((end - first).named("end - first"), 0.0, because=DIRECTION))


@claim(
    NAKKIRAN2020,
    "Section 6 and Section 2 (training longer can correct overfitting), as often retold",
    kind="retold",
    changed=(Change("statement", "It was counted as the source's own, and refuted; the source says may."),),
    adapted=LARGE_ADAPTED,
    expected=dict.fromkeys(
        LARGE_ADAPTED,
        ("refuted", "what is left of the wrong labels costs far more than the first epochs lacked"),
    ),
)
@trained(net=LARGE, windows=OF_LARGE)
@control(net=CLEAN, positive=True, says="true labels, where going on does pay")
def test_training_on_beats_the_first_minimum(net: Results, windows: Windows, check: Check) -> None:
    """Training through the peak ends below the first minimum: longer is better than stopped early."""
    first, _, end = read(net, windows)
    check(above((first - end).named("first - end"), 0.0, because=DIRECTION))


@claim(
    NAKKIRAN2020,
    "Section 6, Figure 10: the peak is accentuated with label noise",
    changed=(
        Change(
            "control", "It reproduced against a tenth on both sides; networks too small to fit replace that."
        ),
    ),
    adapted=only(LARGE_ADAPTED, "quick"),
    reported={"the peak": "accentuated with label noise"},
)
@trained(tenth=LARGE.but(data__labels=TENTH), net=LARGE, windows=OF_LARGE)
@control(
    tenth=SMALL.but(data__labels=TENTH),
    net=SMALL,
    says="networks too small to fit their labels, noisy or not, which have no peak to raise",
)
def test_label_noise_raises_the_peak_over_epochs(
    tenth: Results, net: Results, windows: Windows, check: Check
) -> None:
    """The more labels are wrong, the higher the peak over epochs."""
    higher = (rise(net, windows) - rise(tenth, windows)).named("peak - dip, two fifths wrong - a tenth")
    check(above(higher, 0.1, because="ten points, for three times ten more labels wrong"))
