"""The second descent over epochs of a convolutional network is its last layer's: shorter steps there undo it.

Heckel and Yilmaz 2021 lay the double descent over epochs of a five-layer convolutional network to layers that
learn at different speeds: with the steps of the last layer a hundredth as long as those of the convolutions
the test error goes through one U, whose bottom is lower. It takes thousands of epochs on CIFAR-10, so that it
is declared at the full tier alone and nothing of it was ever run here.

The windows of epochs are read off the test accuracies that the authors published beside their code, of one
run each: 79.6 % over epochs 21 to 30, 71.2 % over 121 to 200 and 73.2 % over 601 to 700 with equal steps;
84.0 % over 61 to 70, 76.8 % over 301 to 400 and 75.7 % over 601 to 700 with the shorter ones.
"""

from __future__ import annotations

from claims.papers import HECKEL2021
from claims.papers import OVERCLAIM
from claims.precisions import NOTHING_CHANGED
from claims.precisions import agree
from claims.precisions import in_float32
from claims.texts import DIRECTION
from claims.widths import window
from harness import Check
from harness import Experiment
from harness import Results
from harness import Tiers
from harness import above
from harness import below
from harness import claim
from harness import control
from harness import trained
from harness.data import Augmented
from harness.data import Cifar10
from harness.data import RandomCrop
from harness.data import RandomFlip
from harness.data import TrueLabels
from harness.data import WrongLabels
from harness.fleet.schedules import InverseSqrtSgd
from harness.models.cnn5 import Cnn5
from harness.models.slow_head import SlowHead

DATA = Augmented(
    Cifar10(crop=None, whiten=False, labels=WrongLabels(0.2)), (RandomCrop(32, padding=4), RandomFlip())
)
STEPS = InverseSqrtSgd(lr=0.1, epochs=700, momentum=0.0)
NET = Tiers(full=Experiment(DATA, Cnn5(64), STEPS, precision="bfloat16"))
SLOW = NET.but(model=SlowHead(Cnn5(64), 0.01))
TRUE = NET.but(data__labels=TrueLabels())
FIRST, MIDDLE, END = (21, 30), (121, 200), (601, 700)
SLOW_FIRST, SLOW_MIDDLE = (61, 70), (301, 400)
ADAPTED = {
    "full": "images standardised one by one, bfloat16 operands, 700 epochs of 6,000; a fifth of the labels "
    "wrong, as far as the published code tells; the windows of epochs are read off the published curves, and "
    "uncalibrated"
}
HALF = "half of what the authors' own run shows"


@claim(
    HECKEL2021,
    "Figures 1a and 4: a five-layer convolutional network of width 64 on CIFAR-10",
    adapted=ADAPTED,
    reported={
        "the authors' run, test error, epochs 21 to 30": 0.204,
        "the same, epochs 121 to 200": 0.288,
        "the same, epochs 601 to 700": 0.268,
    },
)
@trained(net=NET)
@control(net=TRUE, says="true labels")
@control(net=SLOW, says="the last layer's steps a hundredth as long")
def test_the_five_layer_network_falls_twice_over_epochs(net: Results, check: Check) -> None:
    """Over its epochs the test error of the five-layer network falls, rises and falls again."""
    first, middle, end = (window(net, "test_error", *span) for span in (FIRST, MIDDLE, END))
    check(above((middle - first).named("middle - first"), 0.04, because=HALF))
    check(above((middle - end).named("middle - end"), 0.01, because=HALF))


@claim(
    HECKEL2021,
    "Figure 4: the step sizes of the layers scaled",
    adapted=ADAPTED,
    reported={
        "share of the convolutions' learning rate": 0.01,
        "the authors' run, test error, epochs 61 to 70": 0.160,
        "the same, epochs 601 to 700": 0.243,
    },
)
@trained(slow=SLOW, equal=NET)
@control(slow=NET.but(model=SlowHead(Cnn5(64), 0.8)), says="the last layer's steps four fifths as long")
def test_shorter_steps_of_the_last_layer_remove_the_second_descent(
    slow: Results, equal: Results, check: Check
) -> None:
    """With the last layer's steps a hundredth as long the test error does not fall a second time, and its
    first minimum is lower."""
    middle, end = (window(slow, "test_error", *span) for span in (SLOW_MIDDLE, END))
    check(below((middle - end).named("middle - end"), 0.0, because=DIRECTION))
    lower = window(equal, "test_error", *FIRST) - window(slow, "test_error", *SLOW_FIRST)
    check(above(lower.named("first minimum, equal steps - shorter"), 0.02, because=HALF))


NARROW = SLOW.but(model=SlowHead(Cnn5(16), 0.01))


@claim(OVERCLAIM, "a check of our own full tier", kind="counter", adapted=NOTHING_CHANGED)
@trained(reduced=NARROW, float32=in_float32(NARROW))
@control(reduced=SLOW, says="four times as wide in bfloat16")
def test_bfloat16_moves_no_test_error_of_the_slow_layer(
    reduced: Results, float32: Results, check: Check
) -> None:
    """With a slow last layer bfloat16 operands leave a network's test error as float32 has it."""
    agree(reduced, float32, check)
