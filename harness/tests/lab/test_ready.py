"""The queue of units: a chain starts when its parents are there, and what is held is tried again."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import msgspec
import pytest

from harness.lab.computing import COMPUTED, HELD, Finished
from harness.lab.locks import Holder
from harness.lab.ready import Ready
from harness.lab.runs import Fleet, Run
from harness.tests.simulated import drawn, named


def run(name: str, *parents: Run) -> Run:
    """A run of some name that starts from others."""
    return Run(value=named(drawn), replicate=0, address=name, key=name, kind=name, source="", parents=parents)


def unit(*runs: Run, seconds: float = 1.0) -> Fleet:
    return Fleet(shape="", runs=runs, seconds=seconds)


def alone(runs: Sequence[Run]) -> list[Fleet]:
    return [unit(run) for run in runs]


def names(taken: Fleet | None) -> str:
    return "".join(run.key for run in taken.runs) if taken else ""


@pytest.fixture
def ready() -> Ready:
    return Ready(alone, jitter=lambda: 1.0)


def done(run: Run, failure: str = "") -> Finished:
    return Finished(run=run, outcome=HELD if failure else COMPUTED, failure=failure)


A, B = run("a"), run("b")
C = run("c", A)
D = run("d", C, B)


def test_a_chain_starts_when_its_parents_are_there_whatever_else_is_open(ready: Ready) -> None:
    ready.add([unit(D), unit(C), unit(A), unit(B, seconds=9.0)])
    assert [names(ready.take()) for _ in range(3)] == ["b", "a", ""]
    assert ready.heard(done(A)) == [done(A)]
    assert [names(ready.take()) for _ in range(2)] == ["c", ""]  # b is under way still
    ready.heard(done(C))
    assert names(ready.take()) == ""
    ready.heard(done(B))
    assert names(ready.take()) == "d"
    assert not ready.is_over
    ready.heard(done(D))
    assert ready.is_over


def test_the_longest_way_to_go_comes_first(ready: Ready) -> None:
    chain = [run("p")]
    for name in "qr":
        chain.append(run(name, chain[-1]))
    ready.add([unit(A, seconds=2.5), unit(B, seconds=3.5), *(unit(link) for link in chain)])
    assert [names(ready.take()) for _ in range(4)] == ["b", "p", "a", ""]


def test_what_starts_from_a_run_that_failed_fails_with_it_and_nothing_else_does(ready: Ready) -> None:
    e = run("e", A)
    ready.add([unit(A), unit(B), unit(C, e, run("f", B)), unit(D)])
    assert [names(ready.take()) for _ in range(2)] == ["a", "b"]
    told = ready.heard(done(A, "no room"))
    assert [(t.run.key, t.failure) for t in told] == [(key, "no room") for key in "aced"]
    ready.heard(done(B))
    assert names(ready.take()) == "f"


def test_what_is_open_is_not_opened_twice_and_what_ended_may_be_opened_again(ready: Ready) -> None:
    ready.add([unit(A)])
    ready.add([unit(A, B, seconds=2.0)])
    assert ready.holds(["a"])
    taken = ready.take(), ready.take()
    assert [names(each) for each in taken] == ["a", "b"]
    assert taken[1]
    assert taken[1].seconds == 1.0  # its part of both
    ready.add([unit(A)])
    assert names(ready.take()) == ""
    ready.heard(done(A))
    assert not ready.holds(["a"])
    ready.add([unit(A)])
    assert names(ready.take()) == "a"


def test_what_was_lost_on_the_way_is_handed_out_again_without_what_had_ended(ready: Ready) -> None:
    ready.add([unit(A, B)])
    lost = ready.take()
    assert lost is not None
    ready.heard(done(A))
    ready.back(lost)
    assert names(ready.take()) == "b"


def test_what_is_held_is_tried_again_later_and_later_until_it_is_not(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("harness.lab.ready.time.monotonic", lambda: now[0])
    held = Finished(run=A, outcome=HELD, holder=Holder("there", 7, 0.0))
    ready.add([unit(A), unit(C)])
    pauses = []
    for _ in range(9):
        assert names(ready.take()) == "a"
        assert ready.heard(held) == []
        assert ready.held() == [held]
        assert names(ready.take()) == ""
        pauses.append(ready._pause() or 0.0)
        now[0] += pauses[-1]
    assert pauses == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])
    assert names(ready.take()) == "a"
    ready.heard(done(A))
    assert (names(ready.take()), ready.held(), ready._pause()) == ("c", [], None)
    ready.heard(Finished(run=C, outcome=HELD))
    assert ready._pause() == pytest.approx(0.05)  # a run was had meanwhile


def test_several_that_wait_do_not_march_in_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.lab.ready.time.monotonic", lambda: 0.0)
    pauses = []
    for draw in (0.0, 0.5, 1.0):
        queue = Ready(alone, jitter=lambda draw=draw: draw)  # type: ignore[misc]
        queue.add([unit(A)])
        queue.take()
        queue.heard(Finished(run=A, outcome=HELD))
        pauses.append(queue._pause() or 0.0)
    assert pauses == pytest.approx([0.025, 0.0375, 0.05])


def test_a_unit_that_needs_all_devices_is_handed_out_alone(ready: Ready) -> None:
    ready.add([msgspec.structs.replace(unit(A), wide=True), unit(B)])
    assert ready.take_wide() is None
    assert names(ready.take()) == "b"
    assert (ready.take_wide(), ready.take()) == (None, None)
    ready.heard(done(B))
    assert names(ready.take_wide()) == "a"
    assert ready.take_wide() is None


def test_who_waits_hears_of_what_is_added_by_another_thread(ready: Ready) -> None:
    ready.add([unit(A)])
    assert names(ready.take()) == "a"
    ready.wait()  # of what was added before: whoever waits has looked, but perhaps not at the last of it
    adding = threading.Timer(0.01, lambda: ready.add([unit(B)]))
    adding.start()
    ready.wait()
    assert names(ready.take()) == "b"
    adding.join()
    ready.wake()  # between two looks
    ready.wait()
    began = time.monotonic()
    ready.wait(0.001)
    ready.heard(done(A))
    ready.heard(done(B))
    ready.wait()  # nothing is open
    assert time.monotonic() - began < 5


def test_a_queue_that_is_stopped_hands_nothing_out_and_lets_end_what_is_under_way(ready: Ready) -> None:
    ready.add([unit(A), unit(B), unit(C)])
    assert names(ready.take()) == "a"
    ready.stop()
    assert ready.is_over
    assert ready.heard(done(A)) == [done(A)]
    assert (ready.take(), ready.take_wide()) == (None, None)
    ready.wait()


def test_what_is_urgent_comes_before_what_takes_longer(ready: Ready) -> None:
    ready.add([unit(A, seconds=9.0)])
    ready.add([unit(B, seconds=0.1)], urgent=True)
    assert [names(ready.take()) for _ in range(2)] == ["b", "a"]
