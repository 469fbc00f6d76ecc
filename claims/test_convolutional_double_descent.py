"""Convolutional networks of growing width have a peak in their test error where labels are noisy.

The sweeps of Nakkiran et al. 2020, Sections 5 and 6, with their two networks: a plain one of five layers
and a pre-activation ResNet18, of width k. The full tier declares the paper's setting: gradient descent with a
falling rate for the one, Adam at a constant rate of 0.0001 for the other. The standard tier is a cut of the
five-layer network on 2,000 images of MNIST; what a smaller network shows there is told by another family.

The groups of widths (dip, peak, tail) and the windows of epochs at the full tier are read off the paper's
figures, roughly, and nothing there was ever run. Those at standard come from where smaller convolutional
networks of as many parameters peaked on such images; the learning rate was tried on replicate 1000 with 1,000
images, where 3 channels did worse than 4 by 0.07.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest

from claims.figures import Reported
from claims.papers import NAKKIRAN2020
from claims.papers import NAKKIRAN2021
from claims.papers import OVERCLAIM
from claims.precisions import NOTHING_CHANGED
from claims.precisions import agree
from claims.precisions import in_float32
from claims.widths import window
from harness import AdamL2
from harness import Change
from harness import Check
from harness import Experiment
from harness import Results
from harness import Tiers
from harness import above
from harness import below
from harness import claim
from harness import control
from harness import larger_of
from harness import trained
from harness.data import Augmented
from harness.data import Cifar10
from harness.data import Cifar100
from harness.data import Mnist
from harness.data import RandomCrop
from harness.data import RandomFlip
from harness.data import TrueLabels
from harness.data import WrongLabels
from harness.fleet.schedules import InverseSqrtSgd
from harness.models.cnn5 import Cnn5
from harness.models.resnet18 import ResNet18

STEPS_PER_EPOCH = 391  # 50,000 images in batches of 128
CNN5 = Tiers(
    standard=Experiment(
        Mnist(n=2000, crop=20, n_test=3000, labels=WrongLabels(0.2)),
        Cnn5(),
        InverseSqrtSgd(lr=0.1, epochs=60, momentum=0.0, batch=32, period=63),
    ),
    full=Experiment(
        Cifar10(crop=None, labels=WrongLabels(0.2)),
        Cnn5(),
        InverseSqrtSgd(lr=0.1, epochs=-(-500_000 // STEPS_PER_EPOCH), momentum=0.0),
        precision="bfloat16",
    ),
)
AUGMENTED_CIFAR10 = Augmented(
    Cifar10(crop=None, whiten=False, labels=WrongLabels(0.15)), (RandomCrop(32, padding=4), RandomFlip())
)
RESNET = Experiment(AUGMENTED_CIFAR10, ResNet18(), AdamL2(lr=0.0001, epochs=4000), precision="bfloat16")
FIFTH = WrongLabels(0.2)
CNN5_WIDTHS = {
    "dip": Tiers(standard=1, full=4),
    "peak": Tiers(standard=3, full=12),
    "tail": Tiers(standard=8, full=64),
}
STILL_CNN5 = CNN5.but(model__width=Tiers(standard=3, full=16))
RESNET_WIDTHS = {"dip": 3, "peak": 10, "tail": 64}
FIRST, MIDDLE, END = (10, 30), (80, 200), (3800, 4000)
ADAPTED = {
    "standard": "2,000 images of MNIST (the middle 20x20 pixels), 60 epochs in batches of 32; the rate falls "
    "each epoch",
    "full": "images standardised one by one, bfloat16 operands",
}
FULL_ADAPTED = {"full": ADAPTED["full"]}
EPOCHS_ADAPTED = {
    "full": f"{ADAPTED['full']}; the windows of epochs are read off the figure, and uncalibrated"
}
TWO_POINTS = "two points, about one deviation of a single network's test error between replicates"


def cnn5(**changes: object) -> dict[str, Tiers]:
    """The five-layer network at the tier's widths, by what is there: ``dip``, ``peak`` or ``tail``."""
    return {name: CNN5.but(model__width=width, **changes) for name, width in CNN5_WIDTHS.items()}


def wrong(share: float) -> TrueLabels | WrongLabels:
    """Labels of which a share is wrong; of none, the labels that controls are trained on too."""
    return WrongLabels(share) if share else TrueLabels()


def with_noise(share: float) -> dict[str, Tiers]:
    """The five-layer network at these widths with a share of the labels wrong."""
    return cnn5(data__labels=wrong(share))


def beyond_the_peak(share: float) -> Tiers:
    """The five-layer network at three quarters of the largest width, with a share of the labels wrong."""
    return Tiers(full=CNN5["full"].but(model__width=48, data__labels=wrong(share)))


def resnet18(**changes: object) -> dict[str, Tiers]:
    """The ResNet18 at its three widths, at the full tier."""
    return {name: Tiers(full=RESNET.but(model__width=k, **changes)) for name, k in RESNET_WIDTHS.items()}


def peaks(nets: Mapping[str, Results], check: Check) -> None:
    """The peak stands above dip and tail."""
    top = nets["peak"].final("test_error")
    for name in ("dip", "tail"):
        height = top - nets[name].final("test_error")
        check(above(height.named(f"peak - {name}"), 0.02, because=TWO_POINTS))


def draw(nets: Mapping[str, Results], check: Check, figure: str, reported: Reported | None = None) -> None:
    """Test errors over the width k."""
    check.draw(
        figure,
        series="test error",
        x=[net.runs[0].value.model.width for net in nets.values()],
        y=[net.final("test_error") for net in nets.values()],
        x_label="width k",
        y_label="test error",
        x_scale="log",
        reported=reported,
    )


@claim(
    NAKKIRAN2020,
    "Section 5, Figure 5a: five-layer network, 20 % label noise, no augmentation",
    adapted=ADAPTED,
    reported={"weights of the standard network, k = 64": "over 90 % test accuracy with augmentation"},
    expected={"standard": ("inconclusive", "the dip at one channel is about as shallow as the margin")},
    changed=(
        Change(
            "expected",
            "It came out inconclusive at standard: the peak is 0.09 above the tail, but above the single "
            "channel of "
            "the dip by about the margin.",
        ),
        Change(
            "control",
            "Each check got a control in which it fails at the full tier too, a network still at the peak.",
        ),
    ),
)
@trained(nets=cnn5())
@control(nets=cnn5(data__labels=TrueLabels()), says="true labels")
@control(nets=cnn5() | {"tail": STILL_CNN5}, says="a network that is still at the peak for the wide one")
def test_the_five_layer_network_peaks_in_width(nets: Mapping[str, Results], check: Check) -> None:
    """The five-layer network's test error falls, rises to a peak and falls again with its width."""
    peaks(nets, check)
    draw(nets, check, "Width of the five-layer network")


@claim(
    NAKKIRAN2020,
    "Section 1, Figure 1; Section 5, Figure 4b: ResNet18, 15 % label noise",
    adapted=FULL_ADAPTED,
    reported={"peak, k from 6 to 18": 0.48, "k = 64": 0.28},
)
@trained(nets=resnet18())
@control(nets=resnet18(data__labels=TrueLabels()), says="true labels: in the source the error only falls")
@control(
    nets=resnet18() | {"tail": Tiers(full=RESNET.but(model__width=14))},
    says="width 14, still at the peak in the source, for the wide one",
)
def test_the_resnet18_peaks_in_width(nets: Mapping[str, Results], check: Check) -> None:
    """The ResNet18's test error falls, rises to a peak and falls again with its width."""
    peaks(nets, check)
    draw(nets, check, "Figure 1", {"Figure 1 (read off, noisy test labels)": [(10, 0.48), (64, 0.28)]})


@claim(
    NAKKIRAN2020,
    "Section 5, Figure 5a: five-layer network, label noise of 0, 10 and 20 %",
    reported="figure",
    adapted={"full": ADAPTED["full"]},
)
@trained(
    low=lambda noise: with_noise(noise - 0.1)["peak"],
    low_tail=lambda noise: with_noise(noise - 0.1)["tail"],
    high=lambda noise: with_noise(noise)["peak"],
    high_tail=lambda noise: with_noise(noise)["tail"],
)
@control(
    low=lambda noise: beyond_the_peak(noise - 0.1),
    high=lambda noise: beyond_the_peak(noise),
    says="width 48 for the peak: networks beyond it, which more noise takes no further from the widest",
)
@pytest.mark.parametrize("noise", [0.1, 0.2])
def test_noise_raises_the_peak_of_the_five_layer_network(
    low: Results, low_tail: Results, high: Results, high_tail: Results, check: Check, noise: float
) -> None:
    """More label noise raises the peak of the five-layer network further above the tail of the same noise."""
    heights = [
        peak.final("test_error") - tail.final("test_error")
        for peak, tail in ((high, high_tail), (low, low_tail))
    ]
    higher = (heights[0] - heights[1]).named("peak - tail, more noise - less")
    check(above(higher, 0.01, because="one point for a tenth of the labels"))


def on_cifar100(weight_decay: float) -> dict[int, Tiers]:
    """The five-layer network on CIFAR-100 with a weight decay, by width."""
    data = Augmented(Cifar100(crop=None, whiten=False), (RandomCrop(32, padding=4), RandomFlip()))
    steps = InverseSqrtSgd(
        lr=0.1, epochs=-(-1_000_000 // STEPS_PER_EPOCH), momentum=0.0, weight_decay=weight_decay
    )
    nets = {k: Experiment(data, Cnn5(k), steps, precision="bfloat16") for k in (4, 8, 12, 16, 24, 32, 64)}
    return {k: Tiers(full=net) for k, net in nets.items()}


@claim(
    NAKKIRAN2021,
    "Section 5.2, Figure 4: five-layer networks on CIFAR-100, no label noise",
    adapted={
        "full": "images standardised one by one, bfloat16 operands; one decay of 0.0005 for all widths, for "
        "one tuned for each; the end of training for its least training loss; the widths are ours, and "
        "nothing here was ever run"
    },
    reported={"widths of the convolutions": "k, 2k, 4k, 8k", "steps": 1_000_000, "learning rate": 0.1},
    contested="Nakkiran et al. 2020, Figure 22: over the coefficient itself there is a peak too",
)
@trained(nets=on_cifar100(0.0005))
@control(nets=on_cifar100(0.0), says="no weight decay at any width")
def test_with_weight_decay_wider_five_layer_networks_are_no_worse(
    nets: Mapping[int, Results], check: Check
) -> None:
    """With a weight decay that is chosen well, no network of five layers is worse than the next narrower."""
    errors = [net.final("test_error") for net in nets.values()]
    rise = larger_of(*(wider - narrower for narrower, wider in itertools.pairwise(errors)))
    check(below(rise.named("largest rise from a width to the next"), 0.01, because="one point: no peak"))


def over_epochs(width: int) -> Tiers:
    """The ResNet18 with a fifth of the labels wrong, at a width of Figure 9."""
    return Tiers(full=RESNET.but(model__width=width, data__labels=FIFTH))


@claim(
    NAKKIRAN2020,
    "Section 6, Figure 9: ResNet18 of width 64, 20 % label noise",
    reported="figure",
    adapted=EPOCHS_ADAPTED,
)
@trained(net=over_epochs(64))
@control(net=over_epochs(3), says="width 3, whose error only falls in the source")
@control(net=over_epochs(12), says="width 12, whose error stays up in the source")
def test_the_large_resnet18_falls_twice_over_epochs(net: Results, check: Check) -> None:
    """Over 4,000 epochs the large ResNet18's test error falls, rises and falls again."""
    dip, peak, end = (window(net, "test_error", *span) for span in (FIRST, MIDDLE, END))
    check(above((peak - dip).named("peak - dip"), 0.02, because=TWO_POINTS))
    check(above((peak - end).named("peak - end"), 0.02, because=TWO_POINTS))


@claim(
    NAKKIRAN2020,
    "Section 6, Figure 9: ResNet18 of width 12, 20 % label noise",
    reported="figure",
    adapted=EPOCHS_ADAPTED,
)
@trained(net=over_epochs(12))
@control(net=over_epochs(3), says="width 3, whose error only falls in the source")
@control(net=over_epochs(64), says="width 64, whose error falls again in the source")
def test_the_medium_resnet18_goes_through_a_u(net: Results, check: Check) -> None:
    """Over 4,000 epochs the test error of a ResNet18 that just about comes to fit its labels falls, rises and
    stays up."""
    dip, middle, end = (window(net, "test_error", *span) for span in (FIRST, MIDDLE, END))
    check(above((end - dip).named("end - dip"), 0.02, because=TWO_POINTS))
    check(below((middle - end).named("middle - end"), 0.02, because=TWO_POINTS))


@claim(
    NAKKIRAN2020,
    "Section 6, Figure 9: ResNet18 of width 3, 20 % label noise",
    reported="figure",
    adapted=EPOCHS_ADAPTED,
)
@trained(net=over_epochs(3))
@control(net=over_epochs(12), says="width 12, whose error rises and stays up in the source")
def test_the_small_resnet18_only_falls(net: Results, check: Check) -> None:
    """Over 4,000 epochs the test error of a ResNet18 too small to fit its labels only falls."""
    first, middle, end = (window(net, "test_error", *span) for span in (FIRST, MIDDLE, END))
    check(below((end - first).named("end - first"), 0.0, because="the direction is claimed, not the size"))
    check(below((end - middle).named("end - middle"), 0.01, because="no rise of a point"))


IN_BOTH = {
    "five_layers": (Tiers(full=CNN5.full.but(model__width=12)), Tiers(full=CNN5.full)),
    "five_layers_on_cifar100": (on_cifar100(0.0005)[12], on_cifar100(0.0005)[64]),
    "resnet18": (resnet18()["peak"], resnet18()["tail"]),
}
"""A net at the peak, where the test error is most easily moved, and one that is far from it."""


@claim(OVERCLAIM, "a check of our own full tier", kind="counter", adapted=NOTHING_CHANGED)
@trained(reduced=lambda net: IN_BOTH[net][0], float32=lambda net: in_float32(IN_BOTH[net][0]))
@control(reduced=lambda net: IN_BOTH[net][1], says="width 64 in bfloat16, far beyond the peak")
@pytest.mark.parametrize("net", list(IN_BOTH))
def test_bfloat16_moves_no_test_error_at_the_peak(
    reduced: Results, float32: Results, check: Check, net: str
) -> None:
    """At the peak bfloat16 operands leave the test error of a convolutional network as float32 has it."""
    agree(reduced, float32, check)
