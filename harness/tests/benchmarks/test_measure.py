"""A whole measurement of tiny workloads through every path."""

from __future__ import annotations

import msgspec
import pytest

from harness.benchmarks import (
    gate,
    measure,
    peak,
    speed_page,
    speed_report,
    training,
    workloads,
)
from harness.benchmarks.measure import Agenda
from harness.benchmarks.workloads import WORKLOADS
from harness.data import Digits
from harness.fleet.optimizers import Sgd, WhenFitted
from harness.models import Mlp
from harness.spec import Experiment
from harness.tests.speed import SWEEP, TINY, Here, tiny


def test_a_whole_measurement(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peak, "SIZES", {"cpu": (16,)})
    ending = gate.Ending(
        title="digits",
        experiment=Experiment(Digits(20), Mlp(16), Sgd(lr=0.05, epochs=40, batch=5), stop=WhenFitted()),
        replicates=5,
    )
    cnn = tiny(next(w for w in WORKLOADS if w.name == "student-cnn"), unused=("vmap",))
    said: list[str] = []
    plan = Agenda((TINY, cnn), (SWEEP,), rounds=2, endings=(ending,), say=said.append)
    section = measure.section(without_compiling(plan))
    assert [(row.workload, row.precision) for row in section.rows] == [
        ("tiny", "float32"), ("tiny", "bfloat16"), ("student-cnn", "float32"), ("student-cnn", "bfloat16"),
        ("random-features-1", "float64"), ("random-features-3", "float64"),
    ]  # fmt: skip
    assert all(row.rounds == 2 and not row.disturbed for row in section.rows)
    assert all(row.plain.median == 1.0 for row in section.rows[:4])  # this stopwatch stands still
    assert section.rows[5].plain.median == 3.0  # three label sets, one after the other
    assert section.rows[0].sklearn is not None
    assert section.rows[2].sklearn is None
    assert section.rows[5].tuned is not None
    assert {(u.workload, u.variant) for u in section.unused} == {("tiny", "vmap"), ("student-cnn", "vmap")}
    assert [judged.precision for judged in section.gates] == ["float32", "bfloat16"]
    assert {(judged.reference, judged.replicates) for judged in section.gates} == {("reference", 5)}
    assert {p.precision for p in section.peaks} == {"float32", "bfloat16", "float64"}
    assert any("tiny" in line or "MLP 1x512" in line for line in said)
    whole = speed_report.SpeedReport(sections=(section,))
    assert msgspec.json.decode(speed_report.encode(whole), type=speed_report.SpeedReport) == whole
    assert "student CNN" in speed_page.render(whole)


def without_compiling(plan: Agenda) -> Agenda:
    """``torch.compile`` takes a compiler and half a minute."""
    kept = [
        msgspec.structs.replace(w, unused=tuple(u for u in w.unused if u != "compiled"))
        for w in plan.workloads
    ]
    return plan._replace(workloads=tuple(kept))


def test_fleets_as_on_a_gpu(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same path on the CPU: E replicas of ours against one of the plain loop, per replica."""
    monkeypatch.setattr(peak, "SIZES", {"cpu": (16,)})
    workload = tiny(WORKLOADS[0], model=Mlp(4))
    fleets = workloads.fleets_of(workload, 16, (1, 3))
    assert [f.cell_count for f in fleets] == [1, 3]
    assert [f.baseline_count for f in fleets] == [1, 1]
    plan = Agenda(tuple(fleets), engines=("chosen", "reference"), rounds=1, say=lambda line: None)
    section = measure.section(plan)
    three = [row for row in section.rows if row.cells == 3]
    assert [(row.precision, row.engine) for row in three] == [
        ("float32", "chosen"), ("float32", "reference"), ("bfloat16", "chosen"), ("bfloat16", "reference"),
    ]  # fmt: skip
    assert all(row.plain.median == pytest.approx(3.0) for row in three)  # equal time, three times the work
    assert three[1].kernel == "reference"
    gpu = msgspec.structs.replace(section, device="cuda")
    page = speed_page.render(speed_report.SpeedReport(sections=(gpu,)))
    assert "| replicas |" in page
    assert "reference (forced)" in page


def test_what_is_measured_on_a_gpu() -> None:
    fleets = workloads.on_gpu()
    assert {f.replicates for f in fleets} == {1, 4, 16, 64}
    assert fleets[-1].data.n == 50_000
    assert len({f.name for f in fleets}) == len(fleets) == 21
    names = [v.name for v in training.variants(fleets[0], "cuda", 1, training.ENGINES)]
    assert training.TF32 in names
    assert "reference bfloat16" in names
