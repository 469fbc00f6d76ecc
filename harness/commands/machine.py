"""What this machine is: processor, memory, GPUs, compiler, versions; told without importing torch."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec

from harness.lab import pinning, provenance

FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
COMPILERS = ("c++", "g++", "clang++")
GPU_QUERY = ("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits")
SMI_SECONDS = 5.0
"""Seconds after which ``nvidia-smi`` is not waited for any more."""


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """A graphics processor; ``memory_gib`` is 0 where nobody tells."""

    name: str
    memory_gib: float


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine offers to training.

    Attributes:
        cores: that this process may use.
        memory_gib: that there is; available_gib: free now, within a container's limit.
        flags: those of the processor that training profits from.
        bfloat16: how this processor computes it: "AMX", "AVX-512" or "emulated".
        compiler: a C++ compiler for the optional native kernel, "" if there is none.
        torch_cuda: the CUDA version torch is built for, "" if for none.
    """

    processor: str
    cores: int
    memory_gib: float
    available_gib: float
    flags: tuple[str, ...]
    bfloat16: str
    gpus: tuple[Gpu, ...]
    compiler: str
    versions: dict[str, str]
    torch_cuda: str


def examined() -> Machine:
    """Examine this machine, in a fraction of a second, most of it for ``nvidia-smi``."""
    from harness.fleet import memory

    has = flags(Path("/proc/cpuinfo"))
    available = min(memory.available() / 2**30, provenance.memory_gib() or float("inf"))
    return Machine(
        processor=provenance.processor(),
        cores=provenance.cores(),
        memory_gib=provenance.memory_gib(),
        available_gib=round(available, 1),
        flags=has,
        bfloat16="AMX" if "amx_bf16" in has else "AVX-512" if "avx512_bf16" in has else "emulated",
        gpus=gpus(),
        compiler=next((name for name in COMPILERS if shutil.which(name)), ""),
        versions=provenance.versions(),
        torch_cuda=torch_cuda(),
    )


def flags(cpuinfo: Path) -> tuple[str, ...]:
    """Those of ``FLAGS`` that the first processor has."""
    has = pinning.instructions(str(cpuinfo))
    return tuple(flag for flag in FLAGS if flag in has)


def gpus() -> tuple[Gpu, ...]:
    """The GPUs as ``nvidia-smi`` names them; else those the driver lists, without memory."""
    try:
        done = subprocess.run(
            GPU_QUERY, capture_output=True, text=True, timeout=SMI_SECONDS, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return (Gpu(name="NVIDIA GPU", memory_gib=0.0),) * pinning.count_gpus()
    return tuple(_listed(done))


def _listed(text: str) -> Iterator[Gpu]:
    for row in text.splitlines():
        name, _, mebibytes = row.rpartition(",")
        known = mebibytes.strip().isdigit()
        yield Gpu(name=name.strip(), memory_gib=round(int(mebibytes) / 1024, 1) if known else 0.0)


def torch_cuda() -> str:
    """The CUDA version of torch, read from its own version file, for importing torch takes a second."""
    spec = importlib.util.find_spec("torch")
    try:
        text = (Path(spec.origin or "").parent / "version.py").read_text() if spec else ""
    except OSError:
        return ""
    line = re.search(r"^cuda\b.*= '([^']+)'", text, re.MULTILINE)
    return line.group(1) if line else ""


def told(machine: Machine) -> list[tuple[str, str]]:
    """The machine for people, as pairs of what it is about and a text."""
    versions = dict.fromkeys(("torch", "torchvision", "numpy"), "missing") | machine.versions
    memory = f"{machine.memory_gib:g} GiB of memory, {machine.available_gib:g} free"
    built = f"CUDA {machine.torch_cuda}" if machine.torch_cuda else "without CUDA"
    named = [f"{gpu.name}, {gpu.memory_gib:g} GiB" if gpu.memory_gib else gpu.name for gpu in machine.gpus]
    numerics = f"torchvision {versions['torchvision']}, numpy {versions['numpy']}"
    return [
        ("processor", f"{machine.processor}, {machine.cores} cores, {memory}"),
        ("bfloat16", f"{machine.bfloat16} ({', '.join(machine.flags) or 'no vector extensions known'})"),
        *(("gpu", name) for name in named or ["none"]),
        ("compiler", machine.compiler or "none: the optional native kernel cannot be built"),
        ("python", f"{versions['python']}, torch {versions['torch']} ({built}), {numerics}"),
    ]
