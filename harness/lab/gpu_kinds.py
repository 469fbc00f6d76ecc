"""Kinds of GPUs as their data sheets describe them, so that work can be planned where none is at hand.

A plan names them with their number: ``h100x8`` is eight H100. Each number has its origin beside it; what a
GPU reaches of its peak is assumed in ``harness.lab.gpu_seconds``.
"""

from __future__ import annotations

import functools
import re
import sys

import msgspec


class GpuKind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of GPU.

    Attributes:
        name: as it is asked for; called: as people call it.
        memory: bytes that programs can have.
        flops: operations in a second at its peak without sparsity, two for each multiply-add, by precision:
            "float64", "tf32" and "bfloat16" by matrix units, "float32" without them.
        bandwidth: bytes that its memory reads or writes in a second at its peak.
        assumed: it is a GPU whose data sheet is not known here, planned with another's rates.
    """

    name: str
    called: str
    memory: int
    flops: dict[str, float]
    bandwidth: float
    assumed: bool = False

    def multiply_adds(self, precision: str) -> float:
        """Multiply-adds in a second at its peak."""
        return self.flops[precision] / 2


HOPPER = {"float64": 67e12, "float32": 67e12, "tf32": 494.5e12, "bfloat16": 989e12}
"""NVIDIA's data sheets of
H100 SXM and H200 SXM have 67 TFLOP/s in FP64 by tensor cores and 67 in FP32; 989 in TF32 and 1,979 in
BFLOAT16 "with sparsity", which is twice what dense products have. Memory has 3.35 and 4.8 TB/s there, and
2,039 GB/s on the data sheet of the A100 of 80 GB."""
EIGHTY = 81_251 * 2**20
"""Bytes of a GPU sold with 80 GB: what CUDA's deviceQuery says of an A100-SXM4-80GB (81,251 MBytes)."""

GPU_KINDS = {
    card.name: card
    for card in (
        GpuKind(name="h100", called="NVIDIA H100", memory=EIGHTY, flops=HOPPER, bandwidth=3.35e12),
        # 141 GB by the data sheet, counted as decimal ones: CUDA says somewhat more
        GpuKind(name="h200", called="NVIDIA H200", memory=141 * 10**9, flops=HOPPER, bandwidth=4.8e12),
        GpuKind(
            name="a100",
            called="NVIDIA A100 80GB",
            memory=EIGHTY,
            # NVIDIA's data sheet of A100 SXM: FP64 by tensor cores, FP32, and both others without sparsity
            flops={"float64": 19.5e12, "float32": 19.5e12, "tf32": 156e12, "bfloat16": 312e12},
            bandwidth=2.039e12,
        ),
    )
}
DEFAULT = GPU_KINDS["h100"]
"""What "cuda" is planned as where no GPU is at hand: whose rates the full tier is reckoned by."""
ASKED = re.compile(r"(h100|h200|a100)(?:x([1-9][0-9]{0,3}))?")
NAMES = ", ".join(f"{name}x8" for name in GPU_KINDS)
"""How kinds of GPUs are asked for, for messages."""


class AskedGpus(msgspec.Struct, frozen=True):
    """GPUs of one kind, for so many of which a plan is made."""

    card: GpuKind
    count: int


def asked(device: str) -> AskedGpus | None:
    """The GPUs that a device's name stands for in a plan ("h100", "h100x8"); None for any other name."""
    named = ASKED.fullmatch(device)
    return AskedGpus(GPU_KINDS[named[1]], int(named[2] or 1)) if named else None


def of(device: str) -> GpuKind:
    """The kind of GPU that a device is planned as: by its name, else the one at hand, else the default."""
    if named := asked(device):
        return named.card
    return at_hand(int(device.partition(":")[2] or 0)) or DEFAULT


@functools.cache
def at_hand(number: int) -> GpuKind | None:
    """The kind of this machine's GPU of that number, with its own memory; None where torch sees none.

    One that has no entry here is planned with the default's rates, and says so.
    """
    import torch

    if not torch.cuda.is_available() or number >= torch.cuda.device_count():
        return None
    try:
        called = torch.cuda.get_device_name(number)
        memory = int(torch.cuda.get_device_properties(number).total_memory)
    except (RuntimeError, AssertionError):  # a driver that does not answer stops computing, not planning
        return None
    return described(called, memory)


def described(called: str, memory: int) -> GpuKind:
    """The kind of a GPU that CUDA calls so, with so many bytes."""
    card = named_in(called)
    return msgspec.structs.replace(card or DEFAULT, called=called, memory=memory, assumed=card is None)


def named_in(called: str) -> GpuKind | None:
    """The kind of GPU that a name like "NVIDIA H100 80GB HBM3" tells; None if it is none of these."""
    words = re.split(r"[^a-z0-9]+", called.lower())
    return next((card for card in GPU_KINDS.values() if card.name in words), None)


def computing_name(device: str) -> str:
    """What CUDA calls the GPU on which this process computes; "" on a CPU or where nothing told it yet."""
    torch = sys.modules.get("torch")
    if not device.startswith("cuda") or torch is None or not torch.cuda.is_initialized():
        return ""
    number = device.partition(":")[2]
    try:
        return str(torch.cuda.get_device_name(int(number) if number else torch.cuda.current_device()))
    except (RuntimeError, AssertionError):  # a record is not lost because its GPU's name cannot be had
        return ""
