"""What is said of a training under way: a line, the time left, what trains just now."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from harness.data import RandomLabels
from harness.lab import progress
from harness.lab.computing import HELD, PRESENT, Finished
from harness.lab.runs import Work
from harness.tests.plans import FIT, computed, fleet, runs, status_after
from harness.tests.simulated import drawn, named


def test_the_time_left_goes_by_seconds_and_not_by_the_number_of_runs() -> None:
    long, short = fleet(FIT, 300.0), fleet(named(drawn), 0.3)
    done = [computed(run, 0.1) for run in short.runs]
    status = replace(status_after([long, short], done), overhead=0.0)
    assert progress.line(status, 0.3) == "trained 3 of 6 runs (50 %), 0 s, about 5 min left"
    assert progress.left(status, 0.3) == pytest.approx(300.0)
    assert progress.left(status, 100.3) == pytest.approx(200.0)  # of what is under way, that much is done
    last = status_after([long, short], [*done, *(computed(run, 10.0) for run in long.runs[:2])])
    assert progress.left(replace(last, overhead=0.0), 20.3) == pytest.approx(10.0)
    assert progress.current(last, 3) == ["Mlp(width=64), 100 images: 2 of 3 runs"]


def test_starting_up_is_not_taken_for_progress() -> None:
    status = status_after([fleet(FIT, 30.0)], [computed(runs(FIT)[0], 10.0)])
    assert progress.left(replace(status, overhead=7.0), 17.0) == pytest.approx(20.0)
    assert progress.left(replace(status, overhead=0.0), 17.0) == pytest.approx(13.0)


def test_what_takes_longer_than_expected_slows_its_kind_until_one_has_ended() -> None:
    status = status_after([fleet(FIT, 10.0), fleet(FIT.but(data__labels=RandomLabels(1.0)), 10.0)], [])
    assert progress.left(status, 0.0) == pytest.approx(20.0)
    assert progress.left(status, 20.0) == pytest.approx(21.0)
    assert progress.left(status, 40.0) == pytest.approx(42.0)
    assert progress.line(status, 40.0) == "trained 0 of 6 runs (0 %), 40 s, roughly 42 s left"
    assert "left" not in progress.line(status, 1.0)


def test_a_line_counts_each_time_anew() -> None:
    tally = progress.Tally(lambda status, over: None)
    tally.first = True
    tally.begin([fleet(FIT, 30.0)])
    failed = Finished(run=runs(FIT)[0], outcome=HELD, failure="no memory")
    for done in (failed, computed(runs(FIT)[1], 3.0), Finished(run=runs(FIT)[2], outcome=PRESENT)):
        tally.finished(done)
    tally.end()
    assert progress.line(tally.status, 3) == "trained 3 of 3 runs (100 %), 3 s, 1 failed"
    assert tally.computed == {"Mlp(width=64), 100 images": (1, 3.0)}
    tally.first = False
    tally.begin([fleet(FIT, 99.0, replicates=5)])
    assert progress.line(tally.status, 0) == "trained 0 of 5 more runs (0 %), 0 s"
    assert progress.left(tally.status, 0) == pytest.approx(15.0)  # what was measured before still counts
    assert tally.status.planned is not None
    assert tally.status.planned.done == 3
    assert [progress.spoken(s) for s in (3, 600, 9000)] == ["3 s", "10 min", "2.5 h"]


def test_sums_of_what_was_computed() -> None:
    one, more = Work(1, 2.0), {"a": Work(2, 3.0), "b": Work(1, 1.0)}
    assert progress.summed({"a": one}, more) == {"a": (3, 5.0), "b": (1, 1.0)}


def test_only_so_many_kinds_are_named() -> None:
    fleets = [fleet(FIT.but(model__width=w), 10.0 / w) for w in (1, 2, 4, 8, 16)]
    told = progress.current(status_after(fleets, [], processes=5), 3)
    assert told[0] == "Mlp(width=1), 100 images: 0 of 3 runs"
    assert told[3:] == ["and 2 other kinds"]
