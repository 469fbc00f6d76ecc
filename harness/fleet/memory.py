"""Memory: how much there is, about how much a run needs, and how much it came to at its peak."""

from __future__ import annotations

import contextlib
import functools
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.fleet import activations, cgroups, on_device
from harness.fleet.activations import TRANSIENT
from harness.fleet.stacked import EVALUATED_AT_ONCE
from harness.spec import Experiment, Runnable, Solved
from harness.spec.keeping import Keeping
from harness.spec.streams import stream

if TYPE_CHECKING:
    import torch

    from harness.spec.contracts import Dataset

PROCESS = 900 * 2**20
"""Bytes of a process that trains, apart from what ``needed`` counts: 530 MiB when torch is imported, and up
to 900 in records of small convolutional nets."""
UNKNOWN = 2**62
"""Bytes where the system does not say how much memory there is: no limit."""
FLOAT32 = 4
"""Bytes of a number."""
HELD_TWICE = 2
"""Images are there as the split's arrays and as the kernel's tensors."""
USABLE = 0.9
"""Share of a GPU's free memory that replicas may take; the rest is lost between tensors."""
ON_GPU = 3
"""Weights, gradients and velocities, as a GPU holds them."""
JOINED = 1.25
"""How much longer than the others the last batch of images on disk may be: by ``streamed.SMALLEST_PART``."""
COUNTED = 16
"""Examples by which a step is counted: more than one, for batch normalization."""


def available() -> int:
    """Bytes that may be used without swapping: of the machine, or of the container if that is less."""
    return int(min(_machine(), cgroups.memory()))


def _machine() -> int:
    try:
        for row in Path("/proc/meminfo").read_text().splitlines():
            if row.startswith("MemAvailable:"):
                return int(row.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return UNKNOWN


def needed(value: Runnable, device: str = "cuda") -> int:
    """About how many bytes a run adds to a process: data, parameters with their steps, activations.

    An upper estimate without torch; what is solved or simulated counts as its data alone.

    Args:
        device: "cpu", or what stands for GPUs, whose nets are the plain path's here.
    """
    if not isinstance(value, Experiment | Solved):
        return 0
    if not isinstance(value, Experiment):
        return _images(value.data)
    held = activations.working(value, device)
    return int(_images(value.data) + held.copies * _weights(value) + FLOAT32 * held.values)


def on_cpu(value: Experiment) -> int:
    """What a training adds to a process of a CPU, by what its step keeps: nearer, and takes torch."""
    step, batch = step_of(value), min(value.optimizer.batch, value.data.train_size)
    held = activations.working(value, "cpu")
    outputs = step.kept * batch + TRANSIENT * step.largest * max(batch, held.evaluated)
    return int(_images(value.data) + held.copies * _weights(value) + outputs)


def _images(data: Dataset) -> int:
    return HELD_TWICE * FLOAT32 * math.prod(data.shape) * (data.train_size + data.test_size)


def _weights(value: Experiment) -> int:
    """Bytes of all weights."""
    return FLOAT32 * value.model.size(value.data.shape, value.data.classes)


def together(experiment: Experiment, device: str) -> int:
    """How many replicas of an experiment fit on a GPU at once, by the estimate."""
    import torch

    free, _ = torch.cuda.mem_get_info(torch.device(device))
    return fitting(experiment, int(USABLE * free))


def fitting(experiment: Experiment, free: int) -> int:
    """How many replicas of an experiment, at least one, are trained at once within so many bytes of a GPU."""
    shared, each = stacked(experiment)
    return max(1, (free - shared) // max(1, each))


def stacked(experiment: Experiment) -> tuple[int, int]:
    """Bytes that a stack takes of a GPU: of all its members together, and of each beside that.

    Each has its weights with their steps, what autograd keeps for the backward pass of a batch, once more for
    the last batch, whose captured graph has a pool of its own, and images that are its own. An evaluation
    takes so many examples of all members together that it is no matter how many they are.
    """
    data, optimizer = experiment.data, experiment.optimizer
    step = step_of(experiment)
    further = optimizer.moments - 1 if isinstance(optimizer, Keeping) else 0
    weights = (ON_GPU + further) * FLOAT32 * experiment.model.size(data.shape, data.classes)
    batch = min(optimizer.batch, data.train_size)
    last = data.train_size % batch
    kept = step.kept * (batch + last) + TRANSIENT * step.largest * batch
    image = FLOAT32 * math.prod(data.shape)
    images = image * (data.train_size + data.test_size)
    alone = image * owned(data)
    shared = images - alone + _unchanged(data) + TRANSIENT * step.largest * EVALUATED_AT_ONCE
    return int(shared), int(weights + kept + alone)


def streamed(experiment: Experiment, sharers: int = 1) -> int:
    """Bytes of a GPU that trains one net on images that stay on disk: its weights, and a step's activations.

    A last batch may be joined by what is left of an epoch, a quarter of a batch at most.

    Args:
        sharers: how many GPUs share each batch.
    """
    data, optimizer = experiment.data, experiment.optimizer
    step = step_of(experiment)
    further = optimizer.moments - 1 if isinstance(optimizer, Keeping) else 0
    weights = (ON_GPU + further) * FLOAT32 * experiment.model.size(data.shape, data.classes)
    batch = min(JOINED * optimizer.batch, data.train_size) / sharers
    image = FLOAT32 * math.prod(data.shape)
    return int(weights + batch * (step.kept + TRANSIENT * step.largest + HELD_TWICE * image))


def owned(data: Dataset) -> int:
    """How many images of a data set are a member's own: drawn for a replicate, or changed in epochs."""
    if getattr(data, "augmentations", ()):
        inner: Dataset = getattr(data, "data", data)
        return data.train_size + (data.test_size if owned(inner) else 0)
    return 0 if data.whole else data.train_size + data.test_size


def _unchanged(data: Dataset) -> int:
    """Bytes of the images that a GPU changes in epochs; where replicates draw them, of one member."""
    if not on_device.is_possible(data):
        return 0
    return FLOAT32 * math.prod(data.data.shape) * data.train_size


class Step(NamedTuple):
    """Bytes of a training step for each example.

    Attributes:
        kept: what autograd keeps of the forward pass for the backward pass.
        largest: the largest output of a layer.
    """

    kept: float
    largest: float


def step_of(experiment: Experiment) -> Step:
    """What a step of an experiment keeps, counted by tensors that have shapes and no numbers.

    In float32, also of what trains in less. What cannot be counted so is estimated from its layers.
    """
    data = experiment.data
    try:
        model: Any = experiment.model
        return counted(model, data.shape, data.classes)
    except Exception:  # an operation without a rule for shapes alone; its training says what else is wrong
        layers = experiment.model.layers(data.shape, data.classes)
        values = [each.values for each in activations.outputs(layers, data.shape)]
        images = math.prod(data.shape)
        kept = images + (activations.KEPT + 1) * sum(values)
        return Step(FLOAT32 * kept, FLOAT32 * max([images, *values]))


@functools.lru_cache(maxsize=64)
def counted(model: Any, shape: tuple[int, ...], classes: int) -> Step:
    """What a step of a model (a ``Model``, whose values can be told apart) keeps for each example.

    Raises:
        RuntimeError: an operation has no rule for tensors without numbers.
    """
    import torch

    module = model.build(shape, classes, stream(0, "initialization")).to("meta")
    weights = {t.untyped_storage()._cdata for t in (*module.parameters(), *module.buffers())}
    kept: dict[int, torch.UntypedStorage] = {}  # which are held, so that no other one gets its number
    largest = [0]

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage
        return tensor

    def look(module: torch.nn.Module, inputs: object, output: object) -> None:
        if isinstance(output, torch.Tensor):
            largest[0] = max(largest[0], output.numel() * output.element_size())

    hooks = [part.register_forward_hook(look) for part in module.modules()]
    try:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            outputs = module(torch.empty((COUNTED, *shape), device="meta"))
            torch.nn.functional.cross_entropy(outputs, torch.empty(COUNTED, dtype=torch.int64, device="meta"))
    finally:
        for hook in hooks:
            hook.remove()
    most = max(largest[0], COUNTED * FLOAT32 * math.prod(shape))
    return Step(sum(storage.nbytes() for storage in kept.values()) / COUNTED, most / COUNTED)


class _LargestRank:
    peak = 0


def note_elsewhere(peak: int) -> None:
    """Note the largest memory, in bytes, of another process that computes for this one."""
    _LargestRank.peak = max(_LargestRank.peak, peak)


class Peak:
    """The largest memory of this process, or on a GPU of its tensors, from the making of this on.

    Where other processes compute for this one, and tell (``note_elsewhere``), it is that of the largest.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        _LargestRank.peak = 0
        if device.startswith("cuda"):
            import torch

            if torch.cuda.is_initialized():  # or this process need not take up memory of a GPU for nothing
                torch.cuda.reset_peak_memory_stats(device)
        else:
            self._reset()

    @staticmethod
    def _reset() -> None:
        # Linux forgets the high-water mark; elsewhere it is that of the process's whole life
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")

    def bytes(self) -> int:
        """The peak so far."""
        return max(_LargestRank.peak, self._here())

    def _here(self) -> int:
        if self.device.startswith("cuda"):
            import torch

            return int(torch.cuda.max_memory_allocated(self.device)) if torch.cuda.is_initialized() else 0
        try:
            for row in Path("/proc/self/status").read_text().splitlines():
                if row.startswith("VmHWM:"):
                    return int(row.split()[1]) * 1024
        except (OSError, ValueError, IndexError):
            pass
        return _peak_of_life()


def _peak_of_life() -> int:
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
