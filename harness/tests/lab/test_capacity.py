"""What no memory holds is refused before it is computed."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import Experiment, Sgd, Simulation, Solved
from harness.analytic.gabor import GaborMagnitudes, OnFeatures
from harness.analytic.kernel_interpolation import GaussianKernel, KernelInterpolation
from harness.data import Cifar10, Digits, Mnist, RandomLabels
from harness.data.gaussian_images import GaussianImages
from harness.data.image_folder import ImageNet
from harness.fleet import memory
from harness.lab import capacity, host_memory
from harness.lab.gpu_kinds import GPU_KINDS, GpuKind
from harness.lab.lab import Lab
from harness.lab.places import Place
from harness.lab.plan import fleets, schedule
from harness.models import Mlp
from harness.models.alexnet import SmallAlexNet
from harness.models.inception_v3 import InceptionV3
from harness.tests.simulated import drawn

KERNEL = KernelInterpolation(GaussianKernel(5.0), device="cuda")
H100, GIB = GPU_KINDS["h100"], 2**30
LARGER = GaussianImages(n=110_000, size=8)


IMAGENET = Experiment(ImageNet(), InceptionV3(), Sgd(lr=0.1, epochs=1, batch=256), precision="bfloat16")


def test_images_on_disk_are_trained_on_by_a_gpu_each_and_by_all_where_one_is_too_small(
    tmp_path: Path,
) -> None:
    assert 20 * GIB < memory.streamed(IMAGENET) < 40 * GIB  # of 80
    large = IMAGENET.but(optimizer__batch=768)
    assert memory.streamed(large) > 3 * 0.9 * memory.streamed(IMAGENET)
    lab = Lab(Place(store=tmp_path / "store", data_root=tmp_path, device="h100x8"), presume=True)
    units = {
        batch: fleets(lab.runs(value, 8), {}, "h100x8", 8) for batch, value in ((1, IMAGENET), (4, large))
    }
    assert [unit.wide for unit in units[1]] == [False] * 8
    assert {unit.wide for unit in units[4]} == {True}
    ends = [end for _, _, end in schedule(units[1], 8)]
    assert len(set(ends)) == 1  # all of them side by side
    assert capacity.is_wide(IMAGENET, "cpu")
    assert not capacity.is_wide(large, "h200")
    assert not capacity.is_wide(Experiment(Digits(), Mlp(8), Sgd(lr=0.1, epochs=1)), "cpu")


def test_images_on_disk_in_batches_that_all_gpus_do_not_hold_are_refused(tmp_path: Path) -> None:
    several = IMAGENET.but(optimizer__batch=2048)
    alone, shared = (memory.streamed(several, sharers) for sharers in (1, 8))
    assert shared < H100.memory < alone
    for device, value, why in (
        ("h100x8", several, ""),
        ("h100", several, "a training of InceptionV3 in batches of 2,048 needs"),
        ("cuda:0", several, "GiB of a GPU's memory, NVIDIA H100"),
        ("h100x8", several.but(optimizer__batch=16_384), "in batches of 16,384 shared by 8 of them needs"),
    ):
        lab = lab_on(device, tmp_path)
        assert lab.plan(lab.runs(value, 1)).missing == (not why)
        assert why in next(iter(lab.failures.values()), "")
    assert not capacity.refused(IMAGENET, "h100")


def lab_on(device: str, folder: Path) -> Lab:
    return Lab(Place(store=folder / "store", data_root=folder, device=device), presume=True)


def test_a_kernel_that_no_memory_holds_is_refused_when_it_is_planned(tmp_path: Path) -> None:
    lab = lab_on("h100", tmp_path)
    assert lab.plan(lab.runs(Solved(LARGER, KERNEL), 1)).missing == 0
    (cause,) = lab.failures.values()
    assert "kernel interpolation of 110,000 points needs 93.9 GiB" in cause
    assert "NVIDIA H200" in cause
    larger = lab_on("h200", tmp_path)
    assert larger.plan(larger.runs(Solved(LARGER, KERNEL), 1)).missing == 1
    assert not larger.failures


def test_a_kernel_within_another_solver_counts_and_one_on_the_cpu_does_not() -> None:
    inside = OnFeatures(GaborMagnitudes((4.0,), size=11), KERNEL)
    assert "110,000 points" in capacity.lacking(Solved(LARGER, inside), H100)
    assert not capacity.lacking(Solved(LARGER, KERNEL.but(device="cpu")), H100)
    several = KERNEL.but(labels=(RandomLabels(0.1), RandomLabels(0.2)))
    one, two = (capacity.need_of(Solved(Mnist(n=1000), solver)).bytes for solver in (KERNEL, several))
    assert two - one == 8 * 4 * 1000 * 10  # ten columns more, of four arrays in double precision


def test_a_kernel_for_a_gpu_is_refused_where_the_cpu_was_asked_for(tmp_path: Path) -> None:
    """It would go to some GPU all the same, or fail once all else is trained."""
    lab = lab_on("cpu", tmp_path)
    assert lab.plan(lab.runs(Solved(Digits(), KERNEL), 1)).missing == 0
    (cause,) = lab.failures.values()
    assert (
        "points is solved on a GPU, and the CPU was asked for: give --device cuda, or leave it out" in cause
    )
    here = Solved(Digits(), KERNEL.but(device="cpu"))
    assert not capacity.refused(here, "cpu")


def test_a_large_net_is_refused_by_what_it_keeps_and_not_by_the_quick_estimate() -> None:
    net = Experiment(Cifar10(), Mlp(4096, depth=3), Sgd(lr=0.1, epochs=1))
    quick, kept = memory.needed(net), sum(memory.stacked(net))
    assert kept < quick / 1.5
    assert capacity.lacking(net, GpuKind(name="", called="small", memory=kept - 1, flops={}, bandwidth=1.0))
    assert not capacity.lacking(net, GpuKind(name="", called="large", memory=kept, flops={}, bandwidth=1.0))


def test_a_net_of_which_the_quick_estimate_is_short_is_refused_too() -> None:
    net = Experiment(Cifar10(), SmallAlexNet(), Sgd(lr=0.1, epochs=1))
    quick, kept = memory.needed(net), sum(memory.stacked(net))
    assert quick < kept / 3
    assert capacity.lacking(net, GpuKind(name="", called="small", memory=kept - 1, flops={}, bandwidth=1.0))


def test_what_this_machine_does_not_hold_is_told_where_it_computes_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "available", lambda: GIB)
    here = Solved(Mnist(), KERNEL.but(device="cpu"))
    assert "GiB of this machine's memory, 1.0 GiB are free" in host_memory.lacking(here, "cuda")
    assert not host_memory.lacking(Solved(Mnist(n=20_000), KERNEL), "cuda")
    assert host_memory.lacking(Solved(Mnist(), KERNEL), "cpu")
    for small in (Experiment(Digits(n=100), Mlp(8), Sgd(lr=0.1, epochs=1)), Simulation(drawn)):
        assert not host_memory.lacking(small, "cpu")
