"""What is left of a plan, and how long it will take by what its runs have taken."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import Simulation
from harness.analytic.contradictions import Contradictions
from harness.data import Digits, GeneratedImages, RandomLabels
from harness.lab.pace import Pace, Stopwatch, described, remaining
from harness.models import SmallInception
from harness.spec import Probing, Solved
from harness.tests.plans import FIT, fleet, runs
from harness.tests.simulated import Norm, drawn, named

seconds = st.floats(0.01, 1000.0)


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


def test_groups_follow_every_run_that_ends() -> None:
    labels = [RandomLabels(share) for share in (0.1, 0.2, 0.3)]
    values = [FIT.but(data__labels=each) for each in labels] + [FIT.but(model__width=8), named(drawn)]
    fleets = [fleet(value, 6.0 + i) for i, value in enumerate(values)]
    measured = Stopwatch()
    pace = Pace(fleets[:3], 2, measured)
    pace.more(fleets[3:])
    still = {run.key: (run, each.seconds / len(each.runs)) for each in fleets for run in each.runs}
    for number, run in enumerate(
        run for turn in zip(*(each.runs for each in fleets), strict=True) for run in turn
    ):
        pace.finished(run, number % 3 and 1.0 + number)
        del still[run.key]
        expected: dict[str, list[float]] = {name: [] for name in pace.groups()}
        for other, each in still.values():
            expected[described(other.value)].append(measured.seconds(other, each))
        means = {name: sum(each) / len(each) if each else 0.0 for name, each in expected.items()}
        assert {name: group.seconds for name, group in pace.groups().items()} == pytest.approx(means)
    assert not still


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


def test_what_trains_is_told_in_few_words() -> None:
    assert described(FIT) == "Mlp(width=64), 100 images"
    inception = FIT.but(model=SmallInception(), data=GeneratedImages(n=20_000))
    assert described(inception) == "SmallInception, 20,000 images"
    assert described(Probing(FIT, Norm())) == "Norm of Mlp(width=64), 100 images"
    assert described(Solved(Digits(n=100), Contradictions())) == "Contradictions, 100 images"
    assert described(Simulation(drawn)) == "drawn"
