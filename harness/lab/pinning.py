"""What a process takes for itself before numerical libraries are loaded: one thread each, and one GPU.

Numerical libraries read the environment when they are loaded: how many threads add up a sum, and for which
processor. Sums come out in another order then, and with them the numbers, which no name of a run would say.
So here the environment is made the same for everybody.

Only the standard library is imported here, for this is loaded before anything that would import numpy.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection

from harness.lab import devices

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
ARITHMETIC_VARIABLES = (
    "GOTO_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "OPENBLAS_CORETYPE",
    "BLIS_ARCH_TYPE", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "MKL_DEBUG_CPU_TYPE", "ATEN_CPU_CAPABILITY",
    "NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES", "NPY_PROMOTION_STATE", "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA", "ONEDNN_CPU_ISA_HINTS", "DNNL_CPU_ISA_HINTS", "ONEDNN_DEFAULT_FPMATH_MODE",
    "DNNL_DEFAULT_FPMATH_MODE", "NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "CUBLAS_WORKSPACE_CONFIG",
)  # fmt: skip
"""Variables by which OpenBLAS, BLIS, MKL, oneDNN, numpy, torch and CUDA choose instructions or precision."""
CORE_VARIABLE = "OPENBLAS_CORETYPE"
CORES = {
    "SkylakeX": {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"},
    "Haswell": {"avx2", "fma"},
}
"""The kernels of OpenBLAS, best first, with the instructions that they need, as Linux calls them.

So there are two kinds of x86 machines since 2013 to 2015, within which sums of OpenBLAS do not depend on the
processor; numpy's own loops and torch's tell processors of AVX-512 from others too. Of products of doubles
SkylakeX makes 1.7 to 2.2 times as many a second as Haswell on the same processor (Intel, family 6, model
207; sides of 64 to 1,000)."""
WORKSPACE, OURS = "CUBLAS_WORKSPACE_CONFIG", ":4096:8"
"""By this cuBLAS adds up alike every time; ``fleet/numerics.py`` says it before it trains on a GPU."""
LIBRARIES = ("numpy", "torch")
"""Whoever is loaded has read its variables already."""

unheeded: dict[str, None] = {}
"""Variables of the user's that numbers would have depended on, and do not."""


class _Pinning:
    late = False


def pin_arithmetic() -> None:
    """Have numerical libraries that are not loaded yet compute alike, whatever the user's environment says.

    Parallelism is over runs, so each takes one thread.
    """
    pinned: dict[str, str] = dict.fromkeys(THREAD_VARIABLES, "1")
    if core := _core(instructions()):
        pinned[CORE_VARIABLE] = core
    before = {name: os.environ.pop(name, "") for name in (*ARITHMETIC_VARIABLES, *THREAD_VARIABLES)}
    if before[WORKSPACE] == OURS:  # a training on a GPU has set it, in this process or in the one before it
        before[WORKSPACE] = ""
    os.environ.update(pinned)
    unheeded.update((name, None) for name, value in before.items() if value not in ("", pinned.get(name)))
    if any(value != pinned.get(name, "") for name, value in before.items()):
        _Pinning.late |= any(name in sys.modules for name in LIBRARIES)


def is_late() -> bool:
    """Whether a library was loaded before it could be pinned: then only other processes compute alike."""
    return _Pinning.late


def said() -> tuple[str, ...]:
    """What of the user's environment is not heeded, a line; nothing where all is."""
    names = ", ".join(unheeded)
    return (f"not heeded, because numbers would depend on it: {names}",) if names else ()


def core() -> str:
    """The kernels by which OpenBLAS computes in this process, by its name of them; "" where it chooses."""
    return os.environ.get(CORE_VARIABLE, "")


def _core(has: Collection[str]) -> str:
    """The best kernels whose instructions a processor has; "" where there are none."""
    return next((name for name, needed in CORES.items() if needed <= set(has)), "")


def instructions(cpuinfo: str = "/proc/cpuinfo") -> frozenset[str]:
    """The instructions of the first processor, by Linux's names; none where the system does not tell."""
    try:
        with open(cpuinfo, encoding="utf-8", errors="replace") as told:
            row = next((row for row in told if row.startswith("flags")), "")
    except OSError:
        return frozenset()
    return frozenset(row.partition(":")[2].split())


def pin_gpu(number: int) -> None:
    """Show this process one GPU: of those that it may use the one at ``number``, going round."""
    if seen := devices.visible():
        devices.show([seen[number % len(seen)]])


def pin_share(number: int, sharers: int) -> None:
    """Show this process its share of the GPUs, one of so many; with more sharers than GPUs some share one."""
    if seen := devices.visible():
        devices.show(devices.share(seen, number, sharers))


def count_gpus() -> int:
    """GPUs, or parts of them, that this process may use."""
    return len(devices.visible())
