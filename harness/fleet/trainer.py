"""Trains runs: epochs, stopping rules, checkpoints. How an epoch is computed is the kernel's part.

What changes the arithmetic of the plain path must raise ``SEMANTICS``; kernels are provenance.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import operator
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from harness.fleet import numerics, pausing, table
from harness.fleet.optimizers import WhenFitted
from harness.fleet.replica import AT_START, Midway, Resumable, built, noisy
from harness.spec import Experiment
from harness.spec.contracts import Rehearsable, Weights
from harness.spec.keeping import Keeping
from harness.spec.splits import Split
from harness.spec.watched import EVERYTHING, Watched, curves_of

if TYPE_CHECKING:
    import torch

    from harness.fleet.stacked import Stack

Checkpoint = tuple[dict[str, Any], Weights]
Save = Callable[[dict[str, Any], Weights], None]

SAVE_EVERY = 60.0
"""Seconds between checkpoints of a training, within long epochs too."""
STEPS_TIMED = 5
"""Steps by which a stacked model and single ones are compared."""


@dataclass
class Trained:
    """What a training ends with: curves, all measures at the end, outcome, final weights, by which kernel.

    ``normalization`` says whether a GPU fused it, or why not; "" where that was no question (``fusing``).
    """

    curves: dict[str, list[float]]
    finals: dict[str, float]
    outcome: str
    weights: Weights
    steps_per_epoch: int
    kernel: str
    normalization: str = ""


@dataclass
class Member:
    """One run of a fleet.

    Attributes:
        experiment: what to train; replicate: which repetition (all randomness follows from it).
        split: the data, as drawn for this replicate.
        start: initial weights of a chain; None draws them from the replicate's own stream.
        resume, save: a checkpoint to go on from, and where to leave one from time to time.
        watched: errors whose curves are read; the stopping rule watches more if it must.
    """

    experiment: Experiment
    replicate: int
    split: Split
    start: Weights | None = None
    resume: Checkpoint | None = None
    save: Save | None = None
    watched: Watched = EVERYTHING


def train(member: Member, device: str = "cpu", until_epoch: int | None = None) -> Trained:
    """Train one run by the kernel that suits it.

    Args:
        member: the run.
        device: "cpu", "cuda" or "cuda:1".
        until_epoch: stop after this epoch without an outcome (tests of resuming).

    Returns:
        Curves with one number per epoch trained, the outcome, and the final weights.

    Raises:
        Paused: that was asked for; what it reached was kept.
    """
    with numerics.multiplied(member.experiment.precision, device):
        return _train(member, device, until_epoch)


def _train(member: Member, device: str, until_epoch: int | None) -> Trained:
    """``train`` by the numerics that are set."""
    replica = table.replica(member.experiment, member.replicate, member.split, device)
    history = History(member)
    if isinstance(replica, Resumable) and replica.resumable:
        replica.reach = history.reach
        replica.between = history.between
    elif history.reach != AT_START:
        history = History(dataclasses.replace(member, resume=None))
    replica.load(history.arrays)
    replica.watched = history.watched
    last = min(member.experiment.optimizer.epochs, until_epoch or math.inf)
    while not history.outcome and history.epoch < last:
        history.hear(replica.epoch(history.epoch), replica.fits)
        if not history.outcome and history.epoch < member.experiment.optimizer.epochs:
            history.keep(replica.state)
    history.row = replica.completed(history.row)
    how = replica.steps, replica.kernel, getattr(replica, "normalization", "")
    return history.trained(replica.weights(), *how)


def train_together(members: Sequence[Member], device: str, ended: Callable[[int, Trained], None]) -> None:
    """Train runs of equal shape as one stacked model; each leaves the fleet at the epoch in which it ends.

    Args:
        members: runs of one ``plan.shape_of``.
        ended: told a member's number and what it ended with, as soon as it does.

    Raises:
        torch.OutOfMemoryError: too many at once; who has ended so far has been told.
    """
    with numerics.multiplied(members[0].experiment.precision, device):
        _train_together(members, device, ended)


def _train_together(members: Sequence[Member], device: str, ended: Callable[[int, Trained], None]) -> None:
    """``train_together`` by the numerics that are set."""
    from harness.fleet.stacked import Stack

    if not stack_pays(members, device):
        for i, member in enumerate(members):
            ended(i, train(member, device))
        return
    histories = {i: History(member) for i, member in enumerate(members)}
    if len(steps := {history.reach.step for history in histories.values()}) > 1:
        for step in sorted(steps):  # a stack is within one step of an epoch, or at its beginning
            alike = [i for i, history in histories.items() if history.reach.step == step]
            train_together([members[i] for i in alike], device, functools.partial(_ended, ended, alike))
        return
    stack = Stack([(m.experiment, m.replicate, m.split) for m in members], device)
    stack.reaches = [history.reach for history in histories.values()]
    stack.watched = functools.reduce(operator.or_, map(_of_stack, histories.values()))
    stack.between = functools.partial(_between, stack, histories)
    try:
        _train_stack(stack, members, histories, ended)
    finally:
        stack.between = None  # which holds the stack: together they would outlive it on the GPU


def _train_stack(
    stack: Stack,
    members: Sequence[Member],
    histories: dict[int, History],
    ended: Callable[[int, Trained], None],
) -> None:
    """Train a stack's members until each has ended; who has leaves ``histories``."""
    for i, history in histories.items():
        stack.load(i, history.arrays)
    while histories:
        numbers = list(histories)
        rows = stack.epoch([histories[i].epoch for i in numbers])
        whole: list[dict[str, float]] = []
        is_time = any(history.is_time() for history in histories.values())
        for place, (i, row) in enumerate(zip(numbers, rows, strict=True)):
            history = histories[i]
            history.hear(row)
            if history.outcome or history.epoch == members[i].experiment.optimizer.epochs:
                whole = whole or stack.completed(rows)
                history.row = whole[place]
                how = stack.steps, stack.kernel, stack.normalization
                ended(i, history.trained(stack.weights(place), *how))
                del histories[i]
            elif is_time:
                history.leave(AT_START, functools.partial(stack.state, place))
        if is_time:
            pausing.look()
        if 0 < len(histories) < len(numbers):
            stack.keep([place for place, i in enumerate(numbers) if i in histories])


def _of_stack(history: History) -> Watched:
    """What a stack measures for a member: a stopping rule is asked of the whole row there."""
    return history.watched | Watched(train=history.member.experiment.stop is not None, test=False)


def _ended(told: Callable[[int, Trained], None], numbers: Sequence[int], i: int, trained: Trained) -> None:
    """Tell of a member of a part by its number in the whole."""
    told(numbers[i], trained)


def _between(
    stack: Stack, histories: Mapping[int, History], step: int, totals: Callable[[], list[float]]
) -> None:
    """Leave a checkpoint of every member between two steps of a stack, if it is time.

    Raises:
        Paused: that was asked for; all are kept.
    """
    if any(history.is_time() for history in histories.values()):
        for place, (history, total) in enumerate(zip(histories.values(), totals(), strict=True)):
            history.leave(Midway(step, total), functools.partial(stack.state, place))
        pausing.look()


def stack_pays(members: Sequence[Member], device: str) -> bool:
    """Whether a step of all members at once is quicker than a step of each, measured here and now on copies.

    A stacked model has no noise of its own for each member, so nets with dropout are never stacked; nor are
    those of an optimizer that neither has the step that ``Stack`` writes out nor one of its own for stacks.
    """
    from harness.fleet.stacked import Stack

    one = members[0]
    module = built(one.experiment, one.replicate, one.split)
    optimizer = one.experiment.optimizer
    if noisy(module) or not (optimizer.plain_step or isinstance(optimizer, Keeping)):
        return False
    made = table.chosen(module, one.experiment, device)
    single = made(module, one.experiment, one.replicate, one.split, device)
    if not isinstance(single, Rehearsable):
        return False
    alone = _seconds(single, device)
    del single  # which the stack may need the memory of
    stack = Stack([(m.experiment, m.replicate, m.split) for m in members], device)
    return _seconds(stack, device) < alone * len(members)


def _seconds(kernel: Rehearsable, device: str) -> float:
    """Seconds that a kernel needs for ``STEPS_TIMED`` steps, after as many to warm up."""
    import torch

    taken = 0.0
    for _ in range(2):
        began = time.monotonic()
        kernel.rehearse(STEPS_TIMED)
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)
        taken = time.monotonic() - began
    return taken


class History:
    """How far a run has come: its curves, and what it ended with.

    Attributes:
        epoch: epochs trained so far; outcome: "" while it goes on within its budget.
        arrays: what its model starts from; None for its own initialization.
        watched: errors that are measured after every epoch: those of a checkpoint, or what is read.
        reach: how far within the epoch that begins, of a checkpoint from within one.
        row: what was measured last.
    """

    def __init__(self, member: Member) -> None:
        state, arrays = member.resume or ({"epoch": 0, "curves": {}}, member.start)
        self.member, self.arrays = member, arrays
        self.epoch: int = state["epoch"]
        self.curves: dict[str, list[float]] = state["curves"]
        self.reach = Midway(state.get("step", 0), state.get("total", 0.0))
        self.watched = curves_of(self.curves) if self.epoch else watched(member)
        self.row = {name: values[-1] for name, values in self.curves.items()}
        self.outcome = ""
        self._saved = time.monotonic()

    def hear(self, measured: dict[str, float], fits: Callable[[float], bool] | None = None) -> None:
        """Add an epoch's row, and see whether it was the last.

        Args:
            measured: the row.
            fits: whether the training error is at most a number, asked where the row does not tell.
        """
        for name, value in measured.items():
            if name in self.curves or not self.epoch:  # what a checkpoint left out has no curve
                self.curves.setdefault(name, []).append(value)
        self.row = measured
        self.epoch += 1
        if not math.isfinite(measured["train_loss"]):
            self.outcome = "diverged"
        elif self._fitted(fits):
            self.outcome = "fitted"

    def _fitted(self, fits: Callable[[float], bool] | None) -> bool:
        """Whether the stopping rule has it that training ends here."""
        stop = self.member.experiment.stop
        if stop is None:
            return False
        if not is_of_one_epoch(stop) or "train_error" in self.curves:
            return stop.reached(self.curves)
        if fits is None or "train_error" in self.row:
            return stop.reached({"train_error": [self.row["train_error"]]})
        return fits(stop.error)

    def keep(self, arrays: Callable[[], Weights]) -> None:
        """Leave a checkpoint after an epoch, if it is time.

        Raises:
            Paused: that was asked for.
        """
        if self.is_time():
            self.leave(AT_START, arrays)
            pausing.look()

    def between(self, step: int, total: Callable[[], float], arrays: Callable[[], Weights]) -> None:
        """Leave a checkpoint after so many steps of an epoch, if it is time.

        Args:
            step: steps taken; total: the sum over their examples of the losses before them.
            arrays: what the model goes on from there.

        Raises:
            Paused: that was asked for.
        """
        if self.is_time():
            self.leave(Midway(step, total()), arrays)
            pausing.look()

    def is_time(self) -> bool:
        """Whether a checkpoint is due, or asked for because training is to end."""
        return bool(pausing.asked()) or time.monotonic() - self._saved > SAVE_EVERY

    def leave(self, reach: Midway, arrays: Callable[[], Weights]) -> None:
        """Leave a checkpoint; what has diverged within an epoch leaves none, and ends with it."""
        if self.member.save is not None and math.isfinite(reach.total):
            state = {"epoch": self.epoch, "curves": self.curves, "step": reach.step, "total": reach.total}
            self.member.save(state, arrays())
        self._saved = time.monotonic()

    def trained(self, weights: Weights, steps: int, kernel: str, normalization: str = "") -> Trained:
        """What it ended with; without an outcome of its own, its budget was used up."""
        how = steps, kernel, normalization
        return Trained(self.curves, self.row, self.outcome or "budget", weights, *how)


def watched(member: Member) -> Watched:
    """The errors to be measured after every epoch: what a claim or the stopping rule reads as a curve."""
    stop = member.experiment.stop
    if stop is None:
        return member.watched
    if is_of_one_epoch(stop):  # which is asked afresh
        return member.watched
    # a rule of one's own may read any curve
    of_rule = Watched(train=True, test=False) if type(stop).reached is WhenFitted.reached else EVERYTHING
    return member.watched | of_rule


def is_of_one_epoch(stop: Any) -> TypeGuard[WhenFitted]:
    """Whether a stopping rule asks for nothing but the training error of the last epoch."""
    return type(stop).reached is WhenFitted.reached and stop.patience == 1


def restored(experiment: Experiment, split: Split, weights: Weights, device: str) -> torch.nn.Module:
    """The trained model, in evaluation mode."""
    import torch

    model = built(experiment, 0, split)
    model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    return model.to(device).eval()
