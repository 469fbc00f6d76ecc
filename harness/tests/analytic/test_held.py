"""What solvers take of memory, against processes that solve."""

from __future__ import annotations

import pytest

from harness.analytic import held
from harness.analytic.gabor import LinearFit, OnFeatures, RandomPatches
from harness.analytic.kernel_interpolation import GaussianKernel, KernelInterpolation
from harness.analytic.random_features import FourierFeatures, RandomFeatureSweep
from harness.data import GeneratedImages
from harness.lab import host_memory
from harness.spec import Solved
from harness.tests import growth
from harness.tests.growth import KEPT, Growth

MIB = 2**20
IMAGES = GeneratedImages(n=3000, n_test=1000, size=12)
FEW = {"n": 150, "n_test": 50}
LINEAR = OnFeatures(RandomPatches(400), LinearFit())
KERNEL = OnFeatures(RandomPatches(400), KernelInterpolation(GaussianKernel(5.0)))
SWEEP = RandomFeatureSweep(FourierFeatures(5.0), (100, 6000))
GROWING = {
    "linear": (Solved(IMAGES.but(**FEW), LINEAR), Solved(IMAGES.but(n=2000, n_test=300), LINEAR)),
    "kernel": (Solved(IMAGES.but(**FEW), KERNEL), Solved(IMAGES, KERNEL)),
    "sweep": (Solved(IMAGES.but(**FEW), SWEEP), Solved(IMAGES, SWEEP)),
}
"""Few examples and many: what the second add is measured."""


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Growth]:
    """Tells by how many bytes each solver makes a process grow."""
    return {name: growth.of_copy(__name__, name, tmp_path_factory.mktemp(name)) for name in GROWING}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Growth:
    """What a process holds, and grows by, that was started for a solver."""
    return growth.of_new(__name__, "linear", tmp_path_factory.mktemp("started"))


@pytest.mark.parametrize("name", list(GROWING))
def test_a_solver_takes_about_what_is_told(name: str, grown: dict[str, Growth], started: Growth) -> None:
    _, many = GROWING[name]
    told, added = host_memory.beside(many, "cpu"), grown[name].added
    assert added > 200 * MIB, "too small a matrix to tell"
    assert added / KEPT < told < 2 * added, (added / MIB, told / MIB)
    assert started.before + added <= host_memory.taken(many, "cpu")


def test_a_process_that_was_started_grows_as_its_copies_do(grown: dict[str, Growth], started: Growth) -> None:
    assert 1 / KEPT < started.added / grown["linear"].added < KEPT
    assert started.most <= host_memory.taken(GROWING["linear"][1], "cpu")


def test_a_fit_takes_more_than_a_matrix_and_its_factor(
    grown: dict[str, Growth], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were all that was told of it once."""
    monkeypatch.setattr(held, "FITTED", 2)
    _, many = GROWING["linear"]
    assert host_memory.beside(many, "cpu") < grown["linear"].added / KEPT
