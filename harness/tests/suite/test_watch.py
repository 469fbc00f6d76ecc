"""What xdist's workers leave and the controller draws of it."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

import msgspec
from msgspec.structs import replace

from harness.data import RandomLabels
from harness.lab import progress
from harness.lab.computing import PRESENT, Finished
from harness.lab.pace import RunGroup
from harness.lab.progress import Status
from harness.suite.live import Terminal
from harness.suite.watch import StatusFile, Watch, together
from harness.tests.plans import FIT, computed, fleet, status_after


def test_workers_share_the_plan() -> None:
    plan = [fleet(FIT.but(model__width=w), 10.0 / w) for w in (1, 2, 4)]
    ours, theirs = plan[0].runs[0], plan[1].runs
    one = status_after(plan, [computed(ours, 4.0)])
    other = status_after(plan, [computed(run, 2.0) for run in theirs])
    both = together(
        [msgspec.json.decode(msgspec.json.encode(status), type=Status) for status in (one, other)]
    )
    assert both is not None
    # each passed by what the other one held, and has not seen that it is done
    assert (both.runs, both.done, both.processes, both.spent) == (9, 4, 2, 10.0)
    assert progress.current(both, 3) == [
        "Mlp(width=1), 100 images: 1 of 3 runs",
        "Mlp(width=4), 100 images: 0 of 3 runs",
    ]
    over = replace(other, over=True)
    assert together([one, over]) == replace(both, longest=one.longest)
    assert together([over, over]) is None
    assert together([]) is None


def test_what_workers_computed_of_one_kind_adds_up() -> None:
    plan = [fleet(FIT, 10.0), fleet(FIT.but(data__labels=RandomLabels(1.0)), 10.0)]
    both = together([status_after(plan, [computed(f.runs[0], 1.0)]) for f in plan])
    assert both is not None
    assert both.groups["Mlp(width=64), 100 images"] == RunGroup(6, 2, 2, 1.0)


def test_what_a_worker_found_done_by_others_is_not_counted_twice() -> None:
    plan = [fleet(FIT, 10.0)]
    one = status_after(plan, [computed(run, 1.0) for run in plan[0].runs[:2]])
    other = status_after(plan, [Finished(run=run, outcome=PRESENT) for run in plan[0].runs[:2]])
    both = together([one, other])
    assert both is not None
    assert both.done == both.groups["Mlp(width=64), 100 images"].done == 2


def test_what_comes_later_adds_up() -> None:
    plan = [fleet(FIT, 10.0)]
    later = replace(status_after(plan, [computed(plan[0].runs[0], 1.0)]), first=False)
    done = replace(status_after(plan, []), over=True)
    both = together([later, done, replace(later, over=True), later])
    assert both is not None
    assert (both.runs, both.done, both.first) == (6, 2, False)
    assert both.groups["Mlp(width=64), 100 images"] == RunGroup(6, 2, 2, 1.0)
    first = together([later, status_after(plan, [])])
    assert first is not None
    assert first.first


def watched(folder: Path) -> tuple[Watch, io.StringIO]:
    shown, terminal = io.StringIO(), Terminal()
    terminal.open(shown)
    return Watch(folder, "s", terminal), shown


def test_a_plan_computed_between_two_looks_still_has_its_lines(tmp_path: Path) -> None:
    watch, shown = watched(tmp_path)
    watch.start()
    for worker in ("gw0", "gw1"):
        file = StatusFile(tmp_path, "s", worker)
        file.announce(["data: none needed", "plan: 3 runs to train"])
    plan = [fleet(FIT, 10.0)]
    done = replace(status_after(plan, [computed(run, 1.0) for run in plan[0].runs]), over=True)
    file.show(replace(status_after(plan, []), first=False, planned=done), False)
    watch.judging()
    watch.judging()
    watch.close()
    assert shown.getvalue() == (
        "data: none needed\nplan: 3 runs to train\ntrained 3 of 3 runs (100 %), 0 s\n"
    )
    assert not list(tmp_path.iterdir())


def test_the_first_worker_to_have_planned_is_heard_whatever_its_clock_says(tmp_path: Path) -> None:
    watch, shown = watched(tmp_path)
    for worker, runs in (("gw1", 3), ("gw0", 2)):
        StatusFile(tmp_path, "s", worker).announce([f"plan: {runs} runs to train"])
        for file in tmp_path.iterdir():
            os.utime(file, (time.time() + 1e6, time.time() + 1e6))
    watch.judging()
    watch._over.set()
    assert shown.getvalue() == "plan: 3 runs to train\n"


def test_the_whole_plan_is_told_though_a_worker_with_less_of_it_was_seen_first(tmp_path: Path) -> None:
    watch, shown = watched(tmp_path)
    plan = [fleet(FIT, 10.0)]
    late, whole = (StatusFile(tmp_path, "s", worker) for worker in ("gw0", "gw1"))
    part = replace(status_after(plan, []), runs=2)
    late.show(part, False)
    watch._look()
    late.show(replace(part, done=2, over=True), True)
    whole.show(replace(status_after(plan, []), done=3, over=True), True)
    watch.judging()
    watch._over.set()
    assert shown.getvalue() == "trained 3 of 3 runs (100 %), 0 s\n"


def test_the_whole_plan_is_told_though_who_planned_all_of_it_has_not_ended(tmp_path: Path) -> None:
    watch, shown = watched(tmp_path)
    plan = [fleet(FIT, 10.0)]
    ended = replace(status_after(plan, [computed(run, 1.0) for run in plan[0].runs]), over=True)
    StatusFile(tmp_path, "s", "gw0").show(replace(ended, first=True, runs=2, done=2), True)
    StatusFile(tmp_path, "s", "gw1").show(replace(status_after(plan, []), first=True), False)
    watch.judging()
    assert shown.getvalue() == "trained 3 of 3 runs (100 %), 0 s\n"


def test_a_worker_that_is_lost_is_not_waited_for(tmp_path: Path) -> None:
    watch, shown = watched(tmp_path)
    plan = [fleet(FIT, 10.0)]
    StatusFile(tmp_path, "s", "gw0").show(status_after(plan, []), False)
    StatusFile(tmp_path, "s", "gw1").show(replace(status_after(plan, []), done=3, over=True), True)
    watch.start()
    watch.lost("gw0")
    watch.close()
    assert shown.getvalue() == "trained 3 of 3 runs (100 %), 0 s\n"


def test_a_worker_that_outlives_the_controller_leaves_nothing(tmp_path: Path) -> None:
    file = StatusFile(tmp_path, "s", "gw0")
    file.show(status_after([fleet(FIT, 10.0)], []), False)
    watch, _ = watched(tmp_path)
    watch.start()
    watch.close()
    file.show(status_after([fleet(FIT, 10.0)], []), False)
    assert not list(tmp_path.iterdir())
