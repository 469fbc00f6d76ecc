"""What a device's memory does not hold, told before it is computed."""

from __future__ import annotations

from typing import NamedTuple, TypeGuard

from harness.fleet import memory, ranks
from harness.lab import gpu_kinds, pinning
from harness.lab.gpu_kinds import GpuKind
from harness.spec import Experiment, Runnable, Solved

GIB = 2**30
SHORT = 8
"""So many times the quick estimate is more than any training takes of a GPU: it was up to 4 times short for
nets of the full tier, of whom more examples are evaluated at once there."""


class Need(NamedTuple):
    """What a run takes of a GPU's memory.

    Attributes:
        bytes: of memory, 0 for what is computed by the machine's own; what: for people.
        on_gpu: it takes them of a GPU, where one computes.
    """

    bytes: int
    what: str
    on_gpu: bool


def need_of(value: Runnable) -> Need:
    """What a run takes of a GPU by the quick estimate, which for a training is rough (``SHORT``)."""
    if isinstance(value, Experiment):
        kept = 0 if ranks.is_streamed(value) else memory.needed(value)  # images that stay on disk
        return Need(kept, f"a training of {type(value.model).__name__}", on_gpu=True)
    if not isinstance(value, Solved):
        return Need(0, "", on_gpu=False)
    from harness.analytic import held

    of_gpu = held.taken_by(value.solver, value.data).gpu
    return Need(of_gpu, f"kernel interpolation of {value.data.train_size:,} points", on_gpu=of_gpu > 0)


def refused(value: Runnable, device: str) -> str:
    """Why a run cannot be computed on a device, with the fix, in one line; "" where it can.

    A GPU's memory may not hold it, as ``lacking`` says, or it names a GPU and a CPU was asked for, where it
    would be solved on some GPU all the same or fail after everything else.
    """
    if device != "cpu":
        return lacking(value, gpu_kinds.of(device)) or _too_wide(value, device)
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


def is_wide(value: Runnable, device: str) -> TypeGuard[Experiment]:
    """Whether a run takes all devices together: of images on disk, what one GPU's memory does not hold.

    On a CPU one process trains it unless ``HARNESS_RANKS`` says otherwise, and nothing beside it.
    """
    if not (isinstance(value, Experiment) and ranks.is_streamed(value)):
        return False
    return device == "cpu" or memory.streamed(value) > memory.USABLE * gpu_kinds.of(device).memory


def gpus(device: str) -> int:
    """How many GPUs a device's name stands for: of those asked for in a plan, of this process, or one."""
    if asked := gpu_kinds.asked(device):
        return asked.count
    return max(1, pinning.count_gpus()) if device == "cuda" else 1


def _too_wide(value: Runnable, device: str) -> str:
    """Why all GPUs together do not hold a training on images that stay on disk; "" where they do."""
    if not is_wide(value, device):
        return ""
    card, count = gpu_kinds.of(device), gpus(device)
    taken = memory.streamed(value, count)
    if taken <= card.memory:
        return ""
    shared = f"shared by {count} of them " if count > 1 else ""
    return (
        f"a training of {type(value.model).__name__} in batches of {value.optimizer.batch:,} {shared}needs "
        f"{taken / GIB:.1f} GiB of a GPU's memory, {card.called} has {card.memory / GIB:.1f}: compute it "
        "where there are more or larger ones, and leave it out here with -k"
    )


def _larger(need: int) -> str:
    """Kinds of GPUs that hold so many bytes, in brackets."""
    enough = [card.called for card in gpu_kinds.GPU_KINDS.values() if card.memory >= need]
    return f" ({', '.join(enough)})" if enough else ""
