"""Sparse nets as chains of experiments: pruned in rounds or at once, and put back to which initial weights.

Frankle and Carbin 2019, Sections 1 and 2. Each takes a dense net, a schedule
and a number of rounds, and gives the training of what these leave.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from collections.abc import Mapping
from typing import NamedTuple

from harness import Check
from harness import Experiment
from harness import From
from harness import Measured
from harness import Results
from harness import Untrained
from harness.models import Dropout
from harness.models.conv246 import Conv
from harness.models.lenet300 import LeNet300
from harness.models.masked import Masked
from harness.models.redrawn import Redrawn
from harness.models.tickets import RandomTicket
from harness.models.tickets import Schedule
from harness.models.tickets import Ticket

Sparse = Callable[[Experiment, Schedule, int], Experiment]


class Pruned(NamedTuple):
    """A convolutional net of the paper at the density of its best accuracy; of Conv-6, at about a quarter.

    Attributes:
        model: the dense net.
        epochs: of 834 steps each.
        schedule: how much of each layer goes in a round.
        rounds: how often.
    """

    model: Conv
    epochs: int
    schedule: Schedule
    rounds: int


class Label(NamedTuple):
    """The per cent of weights left, as printed to the last digit, after rounds of pruning."""

    model: LeNet300 | Conv
    schedule: Schedule
    rounds: int
    printed: float

    @property
    def half_a_digit(self) -> float:
        """Half of the last digit: labels of LeNet have two behind the point, those of the others one."""
        return 0.5 * 10 ** -(2 if isinstance(self.model, LeNet300) else 1)


def initial(net: Experiment, draw: int = 0) -> Experiment:
    """The net at its initial weights, or at another draw of them; dropout has no part in either."""
    model = net.model.model if isinstance(net.model, Dropout) else net.model
    model = Redrawn(model, draw) if draw else model
    return net.but(model=model, optimizer=Untrained(), probes=())


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
    """The epoch of the smallest test error."""
    import numpy as np

    epochs = np.argmin(run.curve("test_error"), axis=1) + 1.0
    return dataclasses.replace(run.final("test_error"), values=epochs, resolution=1.0, name="best epoch")


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
