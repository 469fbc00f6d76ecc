"""What numbers depend on beside the arithmetic: threads, denormals, precision, choice of algorithms."""

from __future__ import annotations

import os


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
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # read when cuBLAS starts
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = False
