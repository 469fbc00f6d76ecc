"""Memory of the machine itself: about how many bytes a process takes that computes runs, on a CPU or a GPU.

A process that trains on a GPU holds its images and initial weights too, and of images on disk their names
and the processes that decode them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from harness.fleet import memory, ranks
from harness.fleet.memory import FLOAT32, HELD_TWICE, PROCESS
from harness.lab import gpu_kinds, undecoded
from harness.lab.runs import Fleet
from harness.spec import Experiment, Probing, Runnable, Solved, abbreviated
from harness.spec.keeping import Keeping

GIB = 2**30
WITH_GPU = 3 * GIB
"""Bytes of a process that trains on a GPU, apart from what is counted here: 2.0 GiB where CUDA has begun
(github.com/pytorch/pytorch/issues/113326, torch 2.2), and what its libraries of convolutions load."""
BUILT = 2
"""Weights of a stack's members are there as modules and joined, before they go to the GPU."""
PUBLISHED = 3
"""What is kept of a net is there as it comes from the GPU, as the file's bytes, and once more as the next."""
ENTRY = 1000
"""Bytes for each image on disk while files are listed and named: 950 measured of 20,000 files."""
LOADER = 200 * 2**20
"""Bytes of a process that decodes images, which it does not share: up to 162 MiB measured."""
AHEAD = 3
"""Batches that each loader has decoded, or under way: two are asked for ahead, and one is handed over."""


def taken(value: Runnable, device: str, together: int = 1, slots: int = 1) -> int:
    """About how many bytes a process takes that computes a run, or so many of a kind at once on a GPU.

    Args:
        slots: how many such processes there are, which share the cores that decode images.
    """
    return (PROCESS if device == "cpu" else WITH_GPU) + beside(value, device, together, slots)


def beside(value: Runnable, device: str, together: int = 1, slots: int = 1) -> int:
    """What of it is the run's own, and not any process's."""
    if isinstance(value, Probing):
        return beside(value.experiment, device, slots=slots)
    if isinstance(value, Experiment):
        if ranks.is_streamed(value):
            return _from_disk(value, device, slots)
        return memory.needed(value, "cpu") if device == "cpu" else _on_gpu(value, together)
    if isinstance(value, Solved):
        from harness.analytic import held

        solved = held.taken_by(value.solver, value.data)
        return memory.needed(value) + solved.host + (solved.gpu if device == "cpu" else 0)
    return 0


def _on_gpu(value: Experiment, together: int) -> int:
    shared, each = _stacked(value)
    return shared + each * together


def _stacked(value: Experiment) -> tuple[int, int]:
    """Bytes that trainings at once on a GPU take of the machine: of all together, and of each beside that."""
    data, optimizer = value.data, value.optimizer
    weights = FLOAT32 * value.model.size(data.shape, data.classes)
    moments = optimizer.moments if isinstance(optimizer, Keeping) else 1
    image = HELD_TWICE * FLOAT32 * math.prod(data.shape)
    alone = memory.owned(data)
    shared = image * (data.train_size + data.test_size - alone) + PUBLISHED * (1 + moments) * weights
    return shared, image * alone + BUILT * weights


def _from_disk(value: Experiment, device: str, slots: int) -> int:
    """Bytes of a process that trains on images on disk, with those that decode for it."""
    data, optimizer = value.data, value.optimizer
    batch = math.prod(data.shape) * optimizer.batch
    weights = PUBLISHED * HELD_TWICE * FLOAT32 * value.model.size(data.shape, data.classes)
    loaders = undecoded.CORES_A_GPU if gpu_kinds.asked(device) else ranks.loaders(device, slots)
    decoding = loaders * (LOADER + AHEAD * batch) + HELD_TWICE * batch
    files = ENTRY * (data.train_size + data.test_size)
    return weights + decoding + files + (memory.streamed(value) if device == "cpu" else 0)


def fitting(value: Experiment, device: str, free: int) -> int:
    """How many runs of a kind, at least one, a GPU trains at once within so many bytes of the machine."""
    if device == "cpu" or ranks.is_streamed(value):
        return 1
    shared, each = _stacked(value)
    return max(1, (free - WITH_GPU - shared) // max(1, each))


def processes(values: Iterable[Runnable], most: int, device: str = "cpu") -> int:
    """How many processes, at most ``most`` and at least one, can compute such runs side by side.

    On a CPU what takes more than a process's part of the memory does not count: it is computed by itself.
    """
    free = memory.available()
    each = [taken(value, device, slots=most) for value in values]
    if device == "cpu" and most > 1:
        each = [size for size in each if size <= free // most]
    return max(1, min(most, free // max(each, default=PROCESS)))


def of_units(units: Iterable[Fleet], device: str, slots: int) -> int:
    """About how many bytes all processes take at most that compute these units, so many of them at once."""
    each: dict[bool, list[int]] = {False: [0], True: [0]}
    for unit in units:
        each[unit.wide or unit.alone].append(taken(unit.runs[0].value, device, len(unit.runs), slots))
    alone = max(each[True]) * (1 if device == "cpu" else slots)  # of what is wide each GPU has a process
    return max(alone, sum(sorted(each[False])[-slots:]))


def told(taken: int, device: str) -> str:
    """What all processes take, and of this machine what is free, in one line."""
    free = memory.available()
    here = "" if gpu_kinds.asked(device) or free >= memory.UNKNOWN else f"; {_sized(free)} are free here"
    gpus = "" if device == "cpu" else ", beside that of GPUs"
    return f"memory: up to about {_sized(taken)}{gpus}{here}"


def _sized(size: int) -> str:
    return f"{size / GIB:,.1f} GiB"


def lacking(value: Runnable, device: str) -> str:
    """Why this machine's memory does not hold a run, with the fix, in one line; "" where it does."""
    free = memory.available()
    need = beside(value, device)
    if need > free and device == "cpu" and isinstance(value, Experiment) and not ranks.is_streamed(value):
        need = min(need, memory.on_cpu(value))
    if need <= free:
        return ""
    fewer = f"have fewer processes decode with {ranks.LOADERS}=N, or " if _has_loaders(value) else ""
    return (
        f"{_what(value)} needs {_sized(need)} of this machine's memory, {_sized(free)} are free: "
        f"{fewer}compute it where there is more, and leave it out here with -k"
    )


def _has_loaders(value: Runnable) -> bool:
    return ranks.is_streamed(value.experiment if isinstance(value, Probing) else value)


def _what(value: Runnable) -> str:
    if isinstance(value, Experiment):
        return f"a training of {type(value.model).__name__}"
    if isinstance(value, Solved):
        return f"{type(value.solver).__name__} of {value.data.train_size:,} examples"
    return abbreviated(value)
