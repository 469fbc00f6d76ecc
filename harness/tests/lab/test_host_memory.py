"""What a machine's own memory holds: told by a plan, cut to it, or refused before anything is computed."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from harness import Experiment, Probing, Sgd, Simulation, Solved
from harness.analytic import held
from harness.analytic.gabor import GaborMagnitudes, LinearFit, OnFeatures, Pixels, RandomPatches
from harness.analytic.kernel_interpolation import GaussianKernel, KernelInterpolation
from harness.analytic.paths import AlongCurve
from harness.analytic.random_features import FourierFeatures, RandomFeatureSweep, SampleSweep
from harness.data import Cifar10, Digits, GeneratedImages, Mnist, RandomLabels
from harness.data.image_folder import ImageNet
from harness.fleet import memory, ranks
from harness.lab import host_memory
from harness.lab.crew import LocalCrew
from harness.lab.lab import Failed, Lab
from harness.lab.places import Place
from harness.lab.plan import STACKED, fleets
from harness.lab.ready import BY_DRIVER, Ready
from harness.models.conv246 import Conv
from harness.models.inception_v3 import InceptionV3
from harness.spec.streams import stream
from harness.tests.simulated import SMALL, drawn

GIB = 2**30
DRAWN = SMALL.but(data=GeneratedImages(n=50_000, size=32))
"""Images that are a member's own: a stack of 64 has 46 GiB of them, and 46 more while they are joined."""
IMAGENET = Experiment(ImageNet(), InceptionV3(), Sgd(lr=0.1, epochs=1, batch=256), precision="bfloat16")
KERNEL = KernelInterpolation(GaussianKernel(5.0))


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Have a machine with so many GiB free."""
    return lambda gib: monkeypatch.setattr(memory, "available", lambda: int(gib * GIB))


def lab_on(device: str, folder: Path, **how: Any) -> Lab:
    return Lab(Place(store=folder / "store", data_root=folder, device=device), presume=True, **how)


def test_memory_limits_how_many_processes_run(free: Callable[[float], None]) -> None:
    free(10)
    assert host_memory.processes([SMALL], 4) == 4
    large = SMALL.but(data=GeneratedImages(n=400_000, size=32))
    assert memory.needed(large) > 2 * 400_000 * 3 * 32 * 32 * 4
    assert host_memory.processes([SMALL, large], 4) == 4  # the large one is computed by itself
    assert host_memory.processes([large], 1) == 1
    free(2)
    assert host_memory.processes([SMALL], 4) == 2
    free(10)
    assert host_memory.processes([], 3) == 3
    assert host_memory.processes([SMALL], 4, "cuda") == 3  # each has the libraries of a GPU too


def test_a_crew_for_gpus_has_as_many_processes_as_the_machine_holds(
    free: Callable[[float], None], lab: Lab
) -> None:
    place = msgspec.structs.replace(lab.place, device="cuda")
    crew, ready = LocalCrew(place, 8), Ready(lambda runs: ())
    ready.add(fleets(lab.runs(SMALL, 2), {}))
    for gib, count in ((100, 8), (7, 2), (1, 1)):
        free(gib)
        crew._fit(ready)
        assert crew._count == count


def test_a_stack_is_cut_to_what_the_machine_holds_of_its_members_images(
    free: Callable[[float], None], tmp_path: Path
) -> None:
    image = 60_000 * 3072 * 4
    shared, drawn_each = (
        host_memory.beside(SMALL.but(data=data), "cuda", 64) for data in (Cifar10(), DRAWN.data)
    )
    assert drawn_each > 64 * image > 16 * shared
    for gib, largest in ((500, 20), (24, 17), (12, 7), (1, 1)):
        free(gib)
        lab = lab_on("cuda", tmp_path)
        units = lab._fleets(lab.runs(DRAWN, 20), {})
        assert max(len(unit.runs) for unit in units) == largest, gib
        assert sum(len(unit.runs) for unit in units) == 20
        whole = lab._fleets(lab.runs(SMALL, 20), {})
        assert len(whole) == 1 or gib == 1
    assert len(fleets(lab.runs(DRAWN, 20), {}, "cuda")) == 1 < STACKED  # of another machine nothing is known


def test_so_many_fit_as_take_no_more_than_is_there() -> None:
    for gib in (8, 24, 100):
        count = host_memory.fitting(DRAWN, "cuda", gib * GIB)
        assert host_memory.taken(DRAWN, "cuda", count) <= gib * GIB
        assert host_memory.taken(DRAWN, "cuda", count + 1) > gib * GIB
    assert host_memory.fitting(DRAWN, "cuda", 0) == 1
    assert host_memory.fitting(IMAGENET, "cuda", 2**60) == 1
    assert host_memory.fitting(DRAWN, "cpu", 2**60) == 1


def test_a_run_that_no_memory_holds_is_refused_when_it_is_planned(
    free: Callable[[float], None], tmp_path: Path
) -> None:
    free(1)
    lab = lab_on("cuda", tmp_path)
    runs = lab.runs(DRAWN, 1) + lab.runs(SMALL, 1)
    assert lab.plan(runs).missing == 1
    with pytest.raises(Failed, match=r"^a training of Mlp needs 1\.2 GiB of this machine's memory, 1\.0 GiB"):
        lab.results("x", DRAWN, 1)
    elsewhere = lab_on("h100x8", tmp_path)
    assert elsewhere.plan(elsewhere.runs(DRAWN, 1)).missing == 1
    crew: Any = SimpleNamespace(slots=1, publishes=BY_DRIVER, close=lambda: None)
    sent = lab_on("cuda", tmp_path, crew=crew)  # to machines with memory of their own
    assert sent.plan(sent.runs(DRAWN, 70)).missing == 70
    assert max(len(unit.runs) for unit in sent.plan(sent.runs(DRAWN, 70)).fleets) == STACKED


def test_a_training_on_a_cpu_is_refused_by_what_its_step_keeps(free: Callable[[float], None]) -> None:
    wide = Experiment(Cifar10(n=100, crop=None, n_test=100), Conv(2), Sgd(lr=0.1, epochs=1))
    kept, quick = memory.on_cpu(wide), host_memory.beside(wide, "cpu")
    assert kept < quick / 1.2
    free(1.1 * kept / GIB)
    assert not host_memory.lacking(wide, "cpu")
    free(0.9 * kept / GIB)
    assert "a training of Conv needs" in host_memory.lacking(wide, "cpu")


def test_images_on_disk_take_memory_by_their_names_and_loaders(
    free: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ranks.LOADERS, "0")
    alone = host_memory.beside(IMAGENET, "cuda")
    names = 1_331_167 * host_memory.ENTRY
    assert names < alone < names + GIB
    monkeypatch.setenv(ranks.LOADERS, "10")
    batch = 256 * 3 * 299 * 299
    assert host_memory.beside(IMAGENET, "cuda") - alone == 10 * (
        host_memory.LOADER + host_memory.AHEAD * batch
    )
    free(3)
    assert "have fewer processes decode with HARNESS_LOADERS=N, or" in host_memory.lacking(IMAGENET, "cuda")
    assert host_memory.beside(IMAGENET, "h100x8") > host_memory.beside(IMAGENET, "cuda")
    grey = IMAGENET.but(data=ImageNet(classes=2, train_size=64, test_size=8, size=75), optimizer__batch=8)
    assert host_memory.beside(grey, "cpu") > memory.streamed(grey)


def test_a_probe_takes_what_its_training_does_and_a_simulation_nothing() -> None:
    assert host_memory.beside(Probing(SMALL, AlongCurve()), "cuda") == host_memory.beside(SMALL, "cuda")
    assert host_memory.beside(Simulation(drawn), "cuda") == 0
    assert host_memory.taken(Simulation(drawn), "cpu") == memory.PROCESS


def test_all_processes_take_what_the_largest_units_do(free: Callable[[float], None], lab: Lab) -> None:
    free(100)
    units = fleets([*lab.runs(DRAWN, 2), *lab.runs(SMALL, 1)], {}, "cuda")
    large, small = (host_memory.taken(value, "cuda", n) for value, n in ((DRAWN, 2), (SMALL, 1)))
    assert host_memory.of_units(units, "cuda", 1) == large
    assert host_memory.of_units(units, "cuda", 8) == large + small
    assert host_memory.of_units([], "cuda", 8) == 0


def test_what_takes_most_of_a_machine_is_computed_by_itself(
    free: Callable[[float], None], tmp_path: Path
) -> None:
    """So many others are side by side as without it."""
    free(4)
    lab = lab_on("cpu", tmp_path)
    lab.crew = crew = LocalCrew(lab.place, 2)
    runs = [*lab.runs(DRAWN, 2), *lab.runs(SMALL, 8)]
    units = lab.plan(runs).fleets
    assert {unit.runs[0].value.data: unit.alone for unit in units} == {DRAWN.data: True, SMALL.data: False}
    alone, small = (host_memory.taken(value, "cpu") for value in (DRAWN, SMALL))
    assert 2 * small < host_memory.of_units(units, "cpu", 2) == alone < 4 * GIB < 2 * alone
    ready = Ready(lambda runs: ())
    ready.add(units)
    crew._fit(ready)
    assert crew._count == 2
    free(8)
    assert not any(unit.alone for unit in lab.plan(runs).fleets)
    free(4)
    lab.crew = LocalCrew(lab.place, 1)
    assert not any(unit.alone for unit in lab.plan(runs).fleets)


def test_what_a_plan_tells_of_memory(free: Callable[[float], None]) -> None:
    free(16)
    assert host_memory.told(3 * GIB // 2, "cpu") == "memory: up to about 1.5 GiB; 16.0 GiB are free here"
    assert host_memory.told(GIB, "h100x8") == "memory: up to about 1.0 GiB, beside that of GPUs"
    assert host_memory.told(GIB, "cuda").endswith("GPUs; 16.0 GiB are free here")


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        (Pixels(), 3 * 32 * 32),
        (GaborMagnitudes((4.0, 8.0), orientations=3, size=5, pool=5), 2 * 3 * 6 * 6),
        (RandomPatches(10, size=3), 80),
    ],
    ids=lambda value: type(value).__name__,
)
def test_features_are_counted_as_they_are_made(kind: Any, numbers: int) -> None:
    images = GeneratedImages(n=30, size=32).split(None, 0).x_train
    assert kind.fitted(images, stream(0, "solution")).of(images[:2]).shape == (2, numbers)
    assert held.features(kind, images.shape[1:]) == numbers


def test_a_kernel_on_features_needs_memory_by_the_features_and_not_by_pixels() -> None:
    on_gpu = KERNEL.but(device="cuda")
    pixels, many = (
        held.taken_by(OnFeatures(kind, on_gpu), Mnist()) for kind in (Pixels(), RandomPatches(2000))
    )
    more = 16_000 - 784
    assert many.gpu - pixels.gpu == 8 * 60_000 * 2 * more
    assert many.host - pixels.host == (4 + 8) * 70_000 * more
    here = held.taken_by(OnFeatures(Pixels(), KERNEL), Mnist())
    assert here.gpu == 0
    assert here.host > 8 * 60_000**2


def test_sweeps_and_fits_hold_their_features_and_a_factor() -> None:
    data, features = Mnist(n=5000, n_test=1000), FourierFeatures(5.0)
    for solver in (RandomFeatureSweep(features, (10, 9000)), SampleSweep(features, 9000, (10, 50))):
        assert held.taken_by(solver, data) == held.Held(int(2.4 * 8 * 6000 * 9000))
    assert held.taken_by(LinearFit(), data) == held.Held(int(5.5 * 8 * 6000 * 784))


@pytest.mark.parametrize(
    "solver",
    [
        OnFeatures(RandomPatches(60, size=3), KERNEL),
        OnFeatures(GaborMagnitudes((3.0, 5.0), size=5), KERNEL.but(labels=(RandomLabels(0.5),))),
        RandomFeatureSweep(FourierFeatures(5.0), (400, 2400)),
        OnFeatures(RandomPatches(100, size=3), LinearFit()),
    ],
    ids=["patches", "magnitudes", "sweep", "fit"],
)
def test_what_a_solver_takes_is_estimated_within_a_factor_of_two_and_a_half(solver: Any) -> None:
    data = Digits(n=1200, whiten=False)
    split = data.split(None, 0)
    solver.solve(Digits(n=40).split(None, 0), stream(0, "solution"))  # what is imported is no part of it
    tracemalloc.start()
    try:
        solver.solve(split, stream(0, "solution"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    estimate = host_memory.beside(Solved(data, solver), "cpu")
    assert peak / 2.5 < estimate < 2.5 * peak, (peak, estimate)
