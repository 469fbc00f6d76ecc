"""Growth of a process that computes a run: measured in a process of its own, after a small run of its kind.

``python -m harness.tests.growth MODULE NAME FOLDER`` computes what ``MODULE.GROWING[NAME]`` holds, a small
value and a large one of its kind, and prints the bytes that the large one added and the most that were held.
The small one comes before, so that libraries and their threads are there and counted in neither.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.lab.lab import Lab
from harness.lab.places import Place

STATUS = Path("/proc/self/status")
PEAK = Path("/proc/self/clear_refs")
FORGET_PEAK = "5"
"""What, written there, sets a process's peak to what it holds now (proc(5))."""
KIB = 1024
KEPT = 1.1
"""A growth may be so many times what is told of a run alone: what an allocator has kept of the small value
differs from process to process, by 5 % of the growth where it was seen. With its process it may not."""


class Growth(NamedTuple):
    """Bytes that a process grew by, and its peak."""

    added: int
    most: int


def measured(module: str, name: str, folder: Path) -> Growth:
    """How a process grows that computes what a test module has under this name, and keeps it in a folder.

    Skips the test where the system does not tell the peak of a process.
    """
    if not PEAK.exists():
        pytest.skip("the system does not tell the peak of a process")
    command = [sys.executable, "-m", "harness.tests.growth", module, name, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Growth(*map(int, done.stdout.split()))


def _held(row: str) -> int:
    rows = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    return KIB * int(rows[row].split()[0])


def main(module: str, name: str, folder: str) -> None:
    """Computes the small value and the large one, and prints the growth between them."""
    small, large = importlib.import_module(module).GROWING[name]
    lab = Lab(Place(store=Path(folder) / "store", data_root=Path(folder), device="cpu"), presume=True)
    lab.ensure(lab.runs(small, 1))
    before = _held("VmRSS")
    PEAK.write_text(FORGET_PEAK)
    lab.ensure(lab.runs(large, 1))
    assert not lab.failures, lab.failures
    most = _held("VmHWM")
    print(most - before, most)


if __name__ == "__main__":
    main(*sys.argv[1:])
