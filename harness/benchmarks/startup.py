"""What happens once: collecting, listing, importing, and the first cell of a new process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness.benchmarks import baselines, ours
from harness.benchmarks.rounds import ratio_of
from harness.benchmarks.speed_report import Startup
from harness.benchmarks.warm import ROOT, Warm
from harness.benchmarks.workloads import Workload

HEAVY = ("torch", "scipy", "sklearn")
TARGET = 1.5  # seconds of wall time
COMMANDS = {
    "pytest claims --collect-only": ("-m", "pytest", "claims", "--collect-only", "-q"),
    "python -m harness list": ("-m", "harness", "list"),
}


def commands(repeats: int) -> list[Startup]:
    """The commands that must not import what trains, and an import of torch for comparison."""
    starts = []
    for what, arguments in COMMANDS.items():
        seconds = ratio_of([_ran(arguments).seconds for _ in range(repeats)])
        imported = heavy(_ran(("-X", "importtime", *arguments)).errors)
        met = seconds.median <= TARGET and not imported
        starts.append(Startup(what=what, seconds=seconds, imported=imported, target=TARGET, met=met))
    seconds = ratio_of([_ran(("-c", "import torch")).seconds for _ in range(repeats)])
    what = "a process that imports torch"
    return [*starts, Startup(what=what, seconds=seconds, imported=None, target=None, met=None)]


class Ran(NamedTuple):
    """A process that ended well: its wall seconds and its standard error."""

    seconds: float
    errors: str


def _ran(arguments: Sequence[str]) -> Ran:
    """Run a Python process at the top of the checkout.

    Raises:
        RuntimeError: it failed (one line).
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "HARNESS_STORE": str(Path(folder, "store"))}
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - began
    if done.returncode:
        last = [*done.stdout.splitlines(), *done.stderr.splitlines(), "no output"]
        raise RuntimeError(f"{' '.join(arguments)} ended with status {done.returncode}: {last[0]}")
    return Ran(seconds, done.stderr)


def heavy(importtime: str) -> tuple[str, ...]:
    """The heavy libraries that ``python -X importtime`` saw being imported."""
    names = set(re.findall(r"^import time:.*\|\s*(\S+)$", importtime, re.MULTILINE))
    return tuple(name for name in HEAVY if name in names)


def first_cells(workload: Workload, device: str, processes: int, repeats: int) -> list[Startup]:
    """The time to a first result in a new process with a plain loop, and in a new lab with its processes."""
    precision = workload.precisions[0]
    plain = [_first(baselines.plain, (workload, precision, device, 0, 1)) for _ in range(repeats)]
    lab = [_first(ours.train, (workload, precision, device, processes, 0)) for _ in range(repeats)]
    named = {
        f"plain loop: process, import torch, one cell of {workload.title}": plain,
        f"lab: {processes} more processes, imports, {workload.cell_count} cells of {workload.title}": lab,
    }
    return [
        Startup(what=what, seconds=ratio_of(seconds), imported=None, target=None, met=None)
        for what, seconds in named.items()
    ]


def _first(function: Callable[..., str], arguments: tuple[Any, ...]) -> float:
    began = time.perf_counter()
    warm = Warm("start-up", {})
    warm.call(function, *arguments)
    seconds = time.perf_counter() - began
    warm.close()
    return seconds
