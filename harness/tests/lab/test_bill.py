"""What a plan costs on GPUs, by records of such GPUs where there are some, and what they cannot hold."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pytest

from harness import Experiment, Sgd, Solved
from harness.analytic.kernel_interpolation import GaussianKernel, KernelInterpolation
from harness.data import Digits, Mnist
from harness.data.image_folder import ImageNet
from harness.lab import bill, places
from harness.lab.durations import estimate
from harness.lab.gpu_kinds import GPU_KINDS
from harness.lab.lab import Lab
from harness.lab.plan import Plan
from harness.lab.runs import Fleet
from harness.models import Linear, Mlp
from harness.tests.plans import runs

FIT = Experiment(Digits(n=100), Mlp(16), Sgd(lr=0.1, epochs=1))
KERNEL = Solved(Mnist(), KernelInterpolation(GaussianKernel(5.0), device="cuda"))
STREAMED = Experiment(ImageNet(), Linear(), Sgd(lr=0.1, epochs=1))


def lab_on(device: str, folder: Path) -> Lab:
    place = places.place(store=folder / "store", data_root=folder, device=device, planned=True)
    return Lab(place, presume=True, processes=places.processes(device))


def test_hours_are_added_up_by_family_and_last_as_long_as_units_do() -> None:
    units = [Fleet(shape=str(i), runs=(run,), seconds=3600.0) for i, run in enumerate(runs(FIT, 3))]
    plan = Plan(fleets=tuple(units), missing=3, present=0, seconds=3 * 3600.0, timed=0)
    families = {units[0].runs[0].key: "claims/test_one.py", units[1].runs[0].key: "claims/test_two.py"}
    told = bill.billed(plan, families, "h100x2", 2)
    assert (told.gpu_hours, told.hours, told.hours_in_memory) == (3.0, 2.0, 2.0)
    assert {(each.claims, each.runs, each.gpu_hours) for each in told.families} == {
        ("claims/test_one.py", 1, 1.0), ("claims/test_two.py", 1, 1.0), (bill.OTHER, 1, 1.0),
    }  # fmt: skip


def test_what_is_read_from_disk_is_told_apart(tmp_path: Path) -> None:
    lab = lab_on("h100x8", tmp_path)
    plan = lab.plan([*lab.runs(STREAMED, 1), *lab.runs(FIT, 1)])
    told = bill.billed(plan, {}, "h100x8", 8)
    assert told.hours > told.hours_in_memory
    assert math.isclose(told.gpu_hours, 8 * told.hours, rel_tol=0.2)  # such a run takes all eight
    assert "without what is read from disk (ImageNet)" in bill.told(told)[-bill.SUMS]


def test_a_kernel_that_no_memory_holds_is_refused_when_it_is_planned(tmp_path: Path) -> None:
    lab = lab_on("h100", tmp_path)
    needed = lab.runs(KERNEL, 1)
    assert lab.plan(needed).missing == 0
    (cause,) = lab.failures.values()
    assert "kernel interpolation of 60,000 points needs 82.2 GiB" in cause
    assert "NVIDIA H200" in cause
    larger = lab_on("h200", tmp_path)
    assert larger.plan(larger.runs(KERNEL, 1)).missing == 1
    assert not larger.failures
    assert not bill.lacking(KERNEL.but(solver__device="cpu"), GPU_KINDS["h100"])


@pytest.mark.parametrize(("device", "measured"), [("h100x8", True), ("a100", False), ("cpu", False)])
def test_records_of_such_a_gpu_take_the_models_place(tmp_path: Path, device: str, measured: bool) -> None:
    here = lab_on("cpu", tmp_path)
    done = here.runs(FIT, 1)
    here.ensure(done)
    record = here.store.read(done[0].key)
    assert record is not None
    versions = record.provenance | {"device": "cuda", "gpu": "NVIDIA H100 80GB HBM3"}
    (here.store.root / "timings" / done[0].kind).unlink()
    slow = msgspec.structs.replace(record, seconds=77.0, provenance=versions)
    here.store.publish(slow, here.store.weights(done[0].key))
    lab = lab_on(device, tmp_path)
    plan = lab.plan(lab.runs(FIT, 3))
    assert (plan.missing, plan.timed) == (2, 2 if measured else 0)
    assert math.isclose(plan.seconds, 2 * 77.0) == measured
    if device == "a100":
        assert math.isclose(plan.seconds, 2 * estimate(FIT, device))


def test_only_a_plan_can_be_of_gpus_that_are_elsewhere(tmp_path: Path) -> None:
    assert places.processes("h100x8") == 8
    with pytest.raises(ValueError, match=r"use cpu, cuda or cuda:0$"):
        places.place(store=tmp_path, device="h100x8")
    with pytest.raises(ValueError, match=r"to plan h100x8, h200x8, a100x8$"):
        places.place(store=tmp_path, device="v100x8", planned=True)
    assert places.place(store=tmp_path, device="cuda", planned=True).device == "cuda"
    with pytest.raises(ValueError, match=r"cuda:3: torch .* sees .* here"):
        places.place(store=tmp_path, device="cuda:3", planned=True)
