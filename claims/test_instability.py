"""Two copies of a small network, trained in other orders from one start, end with no barrier between them.

Frankle et al. 2020 train two copies of one network on the same data in other orders, and look at the error on
the straight line between the two: if it rises nowhere by more than two points above the mean of the ends, the
network is stable to the noise of stochastic descent. Small networks on MNIST are so from initialization on;
convolutional ones on CIFAR-10 only some way into training. What decides is the start: from two starts the
line crosses a barrier (``test_mode_connectivity``), which an order of units removes
(``test_modes_modulo_permutation``). So the mean of stable copies is a network as good as either.

Settings were read off replicates 1000 to 1009 (digits), 1000 to 1002 (MNIST) and 1000 (CIFAR-10), which no
verdict reads; at a constant rate of 0.1 the convolutional net was unstable as well. LeNet, at 0.01, was so by
the training error alone. The two points are the source's.
"""

from __future__ import annotations

from claims.papers import FRANKLE2020
from claims.papers import OVERCLAIM
from harness import AdamW
from harness import Check
from harness import Draws
from harness import Experiment
from harness import From
from harness import Measured
from harness import Probing
from harness import Results
from harness import Sgd
from harness import Tiers
from harness import above
from harness import below
from harness import claim
from harness import control
from harness import trained
from harness.analytic.barriers import Barrier
from harness.analytic.joined_nets import averaged
from harness.analytic.joined_nets import side_by_side
from harness.analytic.performance import Performance
from harness.data import AveragedCifar10
from harness.data import Digits
from harness.data import Mnist
from harness.models import Mlp
from harness.models.cnn3 import Cnn3
from harness.models.lenet300 import LeNet300

ADAPTED = {
    "quick": "500 digits and 64 units for MNIST and a larger net; 11 places on the line; the starts are not "
    "averaged over",
    "standard": "5,000 images of MNIST, a constant learning rate, 11 places on the line",
}
NET = Tiers(
    quick=Experiment(Digits(n=500), Mlp(64), Sgd(lr=0.05, epochs=20, batch=32)),
    standard=Experiment(Mnist(n=5000, crop=None, n_test=2000), LeNet300(), Sgd(lr=0.02, epochs=10, batch=60)),
)
OTHER_ORDER = NET.but(draws=Draws(order=1))
OTHER_START = NET.but(draws=Draws(weights=1, order=1))
STARTS = "two networks of independent starts"
STABLE = "two points of the error, below which the source calls a network stable"


def between(first: Tiers, second: Tiers) -> Tiers:
    """What lies on the straight line between two networks."""
    return Tiers(**{t: Probing(side_by_side(first[t], second[t]), Barrier()) for t in ADAPTED})


def mean_of(first: Tiers, second: Tiers) -> Tiers:
    """Losses and errors of the network whose weights are the mean of two."""
    return Tiers(**{t: Probing(averaged(first[t], second[t]), Performance()) for t in ADAPTED})


@claim(
    FRANKLE2020,
    "Abstract: stable at initialization for small-scale settings (MNIST)",
    adapted=ADAPTED,
    reported={"instability below which a network counts as stable": "2 %"},
)
@trained(pair=between(NET, OTHER_ORDER))
@control(pair=between(NET, OTHER_START), says=STARTS)
def test_a_small_network_is_stable_from_its_initialization_on(pair: Results, check: Check) -> None:
    """Between two copies of an initialization, trained in other orders, the test error rises nowhere by two
    points."""
    most = pair.final("test_error_instability").named("rise of the test error between the copies")
    check(below(most, 0.02, because=STABLE))
    places = pair.array("test_error_along")
    check.draw(
        "Between two copies",
        series="other order of the images",
        x=[i / (places.shape[1] - 1) for i in range(places.shape[1])],
        y=places.tolist(),
        x_label="place on the line",
        y_label="test error",
    )


@claim(
    OVERCLAIM, "beside FRANKLE2020: the network half-way between the copies", kind="counter", adapted=ADAPTED
)
@trained(mean=mean_of(NET, OTHER_ORDER), first=NET, second=OTHER_ORDER)
@control(mean=mean_of(NET, OTHER_START), second=OTHER_START, says=STARTS)
def test_the_mean_of_stable_copies_is_as_good_as_they_are(
    mean: Results, first: Results, second: Results, check: Check
) -> None:
    """The network whose weights are the mean of two stable copies errs no more often than they do."""
    ends = (first.final("test_error") + second.final("test_error")) / 2
    more = (mean.final("test_error") - ends).named("test error of the mean - of the copies")
    check(below(more, 0.005, because="half a point; between independent starts it is two points and more"))


BY_ADAMW = Tiers(
    quick=NET.quick.but(optimizer=AdamW(lr=1e-3, epochs=20, batch=32)),
    standard=NET.standard.but(optimizer=AdamW(lr=1e-3, epochs=10, batch=60)),
)


@claim(
    OVERCLAIM, "beside FRANKLE2020: is it stochastic descent that is stable?", kind="counter", adapted=ADAPTED
)
@trained(pair=between(BY_ADAMW, BY_ADAMW.but(draws=Draws(order=1))))
@control(pair=between(BY_ADAMW, BY_ADAMW.but(draws=Draws(weights=1, order=1))), says=STARTS)
def test_a_small_network_is_stable_by_adamw_too(pair: Results, check: Check) -> None:
    """Two copies of an initialization that AdamW trains in other orders end with no barrier, either."""
    most = pair.final("test_error_instability").named("rise of the test error between the copies")
    check(below(most, 0.02, because=STABLE))


CONVOLUTIONAL = Experiment(
    AveragedCifar10(n=2000, n_test=1000), Cnn3(24), Sgd(lr=0.05, epochs=15, batch=64, decay=0.85)
)
EARLY = 3
"""Epochs at a constant rate before the copies part: a fifth of the training."""
CIFAR_ADAPTED = {
    "standard": "three convolutional layers with batch normalization, whose statistics are taken anew on the "
    "line, and 2,000 images of CIFAR-10 at 16x16 pixels for ResNet-20 and VGG-16; copies part after no epoch "
    "or after 3, and train for 15; 5 places on the line; training error"
}


def copies(epochs: int) -> Tiers:
    """What lies between two copies of the convolutional net that part after so many epochs."""
    first = CONVOLUTIONAL
    if epochs:
        parent = CONVOLUTIONAL.but(optimizer=Sgd(lr=0.05, epochs=epochs, batch=64))
        first = CONVOLUTIONAL.but(start=From(parent), draws=Draws(order=2))
    second = first.but(draws=Draws(order=1))
    return Tiers(standard=Probing(side_by_side(first, second), Barrier(5, recompute=True)))


def rise(pair: Results) -> Measured:
    """The largest training error on the line above the mean of its ends."""
    return pair.final("train_error_instability").named("rise of the training error between the copies")


@claim(
    FRANKLE2020,
    "Abstract: vision models become stable, which they are not from the start",
    reported="words",
    adapted=CIFAR_ADAPTED,
)
@trained(pair=copies(0))
@control(pair=copies(EARLY), says="copies that part after three epochs")
def test_a_convolutional_net_is_not_stable_at_its_initialization(pair: Results, check: Check) -> None:
    """Between two copies of a convolutional net's start, trained in other orders, the error rises."""
    check(above(rise(pair), 0.02, because=STABLE))


@claim(FRANKLE2020, "Abstract: stable early in training", reported="words", adapted=CIFAR_ADAPTED)
@trained(pair=copies(EARLY))
@control(pair=copies(0), says="copies that part at the initialization")
def test_a_convolutional_net_becomes_stable_early_in_training(pair: Results, check: Check) -> None:
    """Between copies that part after a fifth of the training the error rises nowhere by two points."""
    check(below(rise(pair), 0.02, because=STABLE))
