"""What solvers take of memory, against processes that solve."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.analytic import held
from harness.analytic.gabor import LinearFit, OnFeatures, RandomPatches
from harness.analytic.kernel_interpolation import GaussianKernel, KernelInterpolation
from harness.analytic.random_features import FourierFeatures, RandomFeatureSweep
from harness.data import GeneratedImages
from harness.lab import host_memory
from harness.spec import Solved

MIB = 2**20
IMAGES = GeneratedImages(n=3000, n_test=1000, size=12)
SOLVED = {
    "linear": Solved(IMAGES.but(n=2000, n_test=300), OnFeatures(RandomPatches(400), LinearFit())),
    "kernel": Solved(IMAGES, OnFeatures(RandomPatches(400), KernelInterpolation(GaussianKernel(5.0)))),
    "sweep": Solved(IMAGES, RandomFeatureSweep(FourierFeatures(5.0), (100, 6000))),
}
MEASURED = """
import dataclasses, sys
from pathlib import Path
from harness.lab.lab import Lab
from harness.lab.places import Place
from harness.tests.analytic.test_held import SOLVED

def most():
    rows = Path("/proc/self/status").read_text().splitlines()
    return {row.split(":")[0]: row.split()[1] for row in rows if row.startswith("Vm")}

solved = SOLVED[sys.argv[1]]
lab = Lab(Place(store=Path(sys.argv[2]) / "store", data_root=Path(sys.argv[2]), device="cpu"), presume=True)
few = solved.but(data=solved.data.but(n=150, n_test=50))
lab.ensure(lab.runs(few, 1))
before = int(most()["VmRSS"])
Path("/proc/self/clear_refs").write_text("5")
lab.ensure(lab.runs(solved, 1))
assert not lab.failures, lab.failures
print(1024 * (int(most()["VmHWM"]) - before), 1024 * int(most()["VmHWM"]))
"""
"""Solves in a process of its own, few examples before, and says how its memory grew."""


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, int]]:
    """Tells by how many bytes each solver makes a process grow, and to how many."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("the system does not tell the peak of a process")
    grew = {}
    for name in SOLVED:
        command = [sys.executable, "-c", MEASURED, name, str(tmp_path_factory.mktemp(name))]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        added, most = map(int, done.stdout.split())
        grew[name] = added, most
    return grew


@pytest.mark.parametrize("name", list(SOLVED))
def test_a_solver_takes_about_what_is_told(name: str, grown: dict[str, tuple[int, int]]) -> None:
    added, most = grown[name]
    told = host_memory.beside(SOLVED[name], "cpu")
    assert added > 200 * MIB, "too small a matrix to tell"
    assert added <= told < 2 * added, (added / MIB, told / MIB)
    assert most <= host_memory.taken(SOLVED[name], "cpu")


def test_a_fit_takes_more_than_a_matrix_and_its_factor(
    grown: dict[str, tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were all that was told of it once."""
    monkeypatch.setattr(held, "FITTED", 2)
    assert host_memory.beside(SOLVED["linear"], "cpu") < grown["linear"][0]
