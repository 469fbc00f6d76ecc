"""The lab computes each run once, whoever asks and whatever fails."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from harness.data import Digits
from harness.fleet import trainer
from harness.lab import computing, places
from harness.lab.computing import HELD, Finished
from harness.lab.lab import Failed, Lab
from harness.lab.runs import Fleet, Run
from harness.spec import From, Probing, Simulation, Solved, Value
from harness.spec.streams import stream
from harness.tests.simulated import (
    SMALL,
    BrokenProbe,
    Norm,
    at,
    drawn,
    lines,
    named,
    not_finite,
    noted,
    raising,
)


class Heard:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.planned, self.done, self.ends = 0, 0, 0

    def begin(self, fleets: Sequence[Fleet]) -> None:
        self.planned += sum(len(fleet.runs) for fleet in fleets)

    def more(self, fleets: Sequence[Fleet]) -> None:
        self.begin(fleets)

    def held(self, by_others: Sequence[Finished]) -> None:
        pass

    def finished(self, done: Finished) -> None:
        self.done += 1

    def end(self) -> None:
        self.ends += 1


def test_equal_cells_are_computed_once_across_claims_and_sessions(tmp_path: Path) -> None:
    file, heard = tmp_path / "computed", Heard()
    lab = Lab(at(tmp_path), progress=heard)
    one, same = named(noted, file=str(file)), Simulation(noted, (("file", str(file)),))
    lab.ensure([*lab.runs(one, 3), *lab.runs(same, 5)])
    assert len(lines(file)) == 5
    assert (heard.planned, heard.done, heard.ends) == (5, 5, 1)
    first = lab.results("a claim", one, 5).final("x").values
    again = Lab(at(tmp_path)).results("another", same, 5).final("x").values
    assert again.tolist() == first.tolist()
    assert len(lines(file)) == 5
    assert len(lab.computed) == 5


def test_everything_is_computed_anew_once_if_asked(tmp_path: Path) -> None:
    file = tmp_path / "computed"
    one = named(noted, file=str(file))
    Lab(at(tmp_path)).results("x", one, 2)
    for kept in (tmp_path / "store").rglob("record.json"):  # by a clock that was ahead
        os.utime(kept, (time.time() + 1e6, time.time() + 1e6))
    place = places.Place(store=tmp_path / "store", data_root=tmp_path, fresh=True, session="now")
    fresh, beside = Lab(place), Lab(place)
    fresh.results("x", one, 2)
    fresh.results("y", one, 2)
    beside.results("x", one, 2)  # another process of the same session
    assert len(lines(file)) == 4
    records = [fresh.store.read(run.key) for run in fresh.runs(one, 2)]
    assert [record and record.provenance["session"] for record in records] == ["now", "now"]


def test_two_sessions_that_compute_anew_do_not_chase_each_other(tmp_path: Path) -> None:
    file = tmp_path / "computed"
    one = named(noted, file=str(file))
    labs = [
        Lab(places.Place(store=tmp_path / "store", data_root=tmp_path, fresh=True, session=name))
        for name in ("first", "second")
    ]
    for _ in range(2):
        for lab in labs:
            lab.ensure(lab.runs(one, 2))
    assert len(lines(file)) == 4
    for lab in labs:
        lab.results("x", one, 2)
    assert len(lines(file)) == 4


@pytest.mark.parametrize("change", [{"replicate": 1}, {"address": "0" * 64}])
def test_a_record_that_says_it_is_of_another_run_is_not_read(tmp_path: Path, change: dict[str, Any]) -> None:
    file = tmp_path / "computed"
    lab = Lab(at(tmp_path))
    (run,) = lab.runs(named(noted, file=str(file)), 1)
    expected = lab.results("x", run.value, 1).final("x").values.tolist()
    honest = lab.store.read(run.key)
    assert honest is not None
    lab.store.publish(msgspec.structs.replace(honest, finals={"x": 77.0}, **change))
    assert Lab(at(tmp_path)).results("x", run.value, 1).final("x").values.tolist() == expected
    assert len(lines(file)) == 2


def test_the_plan_counts_what_is_there_and_what_is_not(lab: Lab) -> None:
    one, other = named(drawn, shift=1.0), named(drawn, shift=2.0)
    lab.results("x", one, 2)
    plan = lab.plan([*lab.runs(one, 3), *lab.runs(other, 2)])
    assert (plan.missing, plan.present, plan.timed) == (3, 2, 1)
    assert plan.seconds > 0
    assert lab.plan(lab.runs(one, 2)).fleets == ()


def test_replicates_differ_and_stay_what_they_were(lab: Lab) -> None:
    five, three = (lab.results("x", named(drawn), n).final("x").values for n in (5, 3))
    assert len(set(five.tolist())) == 5
    assert five[:3].tolist() == three.tolist()


def test_a_fresh_lab_reads_replicates_from_its_first_one_on(tmp_path: Path) -> None:
    lab = Lab(at(tmp_path), first=3000)
    assert [run.replicate for run in lab.runs(named(drawn), 3)] == [3000, 3001, 3002]
    expected = [float(stream(r, "simulation").standard_normal()) for r in (3000, 3001)]
    assert lab.results("x", named(drawn), 2).final("x").values.tolist() == expected


def test_a_failing_run_fails_only_what_asks_for_it(lab: Lab) -> None:
    bad, good = named(raising), named(drawn)
    lab.ensure([*lab.runs(bad, 2), *lab.runs(good, 2)])
    assert lab.results("good", good, 2).final("x").values.shape == (2,)
    for _ in range(2):
        with pytest.raises(Failed) as failed:
            lab.results("bad", bad, 2)
        assert str(failed.value) == "OverflowError: the first line"


def test_a_failure_is_tried_again_in_the_next_session(tmp_path: Path) -> None:
    first = Lab(at(tmp_path))
    first.ensure(first.runs(named(raising), 1))
    assert first.plan(first.runs(named(raising), 1)).missing == 0
    second = Lab(at(tmp_path))
    assert second.plan(second.runs(named(raising), 1)).missing == 1


class Broken(Value, frozen=True):
    """Data that cannot be split, or a solver that cannot solve."""

    def solve(self, split: Any, generator: Any) -> Any:
        raise ArithmeticError


def test_an_error_without_a_message_still_has_a_line(lab: Lab) -> None:
    with pytest.raises(Failed, match=r"^ArithmeticError: $"):
        lab.results("x", Solved(Digits(n=200), Broken()), 1)


class Leaving(Value, frozen=True):
    """A solver that ends its process, as a script may."""

    def solve(self, split: Any, generator: Any) -> Any:
        raise SystemExit("good bye")


def test_a_run_that_leaves_fails_alone(lab: Lab) -> None:
    with pytest.raises(Failed, match=r"^SystemExit: good bye$"):
        lab.results("x", Solved(Digits(n=200), Leaving()), 1)
    assert lab.results("x", named(drawn), 1).final("x").values.shape == (1,)


def test_children_fail_with_their_parent_and_for_its_reason(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = SMALL.but(optimizer__batch=64)
    child = parent.but(start=From(parent))
    grandchild = parent.but(start=From(child))
    trained = []

    def fails(member: trainer.Member, device: str) -> Any:
        trained.append(member.experiment)
        raise MemoryError("no room for the parent")

    monkeypatch.setattr(trainer, "train", fails)
    with pytest.raises(Failed, match=r"^MemoryError: no room for the parent$"):
        lab.results("x", grandchild, 1)
    with pytest.raises(Failed, match=r"^MemoryError: no room for the parent$"):
        lab.results("x", Probing(child, Norm()), 1)
    assert trained == [parent]


def test_a_broken_probe_leaves_the_training_readable(lab: Lab) -> None:
    with pytest.raises(Failed, match=r"^ZeroDivisionError: nothing to divide by$"):
        lab.results("x", SMALL.but(probes=(BrokenProbe(),)), 1)
    assert lab.results("x", SMALL, 1).final("train_error").values.shape == (1,)


@pytest.mark.parametrize("damage", ["missing", "flipped"])
def test_torn_weights_of_a_parent_are_computed_anew(tmp_path: Path, damage: str) -> None:
    first = Lab(at(tmp_path))
    child = SMALL.but(start=From(SMALL))
    (run,) = first.runs(SMALL, 1)
    whole = first.results("parent", SMALL, 1)
    file = first.store.path(run.key) / "weights.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.unlink() if damage == "missing" else file.write_bytes(data)
    second = Lab(at(tmp_path))
    assert (
        second.results("child", child, 1).final("train_loss").values[0] < whole.final("train_loss").values[0]
    )
    assert second.store.weights(run.key) is not None


def test_training_here_leaves_the_arithmetic_of_the_process_as_it_was(lab: Lab) -> None:
    lab.results("x", SMALL.but(probes=(Norm(),)), 1)
    smallest = float(np.finfo(np.float64).tiny)
    assert smallest / 4 > 0  # hypothesis, which judges exact claims here, refuses to work without


def test_numbers_that_are_not_finite_read_as_nan(lab: Lab) -> None:
    results = lab.results("x", named(not_finite), 1)
    assert np.isnan(results.final("x").values).all()
    assert results.curve("path")[0].tolist()[0] == 1.0
    assert np.isnan(results.curve("path")[0][1:]).all()


def test_what_another_process_holds_is_waited_for(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = lab.runs(named(drawn), 1)
    tries = iter([HELD, HELD])
    real = computing._finish

    def finish(run: Run, *rest: Any) -> Generator[None, None, Finished]:
        outcome = next(tries, "")
        return Finished(run=run, outcome=outcome) if outcome else (yield from real(run, *rest))

    monkeypatch.setattr(computing, "_finish", finish)
    assert lab.results("x", run.value, 1).final("x").values.shape == (1,)


CURVES: tuple[dict[str, tuple[float | None, ...]], ...] = (
    {"train_error": (0.5, 0.2, 0.0), "train_loss": (2.0, 1.0, 0.5), "test_error": (0.4, 0.3, 0.35)},
    {"train_error": (0.4, 0.0), "train_loss": (1.5, 0.25), "test_error": (0.3, 0.2)},
    {"train_error": (0.9, 0.9, 0.8), "train_loss": (2.0, 3.0, None), "test_error": (0.9, 0.9, 0.9)},
)


def test_a_lab_removes_nothing_when_it_opens_its_store(tmp_path: Path) -> None:
    lab = Lab(at(tmp_path))
    lab.results("x", named(drawn), 1)
    draft = lab.store.root / "tmp" / ("d" * 32)
    draft.mkdir()
    os.utime(draft, (0, 0))
    Lab(at(tmp_path)).results("x", named(drawn), 2)
    assert draft.is_dir()


def test_who_ends_serving_ends_nobody_who_has_begun_meanwhile(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    another = threading.Thread()
    computed: list[str] = []

    def compute() -> None:  # until nothing is open; then more is asked for, and another thread serves it
        computed.append(threading.current_thread().name)
        lab._serving = another

    monkeypatch.setattr(lab, "_compute", compute)
    first = threading.Thread(target=lab._serve, name="first")
    lab._serving = first
    first.start()
    first.join()
    assert computed == ["first"]
    assert lab._serving is another
