"""One run in training, by the plain path: an ordinary nn.Module and an ordinary loop.

Every faster kernel is held to this one, and whatever no faster kernel knows is trained by it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol, runtime_checkable

from harness.fleet.on_device import OnDevice
from harness.fleet.orders import Orders, rates
from harness.spec import Experiment
from harness.spec.contracts import Noisy, Optimizer, Weights
from harness.spec.keeping import Keeping
from harness.spec.splits import Split
from harness.spec.streams import stream, stream_of
from harness.spec.watched import EVERYTHING, Watched

if TYPE_CHECKING:
    import numpy as np
    import torch

EVALUATION_BATCH = 1024
FIRST_ASKED = 32
"""Images that are predicted first where it is asked whether all are right: few are enough to refute it."""
CONVOLVED_AT_ONCE = 128
"""Images that convolutions on a CPU evaluate at once: maps of more are mapped into memory anew by every
operation, which doubles the time. The predictions are the same, to the bit."""
NOISE = "state of noise "
"""What a checkpoint calls the generators of a module's noise, each with its number: no name of a module's."""


class Midway(NamedTuple):
    """How far an epoch has come: steps taken, and the sum of the losses of their examples."""

    step: int
    total: float


AT_START = Midway(0, 0.0)
Between = Callable[[int, Callable[[], float], Callable[[], Weights]], None]
"""Told between two steps: how many were taken, the losses' sum so far, and what a checkpoint keeps."""


@runtime_checkable
class Resumable(Protocol):
    """A kernel that goes on from within an epoch.

    Attributes:
        resumable: whether this run of it does.
        reach: set before an epoch, how far the checkpoint is within it.
        between: told between two steps of an epoch.
    """

    resumable: bool
    reach: Midway
    between: Between | None


class Replica:
    """A model in training with its data on the device: the reference kernel.

    Other kernels are subclasses that differ in ``_descend`` and ``_wrong``; the module holds the weights
    for all of them, so that records and checkpoints do not depend on the kernel.

    Attributes:
        watched: the errors that are measured after every epoch.
    """

    kernel: ClassVar[str] = "reference"

    def __init__(
        self, module: torch.nn.Module, experiment: Experiment, replicate: int, split: Split, device: str
    ) -> None:
        import torch

        self.experiment, self.replicate, self.split = experiment, replicate, split
        self.device = torch.device(device)
        self.optimizer = experiment.optimizer
        self.model = self._laid_out(module)
        self.noise = noisy(self.model)
        self.params = list(self.model.parameters())
        self.velocities = begun(self.optimizer, self.params)
        self.x_train, self.x_test = self._placed(split.x_train), self._placed(split.x_test)
        self.y_train, self.y_test = self._on_device(split.y_train), self._on_device(split.y_test)
        self.batches = batches(len(split.y_train), self.optimizer.batch)
        self.steps = len(self.batches)
        self.orders = Orders(experiment.draws, replicate)
        self.watched = EVERYTHING
        self.resumable = True
        self.reach = AT_START
        self.between: Between | None = None
        self._noise: Weights = {}
        self._unchanged: torch.Tensor | None = None  # images before their augmentation on the device
        self._few = self.x_test, self.y_test, self.x_test, self.y_test  # of no training images yet

    def _laid_out(self, model: torch.nn.Module) -> torch.nn.Module:
        """The module on the device, its weights in the kernel's memory order."""
        return model.to(self.device)

    def _placed(self, images: np.ndarray) -> torch.Tensor:
        """Images on the device, in the kernel's memory order."""
        return self._on_device(images)

    def _on_device(self, array: np.ndarray) -> torch.Tensor:
        import torch

        return torch.from_numpy(array).to(self.device)

    def load(self, arrays: Weights | None) -> None:
        """Weights, buffers and, from a checkpoint, velocities (``velocity.0`` ...) and states of noise."""
        import torch

        if arrays is None:
            return
        self._noise = {name: array for name, array in arrays.items() if name.startswith(NOISE)}
        kept = arrays.keys() - self._noise.keys()
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items() if name in kept}
        velocities = {n: tensors.pop(n) for n in list(tensors) if n.startswith("velocity.")}
        self.model.load_state_dict(tensors)
        for i, velocity in enumerate(self.velocities[: len(velocities)]):
            velocity.copy_(velocities[f"velocity.{i}"])

    def weights(self) -> Weights:
        """Copies of parameters and buffers by name."""
        # copies: on the CPU .numpy() would share memory with the model that goes on training
        return {n: t.detach().cpu().numpy().copy() for n, t in self.model.state_dict().items()}

    def state(self) -> Weights:
        """What a checkpoint keeps: weights and velocities."""
        moving = {f"velocity.{i}": v.cpu().numpy().copy() for i, v in enumerate(self.velocities)}
        return self.weights() | moving

    def epoch(self, epoch: int) -> dict[str, float]:
        """Train one epoch, then measure what is watched: train_loss is the running mean, errors are afresh.

        Where images are augmented, the training error is that on the epoch's own images.
        """
        if self.split.redraw is not None:
            self.y_train = self._on_device(self.split.redraw(epoch))
        if self.split.augment is not None:
            self._augment(self.split.augment, epoch)
        if self.noise:
            draws = self.experiment.draws
            seed_noise(self.noise, draws.replicate("noise", self.replicate), epoch, self.device)
            restore_noise(self.noise, self._noise)
            self._noise = {}
        order = self.orders.of(epoch, len(self.y_train))
        falling = rates(self.optimizer, epoch, self.steps)
        return self._measured(self._descend(order, falling), self.watched)

    def _augment(self, augment: Callable[[int], np.ndarray], epoch: int) -> None:
        """The images of an epoch: made on a GPU where that can be, else by the host."""
        if self.device.type == "cuda" and isinstance(augment, OnDevice):
            if self._unchanged is None:
                self._unchanged = self._on_device(augment.images)
            augment.into(self.x_train, self._unchanged, epoch)
        else:
            self.x_train = self._placed(augment(epoch))

    def completed(self, row: dict[str, float]) -> dict[str, float]:
        """The row of the epoch just trained, with all measures; those that nobody watches are taken now."""
        whole = self.watched == EVERYTHING or not row
        return row if whole else self._measured(row["train_loss"], EVERYTHING)

    def fits(self, error: float) -> bool:
        """Whether the training error is at most this; a few images do, as long as much of them is wrong."""
        x, y, few_x, few_y = self._few
        if x is not self.x_train or y is not self.y_train:
            x, y = self.x_train, self.y_train
            few_x, few_y = x[:FIRST_ASKED], y[:FIRST_ASKED]
            self._few = x, y, few_x, few_y
        if int(self._wrong(few_x, few_y).sum()) / len(y) > error:
            return False
        wrong = self._wrong(x, y)
        return _share(_count(wrong), len(wrong)) <= error

    def _measured(self, loss: float, watched: Watched) -> dict[str, float]:
        wrong = self._wrong(self.x_train, self.y_train) if watched.train else None
        wrong_test = self._wrong(self.x_test, self.y_test) if watched.test else None
        row = measures(loss, wrong, wrong_test, self.split)
        if self.experiment.losses:
            row["test_loss"] = self._mean_loss(self._evaluated(), self.x_test, self.y_test)
        return row

    def _evaluated(self) -> torch.nn.Module:
        """The module at the present weights."""
        return self.model

    def _mean_loss(self, module: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
        """The mean loss in evaluation mode, accumulated in float64 over parts."""
        import torch

        module.eval()
        total, size = 0.0, self._evaluated_at_once
        with torch.inference_mode():
            for images, labels in zip(x.split(size), y.split(size), strict=True):
                with self._precision():
                    logits = module(images)
                total += float(loss_of(self.experiment.loss, logits.float(), labels)) * len(labels)
        return total / len(y)

    def rehearse(self, steps: int) -> None:
        """Some steps for a stopwatch; the replica is spoilt by it."""
        import numpy as np

        rows = np.resize(np.arange(len(self.y_train)), steps * self.optimizer.batch)
        self.batches = batches(len(rows), self.optimizer.batch)
        self._descend(rows, [0.0] * len(self.batches))

    def _descend(self, order: np.ndarray, rates: list[float]) -> float:
        """One pass over the data in this order, a rate for each step; the mean loss on the way."""
        import torch

        self.model.train()
        indices = self._on_device(order)
        total = torch.zeros((), device=self.device, dtype=torch.float64)
        for begin, end, lr in self._steps(rates, total):
            chosen = indices[begin:end]
            x, y = self.x_train.index_select(0, chosen), self.y_train.index_select(0, chosen)
            loss = self._loss(x, y)
            gradients = list(torch.autograd.grad(loss, self.params))
            with torch.no_grad():
                self.optimizer.update(self.params, gradients, self.velocities, lr)
            total += loss.detach() * (end - begin)
        return float(total.item() / len(order))

    def _steps(self, rates: list[float], total: torch.Tensor) -> Iterator[tuple[int, int, float]]:
        """The steps of an epoch that are left: rows of the order and the rate of each.

        Args:
            rates: of all steps.
            total: the sum of losses so far, float64 of no dimension; a checkpoint's is added to it.
        """
        first, before = self.reach
        self.reach = AT_START
        total += before
        for step in range(first, len(self.batches)):
            if self.between is not None and step > first:
                self.between(step, lambda: float(total.item()), self._within)
            yield *self.batches[step], rates[step]

    def _within(self) -> Weights:
        """What a checkpoint from within an epoch keeps."""
        return self.state() | noise_states(self.noise)

    def _loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        with self._precision():
            logits = self.model(x)
        return loss_of(self.experiment.loss, logits.float(), y)

    def _precision(self) -> torch.autocast:
        """Training and evaluation alike run at the experiment's precision; weights stay float32."""
        import torch

        reduced = self.experiment.precision == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=reduced)

    @property
    def _evaluated_at_once(self) -> int:
        return EVALUATION_BATCH

    def _wrong(self, x: torch.Tensor, y: torch.Tensor) -> np.ndarray:
        """Where the prediction differs from the label, bool [examples], in evaluation mode."""
        import torch

        self.model.eval()
        with torch.inference_mode(), self._precision():
            pieces = [self.model(part).argmax(1) for part in x.split(self._evaluated_at_once)]
            return (torch.cat(pieces) != y).cpu().numpy()


class ChannelsLast(Replica):
    """The plain path with images and convolutions in channels-last order, which convolutions prefer."""

    kernel = "channels_last"

    def _laid_out(self, model: torch.nn.Module) -> torch.nn.Module:
        import torch

        from harness.fleet._response_nets import quickened

        model = quickened(model) if self.device.type == "cpu" else model
        return super()._laid_out(model).to(memory_format=torch.channels_last)

    def _placed(self, images: np.ndarray) -> torch.Tensor:
        import torch

        return super()._placed(images).contiguous(memory_format=torch.channels_last)

    @property
    def _evaluated_at_once(self) -> int:
        return CONVOLVED_AT_ONCE if self.device.type == "cpu" else EVALUATION_BATCH


def built(experiment: Experiment, replicate: int, split: Split) -> torch.nn.Module:
    """The module of a run at its own initial weights, on the CPU."""
    shape = tuple(split.x_train.shape[1:])
    generator = stream_of(experiment.draws, replicate, "initialization")
    return experiment.model.build(shape, split.classes, generator)


def begun(optimizer: Optimizer, params: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """What an optimizer keeps between its steps, before the first one."""
    import torch

    if isinstance(optimizer, Keeping):
        return optimizer.begun([p.detach() for p in params])
    # the fused kernel takes velocities only with momentum
    return [torch.zeros_like(p) for p in params] if optimizer.momentum else []


def noisy(module: torch.nn.Module) -> list[Noisy]:
    """The parts of a module that draw random numbers while it trains."""
    return [part for part in module.modules() if isinstance(part, Noisy)]


def seed_noise(parts: Sequence[Noisy], replicate: int, epoch: int, device: torch.device) -> None:
    """Give each noisy part its stream for an epoch, so that noise depends on nothing but the run."""
    for number, part in enumerate(parts):
        draws = stream(replicate, "noise", epoch, number)
        part.seed(int(draws.integers(2**62)), device)


def noise_states(parts: Sequence[Noisy]) -> Weights:
    """Where each noisy part is within its stream, for a checkpoint."""
    drawing = ((i, part.generator) for i, part in enumerate(parts))
    return {f"{NOISE}{i}": g.get_state().numpy().copy() for i, g in drawing if g is not None}


def restore_noise(parts: Sequence[Noisy], states: Weights) -> None:
    """Have noisy parts go on from there; those without a state stay where they are."""
    import torch

    for i, part in enumerate(parts):
        if part.generator is not None and f"{NOISE}{i}" in states:
            part.generator.set_state(torch.from_numpy(states[f"{NOISE}{i}"]))


def loss_of(kind: str, logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Mean loss of float32 logits [batch, classes] and labels [batch]."""
    import torch.nn.functional as F

    if kind == "squared":
        return F.mse_loss(logits, F.one_hot(y, logits.shape[-1]).to(logits.dtype))
    return F.cross_entropy(logits, y)


def measures(
    loss: float, wrong: np.ndarray | None, wrong_test: np.ndarray | None, split: Split
) -> dict[str, float]:
    """An epoch's row of the curves, from what was predicted wrongly, bool [examples], or not asked."""
    row = {"train_loss": loss}
    if wrong is not None:
        row["train_error"] = _share(_count(wrong), len(wrong))
    if wrong_test is not None:
        row["test_error"] = _share(_count(wrong_test), len(wrong_test))
    if wrong is None or split.redraw is not None:
        return row
    if corrupted := _count(split.corrupted):
        both = _count(wrong & split.corrupted)
        row["corrupted_error"] = _share(both, corrupted)
        if corrupted < len(wrong):
            row["clean_error"] = _share(_count(wrong) - both, len(wrong) - corrupted)
    return row


def _count(flags: np.ndarray) -> int:
    """How many entries are true."""
    import numpy as np

    return int(np.count_nonzero(flags))


def _share(true: int, entries: int) -> float:
    """The share of true entries: their mean, to the bit, in a fraction of its time."""
    return true / entries if entries else math.nan


def batches(n: int, size: int) -> list[tuple[int, int]]:
    """Consecutive (begin, end); a last batch of one joins its neighbour, since batch norm needs two."""
    starts = list(range(0, n, size))
    if len(starts) > 1 and n - starts[-1] == 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], n], strict=True))
