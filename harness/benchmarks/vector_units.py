"""The rate of this processor's vector units, which no product of matrices exceeds.

A library's product of matrices is no limit: on some processors it leaves half of the units idle. So shares
are told of both: of the fastest product, and of multiply-adds on registers by all cores at once.
"""

from __future__ import annotations

import concurrent.futures
import ctypes
import functools
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from harness.fleet.native_library import compiler

SOURCE = Path(__file__).with_name("vector_units.cpp")
FLAGS = ("-O2", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC")
"""A product and a sum are one instruction where the processor has one."""
BITS = {"float32": 32, "float64": 64}
"""How wide a number is, by precision; others have instructions that differ from processor to processor."""
TURNS, REPEATS = 2_000_000, 8
"""Of the loop, some milliseconds each, and how often it is timed: the fastest counts."""


def tflops(precision: str, cores: int, turns: int = TURNS) -> float | None:
    """TFLOP/s of the vector units of so many cores together; None without a compiler, or for bfloat16.

    Args:
        precision: of the numbers; cores: how many compute side by side.
        turns: of the loop on each core.
    """
    library = _library() if precision in BITS else None
    if library is None:
        return None
    loop = library[f"{precision}_turns"]
    loop.argtypes, loop.restype = [ctypes.c_long], ctypes.c_double
    numbers = library.vector_bits() // BITS[precision]
    done = 2 * numbers * library.sums_in_a_turn() * turns * cores  # a product and a sum
    with concurrent.futures.ThreadPoolExecutor(cores) as threads:
        seconds = min(_seconds(threads, loop, turns, cores) for _ in range(REPEATS))
    return done / seconds / 1e12


def _seconds(
    threads: concurrent.futures.Executor, loop: Callable[[int], float], turns: int, cores: int
) -> float:
    """Wall time of the loop on all cores; calls of a library leave the interpreter to other threads."""
    began = time.perf_counter()
    list(threads.map(loop, [turns] * cores))
    return time.perf_counter() - began


def bits() -> int:
    """How wide the vectors are that the compiler computes with here, in bits; 0 without a compiler."""
    library = _library()
    return int(library.vector_bits()) if library is not None else 0


@functools.cache
def _library() -> ctypes.CDLL | None:
    command = compiler()
    if command is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "units.so"
        try:
            subprocess.run(
                [*command, *FLAGS, str(SOURCE), "-o", str(made)], capture_output=True, check=True, timeout=60
            )
            return ctypes.CDLL(str(made))
        except (OSError, subprocess.SubprocessError):
            return None
