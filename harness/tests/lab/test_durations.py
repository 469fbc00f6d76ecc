"""How long runs will take: arithmetic, and what it learns from timings."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import Experiment, Sgd
from harness.data import Digits, GeneratedImages, RandomLabels
from harness.lab.durations import alike, estimate, expected, may_stop_early
from harness.lab.prices import KIND, NOTHING, Costs, probed
from harness.lab.store import Store
from harness.models import Linear, Mlp
from harness.tests.plans import FIT, runs
from harness.tests.simulated import SMALL, drawn, named

sizes = st.integers(1, 1000)


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


def test_a_timing_is_written_again_only_where_it_differs(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for seconds in (2.0, 2.4, 1.7):  # all of a kind take about as long
        store.note_timing("a", seconds)
        assert store.timings(["a"]) == {"a": 2.0}
    store.note_timing("b", 2.4)
    store.note_timing("a", 3.0)
    assert store.timings(["a", "b"]) == {"a": 3.0, "b": 2.4}
    Store(tmp_path).note_timing("a", 3.1)  # by one that has noted nothing yet
    assert store.timings(["a"]) == {"a": 3.1}


def test_what_nothing_is_known_of_is_left_to_arithmetic() -> None:
    assert expected(runs(FIT), {}, shipped=NOTHING) == {}
    assert may_stop_early(FIT)
    assert not may_stop_early(FIT.but(stop=None))
    assert not may_stop_early(named(drawn))


def test_a_recorded_timing_stands_and_tells_about_runs_alike() -> None:
    random, wide = FIT.but(data__labels=RandomLabels(1.0)), FIT.but(model__width=128)
    endless, other = FIT.but(stop=None), FIT.but(model=Linear())
    everything = [run for value in (FIT, random, wide, endless, other) for run in runs(value)]
    kinds = {value: runs(value)[0].kind for value in (FIT, random, wide, endless, other)}
    timings = {kinds[FIT]: estimate(FIT) / 16, kinds[random]: estimate(random) / 4}
    seconds = expected(everything, timings, shipped=NOTHING)
    assert {kinds[FIT], kinds[random], kinds[wide]} == set(seconds)
    assert seconds[kinds[FIT]] == timings[kinds[FIT]]
    assert math.isclose(seconds[kinds[wide]], estimate(wide) / 8)  # the median, in logarithms


def test_simulations_go_by_their_function() -> None:
    one, other = named(drawn, shift=1.0), named(drawn, shift=2.0)
    seconds = expected([*runs(one), *runs(other)], {runs(one)[0].kind: 30.0}, shipped=NOTHING)
    assert math.isclose(seconds[runs(other)[0].kind], 30.0)


def test_estimates_are_positive_and_grow_with_the_work() -> None:
    seconds = estimate(SMALL)
    assert seconds > 0
    more = [SMALL.but(optimizer__epochs=30), SMALL.but(data__n=1000), SMALL.but(model__width=4096)]
    assert all(estimate(e) > seconds for e in more)
    assert estimate(named(drawn)) > 0
    assert estimate(Experiment(Digits(n=1), Linear(), Sgd(lr=0.1, epochs=1))) > 0


def shipping(**changes: Any) -> Costs:
    """Costs of a machine as fast as this one, that timed FIT and what is like it."""
    plain: dict[str, Any] = {"probe": probed(), "kinds": {runs(FIT)[0].kind[:KIND]: 0.25}}
    return Costs(**{**plain, **changes})


def test_what_was_never_timed_here_costs_what_it_costs_elsewhere() -> None:
    wide, other = FIT.but(model__width=128), FIT.but(model=Linear())
    kinds = {value: runs(value)[0].kind for value in (FIT, wide, other)}
    everything = [run for value in kinds for run in runs(value)]
    group = " ".join(alike(FIT))
    seconds = expected(everything, {}, shipped=shipping(alike={group: 0.125}))
    assert seconds == {kinds[FIT]: 0.25, kinds[wide]: pytest.approx(estimate(wide) / 8)}


@pytest.mark.parametrize("slower", [1 / 3, 3.0])
def test_a_slower_machine_is_told_by_a_loop_of_plain_arithmetic(slower: float) -> None:
    seconds = expected(runs(FIT), {}, shipped=shipping(probe=probed() / slower))
    assert seconds == {runs(FIT)[0].kind: pytest.approx(0.25 * slower)}


def test_a_slower_machine_is_told_better_by_what_it_timed() -> None:
    nets = [FIT.but(model__width=width) for width in range(1, 8)]
    kinds = [runs(net)[0].kind for net in nets]
    costs = shipping(kinds={kind[:KIND]: 1.0 + i for i, kind in enumerate(kinds)}, probe=probed() * 9)
    timings = {kind: 4.0 * (1.0 + i) for i, kind in enumerate(kinds[:-1])}
    seconds = expected([run for net in nets for run in runs(net)], timings, shipped=costs)
    assert seconds[kinds[-1]] == pytest.approx(4.0 * 7.0)


def test_a_timing_of_its_own_stands_whatever_is_shipped() -> None:
    kind = runs(FIT)[0].kind
    assert expected(runs(FIT), {kind: 7.0}, shipped=shipping()) == {kind: 7.0}


def test_what_cores_took_tells_nothing_of_a_gpu() -> None:
    of_a_function = named(drawn)
    both = [*runs(FIT), *runs(of_a_function)]
    kinds = {runs(value)[0].kind[:KIND]: 0.25 for value in (FIT, of_a_function)}
    assert expected(both, {}, "cuda", shipping(kinds=kinds)) == {runs(of_a_function)[0].kind: 0.25}
