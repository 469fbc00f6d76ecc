"""Growth of a process that computes a run: measured in a process of its own, after a small run of its kind.

``python -m harness.tests.growth MODULE NAME FOLDER`` computes what ``MODULE.GROWING[NAME]`` holds, a small
value and a large one of its kind, and prints the bytes that it held between them and those that the large
one added. The small one comes before, so that libraries and their threads are there and are no growth.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.lab.lab import Lab
from harness.lab.places import Place
from harness.tests import zygote

STATUS = Path("/proc/self/status")
PEAK = Path("/proc/self/clear_refs")
FORGET_PEAK = "5"
"""What, written there, sets a process's peak to what it holds now (proc(5))."""
KIB = 1024
KEPT = 1.1
"""A growth may be so many times what is told of a run alone: what an allocator has kept of the small value
differs from process to process, by 5 % of the growth where it was seen. With its process it may not."""


class Growth(NamedTuple):
    """Bytes that a process held before the large value, and by how many that made it grow."""

    before: int
    added: int

    @property
    def most(self) -> int:
        """The peak."""
        return self.before + self.added


def of_copy(module: str, name: str, folder: Path) -> Growth:
    """How a copy grows of a process that has imported what is needed.

    It holds less before than others do: of libraries, the pages alone that it has touched itself.
    """
    _require_told()
    said = folder / "said"
    arguments = (module, name, str(folder))
    status = zygote.run("harness.tests.growth", arguments, folder, dict(os.environ), said)
    assert status == 0, said.read_text()
    return _read(said.read_text())


def of_new(module: str, name: str, folder: Path) -> Growth:
    """How a process grows that was started for this."""
    _require_told()
    command = [sys.executable, "-m", "harness.tests.growth", module, name, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return _read(done.stdout)


def _require_told() -> None:
    if not PEAK.exists():
        pytest.skip("the system does not tell the peak of a process")


def _read(text: str) -> Growth:
    return Growth(*map(int, text.split()))


def _held(row: str) -> int:
    rows = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    return KIB * int(rows[row].split()[0])


def main(module: str, name: str, folder: str) -> None:
    """Computes the small value and the large one, and prints what was held between, and the growth."""
    small, large = importlib.import_module(module).GROWING[name]
    lab = Lab(Place(store=Path(folder) / "store", data_root=Path(folder), device="cpu"), presume=True)
    lab.ensure(lab.runs(small, 1))
    before = _held("VmRSS")
    PEAK.write_text(FORGET_PEAK)
    lab.ensure(lab.runs(large, 1))
    assert not lab.failures, lab.failures
    print(before, _held("VmHWM") - before)


if __name__ == "__main__":
    main(*sys.argv[1:])
