"""Memory: how much there is, about how much a run needs, and how much it came to at its peak."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable
from pathlib import Path

from harness.fleet import cgroups
from harness.fleet.replica import CONVOLVED_AT_ONCE, EVALUATION_BATCH
from harness.spec import Experiment, Runnable, Solved
from harness.spec.keeping import Keeping

PROCESS = 900 * 2**20
"""Bytes of a process that trains, apart from what ``needed`` counts: 530 MiB when torch is imported, and up
to 900 in records of small convolutional nets."""
UNKNOWN = 2**62
"""Bytes where the system does not say how much memory there is: no limit."""
FLOAT32 = 4
"""Bytes of a number."""
HELD_TWICE = 2
"""Images are there as the split's arrays and as the kernel's tensors."""
COPIES = 4
"""Weights, gradients, velocities, and the copies that a record or checkpoint is written from."""
KEPT_TWICE = 2
"""Further moments of an optimizer, and the copies of them that a checkpoint is written from."""
KEPT = 3
"""Activations of a training step: of the forward pass, their gradients, and what operations need beside."""
USABLE = 0.9
"""Share of a GPU's free memory that replicas may take; the rest is lost between tensors."""
ADDS_PER_VALUE = 250
"""Multiply-adds for each activation that the small convolutional nets keep: some 200 to 500."""


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


def needed(value: Runnable, evaluated_at_once: int = EVALUATION_BATCH) -> int:
    """About how many bytes a run adds to a process: data, parameters with their steps, activations.

    An upper estimate; what is solved or simulated counts as its data alone.
    """
    if not isinstance(value, Experiment | Solved):
        return 0
    data = value.data
    images = FLOAT32 * math.prod(data.shape) * (data.train_size + data.test_size)
    if not isinstance(value, Experiment):
        return HELD_TWICE * images
    optimizer = value.optimizer
    further = optimizer.moments - 1 if isinstance(optimizer, Keeping) else 0
    copies = COPIES + KEPT_TWICE * further
    parameters = copies * FLOAT32 * value.model.size(data.shape, data.classes)
    activations = value.model.cost(data.shape, data.classes) / ADDS_PER_VALUE + math.prod(data.shape)
    examples = max(KEPT * optimizer.batch, evaluated_at_once)
    return int(HELD_TWICE * images + parameters + FLOAT32 * activations * examples)


def processes(values: Iterable[Runnable], most: int) -> int:
    """How many processes, at most ``most`` and at least one, can compute such runs side by side."""
    each = PROCESS + max((needed(value, CONVOLVED_AT_ONCE) for value in values), default=0)
    return max(1, min(most, available() // each))


def together(experiment: Experiment, device: str) -> int:
    """How many replicas of an experiment fit on a GPU at once, by the estimate, data held once."""
    import torch

    free, _ = torch.cuda.mem_get_info(torch.device(device))
    data = experiment.data
    images = HELD_TWICE * FLOAT32 * math.prod(data.shape) * (data.train_size + data.test_size)
    return max(1, int(USABLE * free - images) // max(1, needed(experiment) - images))


class Peak:
    """The largest memory of this process, or on a GPU of its tensors, from the making of this on."""

    def __init__(self, device: str) -> None:
        self.device = device
        if device.startswith("cuda"):
            import torch

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
        if self.device.startswith("cuda"):
            import torch

            return int(torch.cuda.max_memory_allocated(self.device))
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
