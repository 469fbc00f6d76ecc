"""Runs of equal shape trained at once: parameters stacked, one step for all of them.

For GPUs, where a small net's step is all launching and no arithmetic; on a CPU it loses (vmap trains at
half the speed of a loop) and serves to test the arithmetic. Data, labels, order and learning rates are on
the device for a whole epoch, and on CUDA a whole step, from gathering the batch to the update, is captured
once per batch size and replayed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from harness.fleet import captured, fusing
from harness.fleet.on_device import OnDevice
from harness.fleet.replica import AT_START, batches, built, loss_of, measures
from harness.spec import Experiment
from harness.spec.contracts import Weights
from harness.spec.keeping import Keeping
from harness.spec.streams import stream_of
from harness.spec.watched import EVERYTHING, Watched

if TYPE_CHECKING:
    import numpy as np
    import torch

    from harness.data import Split

EVALUATED_AT_ONCE = 8192
"""Examples of all members together in one evaluation step."""
StackBetween = Callable[[int, Callable[[], list[float]]], None]
"""Told between two steps: how many were taken, and the sum of each member's losses so far."""


class Stack:
    """Replicas of one shape; ``members`` are (experiment, replicate, split).

    Learning rates, labels, data and stopping may differ between members; model, batch, momentum, weight
    decay, loss, precision and what else an optimizer needs alike may not (``plan.shape_of``). Members are
    addressed by their present place.
    """

    kernel = "stacked"

    def __init__(self, members: Sequence[tuple[Experiment, int, Split]], device: str) -> None:
        import torch

        self.members = list(members)
        self.device = torch.device(device)
        experiment, _, split = self.members[0]
        self.experiment, self.optimizer = experiment, experiment.optimizer
        modules = [built(e, replicate, data) for e, replicate, data in self.members]
        self.saved = set(modules[0].state_dict())
        params, buffers = torch.func.stack_module_state(modules)
        self.module = modules[0].to("meta")
        self.params = {n: p.detach().to(self.device).requires_grad_() for n, p in params.items()}
        self.buffers = {n: b.to(self.device) for n, b in buffers.items()}
        self.velocities = self._begun()
        self.batches = batches(len(split.y_train), self.optimizer.batch)
        self.steps = len(self.batches)
        self.reaches = [AT_START] * len(self.members)
        self.between: StackBetween | None = None
        self.watched = EVERYTHING
        self.unchanged: dict[int, torch.Tensor] = {}
        self.normalization = ""
        self._place_data()

    def _begun(self) -> dict[str, torch.Tensor]:
        """What the optimizer keeps, before the first step: [member, ...], in the order of checkpoints."""
        import torch

        if not isinstance(self.optimizer, Keeping):
            return {n: torch.zeros_like(p) for n, p in self.params.items()}
        places = range(len(self.members))
        each = [self.optimizer.begun([p.detach()[i] for p in self.params.values()]) for i in places]
        return {str(i): torch.stack(kept).to(self.device) for i, kept in enumerate(zip(*each, strict=True))}

    # -- state of single members ------------------------------------------------------------------

    def load(self, place: int, arrays: Weights | None) -> None:
        """Weights, buffers and, from a checkpoint, velocities of one member."""
        import torch

        moving = list(self.velocities.values())
        with torch.no_grad():
            for name, array in (arrays or {}).items():
                target = self._tensor(name, moving)
                target[place].copy_(torch.from_numpy(array))

    def _tensor(self, name: str, moving: list[torch.Tensor]) -> torch.Tensor:
        if name.startswith("velocity."):
            return moving[int(name.removeprefix("velocity."))]
        return self.params[name] if name in self.params else self.buffers[name]

    def weights(self, place: int) -> Weights:
        """Copies of parameters and buffers of one member, named as in its module's state."""
        kept = {n: t for n, t in (self.params | self.buffers).items() if n in self.saved}
        return {n: t.detach()[place].cpu().numpy().copy() for n, t in kept.items()}

    def state(self, place: int) -> Weights:
        """What a member's checkpoint keeps: weights and velocities."""
        if not self.optimizer.momentum and not isinstance(self.optimizer, Keeping):
            return self.weights(place)
        moving = enumerate(self.velocities.values())
        return self.weights(place) | {f"velocity.{i}": v[place].cpu().numpy().copy() for i, v in moving}

    def keep(self, places: list[int]) -> None:
        """Go on with these members only."""
        import torch

        chosen = torch.tensor(places, device=self.device)
        self.members = [self.members[place] for place in places]
        self.reaches = [self.reaches[place] for place in places]
        self.params = {n: p.detach().index_select(0, chosen).requires_grad_() for n, p in self.params.items()}
        self.buffers = {n: b.index_select(0, chosen) for n, b in self.buffers.items()}
        self.velocities = {n: v.index_select(0, chosen) for n, v in self.velocities.items()}
        for name in ("first_train", "first_test", "y_train", "y_test"):
            setattr(self, name, getattr(self, name).index_select(0, chosen))
        self._make_room()

    # -- data -------------------------------------------------------------------------------------

    def _place_data(self) -> None:
        """Every image set once, however many members see it; labels per member."""
        self.x_train, self.first_train = self._distinct([s.x_train for _, _, s in self.members])
        self.x_test, self.first_test = self._distinct([s.x_test for _, _, s in self.members])
        self.y_train = self._stacked([s.y_train for _, _, s in self.members])
        self.y_test = self._stacked([s.y_test for _, _, s in self.members])
        self._make_room()

    def _make_room(self) -> None:
        """What a captured step reads and writes, which must stay where it is for all epochs."""
        import torch

        count = len(self.members)
        self.order = torch.zeros_like(self.y_train)
        self.rates = torch.zeros((self.steps, count), device=self.device)
        self.step = torch.zeros(1, dtype=torch.int64, device=self.device)
        self.total = torch.zeros(count, dtype=torch.float64, device=self.device)
        self.graphs: dict[int, Callable[[int], None]] = {}

    def _distinct(self, arrays: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
        """Distinct arrays one after the other, and at which row each member's begins [member].

        A split that augments its images has just made them, so that they are an array of its own.
        """
        import torch

        rows: dict[Any, int] = {}
        kept: list[np.ndarray] = []
        first = []
        for array in arrays:
            if id(array) not in rows:
                rows[id(array)] = sum(other.shape[0] for other in kept)
                kept.append(array)
            first.append(rows[id(array)])
        images = torch.cat([torch.from_numpy(array) for array in kept])
        return images.to(self.device), torch.tensor(first, device=self.device)

    def _stacked(self, arrays: list[np.ndarray]) -> torch.Tensor:
        import torch

        return torch.stack([torch.from_numpy(array) for array in arrays]).to(self.device)

    # -- an epoch ---------------------------------------------------------------------------------

    def epoch(self, epochs: Sequence[int]) -> list[dict[str, float]]:
        """Train one epoch, which may be another for each member; the rows of their curves."""
        self._prepare(epochs)
        self.module.train()
        first = self._resumed()
        for step, (begin, end) in enumerate(self.batches[first:], start=first):
            if self.between is not None and step > first:
                self.between(step, lambda: self.total.tolist())
            self._take(begin, end - begin)
        return self._measured((self.total / self.y_train.shape[1]).tolist(), self.watched)

    def completed(self, rows: list[dict[str, float]]) -> list[dict[str, float]]:
        """The rows of the epoch just trained, with all measures; those that nobody watches are taken now."""
        whole = self.watched == EVERYTHING
        return rows if whole else self._measured([row["train_loss"] for row in rows], EVERYTHING)

    def _measured(self, losses: list[float], watched: Watched) -> list[dict[str, float]]:
        nothing = [None] * len(self.members)
        wrong = self._wrong(self.x_train, self.first_train, self.y_train) if watched.train else nothing
        wrong_test = self._wrong(self.x_test, self.first_test, self.y_test) if watched.test else nothing
        parts = zip(losses, wrong, wrong_test, self.members, strict=True)
        rows = [measures(loss, train, test, split) for loss, train, test, (_, _, split) in parts]
        if any(experiment.losses for experiment, _, _ in self.members):
            for row, loss, (experiment, _, _) in zip(rows, self._test_losses(), self.members, strict=True):
                row |= {"test_loss": loss} if experiment.losses else {}
        return rows

    def _resumed(self) -> int:
        """The step from which an epoch goes on: as far as all members' checkpoints are within it."""
        import torch

        (first,) = {reach.step for reach in self.reaches}
        self.step.fill_(first)
        self.total.copy_(torch.tensor([reach.total for reach in self.reaches], dtype=torch.float64))
        self.reaches = [AT_START] * len(self.members)
        return first

    def rehearse(self, steps: int) -> None:
        """Some steps for a stopwatch, of the images that are there; the stack is spoilt by it."""
        import torch

        self.order.copy_(torch.arange(self.y_train.shape[1], device=self.device).expand_as(self.order))
        self.rates.zero_()
        self.module.train()
        for begin, end in (self.batches * steps)[:steps]:
            self.step.zero_()
            self._take(begin, end - begin)

    def _prepare(self, epochs: Sequence[int]) -> None:
        """The epoch's order, learning rates and (where they are redrawn) labels, onto the device."""
        import torch

        n = self.y_train.shape[1]
        rates = []
        for i, ((experiment, replicate, split), epoch) in enumerate(zip(self.members, epochs, strict=True)):
            order = stream_of(experiment.draws, replicate, "order", epoch).permutation(n)
            self.order[i].copy_(torch.from_numpy(order))
            if split.redraw is not None:
                self.y_train[i].copy_(torch.from_numpy(split.redraw(epoch)))
            if split.augment is not None:
                self._augment(i, split.augment, epoch)
            first = epoch * self.steps
            rates.append([experiment.optimizer.lr_at(first + s, self.steps) for s in range(self.steps)])
        self.rates.copy_(torch.tensor(rates).T)
        self.step.zero_()
        self.total.zero_()

    def _augment(self, place: int, augment: Callable[[int], np.ndarray], epoch: int) -> None:
        """The images of a member's epoch, its own (see ``_distinct``): made on a GPU where that can be."""
        import torch

        begin = int(self.first_train[place])
        mine = self.x_train[begin : begin + self.y_train.shape[1]]
        if self.device.type == "cuda" and isinstance(augment, OnDevice):
            key = id(augment.images)  # of an array that the member's split holds
            if key not in self.unchanged:
                self.unchanged[key] = torch.from_numpy(augment.images).to(self.device)
            augment.into(mine, self.unchanged[key], epoch)
        else:
            mine.copy_(torch.from_numpy(augment(epoch)))

    def _take(self, begin: int, size: int) -> None:
        """One step from row ``begin`` of the order; replayed on CUDA, where all full batches are alike."""
        if self.device.type != "cuda":
            return self._step(begin, size)
        if size not in self.graphs:
            if not self.graphs:
                self._settle(size)
            self.graphs[size] = _captured(self, size)
        return self.graphs[size](begin)

    def _settle(self, size: int) -> None:
        """Whether normalizations are fused; nothing else is changed by its being tried."""
        import torch

        def gradients() -> list[torch.Tensor]:
            chosen = self.order[:, :size]
            x = self.x_train[chosen + self.first_train[:, None]]
            with _unchanged(self):
                loss = self._losses(x, self.y_train.gather(1, chosen)).sum()
                return [loss.detach(), *torch.autograd.grad(loss, list(self.params.values()))]

        def stepping() -> Callable[[], None]:
            replay = _captured(self, size)

            def step() -> None:
                self.step.zero_()
                replay(0)

            return step

        with _unchanged(self):
            self.normalization = fusing.settled(
                self.module,
                self.experiment,
                self.steps,
                self.device,
                stacked=True,
                gradients=gradients,
                stepping=stepping,
            )

    def _step(self, begin: int, size: int, first: torch.Tensor | None = None) -> None:
        """Gather, forward, backward, update. Where it begins is a number, or a tensor in a captured step."""
        import torch

        places = torch.arange(size, device=self.device) + (begin if first is None else first)
        chosen = self.order.index_select(1, places)
        x = self.x_train[chosen + self.first_train[:, None]]
        losses = self._losses(x, self.y_train.gather(1, chosen))
        gradients = torch.autograd.grad(losses.sum(), list(self.params.values()))
        with torch.no_grad():
            self._update(gradients, self.rates.index_select(0, self.step)[0])
            self.total += losses.detach() * size
            self.step += 1

    def _losses(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Each member's mean loss [member] on its batch x [member, batch, *shape]."""
        import torch

        def loss(params: Any, buffers: Any, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            logits = torch.func.functional_call(self.module, (params, buffers), (x,))
            return loss_of(self.experiment.loss, logits.float(), y)

        with self._precision():
            return torch.func.vmap(loss)(self.params, self.buffers, x, y)

    def _update(self, gradients: Sequence[torch.Tensor], rates: torch.Tensor) -> None:
        """v <- momentum v + g + decay w;  w <- w - lr v, by each member's lr; or the optimizer's own step."""
        import torch

        params, moving = list(self.params.values()), list(self.velocities.values())
        if isinstance(self.optimizer, Keeping):
            self.optimizer.update_together(params, gradients, moving, rates)
            return
        torch._foreach_mul_(moving, self.optimizer.momentum)
        torch._foreach_add_(moving, list(gradients))
        if self.optimizer.weight_decay:
            torch._foreach_add_(moving, params, alpha=self.optimizer.weight_decay)
        for param, v in zip(params, moving, strict=True):
            param.addcmul_(v, rates.view(-1, *[1] * (v.dim() - 1)), value=-1.0)

    def _wrong(self, x: torch.Tensor, first: torch.Tensor, y: torch.Tensor) -> np.ndarray:
        """Where predictions differ from labels, bool [member, example], in evaluation mode."""
        import torch

        def predicted(params: Any, buffers: Any, x: torch.Tensor) -> torch.Tensor:
            return torch.func.functional_call(self.module, (params, buffers), (x,)).argmax(1)

        self.module.eval()
        size = max(1, EVALUATED_AT_ONCE // len(self.members))
        pieces = []
        with torch.no_grad(), self._precision():
            for places in torch.arange(y.shape[1], device=self.device).split(size):
                part = x[places + first[:, None]]
                pieces.append(torch.func.vmap(predicted)(self.params, self.buffers, part))
        return (torch.cat(pieces, dim=1) != y).cpu().numpy()

    def _test_losses(self) -> list[float]:
        """Each member's mean loss on its test images, in evaluation mode."""
        import torch

        self.module.eval()
        count, n = self.y_test.shape
        total = torch.zeros(count, dtype=torch.float64, device=self.device)
        with torch.no_grad():
            for places in torch.arange(n, device=self.device).split(max(1, EVALUATED_AT_ONCE // count)):
                x = self.x_test[places + self.first_test[:, None]]
                total += self._losses(x, self.y_test[:, places]).double() * len(places)
        losses: list[float] = (total / n).tolist()
        return losses

    def _precision(self) -> torch.autocast:
        import torch

        reduced = self.experiment.precision == "bfloat16"
        # the cache of cast weights would be captured with the first step and never made again
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=reduced, cache_enabled=False)


def _captured(stack: Stack, size: int) -> Callable[[int], None]:
    """A step for batches of this size as a CUDA graph: one launch instead of hundreds."""
    import torch

    first = torch.zeros(1, dtype=torch.int64, device=stack.device)
    with torch.cuda.device(stack.device), _unchanged(stack):  # warming up trains
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                stack.step.zero_()
                stack._step(0, size, first)
        torch.cuda.current_stream().wait_stream(side)
        stack.step.zero_()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            stack._step(0, size, first)

    def replay(begin: int) -> None:
        first.fill_(begin)
        graph.replay()

    return replay


def _unchanged(stack: Stack) -> contextlib.AbstractContextManager[None]:
    """Whatever is done to a stack's tensors inside is undone."""
    kept = (stack.params, stack.buffers, stack.velocities)
    tensors = [tensor for named in kept for tensor in named.values()]
    return captured.undone([*tensors, stack.step, stack.total], [])
