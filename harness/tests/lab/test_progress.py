"""How long it takes: estimates, what they learn from timings, and what progress says of the rest."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import Experiment, Sgd, Simulation, WhenFitted
from harness.data import Digits, GeneratedImages, RandomLabels
from harness.lab import progress
from harness.lab.computing import COMPUTED, HELD, PRESENT, Finished
from harness.lab.durations import estimate, expected, may_stop_early
from harness.lab.names import Names
from harness.lab.pace import Pace, Stopwatch, described, remaining
from harness.lab.runs import Fleet, Run
from harness.models import Linear, Mlp, SmallInception
from harness.spec import Probing, Solved
from harness.suite.watch import StatusFile, Watch, together
from harness.tests.simulated import Norm, drawn, named

FIT = Experiment(Digits(n=100), Mlp(64), Sgd(lr=0.1, epochs=50), stop=WhenFitted())
NAMES = Names(Path())
sizes = st.integers(1, 1000)
seconds = st.floats(0.01, 1000.0)


def runs(value: Any, replicates: int = 3) -> list[Run]:
    return [NAMES.run(value, r) for r in range(replicates)]


def fleet(value: Any, seconds: float, replicates: int = 3) -> Fleet:
    return Fleet(shape="", runs=tuple(runs(value, replicates)), seconds=seconds)


# -- what a run takes, before it has run --------------------------------------------------------------


@settings(derandomize=True, deadline=None, database=None, max_examples=50)
@given(n=sizes, width=sizes, epochs=sizes, more=st.integers(1, 50), what=st.sampled_from("new"))
def test_the_estimate_grows_with_images_epochs_and_cost(
    n: int, width: int, epochs: int, more: int, what: str
) -> None:
    one = Experiment(Digits(n=n), Mlp(width), Sgd(lr=0.1, epochs=epochs))
    larger = {
        "n": one.but(data=GeneratedImages(n=n + more)),
        "e": one.but(optimizer__epochs=epochs + more),
        "w": one.but(model__width=width + more),
    }[what]
    least = one.but(data=GeneratedImages(n=n)) if what == "n" else one
    assert estimate(larger) > estimate(least) > 0


def test_what_nothing_is_known_of_is_left_to_arithmetic() -> None:
    assert expected(runs(FIT), {}) == {}
    assert may_stop_early(FIT)
    assert not may_stop_early(FIT.but(stop=None))
    assert not may_stop_early(named(drawn))


def test_a_recorded_timing_stands_and_tells_about_runs_alike() -> None:
    random, wide = FIT.but(data__labels=RandomLabels(1.0)), FIT.but(model__width=128)
    endless, other = FIT.but(stop=None), FIT.but(model=Linear())
    everything = [run for value in (FIT, random, wide, endless, other) for run in runs(value)]
    kinds = {value: runs(value)[0].kind for value in (FIT, random, wide, endless, other)}
    timings = {kinds[FIT]: estimate(FIT) / 16, kinds[random]: estimate(random) / 4}
    found = expected(everything, timings)
    assert {kinds[FIT], kinds[random], kinds[wide]} == set(found)
    assert found[kinds[FIT]] == timings[kinds[FIT]]
    assert math.isclose(found[kinds[wide]], estimate(wide) / 8)  # the median, in logarithms


def test_simulations_go_by_their_function() -> None:
    one, other = named(drawn, shift=1.0), named(drawn, shift=2.0)
    found = expected([*runs(one), *runs(other)], {runs(one)[0].kind: 30.0})
    assert math.isclose(found[runs(other)[0].kind], 30.0)


def test_what_trains_is_told_in_few_words() -> None:
    assert described(FIT) == "Mlp(width=64), 100 images"
    inception = FIT.but(model=SmallInception(), data=GeneratedImages(n=20_000))
    assert described(inception) == "SmallInception, 20,000 images"
    assert described(Probing(FIT, Norm())) == "Norm of Mlp(width=64), 100 images"
    assert described(Solved(Digits(n=100), Norm())) == "Norm, 100 images"
    assert described(Simulation(drawn)) == "drawn"


# -- what is left of a plan ---------------------------------------------------------------------------


def test_runs_still_open_are_expected_to_take_what_their_kind_took() -> None:
    slow, other, quick = FIT, FIT.but(data__labels=RandomLabels(1.0)), named(drawn)
    pace = Pace([fleet(slow, 30.0), fleet(other, 30.0), fleet(quick, 3.0)], 1, Stopwatch())
    assert [g.seconds for g in pace.groups().values()] == pytest.approx([10.0, 1.0])
    pace.finished(runs(slow)[0], 20.0)
    mlp, simulation = pace.groups().values()
    assert (mlp.runs, mlp.done, mlp.computed) == (6, 1, 1)
    assert mlp.seconds == pytest.approx(20.0)
    assert simulation.seconds == pytest.approx(2.0)  # as much slower than expected
    pace.finished(runs(quick)[0], 1.0)
    assert pace.groups()["drawn"].seconds == pytest.approx(1.0)
    assert pace.groups()["Mlp(width=64), 100 images"].seconds == pytest.approx(20.0)
    assert pace.spent == 21.0


def test_what_another_process_did_is_done_but_tells_nothing() -> None:
    measured = Stopwatch()
    pace = Pace([fleet(FIT, 30.0)], 1, measured)
    for _ in range(2):  # heard twice, counted once
        pace.finished(runs(FIT)[0], 0.0)
    pace.finished(runs(named(drawn))[0], 5.0)  # not of this plan
    (group,) = pace.groups().values()
    assert (group.done, group.computed, group.seconds) == (1, 0, 10.0)
    assert not measured
    assert pace.spent == 0.0


def test_what_trains_now_is_the_first_of_what_is_open() -> None:
    fleets = [fleet(FIT.but(model__width=w), 10.0 / w) for w in (1, 2, 4)]
    alone, crew = Pace(fleets, 1, Stopwatch()), Pace(fleets, 2, Stopwatch())
    assert alone.now() == (("Mlp(width=1), 100 images",), 10.0, 10.0)
    assert crew.now() == (("Mlp(width=1), 100 images", "Mlp(width=2), 100 images"), 15.0, 10.0)
    for run in fleets[1].runs:
        alone.finished(run, 0.0)
        crew.finished(run, 0.0)
    assert alone.now().names == (
        "Mlp(width=4), 100 images",
    )  # it has passed the first, which another one holds
    assert crew.now().names == ("Mlp(width=1), 100 images", "Mlp(width=4), 100 images")
    for run in (*fleets[0].runs, *fleets[2].runs):
        alone.finished(run, 0.0)
    assert alone.now() == ((), 0.0, 0.0)


@settings(derandomize=True, deadline=None, database=None)
@given(left=seconds, share=st.floats(0, 1), idle=st.floats(-10, 2000), processes=st.integers(1, 16))
def test_what_remains_shrinks_with_time_and_processes(
    left: float, share: float, idle: float, processes: int
) -> None:
    def more(**changed: Any) -> float:
        plain: dict[str, Any] = {"left": left, "longest": left * share, "under_way": left * share}
        return remaining(**{**plain, "idle": idle, "processes": processes, **changed})

    assert more() >= 0
    assert more(idle=0.0) >= left / processes * (1 - 1e-9)
    assert more(idle=idle + 1) <= more() + 1e-9
    assert more(left=2 * left) >= more()
    assert more(processes=processes + 1) <= more() + left * share  # the longest fleet has one process


# -- what is said of it -------------------------------------------------------------------------------


def heard(fleets: Sequence[Fleet], done: Sequence[Finished], processes: int = 1) -> progress.State:
    """The state after this much."""
    tally = progress.Tally(lambda state, over: None, processes)
    tally.first = True
    tally.begin(fleets)
    for one in done:
        tally.finished(one)
    return tally.state


def computed(run: Run, seconds: float) -> Finished:
    return Finished(run=run, outcome=COMPUTED, seconds=seconds, cost=seconds)


def test_the_time_left_goes_by_seconds_and_not_by_the_number_of_runs() -> None:
    long, short = fleet(FIT, 300.0), fleet(named(drawn), 0.3)
    done = [computed(run, 0.1) for run in short.runs]
    state = heard([long, short], done)
    state["overhead"] = 0.0
    assert progress.line(state, 0.3) == "trained 3 of 6 runs (50 %), 0 s, about 5 min left"
    assert progress.left(state, 0.3) == pytest.approx(300.0)
    assert progress.left(state, 100.3) == pytest.approx(200.0)  # of what is under way, that much is done
    last = heard([long, short], [*done, *(computed(run, 10.0) for run in long.runs[:2])])
    assert progress.left({**last, "overhead": 0.0}, 20.3) == pytest.approx(10.0)
    assert progress.current(last, 3) == ["Mlp(width=64), 100 images: 2 of 3 runs"]


def test_starting_up_is_not_taken_for_progress() -> None:
    state = heard([fleet(FIT, 30.0)], [computed(runs(FIT)[0], 10.0)])
    assert progress.left({**state, "overhead": 7.0}, 17.0) == pytest.approx(20.0)
    assert progress.left({**state, "overhead": 0.0}, 17.0) == pytest.approx(13.0)


def test_what_takes_longer_than_expected_slows_its_kind_until_one_has_ended() -> None:
    state = heard([fleet(FIT, 10.0), fleet(FIT.but(data__labels=RandomLabels(1.0)), 10.0)], [])
    assert progress.left(state, 0.0) == pytest.approx(20.0)
    assert progress.left(state, 20.0) == pytest.approx(21.0)
    assert progress.left(state, 40.0) == pytest.approx(42.0)
    assert progress.line(state, 40.0) == "trained 0 of 6 runs (0 %), 40 s, roughly 42 s left"
    assert "left" not in progress.line(state, 1.0)


def test_a_line_counts_each_time_anew() -> None:
    tally = progress.Tally(lambda state, over: None)
    tally.first = True
    tally.begin([fleet(FIT, 30.0)])
    failed = Finished(run=runs(FIT)[0], outcome=HELD, failure="no memory")
    for done in (failed, computed(runs(FIT)[1], 3.0), Finished(run=runs(FIT)[2], outcome=PRESENT)):
        tally.finished(done)
    tally.end()
    assert progress.line(tally.state, 3) == "trained 3 of 3 runs (100 %), 3 s, 1 failed"
    assert tally.computed == {"Mlp(width=64), 100 images": (1, 3.0)}
    tally.first = False
    tally.begin([fleet(FIT, 99.0, replicates=5)])
    assert progress.line(tally.state, 0) == "trained 0 of 5 more runs (0 %), 0 s"
    assert progress.left(tally.state, 0) == pytest.approx(15.0)  # what was measured before still counts
    assert tally.state["planned"]["done"] == 3
    assert [progress.spoken(s) for s in (3, 600, 9000)] == ["3 s", "10 min", "2.5 h"]


def test_sums_of_what_was_computed() -> None:
    assert progress.summed({"a": (1, 2.0)}, {"a": (2, 3.0), "b": (1, 1.0)}) == {"a": (3, 5.0), "b": (1, 1.0)}


def test_only_so_many_kinds_are_named() -> None:
    fleets = [fleet(FIT.but(model__width=w), 10.0 / w) for w in (1, 2, 4, 8, 16)]
    told = progress.current(heard(fleets, [], processes=5), 3)
    assert told[0] == "Mlp(width=1), 100 images: 0 of 3 runs"
    assert told[3:] == ["and 2 other kinds"]


# -- workers ------------------------------------------------------------------------------------------


def test_workers_share_the_plan() -> None:
    plan = [fleet(FIT.but(model__width=w), 10.0 / w) for w in (1, 2, 4)]
    ours, theirs = plan[0].runs[0], plan[1].runs
    one = heard(plan, [computed(ours, 4.0)])
    other = heard(plan, [computed(run, 2.0) for run in theirs])
    both = together([json.loads(json.dumps(state)) for state in (one, other)])
    assert both is not None
    # each passed by what the other one held, and has not seen that it is done
    assert (both["runs"], both["done"], both["processes"], both["spent"]) == (9, 4, 2, 10.0)
    assert progress.current(both, 3) == [
        "Mlp(width=1), 100 images: 1 of 3 runs",
        "Mlp(width=4), 100 images: 0 of 3 runs",
    ]
    over = {**other, "over": True}
    assert together([one, over]) == both | {"longest": one["longest"]}
    assert together([over, over]) is None
    assert together([]) is None


def test_what_workers_computed_of_one_kind_adds_up() -> None:
    plan = [fleet(FIT, 10.0), fleet(FIT.but(data__labels=RandomLabels(1.0)), 10.0)]
    both = together([heard(plan, [computed(f.runs[0], 1.0)]) for f in plan])
    assert both is not None
    assert both["groups"]["Mlp(width=64), 100 images"][:3] == (6, 2, 2)


def test_what_a_worker_found_done_by_others_is_not_counted_twice() -> None:
    plan = [fleet(FIT, 10.0)]
    one = heard(plan, [computed(run, 1.0) for run in plan[0].runs[:2]])
    other = heard(plan, [Finished(run=run, outcome=PRESENT) for run in plan[0].runs[:2]])
    both = together([one, other])
    assert both is not None
    assert both["done"] == both["groups"]["Mlp(width=64), 100 images"][1] == 2


def test_what_comes_later_adds_up() -> None:
    plan = [fleet(FIT, 10.0)]
    later = {**heard(plan, [computed(plan[0].runs[0], 1.0)]), "first": False}
    done = {**heard(plan, []), "over": True}
    both = together([later, done, {**later, "over": True}, later])
    assert both is not None
    assert (both["runs"], both["done"], both["first"]) == (6, 2, False)
    assert both["groups"]["Mlp(width=64), 100 images"][:2] == (6, 2)
    first = together([later, heard(plan, [])])
    assert first is not None
    assert first["first"]


def watched(folder: Path) -> tuple[Watch, io.StringIO]:
    shown, terminal = io.StringIO(), progress.Terminal()
    terminal.open(shown)
    return Watch(folder, "s", terminal), shown


def test_a_plan_computed_between_two_looks_still_has_its_lines(tmp_path: Path) -> None:
    watch, shown = watched(tmp_path)
    watch.start()
    for worker in ("gw0", "gw1"):
        file = StatusFile(tmp_path, "s", worker)
        file.announce(["data: none needed", "plan: 3 runs to train"])
    plan = [fleet(FIT, 10.0)]
    done = {**heard(plan, [computed(run, 1.0) for run in plan[0].runs]), "over": True}
    file.show({**heard(plan, []), "first": False, "planned": done}, False)
    watch.judging()
    watch.judging()
    watch.close()
    assert shown.getvalue() == (
        "data: none needed\nplan: 3 runs to train\ntrained 3 of 3 runs (100 %), 0 s\n"
    )
    assert not list(tmp_path.iterdir())


def test_a_worker_that_is_lost_is_not_waited_for(tmp_path: Path) -> None:
    watch, shown = watched(tmp_path)
    plan = [fleet(FIT, 10.0)]
    StatusFile(tmp_path, "s", "gw0").show(heard(plan, []), False)
    StatusFile(tmp_path, "s", "gw1").show({**heard(plan, []), "done": 3, "over": True}, True)
    watch.start()
    watch.lost("gw0")
    watch.close()
    assert shown.getvalue() == "trained 3 of 3 runs (100 %), 0 s\n"


def test_a_worker_that_outlives_the_controller_leaves_nothing(tmp_path: Path) -> None:
    file = StatusFile(tmp_path, "s", "gw0")
    file.show(heard([fleet(FIT, 10.0)], []), False)
    watch, _ = watched(tmp_path)
    watch.start()
    watch.close()
    file.show(heard([fleet(FIT, 10.0)], []), False)
    assert not list(tmp_path.iterdir())


def test_what_was_under_way_is_said_when_a_session_is_stopped() -> None:
    shown, terminal = io.StringIO(), progress.Terminal()
    terminal.open(shown)
    terminal.show(heard([fleet(FIT, 10.0)], [computed(runs(FIT)[0], 1.0)]), False)
    terminal.close()
    terminal.close()
    said = "stopped: trained 1 of 3 runs (33 %), 0 s"
    assert shown.getvalue().startswith(said)
    assert shown.getvalue().endswith("; what is done is kept\n")
    assert shown.getvalue().count("\n") == 1


def test_a_plain_line_names_what_trains() -> None:
    shown, terminal = io.StringIO(), progress.Terminal()
    terminal.open(shown)
    terminal.show(heard([fleet(FIT, 10.0)], []), False)
    terminal.write()
    assert shown.getvalue() == "trained 0 of 3 runs (0 %), 0 s; Mlp(width=64), 100 images: 0 of 3 runs\n"
    terminal.close()
