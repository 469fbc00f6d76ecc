"""One run on a GPU whose whole step is a captured graph: one launch in the place of hundreds.

It is the plain path's arithmetic, from gathering the batch to the update, captured once for each batch size
and replayed. What a step reads and writes stays where it is for all epochs; where its batch begins and its
rate are written to the device before each replay, and nothing is read back until the epoch is over. Parts
that draw on the device keep their generators, registered with each graph and set to the epoch's stream; the
points of curves of nets are drawn by the host and written there too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from harness.fleet import fusing
from harness.fleet.adaptive import AdamL2, AdamW
from harness.fleet.replica import ChannelsLast, Replica, noisy
from harness.spec import Experiment
from harness.spec.contracts import Noisy
from harness.spec.keeping import Keeping
from harness.spec.splits import Split

if TYPE_CHECKING:
    import numpy as np
    import torch

    from harness.fleet._curve_point_nets import CurvePoint

WARM_UP = 3
"""Steps before a capture, in which libraries choose their algorithms and take their workspaces."""


def is_capturable(module: torch.nn.Module, experiment: Experiment) -> bool:
    """Whether a step can be captured: its rate may lie on the device, and so may all that is drawn for it."""
    from harness.models._curve_nets import CurveNet
    from harness.models._dropout_nets import SeededDropout
    from harness.models._noisy_input_nets import InputChanges

    optimizer = experiment.optimizer
    known = all(isinstance(part, SeededDropout | InputChanges | CurveNet) for part in noisy(module))
    return known and (optimizer.plain_step or isinstance(optimizer, Keeping))


class Captured(Replica):
    """A run whose step is replayed on CUDA; elsewhere it is the plain path."""

    kernel: ClassVar[str] = "captured"

    def __init__(
        self, module: torch.nn.Module, experiment: Experiment, replicate: int, split: Split, device: str
    ) -> None:
        import torch

        super().__init__(module, experiment, replicate, split, device)
        self.velocities = [v.to(self.device) for v in self.velocities]  # with the number of steps taken
        self._held = self.x_train, self.y_train
        self._points = _points(self.noise, self.device)
        self._drawing = [part for part in self.noise if all(part is not p.net for p in self._points)]
        self._generators: list[torch.Generator | None] = [None] * len(self._drawing)
        self._order = torch.zeros(len(self.y_train), dtype=torch.int64, device=self.device)
        self._first = torch.zeros(1, dtype=torch.int64, device=self.device)
        self._rate = torch.zeros((), device=self.device)
        self._total = torch.zeros((), dtype=torch.float64, device=self.device)
        self._graphs: dict[int, torch.cuda.CUDAGraph] = {}
        self.normalization = ""

    def rehearse(self, steps: int) -> None:
        """Some steps for a stopwatch; the replica is spoilt by it."""
        import numpy as np

        if self.device.type != "cuda":
            super().rehearse(steps)
            return
        self._prepare(np.arange(len(self.y_train)))
        for begin, end in (self.batches * steps)[:steps]:
            self._take(begin, end - begin, 0.0)

    def _descend(self, order: np.ndarray, rates: list[float]) -> float:
        if self.device.type != "cuda":
            return super()._descend(order, rates)
        self._prepare(order)
        self._total.zero_()
        for begin, end, lr in self._steps(rates, self._total):
            self._take(begin, end - begin, lr)
        return float(self._total.item() / len(order))

    def _prepare(self, order: np.ndarray) -> None:
        """What an epoch's steps read, to where they read it."""
        import torch

        self.model.train()
        self._order.copy_(torch.from_numpy(order))
        for kept, new in zip(self._held, (self.x_train, self.y_train), strict=True):
            if kept is not new:  # of an epoch's own making
                kept.copy_(new)
        self.x_train, self.y_train = self._held
        for part in self.noise:
            if part.generator is None:  # nothing was drawn yet: a stopwatch's steps
                part.seed(0, self.device)
        for number, part in enumerate(self._drawing):
            kept_one, seeded = self._generators[number], part.generator
            if kept_one is None:
                self._generators[number] = seeded
            elif seeded is not None and seeded is not kept_one:
                kept_one.set_state(seeded.get_state())
                part.generator = kept_one

    def _take(self, begin: int, size: int, lr: float) -> None:
        """One step of so many examples from row ``begin`` of the order."""
        self._first.fill_(begin)
        self._rate.fill_(lr)
        for point in self._points:
            point.draw()
        if size not in self._graphs:
            if not self._graphs:
                self._settle(size)
            self._graphs[size] = self._capture(size)
        self._graphs[size].replay()

    def _settle(self, size: int) -> None:
        """Whether normalizations are fused; nothing else is changed by its being tried."""
        import torch

        drawing = [generator for generator in self._generators if generator is not None]

        def gradients() -> list[torch.Tensor]:
            chosen = self._order[:size]
            with undone(list(self.model.buffers()), drawing):
                loss = self._loss(self.x_train[chosen], self.y_train[chosen])
                return [loss.detach(), *torch.autograd.grad(loss, self.params)]

        with undone(self._written(), drawing):
            self.normalization = fusing.settled(
                self.model,
                self.experiment,
                self.steps,
                self.device,
                stacked=False,
                gradients=gradients,
                stepping=lambda: self._capture(size).replay,
            )

    def _written(self) -> list[torch.Tensor]:
        """What a step writes to."""
        return [*self.params, *self.model.buffers(), *self.velocities, self._total]

    def _step(self, size: int) -> None:
        """Gather, forward, backward, update."""
        import torch

        chosen = self._order.index_select(0, torch.arange(size, device=self.device) + self._first)
        loss = self._loss(self.x_train.index_select(0, chosen), self.y_train.index_select(0, chosen))
        gradients = list(torch.autograd.grad(loss, self.params))
        with torch.no_grad():
            update(self.optimizer, self.params, gradients, self.velocities, self._rate)
            self._total += loss.detach() * size

    def _capture(self, size: int) -> torch.cuda.CUDAGraph:
        drawing = [generator for generator in self._generators if generator is not None]
        return graph_of(lambda: self._step(size), self._written(), drawing, self.device)

    def _precision(self) -> torch.autocast:
        import torch

        reduced = self.experiment.precision == "bfloat16"
        # the cache of cast weights would be captured with the first step and never made again
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=reduced, cache_enabled=False)


class CapturedLast(Captured, ChannelsLast):
    """The same with images and convolutions in channels-last order."""

    kernel: ClassVar[str] = "captured_channels_last"


def _points(parts: Sequence[Noisy], device: torch.device) -> Sequence[CurvePoint]:
    """The points of curves among parts that draw, as a captured step reads them; none elsewhere."""
    if device.type != "cuda" or not parts:
        return ()
    from harness.fleet._curve_point_nets import CurvePoint
    from harness.models._curve_nets import CurveNet

    return [CurvePoint(part, device) for part in parts if isinstance(part, CurveNet)]


def graph_of(
    step: Callable[[], None],
    tensors: Sequence[torch.Tensor],
    generators: Sequence[torch.Generator],
    device: torch.device,
) -> torch.cuda.CUDAGraph:
    """A step as a graph that may be replayed; nothing is changed by its being captured.

    Args:
        step: reads and writes tensors that stay where they are.
        tensors: all that it writes to and that is read later; generators: all that it draws from.
        device: where.
    """
    import torch

    with torch.cuda.device(device), undone(tensors, generators):  # warming up trains
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        for generator in generators:
            graph.register_generator_state(generator)
        with torch.cuda.graph(graph):
            step()
    return graph


@contextlib.contextmanager
def undone(tensors: Sequence[torch.Tensor], generators: Sequence[torch.Generator]) -> Iterator[None]:
    """Undo whatever is written and drawn inside."""
    import torch

    before = [tensor.detach().clone() for tensor in tensors]
    states = [generator.get_state() for generator in generators]
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, old in zip(tensors, before, strict=True):
                tensor.copy_(old)
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)


def update(
    optimizer: object,
    weights: Sequence[torch.Tensor],
    gradients: Sequence[torch.Tensor],
    velocities: Sequence[torch.Tensor],
    rate: torch.Tensor,
) -> None:
    """One step in place by a rate that lies on the device, float32 of no dimension: ``optimizer.update``."""
    import torch

    if type(optimizer) in (AdamL2, AdamW):
        _adam(optimizer, weights, gradients, velocities, rate)  # type: ignore[arg-type]
    elif isinstance(optimizer, Keeping):
        of_one, slopes, kept = (
            [tensor.detach()[None] for tensor in each] for each in (weights, gradients, velocities)
        )
        optimizer.update_together(of_one, slopes, kept, rate[None])
    else:
        alike = zip(gradients, weights, strict=True)
        torch._fused_sgd_(
            list(weights),
            [g if g.stride() == w.stride() else torch.empty_like(w).copy_(g) for g, w in alike],
            list(velocities),
            weight_decay=optimizer.weight_decay,  # type: ignore[attr-defined]
            momentum=optimizer.momentum,  # type: ignore[attr-defined]
            lr=rate,
            dampening=0.0,
            nesterov=False,
            maximize=False,
            is_first_step=False,
        )


def _adam(
    optimizer: AdamL2,
    weights: Sequence[torch.Tensor],
    gradients: Sequence[torch.Tensor],
    velocities: Sequence[torch.Tensor],
    rate: torch.Tensor,
) -> None:
    """``AdamL2.update`` with the number of steps on the device, each operation over all weights at once."""
    import torch

    weights, gradients = [weight.detach() for weight in weights], list(gradients)
    *moments, taken = velocities
    means, squares = moments[: len(weights)], moments[len(weights) :]
    taken += 1
    if optimizer.weight_decay and optimizer.decoupled:
        torch._foreach_mul_(weights, 1 - rate * optimizer.weight_decay)
    elif optimizer.weight_decay:
        gradients = list(torch._foreach_add(gradients, weights, alpha=optimizer.weight_decay))
    torch._foreach_lerp_(means, gradients, 1 - optimizer.mean_decay)
    torch._foreach_mul_(squares, optimizer.square_decay)
    torch._foreach_addcmul_(squares, gradients, gradients, 1 - optimizer.square_decay)
    first, second = (
        1 - torch.pow(decay, taken.double()) for decay in (optimizer.mean_decay, optimizer.square_decay)
    )
    scales = torch._foreach_sqrt(squares)
    torch._foreach_div_(scales, second.sqrt().float())
    torch._foreach_add_(scales, optimizer.epsilon)
    steps = torch._foreach_div(means, scales)
    torch._foreach_mul_(steps, (rate.double() / first).float())
    torch._foreach_sub_(weights, steps)
