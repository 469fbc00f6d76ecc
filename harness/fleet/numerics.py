"""What numbers depend on beside the arithmetic: threads, denormals, precision, choice of algorithms."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

FORCED = "HARNESS_KERNEL"
"""Set this variable to "reference" to train everything by the plain path (to compare the two)."""


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


@contextlib.contextmanager
def prepared(device: str) -> Iterator[None]:
    """The numerics of trainings, for as long as one computes: hypothesis and the judge need denormals."""
    import torch

    prepare(device)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def computed_in(precision: str, device: str) -> str:
    """The precision that an experiment's products are computed in: TF32 is one of GPUs since 2020 alone."""
    if precision != "tf32":
        return precision
    import torch

    return precision if device.startswith("cuda") and torch.cuda.is_tf32_supported() else "float32"


@contextlib.contextmanager
def multiplied(precision: str, device: str) -> Iterator[None]:
    """Products and convolutions of float32 in an experiment's precision, for as long as it computes.

    Everything else goes on in what ``prepare`` left: neither the trainings that come next in this process
    nor what is solved there is of less precision because of it.
    """
    if not device.startswith("cuda") or precision != "tf32":
        yield
        return
    import torch

    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    before = products.allow_tf32, convolutions.allow_tf32
    products.allow_tf32 = convolutions.allow_tf32 = True
    try:
        yield
    finally:
        products.allow_tf32, convolutions.allow_tf32 = before


@contextlib.contextmanager
def solving(device: str, accelerated: bool) -> Iterator[None]:
    """The same for what is solved or simulated, which keeps denormals, on the device asked for.

    On a GPU nothing may depend on what this process computed before, and "cuda" means the GPU that was asked
    for. On a CPU a training leaves nothing behind that a solver could notice.

    Args:
        device: "cpu", "cuda" or "cuda:1".
        accelerated: it goes to a GPU of its own accord, if torch has one; not where the CPU was asked for.
    """
    if device == "cpu" and not accelerated:  # most of them never import torch
        yield
        return
    from unittest import mock

    import torch

    if device == "cpu":
        with mock.patch.object(torch.cuda, "is_available", return_value=False):
            yield
        return
    prepare(device)
    torch.set_flush_denormal(False)
    with torch.cuda.device(device):
        yield
