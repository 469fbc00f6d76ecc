"""The engine as a claim uses it: a lab with a fresh store, asked for runs, and their records read back."""

from __future__ import annotations

import atexit
import functools
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from harness.lab.lab import Failed, Lab
from harness.lab.pinning import pin_arithmetic
from harness.lab.places import Place

if TYPE_CHECKING:
    from harness.benchmarks.workloads import Workload
    from harness.lab.runs import Run
    from harness.lab.store import Record


@functools.cache
def lab(device: str, processes: int) -> Lab:
    """This process's lab: its store is removed, and its own processes end, when the process ends."""
    pin_arithmetic()
    folder = tempfile.TemporaryDirectory(prefix="overclaim-speed-")
    place = Place(store=Path(folder.name, "store"), data_root=Path(folder.name), device=device)
    made = Lab(place, processes=processes)
    atexit.register(folder.cleanup)
    atexit.register(made.close)  # runs first
    return made


def records(lab: Lab, runs: Iterable[Run]) -> list[Record]:
    """Compute what is missing and read all of it back.

    Raises:
        Failed: one of the runs could not be computed.
    """
    runs = list(runs)
    lab.ensure(runs)
    read = [lab.store.read(run.key) for run in runs]
    for run, record in zip(runs, read, strict=True):
        if record is None:
            raise Failed(lab.failures.get(run.key, f"the record {run.key[:12]} cannot be read back"))
    return [record for record in read if record is not None]


def train(workload: Workload, precision: str, device: str, processes: int, round_: int) -> str:
    """All cells of a round; returns the kernel that trained them."""
    here = lab(device, processes)
    cells = workload.cells(precision, round_)
    trained = records(here, [here.names.run(experiment, replicate) for experiment, replicate in cells])
    return ", ".join(sorted({record.provenance["kernel"] for record in trained}))
