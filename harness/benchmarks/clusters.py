"""What it costs to have units computed on a Ray cluster: simulated nodes beside this machine's own processes.

``python -m harness.benchmarks.clusters`` prints a table; ``docs/CLUSTERS.md`` has one.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    from harness.lab.ready import Crew
    from harness.lab.runs import Run

OBJECTS_BYTES = 80_000_000
"""For what is under way on a simulated node: the least that Ray takes."""
MIB = 2**20
WARM = 8
"""Units that are computed before the clock starts, so that all processes are there and have imported."""


class Throughput(NamedTuple):
    """Units, their seconds, and the driver's memory (MiB) after a tenth of them and at the end."""

    units: int
    seconds: float
    early: float
    late: float

    @property
    def each(self) -> float:
        """Milliseconds of the clock for each unit."""
        return 1e3 * self.seconds / self.units


def idle(generator: np.random.Generator, number: int, seconds: float) -> Mapping[str, float]:
    """A number, after a pause: what a unit costs beside it is the overhead."""
    time.sleep(seconds)
    return {"x": float(generator.random()), "number": float(number)}


def resident() -> float:
    """This process's memory in MiB."""
    for row in Path("/proc/self/status").read_text().splitlines():
        if row.startswith("VmRSS:"):
            return int(row.split()[1]) * 1024 / MIB
    return float("nan")


def runs_of(count: int, seconds: float, first: int = 0) -> list[Run]:
    """Different runs, by their number and the seconds that each waits."""
    from harness.benchmarks.clusters import idle
    from harness.lab.names import Names
    from harness.spec import Simulation

    names = Names(Path())
    values = (Simulation(idle, {"number": n, "seconds": seconds}) for n in range(first, first + count))
    return [names.run(value, 0) for value in values]


def measured(crew: Crew, count: int, seconds: float) -> Throughput:
    """Units of one run each, by a crew that is warm."""
    from harness.lab.ready import Ready
    from harness.lab.runs import Fleet

    def drained(runs: list[Run]) -> list[float]:
        ready = Ready(lambda held: [Fleet(shape="", runs=(run,), seconds=1.0) for run in held])
        ready.add(Fleet(shape="", runs=(run,), seconds=1.0) for run in runs)
        memory: list[float] = []
        for done in crew.drain(ready):
            if done.failure:
                raise RuntimeError(done.failure)
            ready.heard(done)
            memory.append(resident() if len(memory) % 50 in (0, 49) or len(runs) < 500 else 0.0)
        return memory

    drained(runs_of(WARM, 0.0, first=-WARM))
    planned = runs_of(count, seconds)
    began = time.monotonic()
    memory = drained(planned)
    took = time.monotonic() - began
    early = max(memory[: max(1, count // 10)])
    return Throughput(count, took, early, resident())


@contextlib.contextmanager
def simulated(nodes: int) -> Iterator[str]:
    """A cluster of nodes of one processor each, on this machine; what ``--on`` says of it."""
    import os

    from harness.lab.ray_address import QUIET

    os.environ.update(QUIET)
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": OBJECTS_BYTES, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    for _ in range(nodes - 1):
        cluster.add_node(**node)
    try:
        yield f"ray={cluster.address}"
    finally:
        cluster.shutdown()


def compared(nodes: int, count: int, seconds: float) -> Iterator[tuple[str, Throughput]]:
    """The same units by so many nodes and by so many processes of this machine."""
    from harness.lab.crew import LocalCrew
    from harness.lab.places import Place
    from harness.lab.ray_engine import crew_on

    with tempfile.TemporaryDirectory() as folder, simulated(nodes) as on:
        crew = crew_on(on, Place(store=Path(folder) / "ray", data_root=Path(folder)))
        yield "Ray", measured(crew, count, seconds)
        crew.close()
        local = LocalCrew(Place(store=Path(folder) / "local", data_root=Path(folder)), nodes)
        yield "local", measured(local, count, seconds)
        local.close()


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    from harness.lab.pinning import pin_arithmetic

    pin_arithmetic()
    parser = argparse.ArgumentParser(prog="python -m harness.benchmarks.clusters", description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 4], metavar="N")
    parser.add_argument("--units", type=int, default=200, metavar="N")
    parser.add_argument("--seconds", type=float, default=0.0, metavar="S", help="that each unit waits")
    options = parser.parse_args(arguments)
    print("| nodes or processes | who | units | s | ms a unit | driver, MiB |\n|---|---|---|---|---|---|")
    for nodes in options.nodes:
        for who, of in compared(nodes, options.units, options.seconds):
            row: list[Any] = [nodes, who, of.units, f"{of.seconds:.1f}", f"{of.each:.1f}"]
            print("|", " | ".join(map(str, [*row, f"{of.early:.0f} to {of.late:.0f}"])), "|", flush=True)


if __name__ == "__main__":
    from harness.benchmarks import clusters

    clusters.main()
