"""The fastest matrix product this machine makes: what fractions of peak are fractions of."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

SIZES = {"cpu": (1024, 2048), "cuda": (4096, 8192)}
"""Sides of the matrices, of which the faster counts."""
REPEATS, WARMING = 8, 2
"""Products that are timed, and as many more at first, which warm up and lose."""


def matmul(precision: str, device: str, sizes: tuple[int, ...] = ()) -> float:
    """TFLOP/s of the fastest square product, at the library's default number of threads.

    Args:
        precision: "float64", "float32", "tf32" or "bfloat16".
        sizes: sides tried; by default two that suit the device.
    """
    import torch

    tf32, torch.backends.cuda.matmul.allow_tf32 = torch.backends.cuda.matmul.allow_tf32, precision == "tf32"
    kind = torch.float32 if precision == "tf32" else getattr(torch, precision)
    fastest = 0.0
    for size in sizes or SIZES[device.partition(":")[0]]:
        left, right = (torch.randn(size, size, device=device).to(kind) for _ in range(2))
        for _ in range(REPEATS + WARMING):
            fastest = max(fastest, 2 * size**3 / _seconds(left, right) / 1e12)
    torch.backends.cuda.matmul.allow_tf32 = tf32
    return fastest


def _seconds(left: torch.Tensor, right: torch.Tensor) -> float:
    import torch

    def settled() -> float:
        if left.device.type == "cuda":
            torch.cuda.synchronize(left.device)
        return time.perf_counter()

    began = settled()
    torch.mm(left, right)
    return settled() - began


def instructions() -> str:
    """The widest vector instructions torch uses on this CPU."""
    import torch

    return str(torch.backends.cpu.get_cpu_capability())


def family() -> str:
    """The processor's family and model, "" where the system does not tell."""
    told: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            told.setdefault(name.strip(), value.strip())
    if "cpu family" not in told:
        return ""
    return f"family {told['cpu family']}, model {told.get('model', 'unknown')}"


def accelerator(device: str) -> str:
    """The GPU's name, "" on a CPU."""
    import torch

    return str(torch.cuda.get_device_name(device)) if device.startswith("cuda") else ""
