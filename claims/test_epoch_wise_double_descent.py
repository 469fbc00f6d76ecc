"""Trained on, a large enough network first learns, then unlearns by fitting wrong labels, then recovers.

Nakkiran et al. 2020, Section 6. On digits with two fifths of the labels wrong, a network of three hidden
layers shows the whole curve, one too small to fit its labels shows the U of the textbooks, and true labels
show nothing of it. What does not follow here is that going on pays: the second descent ends far above the
first minimum.

The windows of epochs (dip, peak, end) were chosen on replicates 1000 to 1007, which no verdict reads. There
the peak stood 0.03 to 0.06 above the end, and the training error was 0.04 to 0.08 at the peak and zero
at the end.

Changed after verdicts were seen: that the medium network's error rises early got a control, true labels.
"""

from __future__ import annotations

from collections.abc import Iterator

from claims.papers import NAKKIRAN2020
from claims.texts import DIRECTION
from claims.widths import NOISY_DIGITS
from claims.widths import TRUE_LABELS
from claims.widths import window
from harness import Check
from harness import Experiment
from harness import Measured
from harness import Results
from harness import Sgd
from harness import above
from harness import below
from harness import claim
from harness import control
from harness import trained
from harness.data import WrongLabels
from harness.models import Mlp

LARGE = Experiment(
    NOISY_DIGITS.but(labels=WrongLabels(0.4)), Mlp(64, depth=3), Sgd(lr=0.02, epochs=200, batch=32)
)
MEDIUM = LARGE.but(model=Mlp(16, depth=3))
CLEAN = LARGE.but(data__labels=TRUE_LABELS)
DIP, PEAK, END = (8, 14), (71, 95), (141, 200)
QUICK_ADAPTED = {
    "quick": "three hidden layers of 64 units and 1,000 digits of 8x8 pixels, two fifths wrong, 200 epochs"
}
POINT_BECAUSE = "one point, well below what one network's test error scatters from epoch to epoch"


def windows(run: Results, measure: str = "test_error") -> Iterator[Measured]:
    """A measure at dip, peak and end."""
    return (window(run, measure, *span) for span in (DIP, PEAK, END))


def rise(run: Results) -> Measured:
    """The test error at the peak less that at the dip."""
    dip, peak, _ = windows(run)
    return peak - dip


@claim(NAKKIRAN2020, "Section 6, Figures 9 and 10: large models", adapted=QUICK_ADAPTED)
@trained(net=LARGE, medium=MEDIUM, clean=CLEAN)
@control(net=CLEAN, says="true labels")
@control(net=MEDIUM, says="a network too small to fit its labels")
def test_the_test_error_falls_rises_and_falls_again(
    net: Results, medium: Results, clean: Results, check: Check
) -> None:
    """During training the test error falls, rises, and falls again once the labels are nearly fitted."""
    dip, peak, end = windows(net)
    check(above((peak - dip).named("peak - dip"), 0.1, because="ten points: a quarter of the wrong labels"))
    check(above((peak - end).named("peak - end"), 0.01, because=POINT_BECAUSE))
    _, unfit, fitted = windows(net, "train_error")
    check(below(unfit, 0.1, because="nearly fitted: a quarter of the wrong labels at most is left"))
    check(below(fitted, 0.01, because="fitted, but for one example in a hundred"))
    for series, run in (("large", net), ("medium", medium), ("large, true labels", clean)):
        check.draw(
            "Epochs",
            series=series,
            x=run.epochs,
            y=run.curve("test_error"),
            x_label="epochs",
            y_label="test error",
            x_scale="log",
            marks={"dip": DIP[1], "peak": PEAK[0], "end": END[0]},
        )


@claim(
    NAKKIRAN2020,
    "Section 6, Figure 9: medium models",
    adapted={"quick": "three hidden layers of 16 units and 1,000 digits of 8x8 pixels, two fifths wrong"},
)
@trained(net=MEDIUM)
@control(net=LARGE, says="the large network, whose error falls again")
@control(net=MEDIUM.but(data__labels=TRUE_LABELS), says="true labels, where going on costs nothing")
def test_a_medium_network_goes_through_a_u(net: Results, check: Check) -> None:
    """A network of middling size, which never fits its labels, goes through a U: the error only rises."""
    dip, peak, end = windows(net)
    check(above((peak - dip).named("middle - dip"), 0.02, because="two points"))
    check(above((end - peak).named("end - middle"), 0.02, because="two points, and no fall"))


@claim(
    NAKKIRAN2020,
    "Section 6, Figure 10: training longer",
    adapted=QUICK_ADAPTED,
    reported={"ResNet18, a tenth of the labels wrong": "ends below its first minimum"},
    expected={
        "quick": ("refuted", "what is left of the wrong labels costs far more than the first epochs lacked")
    },
)
@trained(net=LARGE)
@control(net=CLEAN, positive=True, says="true labels, where going on does pay")
def test_training_on_beats_the_first_minimum(net: Results, check: Check) -> None:
    """Training through the peak ends below the first minimum: longer is better than stopped early."""
    dip, _, end = windows(net)
    check(above((dip - end).named("dip - end"), 0.0, because=DIRECTION))


@claim(NAKKIRAN2020, "Section 6, Figure 10: label noise", adapted=QUICK_ADAPTED)
@trained(tenth=LARGE.but(data__labels=WrongLabels(0.1)), net=LARGE)
@control(net=LARGE.but(data__labels=WrongLabels(0.1)), says="a tenth wrong on both sides")
def test_label_noise_raises_the_peak_over_epochs(tenth: Results, net: Results, check: Check) -> None:
    """The more labels are wrong, the higher the peak over epochs."""
    higher = (rise(net) - rise(tenth)).named("peak - dip, two fifths wrong - a tenth")
    check(above(higher, 0.1, because="ten points, for three times ten more labels wrong"))
