"""The plan: who shares a fleet, and the order of the work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import claims
from harness.commands import selection
from harness.data import RandomLabels
from harness.data.image_folder import ImageNet
from harness.fleet.optimizers import Sgd
from harness.fleet.ranks import is_streamed
from harness.lab.durations import seconds_of
from harness.lab.lab import Lab
from harness.lab.names import Names
from harness.lab.places import Place
from harness.lab.plan import Plan, fleets, schedule, shape_of
from harness.lab.runs import Fleet, Run, parents_of, with_parents
from harness.models import Mlp
from harness.spec import Experiment, From, Probing
from harness.suite.listing import functions
from harness.tests.simulated import SMALL, Norm, at

NAMES = Names(Path())


def runs(*experiments: Any, replicates: int = 2) -> list[Run]:
    return with_parents(NAMES.run(e, r) for e in experiments for r in range(replicates))


def test_runs_of_equal_shape_share_a_fleet_and_others_do_not() -> None:
    alike = [SMALL, SMALL.but(data__labels=RandomLabels()), SMALL.but(optimizer__lr=0.1)]
    assert len({shape_of(e) for e in alike}) == 1
    others = [SMALL.but(data__n=100), SMALL.but(model__width=8), SMALL.but(optimizer__batch=7)]
    others += [SMALL.but(loss="squared"), SMALL.but(precision="bfloat16")]
    assert len({shape_of(e) for e in (SMALL, *others)}) == 6
    (fleet,) = fleets(runs(*alike), {}, "cuda")
    assert len(fleet.runs) == 6


def test_every_run_is_planned_once_parents_first_then_the_longest() -> None:
    child = SMALL.but(start=From(SMALL))
    grandchild = SMALL.but(start=(From(child), From(SMALL.but(loss="squared"))))
    wanted = runs(grandchild, SMALL, SMALL, child, SMALL.but(optimizer__epochs=900), Probing(SMALL, Norm()))
    planned = fleets(wanted, {})
    keys = [run.key for fleet in planned for run in fleet.runs]
    assert len(keys) == len(set(keys)) == len(wanted) == 12
    done: set[str] = set()
    for fleet in planned:
        assert all(parent.key in done for run in fleet.runs for parent in run.parents)
        done |= {run.key for run in fleet.runs}
    order = [(fleet.runs[0].depth, -fleet.seconds) for fleet in planned]
    assert order == sorted(order)
    assert [run.depth for run in runs(grandchild, replicates=1)] == [2, 1, 0, 0]
    assert parents_of(SMALL) == ()


def test_big_groups_are_cut_and_timings_count() -> None:
    wanted = runs(SMALL, replicates=100)
    kind = wanted[0].kind
    planned = fleets(wanted, {kind: 1.5})
    assert {len(fleet.runs) for fleet in planned} == {2}
    assert seconds_of(wanted[0], {kind: 1.5}) == 1.5
    assert {fleet.seconds for fleet in planned} == {3.0}
    assert [f.runs for f in fleets(reversed(wanted), {kind: 1.5})] == [f.runs for f in planned]


def test_small_plans_are_cut_for_all_processes() -> None:
    wanted = runs(SMALL, SMALL.but(loss="squared"), replicates=10)
    few = fleets(wanted, {wanted[0].kind: 0.1, wanted[-1].kind: 0.01})
    assert max(fleet.seconds for fleet in few) == 0.1
    assert sorted(len(fleet.runs) for fleet in few) == [1] * 10 + [1, 3, 3, 3]


def test_stacks_for_a_gpu_are_cut_by_number_and_where_they_take_long_by_seconds(tmp_path: Path) -> None:
    runs = Lab(at(tmp_path)).runs(SMALL, 70)
    (kind,) = {run.kind for run in runs}
    assert sorted(len(f.runs) for f in fleets(runs, {kind: 1.0}, "cuda", 8)) == [6, 64]
    assert sorted(len(f.runs) for f in fleets(runs, {kind: 100.0}, "cuda", 8)) == [4, *[6] * 11]
    assert {len(f.runs) for f in fleets(runs, {kind: 3600.0}, "cuda", 8)} == {1}
    assert len(fleets(runs, {kind: 100.0})) == 70


def test_what_takes_all_gpus_by_itself_makes_no_longer_units_of_the_rest(tmp_path: Path) -> None:
    streamed = Experiment(ImageNet(), Mlp(1), Sgd(lr=0.1, epochs=1))
    lab = Lab(at(tmp_path), presume=True)
    narrow, wide = lab.runs(SMALL, 70), lab.runs(streamed, 5)
    seconds = {narrow[0].kind: 100.0, wide[0].kind: 1e6}
    alone = [len(f.runs) for f in fleets(narrow, seconds, "cuda", 8)]
    beside = fleets([*narrow, *wide], seconds, "cuda", 8)
    assert sorted(len(f.runs) for f in beside if f.runs[0].value == SMALL) == sorted(alone)
    assert [len(f.runs) for f in beside if f.runs[0].value == streamed] == [1] * 5
    assert len(fleets(wide, {wide[0].kind: 1.0}, "cuda", 8)) == 5  # short ones are no stack either


def unit(run: Run, seconds: float) -> Fleet:
    return Fleet(shape="", runs=(run,), seconds=seconds)


def test_the_estimate_is_of_the_schedule_by_which_units_are_handed_out() -> None:
    child = SMALL.but(start=From(SMALL))
    parent, chained = NAMES.run(SMALL, 0), NAMES.run(child, 0)
    others = [NAMES.run(SMALL, r) for r in (1, 2, 3)]
    units = [unit(chained, 3.0), unit(parent, 1.0), *(unit(run, 2.0) for run in others)]
    began = {each.runs[0].key: start for each, start, _ in schedule(units, 2)}
    assert (began[parent.key], began[chained.key]) == (0.0, 1.0)  # a chain first, and no wait for others
    plan = Plan(fleets=tuple(units), missing=5, present=0, seconds=10.0, timed=0)
    assert (plan.lasts(1), plan.lasts(2), plan.lasts(9)) == (10.0, 6.0, 4.0)


H100_MULTIPLY_ADDS_A_SECOND = 67e12 * 0.6 / 2
"""In float32: 60 % of the 67 TFLOP/s of its data sheet, two of which are a multiply-add."""
GPUS = 8


def on_one_gpu(run: Run) -> float:
    """Seconds of a training on an H100 by arithmetic alone, both sets evaluated after every epoch."""
    data, model = run.value.data, run.value.model
    examples = 3 * data.train_size + data.train_size + data.test_size
    multiply_adds = model.cost(data.shape, data.classes) * examples * run.value.optimizer.epochs
    return multiply_adds / H100_MULTIPLY_ADDS_A_SECOND


def test_all_gpus_are_busy_to_the_end_of_the_full_tier(full_trainings: list[Run]) -> None:
    """Undivided fleets took 97 hours on 8 GPUs by this arithmetic; an eighth of the work is 20.6 hours."""
    seconds = {run.kind: on_one_gpu(run) for run in full_trainings}
    work = sum(seconds[run.kind] for run in full_trainings)
    undivided: dict[str, float] = {}
    for run in full_trainings:  # as it was when fleets were cut by number alone
        shape = shape_of(run.value)
        undivided[shape] = undivided.get(shape, 0.0) + seconds[run.kind]
    assert max(undivided.values()) > 3 * work / GPUS
    units = fleets(full_trainings, seconds, "cuda", GPUS)
    plan = Plan(fleets=tuple(units), missing=len(full_trainings), present=0, seconds=work, timed=0)
    longest = max(seconds.values())
    assert longest < work / GPUS  # which nothing could divide
    assert plan.lasts(GPUS) <= 1.1 * work / GPUS
    assert max(unit.seconds for unit in units if len(unit.runs) > 1) <= work / GPUS / 16


@pytest.fixture(scope="module")
def full_trainings() -> list[Run]:
    """What the full tier trains first, without what is streamed over all GPUs, whatever data are here."""
    lab = selection.lab(Place(store=Path("none"), data_root=Path("none")))
    wanted = selection.needs(functions(Path(claims.__path__[0]).parent, ("full",)), lab).runs
    trained = [run for run in with_parents(wanted) if isinstance(run.value, Experiment)]
    return [run for run in trained if not is_streamed(run.value)]
