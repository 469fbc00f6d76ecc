"""What a plan costs on GPUs, by records of such GPUs where there are some."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pytest

from harness import Experiment, Sgd
from harness.data import Digits
from harness.data.image_folder import ImageNet
from harness.fleet.optimizers import WhenFitted
from harness.lab import bill, places
from harness.lab.durations import estimate
from harness.lab.lab import Lab
from harness.lab.plan import Plan
from harness.lab.records import Record
from harness.lab.runs import Fleet, part_of
from harness.lab.timings import Timings
from harness.models import Mlp
from harness.tests.plans import runs

FIT = Experiment(Digits(n=100), Mlp(16), Sgd(lr=0.1, epochs=1))
STREAMED = Experiment(ImageNet(), Mlp(1), Sgd(lr=0.1, epochs=100))


def lab_on(device: str, folder: Path) -> Lab:
    place = places.place(store=folder / "store", data_root=folder, device=device, planned=True)
    return Lab(place, presume=True, processes=1 if device == "cpu" else places.processes(device))


def test_hours_are_added_up_by_family_and_last_as_long_as_units_do() -> None:
    units = [Fleet(shape=str(i), runs=(run,), seconds=3600.0) for i, run in enumerate(runs(FIT, 3))]
    plan = Plan(fleets=tuple(units), missing=3, present=0, seconds=3 * 3600.0, timed=0)
    families = {units[0].runs[0].key: "claims/test_one.py", units[1].runs[0].key: "claims/test_two.py"}
    told = bill.billed(plan, families, "h100x2", 2)
    assert (told.gpu_hours, told.hours, told.hours_in_memory) == (3.0, 2.0, 2.0)
    assert {(each.claims, each.runs, each.gpu_hours) for each in told.families} == {
        ("claims/test_one.py", 1, 1.0), ("claims/test_two.py", 1, 1.0), (bill.OTHER, 1, 1.0),
    }  # fmt: skip


def test_runs_that_train_together_cost_what_each_of_them_takes(tmp_path: Path) -> None:
    """Ten epochs and a hundred of one shape are a fleet, and not 55 each."""
    lab = lab_on("h100", tmp_path)
    short, long = (lab.runs(FIT.but(optimizer__epochs=epochs), 1) for epochs in (1000, 100_000))
    plan = lab.plan([*short, *long])
    assert len(plan.fleets) == 1
    told = bill.billed(plan, {short[0].key: "short.py", long[0].key: "long.py"}, "h100", 1)
    hours = {each.claims: each.gpu_hours for each in told.families}
    assert hours == {
        "long.py": round(estimate(long[0].value, "h100") / 3600, 2),
        "short.py": round(estimate(short[0].value, "h100") / 3600, 2),
    }
    assert sorted(work.seconds for work in plan.specifications().values()) == [
        estimate(run.value, "h100") for run in (*short, *long)
    ]
    alone = part_of(plan.fleets[0], lambda run: run.key == long[0].key)
    assert alone is not None
    assert alone.seconds == estimate(long[0].value, "h100")


def test_what_may_end_earlier_is_told_apart(tmp_path: Path) -> None:
    """Its hours are an upper bound, and those of all other trainings are not."""
    lab = lab_on("h100x8", tmp_path)
    whole = FIT.but(optimizer__epochs=10**8)
    fitted = whole.but(stop=WhenFitted(), optimizer__epochs=3 * 10**8)
    plan = lab.plan([*lab.runs(whole, 2), *lab.runs(fitted, 3)])
    told = bill.billed(plan, {}, "h100x8", 8)
    assert told.at_most == round(3 * estimate(fitted, "h100") / 3600, 2) > 0
    said = f"; of trainings that may end early, at most: {told.at_most:,.1f} GPU h"
    assert bill.told(told)[-bill.SUMS].endswith(said)
    never = bill.billed(lab.plan(lab.runs(whole, 2)), {}, "h100x8", 8)
    assert never.at_most == 0
    assert "at most" not in bill.told(never)[-bill.SUMS]


def test_what_is_read_from_disk_is_told_apart(tmp_path: Path) -> None:
    lab = lab_on("h100x8", tmp_path)
    plan = lab.plan([*lab.runs(STREAMED, 8), *lab.runs(FIT, 1)])
    told = bill.billed(plan, {}, "h100x8", 8)
    assert told.hours > told.hours_in_memory
    assert math.isclose(told.gpu_hours, 8 * told.hours, rel_tol=0.2)  # a run for each GPU
    assert "without what is read from disk (ImageNet)" in bill.told(told)[-bill.SUMS]


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


def test_a_record_is_read_once_and_one_that_comes_later_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = lab_on("cpu", tmp_path)
    done = here.runs(FIT, 2)
    here.ensure(done[:1])
    timings, read = Timings(here.store, "h100"), list[str]()
    peek = here.store.peek

    def noting(key: str) -> Record | None:
        read.append(key)
        return peek(key)

    monkeypatch.setattr(here.store, "peek", noting)
    for _ in range(3):  # the first is no GPU's, the second not there
        assert timings.of(done) == {}
    assert read == [done[0].key, *[done[1].key] * 3]
    record = peek(done[0].key)
    assert record is not None
    gpu = record.provenance | {"gpu": "NVIDIA H100"}
    here.store.publish(
        msgspec.structs.replace(record, key=done[1].key, replicate=1, seconds=7.0, provenance=gpu)
    )
    assert timings.of(done) == {done[0].kind: 7.0}
