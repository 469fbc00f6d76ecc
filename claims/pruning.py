"""Sparse nets as chains of experiments: pruned in rounds or at once, and put back to which initial weights.

Frankle and Carbin 2019, Sections 1 and 2. Each takes a dense net, a schedule
and a number of rounds, and gives the training of what these leave.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import NamedTuple

from claims.texts import only
from harness import AdamL2
from harness import Check
from harness import Draws
from harness import Experiment
from harness import From
from harness import Measured
from harness import Results
from harness import Sgd
from harness import Tiers
from harness import Untrained
from harness.analytic.losses import HeldOutLoss
from harness.data import Digits
from harness.data import Mnist
from harness.models import Dropout
from harness.models.conv246 import Conv
from harness.models.lenet300 import LeNet300
from harness.models.masked import Masked
from harness.models.redrawn import Redrawn
from harness.models.tickets import RandomTicket
from harness.models.tickets import Schedule
from harness.models.tickets import Ticket
from harness.spec import TIERS

if TYPE_CHECKING:
    import numpy as np

Sparse = Callable[[Experiment, Schedule, int], Experiment]


class Pruned(NamedTuple):
    """A convolutional net of the paper at the density of its best accuracy; of Conv-6, at about a quarter.

    Attributes:
        model: the dense net.
        epochs: of 834 steps each.
        lr: the learning rate of Adam.
        schedule: how much of each layer goes in a round.
        rounds: how often.
    """

    model: Conv
    epochs: int
    lr: float
    schedule: Schedule
    rounds: int


DENSE = Tiers(
    quick=Experiment(Digits(n=1000, whiten=False), LeNet300(), Sgd(lr=0.05, epochs=12, batch=60)),
    standard=Experiment(
        Mnist(n=4000, crop=None, whiten=False, n_test=5000), LeNet300(), Sgd(lr=0.05, epochs=8, batch=60)
    ),
    full=Experiment(
        Mnist(n=55_000, crop=None, whiten=False),
        LeNet300(),
        AdamL2(lr=1.2e-3, epochs=55, batch=60),
        losses=True,
    ),
).but(probes=(HeldOutLoss(),))
FRANKLES = Schedule(rate=0.2, last=0.1)
SCHEDULE = Tiers(quick=Schedule(rate=0.45, last=0.25), standard=FRANKLES, full=FRANKLES)
ROUNDS = {
    "sparse": Tiers(quick=6, standard=13, full=13),  # 3.1, 5.5, 5.5
    "moderate": Tiers(quick=4, standard=7, full=7),  # 9.6, 21.1, 21.1
    "mild": Tiers(quick=2, standard=3, full=3),  # 31, 51.3, 51.3
}
"""Rounds of pruning by density, and the per cent of weights that they leave at each tier."""
LONG = 24
"""Epochs on 4,000 images after which validation losses have long been rising."""
SPARSE, MODERATE = ROUNDS["sparse"], ROUNDS["moderate"]
COMPARED = Tiers(quick=MODERATE.quick, standard=SPARSE.standard, full=SPARSE.full)
ON_MNIST = Tiers(standard=MODERATE.standard, full=MODERATE.full)
LABELLED = {
    "LeNet-300-100": {3: 51.3, 7: 21.1, 9: 13.5, 15: 3.6, 18: 1.9, 20: 1.2},
    "Conv-2": {11: 8.8, 14: 4.6},
    "Conv-4": {12: 9.2, 11: 11.1},
}
"""The per cent of weights by which the paper's figures and text label nets, by rounds of pruning."""
ADAPTED = {
    "quick": "1,000 digits of 8x8 pixels, 12 epochs of SGD with momentum; 45 per cent pruned in a round",
    "standard": "4,000 images of MNIST, 8 epochs of SGD with momentum",
    "full": "test error at the end for early stopping on 5,000 images",
}
REAL_ADAPTED = only(ADAPTED, "standard", "full")


def densities(generator: np.random.Generator, *, rate: float) -> dict[str, float]:
    """The per cent of weights left after rounds that take ``rate`` of each dense layer, by net and rounds.

    The output layer loses half of that, convolutions a tenth.
    """
    shares: dict[str, float] = {}
    for name, rounds_of in LABELLED.items():
        model = LeNet300() if name == "LeNet-300-100" else Conv(int(name[-1]))
        shapes = model.shapes((1, 28, 28) if isinstance(model, LeNet300) else (3, 32, 32), 10)
        schedule = Schedule(rate=rate, last=rate / 2, convolutions=0.1)
        shares |= {left_after(name, n): 100 * schedule.left(shapes, n) for n in rounds_of}
    return shares


def left_after(name: str, rounds: int) -> str:
    """The name of the share of weights that so many rounds leave."""
    return f"{name} after {rounds} rounds"


def initial(net: Experiment, draw: int = 0) -> Experiment:
    """The net at its initial weights, or at another draw of them; dropout has no part in either."""
    model = net.model.model if isinstance(net.model, Dropout) else net.model
    model = Redrawn(model, draw) if draw else model
    return net.but(model=model, optimizer=Untrained(), probes=(), losses=False)


def sparse(net: Experiment, start: From | tuple[From, From]) -> Experiment:
    """The net under a mask, trained as the dense one."""
    return net.but(model=Masked(net.model), start=start)


def ticket(net: Experiment, schedule: Schedule, rounds: int, draw: int = 0) -> Experiment:
    """What rounds of pruning leave, trained from the net's own initial weights.

    Args:
        draw: not zero trains the last round from another draw of them: the re-initialized ticket.
    """
    if not rounds:
        return net
    larger = ticket(net, schedule, rounds - 1).but(probes=())
    return sparse(net, (From(larger), From(initial(net, draw), Ticket(schedule))))


def reinitialized(net: Experiment, schedule: Schedule, rounds: int) -> Experiment:
    """The mask of the ticket on another draw of initial weights."""
    return ticket(net, schedule, rounds, draw=1)


def reinitialized_again(net: Experiment, schedule: Schedule, rounds: int) -> Experiment:
    """The same on one more draw."""
    return ticket(net, schedule, rounds, draw=2)


def reordered(net: Experiment, schedule: Schedule, rounds: int) -> Experiment:
    """The ticket from its own initial weights, trained in another order of the images."""
    return ticket(net, schedule, rounds).but(draws=Draws(order=1))


def random(net: Experiment, schedule: Schedule, rounds: int) -> Experiment:
    """A random mask, with as many weights in each layer, on the dense net's initial weights."""
    return sparse(net, From(initial(net), RandomTicket(schedule, rounds)))


def one_shot(net: Experiment, schedule: Schedule, rounds: int) -> Experiment:
    """All rounds of pruning at once, from the dense net."""
    return sparse(net, (From(net.but(probes=())), From(initial(net), Ticket(schedule, rounds))))


def gap(worse: Results, better: Results, name: str, measure: str = "test_error") -> Measured:
    """The amount by which a measure of one net is above that of another, replicate by replicate."""
    return (worse.final(measure) - better.final(measure)).named(f"{measure}, {name}")


def after_one_epoch(run: Results) -> Measured:
    """The test error after the first epoch: what is learnt soon."""
    last = run.final("test_error")
    return dataclasses.replace(last, values=run.curve("test_error")[:, 0], name="test_error after one epoch")


def best_epoch(run: Results) -> Measured:
    """The epoch of the smallest mean loss on held-out images: where early stopping would have stopped."""
    import numpy as np

    last = run.final("test_loss")
    epochs = np.argmin(run.curve("test_loss"), axis=1) + 1.0
    return dataclasses.replace(last, values=epochs, resolution=1.0, name="early stop, epoch")


def sooner(ticket: Results, dense: Results) -> Measured:
    """The share by which early stopping comes sooner for a ticket than for the dense net."""
    early, late = best_epoch(ticket).values, best_epoch(dense).values
    one_epoch = 1 / float(late.max())
    return dataclasses.replace(
        best_epoch(dense), values=1 - early / late, resolution=one_epoch, name="early stop sooner by, share"
    )


def at_early_stop(run: Results) -> Measured:
    """The test error at the epoch of the smallest mean loss on held-out images."""
    import numpy as np

    errors = run.curve("test_error")
    stops = np.argmin(run.curve("test_loss"), axis=1)
    chosen = errors[np.arange(len(errors)), stops]
    return dataclasses.replace(run.final("test_error"), values=chosen, name="test_error at early stop")


def draw_accuracies(
    check: Check, dense: Results, nets: Mapping[str, Results], left: Mapping[str, float], series: str
) -> None:
    """Accuracy against the per cent of weights ``left``, for sparse nets and, at 100, the dense one."""
    errors = [run.final("test_error") for run in (*(nets[level] for level in left), dense)]
    check.draw(
        "Accuracy of sparse nets",
        series=series,
        x=[*left.values(), 100.0],
        y=[[1 - error for error in row] for row in zip(*(e.values for e in errors), strict=True)],
        x_label="per cent of weights left",
        y_label="test accuracy at the end",
    )


def left(kind: Sparse, rounds: Tiers) -> Tiers:
    """Each tier's sparse net after its rounds of pruning."""
    tiers = [tier for tier in TIERS if tier in rounds]
    return Tiers(**{tier: kind(DENSE[tier], SCHEDULE[tier], rounds[tier]) for tier in tiers})


def watched(kind: Sparse | None, rounds: Tiers) -> Tiers:
    """What rounds leave, or the dense net, trained for long enough to overfit, with losses of each epoch."""
    nets = left(kind, rounds) if kind else Tiers(**{tier: DENSE[tier] for tier in TIERS if tier in rounds})
    longer = {tier: nets[tier].but(losses=True, probes=()) for tier in TIERS if tier in nets}
    if "standard" in longer:
        longer["standard"] = longer["standard"].but(optimizer__epochs=LONG)
    return Tiers(**longer)


def drawn(check: Check, dense: Results, nets: Mapping[str, Results], tier: str, series: str) -> None:
    """Accuracy against the per cent of weights left, for one kind of sparse nets and the dense one."""
    net, schedule = DENSE[tier], SCHEDULE[tier]
    shapes = net.model.shapes(net.data.shape, net.data.classes)
    per_cent = {density: 100 * schedule.left(shapes, rounds[tier]) for density, rounds in ROUNDS.items()}
    draw_accuracies(check, dense, nets, per_cent, series)
