"""The reference kernel: one replica, plain nn.Module, plain loop, float32 (or autocast bfloat16).

Every faster kernel is held to this one. What changes its arithmetic must raise ``SEMANTICS``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from harness.spec import Experiment
from harness.streams import stream

if TYPE_CHECKING:
    import numpy as np
    import torch

    from harness.data import Split

KERNEL = "reference"
EVALUATION_BATCH = 1024

Weights = dict[str, "np.ndarray"]
Checkpoint = tuple[dict[str, Any], Weights]


class Trained:
    """What a training ends with: curves, outcome and final weights."""

    def __init__(self, curves: dict[str, list[float]], outcome: str, weights: Weights, steps: int) -> None:
        self.curves = curves
        self.outcome = outcome
        self.weights = weights
        self.steps_per_epoch = steps


def prepare(device: str) -> None:
    """Fix what numbers depend on: one thread, no denormals, no reduced precision, fixed algorithms.

    Denormals slow the end of a memorization by orders of magnitude; flushing them must be set before
    any thread pool starts.
    """
    import torch

    torch.set_flush_denormal(True)
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("highest")
    if device.startswith("cuda"):
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = False


def train(
    experiment: Experiment,
    replicate: int,
    split: Split,
    *,
    device: str = "cpu",
    start: Weights | None = None,
    resume: Checkpoint | None = None,
    save: Callable[[dict[str, Any], Weights], None] | None = None,
    save_every: float = 60.0,
    until_epoch: int | None = None,
) -> Trained:
    """Train one replicate of an experiment.

    Args:
        experiment: what to train; replicate: which repetition (all randomness follows from it).
        split: the data, as drawn for this replicate.
        device: "cpu", "cuda" or "cuda:1".
        start: initial weights of a chain; None draws them from the replicate's own stream.
        resume, save, save_every: a checkpoint to go on from, and where to leave one every so many seconds.
        until_epoch: stop after this epoch without an outcome (tests of resuming).

    Returns:
        Curves with one number per epoch trained, the outcome, and the final weights.
    """
    replica = _Replica(experiment, replicate, split, device)
    replica.load(start)
    curves: dict[str, list[float]] = {}
    first = 0
    if resume is not None:
        state, arrays = resume
        first, curves = state["epoch"], state["curves"]
        replica.load(arrays)
    outcome, saved = "budget", time.monotonic()
    for epoch in range(first, experiment.optimizer.epochs):
        if until_epoch is not None and epoch >= until_epoch:
            break
        for name, value in replica.epoch(epoch).items():
            curves.setdefault(name, []).append(value)
        if not math.isfinite(curves["train_loss"][-1]):
            outcome = "diverged"
            break
        if experiment.stop is not None and experiment.stop.reached(curves):
            outcome = "fitted"
            break
        if save is not None and time.monotonic() - saved > save_every:
            save({"epoch": epoch + 1, "curves": curves}, replica.state())
            saved = time.monotonic()
    return Trained(curves, outcome, replica.weights(), replica.steps)


def restored(experiment: Experiment, split: Split, weights: Weights, device: str) -> torch.nn.Module:
    """The trained model, in evaluation mode."""
    import torch

    shape = tuple(split.x_train.shape[1:])
    model = experiment.model.build(shape, split.classes, stream(0, "initialization"))
    model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    return model.to(device).eval()


class _Replica:
    """A model in training with its data on the device."""

    def __init__(self, experiment: Experiment, replicate: int, split: Split, device: str) -> None:
        import torch

        self.experiment, self.replicate, self.split = experiment, replicate, split
        self.device = torch.device(device)
        self.optimizer = experiment.optimizer
        shape = tuple(split.x_train.shape[1:])
        generator = stream(replicate, "initialization")
        self.model = experiment.model.build(shape, split.classes, generator).to(self.device)
        self.params = list(self.model.parameters())
        # the fused kernel takes velocities only with momentum
        self.velocities = [torch.zeros_like(p) for p in self.params] if self.optimizer.momentum else []
        self.x_train, self.x_test = self._place(split.x_train), self._place(split.x_test)
        self.y_train, self.y_test = self._place(split.y_train), self._place(split.y_test)
        self.batches = _batches(len(split.y_train), self.optimizer.batch)
        self.steps = len(self.batches)

    def _place(self, array: np.ndarray) -> torch.Tensor:
        import torch

        return torch.from_numpy(array).to(self.device)

    def load(self, arrays: Weights | None) -> None:
        """Weights, buffers and, from a checkpoint, velocities (``velocity.0`` ...)."""
        import torch

        if arrays is None:
            return
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        velocities = {n: tensors.pop(n) for n in list(tensors) if n.startswith("velocity.")}
        self.model.load_state_dict(tensors)
        for i, velocity in enumerate(self.velocities[: len(velocities)]):
            velocity.copy_(velocities[f"velocity.{i}"])

    def weights(self) -> Weights:
        # copies: on the CPU .numpy() would share memory with the model that goes on training
        return {n: t.detach().cpu().numpy().copy() for n, t in self.model.state_dict().items()}

    def state(self) -> Weights:
        moving = {f"velocity.{i}": v.cpu().numpy().copy() for i, v in enumerate(self.velocities)}
        return self.weights() | moving

    def epoch(self, epoch: int) -> dict[str, float]:
        """Train one epoch, then measure: train_loss is the running mean, errors are measured afresh."""
        if self.split.redraw is not None:
            self.y_train = self._place(self.split.redraw(epoch))
        measured = {"train_loss": self._descend(epoch)}
        wrong = self._wrong(self.x_train, self.y_train)
        measured["train_error"] = wrong.mean().item()
        measured["test_error"] = self._wrong(self.x_test, self.y_test).mean().item()
        corrupted = self._place(self.split.corrupted)
        if self.split.redraw is None and bool(corrupted.any()):
            measured["corrupted_error"] = wrong[corrupted].mean().item()
            if not bool(corrupted.all()):
                measured["clean_error"] = wrong[~corrupted].mean().item()
        return measured

    def _descend(self, epoch: int) -> float:
        """One pass over the data in the replicate's own order; the mean loss on the way."""
        import torch

        self.model.train()
        n = len(self.y_train)
        order = self._place(stream(self.replicate, "order", epoch).permutation(n))
        total = torch.zeros((), device=self.device, dtype=torch.float64)
        for i, (begin, end) in enumerate(self.batches):
            chosen = order[begin:end]
            x, y = self.x_train.index_select(0, chosen), self.y_train.index_select(0, chosen)
            loss = self._loss(x, y)
            gradients = list(torch.autograd.grad(loss, self.params))
            lr = self.optimizer.lr_at(epoch * self.steps + i, self.steps)
            with torch.no_grad():
                self.optimizer.update(self.params, gradients, self.velocities, lr)
            total += loss.detach() * (end - begin)
        return float(total.item() / n)

    def _loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        import torch.nn.functional as F

        with self._precision():
            logits = self.model(x)
        logits = logits.float()
        if self.experiment.loss == "squared":
            return F.mse_loss(logits, F.one_hot(y, self.split.classes).to(logits.dtype))
        return F.cross_entropy(logits, y)

    def _precision(self) -> torch.autocast:
        """Training and evaluation alike run at the experiment's precision; weights stay float32."""
        import torch

        reduced = self.experiment.precision == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=reduced)

    def _wrong(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """1.0 where the prediction differs from the label, [examples], in evaluation mode."""
        import torch

        self.model.eval()
        with torch.inference_mode(), self._precision():
            pieces = [self.model(part).argmax(1) for part in x.split(EVALUATION_BATCH)]
            return (torch.cat(pieces) != y).double()


def _batches(n: int, size: int) -> list[tuple[int, int]]:
    """Consecutive (begin, end); a last batch of one joins its neighbour, since batch norm needs two."""
    starts = list(range(0, n, size))
    if len(starts) > 1 and n - starts[-1] == 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], n], strict=True))
