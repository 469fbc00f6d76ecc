"""The dimensions that Li et al. print, read as they read them: at an accuracy of 0.9, or of the net's own.

In their Table 1 those of MNIST are at 0.90, those of CIFAR-10 and of random labels at nine tenths of what
the net itself reaches. The sources disagree: an independent re-run in PyTorch has 600 for the 750 of the
dense net, 170 for the 290 of LeNet and 1,700 for the 2,900 of CIFAR-10, that is 20 to 41 % less. A number
counts as met within that distance; where nobody ran it again, within the largest of these.

Calibrated on replicate 1000, which no verdict reads: five epochs for a hundred, after which 500, 750 and
1,000 dimensions of the dense net reach 0.889, 0.912 and 0.923 (0.867, 0.896 to 0.900 and 0.910 to 0.916 in
the authors' repository), and 170 and 290 of LeNet 0.904 and 0.943.
"""

from __future__ import annotations

from collections.abc import Sequence

from claims.dimensions import ALL_MNIST
from claims.dimensions import CIFAR
from claims.dimensions import CIFAR_GRID
from claims.dimensions import CONV
from claims.dimensions import CONV_SHUFFLED
from claims.dimensions import DENSE_SHUFFLED
from claims.dimensions import LENET
from claims.dimensions import MEMORIZED
from claims.dimensions import MEMORIZED_FEW
from claims.dimensions import NET
from claims.dimensions import descent
from claims.dimensions import sweep
from claims.papers import LI2018
from claims.subspaces import accuracies
from claims.subspaces import crossing
from claims.subspaces import dimension
from harness import Change
from harness import Check
from harness import Measured
from harness import Results
from harness import Tiers
from harness import claim
from harness import control
from harness import matches
from harness import trained
from harness.models.subspace import Subspace

REACHED = 0.9
"""Accuracy that makes the dimension of MNIST in Table 1."""
PART = 0.41
"""The largest share by which a re-run is below the paper."""
ADAPTED = {
    "standard": "five epochs for 100; uniform initial weights; a learning rate falling to zero",
    "full": "uniform initial weights; a learning rate falling to zero",
}
FULL_ADAPTED = {"full": ADAPTED["full"]}
FIVE_EPOCHS = {"steps": 2345, "accelerated": False}
POINTS = {
    "FC": Tiers(standard=(500, 750), full=(400, 500, 600, 750, 900, 1200)),
    "LeNet": Tiers(standard=(120, 180, 290), full=(120, 180, 240, 290, 400)),
}


def within(net: Tiers, points: Tiers) -> Tiers:
    """A net in subspaces of some dimensions, on all of MNIST."""
    standard = [
        descent("full", ALL_MNIST, Subspace(net["full"], d), **FIVE_EPOCHS) for d in points["standard"]
    ]
    full = [descent("full", ALL_MNIST, Subspace(net["full"], d)) for d in points["full"]]
    return Tiers(standard=tuple(standard), full=tuple(full))


DENSE, CONVOLUTIONAL = within(NET, POINTS["FC"]), within(LENET, POINTS["LeNet"])
CIFAR_WHOLE = sweep(CIFAR, LENET, Tiers(full=CIFAR_GRID["full"]))


def at_nine_tenths(swept: Sequence[Results], name: str) -> Measured:
    """The dimension at which the test accuracy first reaches nine tenths, [replicate]."""
    points = [run.runs[0].value.solver.model.dimension for run in swept]
    rows = accuracies([swept[0], *swept], "test_error")
    return crossing(points, rows, [REACHED] * len(rows), f"{name}, d_int90 at 0.90")


AT_THE_EDGE = "on replicate 1000 the re-run's number came out, which lies at the tolerance's edge"
FIVE = "Undecided at five; ten and twenty would take a quarter and half an hour, so five are all since."


@claim(
    LI2018,
    "Figure 2 and Table 1: MNIST, FC",
    kind="printed",
    adapted=ADAPTED,
    reported={"d_int90 at an accuracy of 0.90": 750, "an independent re-run": 600},
    replicates={"standard": 5},
    expected={"standard": ("inconclusive or reproduced", AT_THE_EDGE)},
    changed=(Change("replicates", FIVE),),
)
@trained(net=DENSE)
@control(net=CONVOLUTIONAL, says="LeNet, which needs fewer")
def test_the_dense_net_takes_750_dimensions(net: Sequence[Results], check: Check) -> None:
    """The net 784-200-200-10 has an intrinsic dimension of 750 on MNIST."""
    apart = "the distance to the independent re-run, 150"
    check(matches(at_nine_tenths(net, "FC"), 750.0, 150.0, because=apart))


@claim(
    LI2018,
    "Table 1: MNIST, LeNet",
    kind="printed",
    adapted=ADAPTED,
    reported={"d_int90 at an accuracy of 0.90": 290, "an independent re-run": 170},
    replicates={"standard": 5},
    expected={"standard": ("inconclusive or reproduced", AT_THE_EDGE)},
    changed=(Change("replicates", FIVE),),
)
@trained(net=CONVOLUTIONAL)
@control(net=DENSE, says="the dense net, which needs more")
def test_lenet_takes_290_dimensions(net: Sequence[Results], check: Check) -> None:
    """LeNet has an intrinsic dimension of 290 on MNIST."""
    apart = "the distance to the independent re-run, 120"
    check(matches(at_nine_tenths(net, "LeNet"), 290.0, 120.0, because=apart))


@claim(
    LI2018,
    "Table 1: MNIST with shuffled pixels",
    kind="printed",
    adapted=FULL_ADAPTED,
    reported={"FC": 750, "LeNet": 1400},
)
@trained(dense=DENSE_SHUFFLED, conv=CONV_SHUFFLED)
@control(conv=CONV, says="LeNet on pixels in their order, which takes fewer")
@control(dense=CONV, says="LeNet on pixels in their order for the dense net")
def test_shuffled_pixels_take_750_and_1400_dimensions(
    dense: Sequence[Results], conv: Sequence[Results], check: Check
) -> None:
    """With shuffled pixels the dense net has an intrinsic dimension of 750, and LeNet of 1,400."""
    for swept, name, printed in ((dense, "FC", 750.0), (conv, "LeNet", 1400.0)):
        taken = at_nine_tenths(swept[1:], f"{name}, shuffled pixels")
        check(matches(taken, printed, PART * printed, because="as far as the re-run is from the paper, 41 %"))


@claim(
    LI2018,
    "Table 1: CIFAR-10, LeNet",
    kind="printed",
    adapted=FULL_ADAPTED,
    reported={"d_int90 of the net's own accuracy": 2900, "an independent re-run": 1700},
)
@trained(net=CIFAR_WHOLE)
@control(net=CONV_SHUFFLED, says="MNIST with shuffled pixels, which takes half as many")
def test_lenet_takes_2900_dimensions_on_cifar(net: Sequence[Results], check: Check) -> None:
    """LeNet has an intrinsic dimension of 2,900 on CIFAR-10."""
    apart = "the distance to the independent re-run, 1,200"
    check(matches(dimension(net, "LeNet, CIFAR-10"), 2900.0, 1200.0, because=apart))


@claim(
    LI2018,
    "Table 1: MNIST with shuffled labels",
    kind="printed",
    adapted=FULL_ADAPTED,
    reported={"60,000 labels, training accuracy": 190_000, "6,000 labels": 90_000},
)
@trained(every=MEMORIZED, tenth=MEMORIZED_FEW)
@control(every=MEMORIZED_FEW, says="a tenth of the labels, held to the number of all")
@control(tenth=MEMORIZED, says="all labels, held to the number of a tenth")
def test_random_labels_take_190_000_dimensions(
    every: Sequence[Results], tenth: Sequence[Results], check: Check
) -> None:
    """To memorize 60,000 random labels takes 190,000 dimensions of a net of five layers of 400 units, and to
    memorize 6,000 takes 90,000."""
    for swept, printed in ((every, 190_000.0), (tenth, 90_000.0)):
        taken = dimension(swept, f"{printed:,.0f} printed:", "train_error")
        check(matches(taken, printed, PART * printed, because="as far as the re-run is from the paper, 41 %"))
