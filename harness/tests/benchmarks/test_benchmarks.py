"""The speed measurement: fair baselines, ratios, disturbed rounds, and tiny workloads through every path."""

from __future__ import annotations

import functools
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import settings

from harness.benchmarks import (
    baselines,
    feature_sweeps,
    gate,
    measure,
    ours,
    peak,
    profile,
    speed_page,
    speed_report,
    startup,
    training,
    unused,
    workloads,
)
from harness.benchmarks.feature_sweeps import Sweep
from harness.benchmarks.images import BenchmarkImages
from harness.benchmarks.load import Timing
from harness.benchmarks.measure import Agenda
from harness.benchmarks.variants import Variant, compared
from harness.benchmarks.warm import Answer, Failure
from harness.benchmarks.workloads import WORKLOADS, Cell, Workload
from harness.data import Digits, RandomLabels
from harness.fleet import numerics
from harness.fleet.optimizers import Sgd, WhenFitted
from harness.models import Mlp, SmallAlexNet, SmallInception
from harness.spec import Experiment
from harness.spec.streams import stream

FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=50)
ROOT = Path(__file__).parents[3]
NAMES = [workload.name for workload in WORKLOADS]


def tiny(workload: Workload, **changes: Any) -> Workload:
    data = workload.data.but(n=24, n_test=8, shape=(workload.data.shape[0], 16, 16))
    optimizer = workload.optimizer.but(epochs=1, batch=8)
    small = {"data": data, "optimizer": optimizer, "replicates": 1, "levels": (0.0, 1.0), "baseline_cells": 0}
    return msgspec.structs.replace(workload, **{**small, **changes})


TINY = tiny(WORKLOADS[0], name="tiny", model=Mlp(4))
SWEEP = Sweep(data=BenchmarkImages(30, 10, (1, 4, 4)), widths=(4, 30, 60), sets=(1, 3), targets=((1, 7.5),))


class Here:
    """A pool whose processes are this one; each has its own lab, as in a process of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.labs: dict[str, Any] = {}
        self.environments: dict[str, dict[str, str]] = {}

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *error: object) -> None:
        for lab in self.labs.values():
            lab.cache_clear()

    def of(self, name: str, environment: dict[str, str] | None = None) -> Any:
        self.labs.setdefault(name, functools.cache(ours.lab.__wrapped__))
        self.environments.setdefault(name, environment or {})
        return Process(self, name)


class Process:
    def __init__(self, pool: Here, name: str) -> None:
        self.pool, self.name = pool, name

    def call(self, function: Callable[..., Any], *arguments: Any) -> Answer:
        with self.pool.monkeypatch.context() as patch:
            patch.setattr(ours, "lab", self.pool.labs[self.name])
            for key, value in self.pool.environments[self.name].items():
                patch.setenv(key, value)
            return Answer(Timing(1.0, 1.0, 0.0), function(*arguments))


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    import torch

    threads = torch.get_num_threads()
    pool = Here(monkeypatch)
    monkeypatch.setattr(measure, "Pool", lambda: pool)
    yield pool
    torch.set_num_threads(threads)


# -- what is compared is the same ------------------------------------------------------------------


@pytest.mark.parametrize("workload", WORKLOADS, ids=NAMES)
def test_the_textbook_network_computes_what_ours_does(workload: Workload) -> None:
    """Equal counts alone would let a wrong stride or norm pass: with our weights, outputs are equal."""
    import torch

    from harness.benchmarks.textbook_nets import textbook

    shape, classes = workload.data.shape, workload.data.classes
    net = textbook(workload.model, shape, classes).eval()
    ours = workload.model.build(shape, classes, stream(0, "initialization")).eval()
    assert sum(p.numel() for p in net.parameters()) == workload.parameters()
    x = 30 * torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))  # the response norms bite
    with torch.no_grad():
        for mine, theirs in zip(ours.parameters(), net.parameters(), strict=True):
            theirs.copy_(mine)
        torch.testing.assert_close(net(x), ours(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "model", [SmallAlexNet(width=0.5), SmallInception(batch_norm=False), Mlp(batch_norm=True)]
)
def test_no_textbook_network_of_another_size(model: Any) -> None:
    from harness.benchmarks.textbook_nets import textbook

    with pytest.raises(ValueError, match=r"has .* parameters, ours|no textbook version"):
        textbook(model, (3, 28, 28), 10)


def test_scikit_learns_network_is_ours() -> None:
    cell = TINY.cells("float32", 0)[0]
    net = baselines.sklearn_net(Cell(cell.experiment.but(model=Mlp(5, depth=2)), 0))
    x, y = np.zeros((10, 768), np.float32), np.arange(10)
    net.partial_fit(x, y, classes=y)
    counted = sum(array.size for array in (*net.coefs_, *net.intercepts_))
    assert counted == Mlp(5, depth=2).size((3, 16, 16), 10)
    assert all(array.dtype == np.float32 for array in net.coefs_)


def test_every_loop_learns() -> None:
    """Forty images, learnt by heart: a loop that skipped a step or mixed up labels would not get there."""
    data = BenchmarkImages(40, 8, (1, 4, 4))
    experiment = Experiment(data, Mlp(64), Sgd(lr=0.1, epochs=60, batch=10))
    cell, split = Cell(experiment, 0), data.split(None, 0)
    setting = baselines.Setting(1)
    histories = [
        baselines.plain_cell(cell, split, "cpu"),
        baselines.tuned_cell(cell, split, "cpu", setting, baselines.fresh(cell, split, "cpu")),
    ]
    for history in histories:
        assert len(history) == 60
        assert history[-1][0] < 0.2 < 1.5 < history[0][0]
        assert history[-1][1] == 0.0
        assert history[-1][2] > 0.4  # nothing to learn about other images


def test_a_loop_under_vmap_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its losses and errors are heard as they are read off, since it returns nothing but a note."""
    import torch

    sums: list[float] = []
    tolist = torch.Tensor.tolist

    def heard(self: torch.Tensor) -> Any:
        sums.append(float(self.sum()))
        return tolist(self)

    monkeypatch.setattr(torch.Tensor, "tolist", heard)
    workload = tiny(TINY, name="vmap", optimizer=Sgd(lr=0.1, epochs=30, batch=8), model=Mlp(32))
    assert unused.vmap(workload, "float32", "cpu", 0).startswith("E = 2")
    losses, train_wrong = sums[0::3], sums[1::3]
    assert losses[-1] < 0.1 * losses[0]
    assert train_wrong[-1] == 0


def test_operations_of_the_formula() -> None:
    one = msgspec.structs.replace(
        WORKLOADS[0], data=WORKLOADS[0].data.but(n=1, n_test=1), optimizer=Sgd(0.1, 1)
    )
    first, second = 2352 * 512, 512 * 10
    assert one.flop() == 4 * first + 6 * second + 2 * 2 * (first + second)
    epochs = WORKLOADS[0].optimizer.epochs
    assert math.isclose(WORKLOADS[0].flop(), epochs * (2048 * 4.8476e6 + 2560 * 2.41869e6), rel_tol=1e-3)


@pytest.mark.parametrize("workload", WORKLOADS, ids=NAMES)
def test_sixteen_cells_and_no_replicate_twice(workload: Workload) -> None:
    seen = [(e.data, r) for round_ in range(3) for e, r in workload.cells("float32", round_)]
    assert workload.cell_count == 16
    assert len(set(seen)) == len(seen) == 48
    assert {e.precision for e, _ in workload.cells("bfloat16", 0)} == {"bfloat16"}


def test_images_are_shared_and_labels_are_the_replicates() -> None:
    data = BenchmarkImages(50, 5, (1, 2, 2), RandomLabels(1.0))
    one, two = data.split(None, 0), data.split(None, 1)
    assert one.x_train is two.x_train
    assert (one.y_true == two.y_true).all()
    assert (one.y_train != two.y_train).any()


def failing(*_: Any) -> str:
    raise ValueError("needs what is not here")


def succeeding(*_: Any) -> str:
    return "well"


def test_a_variant_that_fails_is_left_out_unless_required(here: Here) -> None:
    class Refusing(Here):
        def of(self, name: str, environment: dict[str, str] | None = None) -> Any:
            process = super().of(name, environment)
            if name == "bad":
                process.call = lambda *_: (_ for _ in ()).throw(Failure("bad: ValueError: not here"))
            return process

    good = Variant("good", "good", succeeding, (), 1, required=True)
    bad = Variant("bad", "bad", failing, (), 1)
    pool: Any = Refusing(here.monkeypatch)
    comparison = compared("a workload", [good, bad], pool, 2)
    assert comparison.notes == {"good": "well"}
    assert comparison.left_out == ("a workload, bad: bad: ValueError: not here",)
    assert comparison.ratio("good", "bad") is None
    with pytest.raises(Failure, match="not here"):
        compared("a workload", [good, bad._replace(required=True)], pool, 2)


# -- every path, tiny -----------------------------------------------------------------------------------


def test_a_whole_measurement(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peak, "SIZES", {"cpu": (16,)})
    ending = gate.Ending(
        title="digits",
        experiment=Experiment(Digits(20), Mlp(16), Sgd(lr=0.05, epochs=40, batch=5), stop=WhenFitted()),
    )
    cnn = tiny(next(w for w in WORKLOADS if w.name == "student-cnn"), unused=("vmap",))
    said: list[str] = []
    plan = Agenda((TINY, cnn), (SWEEP,), rounds=2, endings=(ending,), replicates=5, say=said.append)
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
    assert {judged.reference for judged in section.gates} == {"reference"}
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


@pytest.mark.parametrize("solver", ["_lstsq", "_linear_regression"])
def test_baselines_of_sweeps_solve_least_squares(solver: str) -> None:
    train, _, targets, _ = feature_sweeps._drawn(SWEEP, 3, 0)
    assert (train.shape, targets.shape) == ((30, 60), (30, 30))
    weights = getattr(feature_sweeps, solver)(train[:, :10], targets)
    np.testing.assert_allclose(train[:, :10].T @ (train[:, :10] @ weights - targets), 0, atol=1e-9)
    assert np.abs(train @ getattr(feature_sweeps, solver)(train, targets) - targets).max() < 1e-6


def test_the_widths_of_the_sweep() -> None:
    assert len(feature_sweeps.WIDTHS) == 23
    assert (feature_sweeps.WIDTHS[0], feature_sweeps.WIDTHS[-1]) == (20, 8 * Sweep().data.n)
    assert Sweep().data.n in feature_sweeps.WIDTHS


# -- start-up -------------------------------------------------------------------------------------------


def test_heavy_imports_are_seen() -> None:
    listed = "import time:       100 |        200 | torch.version\nimport time: 1 | 2 |   scipy\n"
    assert startup.heavy(listed) == ("scipy",)
    assert startup.heavy(listed + "import time:        10 |     300000 |     torch\n") == ("torch", "scipy")
    assert startup.heavy(startup._ran(("-X", "importtime", "-c", "import json"))[1]) == ()


def test_a_command_that_fails_is_named() -> None:
    with pytest.raises(RuntimeError, match="-c raise SystemExit\\('no'\\) ended with status 1: no"):
        startup._ran(("-c", "raise SystemExit('no')"))


def test_pytest_finds_the_benchmarks(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "harness/benchmarks", "-p", "no:xdist", "--collect-only", "-q"],
        cwd=ROOT,
        env={**os.environ, "HARNESS_STORE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "bench_training.py::test_training[mlp-1x512-plain]" in done.stdout
    assert "bench_sweeps.py::test_sweep[ours-12]" in done.stdout


def test_a_profile_names_the_largest_operations_and_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numerics, "prepare", lambda device: None)  # it is for a process of its own
    shares = profile.shares(tiny(WORKLOADS[4], model=SmallAlexNet(width=0.1)), "float32", "cpu")
    assert [what for what, _ in shares][-1] == "all others"
    assert len(shares) == profile.SHOWN + 1
    named = [share for _, share in shares[:-1]]
    assert named == sorted(named, reverse=True)
    assert sum(share for _, share in shares) == pytest.approx(1)
