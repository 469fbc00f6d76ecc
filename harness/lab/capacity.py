"""What a device's memory does not hold, told before it is computed."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from harness.fleet import memory, ranks
from harness.lab import gpu_kinds
from harness.lab.gpu_kinds import GpuKind
from harness.spec import Experiment, Runnable, Solved, values_in

GIB = 2**30
SHORT = 8
"""So many times the quick estimate is more than any training takes of a GPU: it was up to 4 times short for
nets of the full tier, of whom more examples are evaluated at once there."""


class Need(NamedTuple):
    """What a run takes beside its data.

    Attributes:
        bytes: of memory, 0 for what needs no more than its data; what: for people.
        on_gpu: it takes them of a GPU, where one computes.
    """

    bytes: int
    what: str
    on_gpu: bool


def need_of(value: Runnable) -> Need:
    """What a run takes by the quick estimate, which for a training on a GPU is rough (``SHORT``)."""
    from harness.analytic import kernel_interpolation
    from harness.analytic.kernel_interpolation import KernelInterpolation

    if isinstance(value, Experiment):
        held = 0 if ranks.is_streamed(value) else memory.needed(value)  # images that stay on disk
        return Need(held, f"a training of {type(value.model).__name__}", on_gpu=True)
    if not isinstance(value, Solved):
        return Need(0, "", on_gpu=False)
    solver: Any = value.solver
    kernels = [part for part in values_in(solver) if isinstance(part, KernelInterpolation)]
    data = value.data
    taken = (
        kernel_interpolation.memory(
            data.train_size,
            inputs=math.prod(data.shape),
            targets=data.classes * max(1, len(kernel.labels)),
            device=kernel.device,
        )
        for kernel in kernels
    )
    on_gpu = any(kernel.device == "cuda" for kernel in kernels)
    return Need(sum(taken), f"kernel interpolation of {data.train_size:,} points", on_gpu)


def refused(value: Runnable, device: str) -> str:
    """Why a run cannot be computed on a device, with the fix, in one line; "" where it can.

    A GPU's memory may not hold it, as ``lacking`` says, or it names a GPU and a CPU was asked for, where it
    would be solved on some GPU all the same or fail after everything else.
    """
    if device != "cpu":
        return lacking(value, gpu_kinds.of(device))
    need = need_of(value)
    if not (isinstance(value, Solved) and need.on_gpu):
        return ""
    return (
        f"{need.what} is solved on a GPU, and the CPU was asked for: give --device cuda, or leave it out "
        "here with -k"
    )


def lacking(value: Runnable, card: GpuKind) -> str:
    """Why a GPU's memory does not hold a run, with the fix, in one line; "" where it does or need not."""
    need = need_of(value)
    if not need.on_gpu or (SHORT if isinstance(value, Experiment) else 1) * need.bytes <= card.memory:
        return ""
    taken = sum(memory.stacked(value)) if isinstance(value, Experiment) else need.bytes
    if taken <= card.memory:
        return ""
    return (
        f"{need.what} needs {taken / GIB:.1f} GiB of a GPU's memory, {card.called} has "
        f"{card.memory / GIB:.1f}: compute it where there is more{_larger(taken)}, and leave it out "
        "here with -k"
    )


def is_wide(value: Runnable, device: str) -> bool:
    """Whether a run takes all devices together: of images on disk, what one GPU's memory does not hold.

    On a CPU one process trains it unless ``HARNESS_RANKS`` says otherwise, and nothing beside it.
    """
    if not (isinstance(value, Experiment) and ranks.is_streamed(value)):
        return False
    return device == "cpu" or memory.streamed(value) > memory.USABLE * gpu_kinds.of(device).memory


def lacking_here(value: Runnable, device: str) -> str:
    """Why this process's memory does not hold a run that does not go to a GPU; "" where it does."""
    need, free = need_of(value), memory.available()
    if need.bytes <= free or (need.on_gpu and device != "cpu"):
        return ""
    return (
        f"{need.what} needs {need.bytes / GIB:.1f} GiB of memory, here are {free / GIB:.1f}: "
        "compute it where there is more, and leave it out here with -k"
    )


def _larger(need: int) -> str:
    """Kinds of GPUs that hold so many bytes, in brackets."""
    enough = [card.called for card in gpu_kinds.GPU_KINDS.values() if card.memory >= need]
    return f" ({', '.join(enough)})" if enough else ""
