"""The plan: who shares a fleet, and the order of the work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.data import RandomLabels
from harness.lab.durations import seconds_of
from harness.lab.lab import Lab
from harness.lab.names import Names
from harness.lab.plan import fleets, shape_of
from harness.lab.runs import Run, parents_of, with_parents
from harness.spec import From, Probing
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


def test_fleets_for_a_gpu_are_cut_by_number(tmp_path: Path) -> None:
    runs = Lab(at(tmp_path)).runs(SMALL, 70)
    slow = dict.fromkeys({run.kind for run in runs}, 100.0)
    assert sorted(len(f.runs) for f in fleets(runs, slow, "cuda")) == [6, 64]
    assert len(fleets(runs, slow)) == 70
