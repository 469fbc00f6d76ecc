"""What a process takes for itself before numerical libraries are loaded: one thread each, and one GPU.

Only the standard library is imported here, for this is loaded before anything that would import numpy.
"""

from __future__ import annotations

import os
from pathlib import Path

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def single_threaded() -> None:
    """Ask numerical libraries that are not loaded yet for one thread each; parallelism is over runs."""
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, "1")


def pin_gpu(number: int) -> None:
    """Show this process one GPU: the caller's ``CUDA_VISIBLE_DEVICES`` at ``number``, going round."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    devices = visible.split(",") if visible else [str(i) for i in range(count_gpus())]
    if devices:
        os.environ["CUDA_VISIBLE_DEVICES"] = devices[number % len(devices)]


def count_gpus() -> int:
    """GPUs on this machine, without importing torch."""
    listed = Path("/proc/driver/nvidia/gpus")
    if listed.is_dir():
        return len(list(listed.iterdir()))
    return len(list(Path("/dev").glob("nvidia[0-9]*")))  # all that a container may show of them
