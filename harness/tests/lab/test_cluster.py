"""Machines that share nothing: equal records, nothing lost or trained twice, a line for what is wrong."""

from __future__ import annotations

import os
import pickle
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from harness.analytic.trees import ForestGrid
from harness.data import Digits
from harness.fleet import pausing, trainer
from harness.fleet.optimizers import Sgd
from harness.lab import away, cluster, solving
from harness.lab.away import CHECKPOINT, ENDED, FILES, Message
from harness.lab.cluster import ClusterCrew
from harness.lab.computing import COMPUTED, HELD, PRESENT
from harness.lab.crew import LocalCrew, OneProcess
from harness.lab.engine import NODE, PROCESS, UnitEnd
from harness.lab.lab import Lab
from harness.lab.ready import Crew
from harness.lab.store import Store
from harness.models import Mlp
from harness.spec import Experiment, Solved
from harness.tests.lab.clusters import (
    CHAIN,
    EVERYTHING,
    KEPT,
    PARENT,
    Pretended,
    drained,
    environment_kept,
    notes,
    numbers,
    queue_of,
    runs_of,
)
from harness.tests.simulated import at, drawn, lines, named, noted, raising


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    before = environment_kept()
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture
def crew(tmp_path: Path) -> ClusterCrew:
    return ClusterCrew(at(tmp_path), Pretended())


def engine_of(crew: ClusterCrew) -> Pretended:
    assert isinstance(crew.engine, Pretended)
    return crew.engine


def test_records_are_bit_equal_whoever_computes(crew: ClusterCrew, tmp_path: Path) -> None:
    told = drained(crew, runs_of(crew.place, EVERYTHING, 2))
    assert {done.outcome for done in told} == {COMPUTED}
    assert len({done.run.key for done in told}) == len(told) == 10
    of_all = {"cluster": numbers(tmp_path / "store")}
    apart: dict[str, Crew] = {
        "alone": OneProcess(at(tmp_path / "alone")),
        "local": LocalCrew(at(tmp_path / "local"), 1),
    }
    for name, other in apart.items():
        drained(other, runs_of(other.place, EVERYTHING, 2))
        other.close()
        of_all[name] = numbers(tmp_path / name / "store")
    assert of_all["cluster"] == of_all["alone"] == of_all["local"]
    assert len(of_all["alone"]) == 10
    assert sum(bool(record.files) for record in of_all["alone"].values()) == 4


def test_a_lab_has_its_crew_compute_and_reads_what_came_back(crew: ClusterCrew) -> None:
    lab = Lab(crew.place, crew=crew)
    values = lab.results("x", named(drawn), 3).final("x").values
    assert len({node for node, _ in engine_of(crew).where}) == 2
    assert len(set(values.tolist())) == 3
    lab.close()


def test_a_parent_is_sent_once_and_nothing_that_is_there_is_computed_again(crew: ClusterCrew) -> None:
    children = [CHAIN.but(probes=(), optimizer__epochs=n) for n in (1, 2, 3)]
    runs = runs_of(crew.place, children, 1)
    drained(crew, runs)
    assert engine_of(crew).sent == [runs[-1].key]
    assert [run.value for run in runs if run.key in engine_of(crew).sent] == [PARENT]
    engine_of(crew).where.clear()
    assert {done.outcome for done in drained(crew, runs)} == {PRESENT}
    assert not engine_of(crew).where


def test_as_many_units_are_under_way_as_there_is_room_for(tmp_path: Path) -> None:
    runs = runs_of(at(tmp_path), [named(drawn, shift=float(n)) for n in range(12)], 1)
    for most, expected in ((None, 4), (1, 1)):
        engine = Pretended()
        drained(ClusterCrew(at(tmp_path / str(most)), engine, most), runs)
        assert engine.most == expected


def test_what_another_process_holds_is_not_sent(crew: ClusterCrew) -> None:
    run, other = runs_of(crew.place, (named(drawn), named(drawn, shift=1.0)), 1)
    told = []
    with Store(crew.place.store).claimed(run.key):
        ready = queue_of(crew, [run, other])
        for done in crew.drain(ready):
            told.append(done)
            ready.heard(done)
            if done.outcome == COMPUTED:
                ready.stop()
    assert {(done.run.key, done.outcome) for done in told} == {(run.key, HELD), (other.key, COMPUTED)}
    (holder,) = {done.holder for done in told if done.outcome == HELD}
    assert holder
    assert holder.process == os.getpid()
    assert len(engine_of(crew).where) == 1


def test_a_lost_machine_loses_one_run_and_no_other_computes_twice(crew: ClusterCrew, tmp_path: Path) -> None:
    file = tmp_path / "computed"
    runs = runs_of(crew.place, [named(noted, file=str(file), pause=n / 1e4) for n in range(3)], 4)

    def dies(node: str, message: Message) -> UnitEnd | None:
        if node == "two" and message[:1] == (FILES,):
            engine_of(crew).names.remove("two")
            return UnitEnd(NODE, "node two was lost")
        return None

    engine_of(crew).fates.append(dies)
    told = drained(crew, runs)
    assert Counter(done.outcome for done in told) == {COMPUTED: 12}
    assert len(lines(file)) == 13  # the one that was lost on its way home is computed again
    assert "node two was lost: what it was computing is computed again elsewhere" in notes(told)
    assert engine_of(crew).nodes() == {"one"}


def test_a_run_under_which_machines_are_lost_again_and_again_is_given_up(crew: ClusterCrew) -> None:
    runs = runs_of(crew.place, [named(drawn)], 1)
    engine_of(crew).fates.append(lambda node, message: UnitEnd(NODE, f"node {node} was lost"))
    (done,) = drained(crew, runs)
    assert done.failure == "5 machines were lost under it; run again to go on"
    assert len(engine_of(crew).where) == cluster.LOST_NODES


def test_a_run_that_kills_its_process_twice_fails_alone_and_last(crew: ClusterCrew) -> None:
    fatal, *others = runs = runs_of(crew.place, [named(drawn, shift=float(n)) for n in range(4)], 1)
    order: list[str] = []

    def killed(node: str, message: Message) -> UnitEnd | None:
        if message[:1] in ((FILES,), (ENDED,)) and message[1] == fatal.key:
            order.append("killed")
            return UnitEnd(PROCESS, "was killed (out of memory?)")
        order.extend(["ended"] * (message[:1] == (ENDED,)))
        return None

    engine_of(crew).fates.append(killed)
    told = drained(crew, runs)
    failed = [done for done in told if done.failure]
    assert [(done.run.key, done.failure) for done in failed] == [
        (fatal.key, "its training process was killed (out of memory?) twice; run again to go on")
    ]
    assert {done.run.key for done in told if done.outcome == COMPUTED} == {run.key for run in others}
    assert order[-1] == "killed"
    assert engine_of(crew).where[-1][1].whole
    assert not any(needs.whole for _, needs in engine_of(crew).where[:-1])


def test_a_record_that_came_before_its_process_was_lost_is_kept(crew: ClusterCrew) -> None:
    runs = runs_of(crew.place, [named(drawn)], 1)
    fate = lambda node, message: UnitEnd(PROCESS, "was killed") if message[:1] == (ENDED,) else None  # noqa: E731
    engine_of(crew).fates.append(fate)
    (done,) = drained(crew, runs)
    assert (done.outcome, done.failure) == (COMPUTED, "")
    assert Store(crew.place.store).has(runs[0].key)


def test_a_run_that_raises_fails_in_one_line_and_the_others_are_computed(crew: ClusterCrew) -> None:
    runs = runs_of(crew.place, [named(raising), named(drawn)], 1)
    assert [done.failure for done in drained(crew, runs)] == ["OverflowError: the first line", ""]


def test_what_cannot_be_sent_fails_in_one_line(crew: ClusterCrew, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> bytes:
        raise pickle.PicklingError("no such thing\nand more of it")

    monkeypatch.setattr(away, "ordered", refuse)
    (done,) = drained(crew, runs_of(crew.place, [named(drawn)], 1))
    assert done.failure == "PicklingError: no such thing"


def test_a_node_without_the_data_is_told_of_once_and_another_computes(
    crew: ClusterCrew, tmp_path: Path
) -> None:
    (tmp_path / "dots").write_text("these")
    (tmp_path / "bare").mkdir()
    engine_of(crew).roots["two"] = tmp_path / "bare"
    told = drained(crew, runs_of(crew.place, [KEPT, named(drawn)], 4))
    assert Counter(done.outcome for done in told) == {COMPUTED: 8}
    assert notes(told) == ["node two: dots is not in the data root: copy it there"]
    assert "two" in [node for node, _ in engine_of(crew).where][-4:]  # it computes what needs no data


def test_a_node_with_other_data_computes_nothing_of_them(crew: ClusterCrew, tmp_path: Path) -> None:
    (tmp_path / "dots").write_text("these")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "dots").write_text("those")
    engine_of(crew).roots |= dict.fromkeys(("one", "two"), tmp_path / "other")
    told = drained(crew, runs_of(crew.place, [KEPT], 3))
    differs = "has another dots than this machine (sha256 6120d7ff, not b808e156): copy this one there"
    assert {done.failure.partition(" has")[2] for done in told} == {differs.removeprefix("has")}
    assert not Store(crew.place.store).keys()
    assert len(engine_of(crew).where) <= 4  # nothing is tried where it was refused


def test_a_node_with_other_code_computes_nothing(crew: ClusterCrew) -> None:
    engine_of(crew).other = {"two"}
    runs = runs_of(crew.place, [named(drawn, shift=float(n)) for n in range(6)], 1)
    told = drained(crew, runs)
    assert Counter(done.outcome for done in told) == {COMPUTED: 6}
    assert notes(told) == ["node two has other code than this machine: install the same version there"]
    engine_of(crew).other = {"one", "two"}
    (done,) = drained(crew, runs_of(crew.place, [named(drawn, shift=9.0)], 1))
    assert done.failure == "a node has other code than this machine: install the same version there"


def test_a_node_that_names_a_run_otherwise_does_not_compute_it(crew: ClusterCrew) -> None:
    (run,) = runs_of(crew.place, [named(drawn)], 1)
    (done,) = drained(crew, [msgspec.structs.replace(run, key="ab" * 32)])
    assert "has other code of what this session computes" in done.failure


def test_a_training_goes_on_elsewhere_from_the_checkpoint_that_it_sent(
    crew: ClusterCrew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "SAVE_EVERY", -1.0)
    long = PARENT.but(optimizer__epochs=6)
    (run,) = runs_of(crew.place, [long], 1)
    begun: list[int] = []

    def dies(node: str, message: Message) -> UnitEnd | None:
        if message[:1] == (CHECKPOINT,):
            begun.append(message[2]["epoch"])
        lost = node == "one" and len(begun) == 3
        return UnitEnd(NODE, "node one was lost") if lost else None

    engine_of(crew).fates.append(dies)
    (done,) = drained(crew, [run])
    assert done.outcome == COMPUTED
    assert begun[:3] == [1, 2, 3]
    assert begun[3:] == [3, 4, 5]
    alone = Lab(at(tmp_path / "alone"))
    alone.results("long", long, 1)
    assert numbers(tmp_path / "store") == numbers(tmp_path / "alone" / "store")


def test_what_is_solved_goes_on_elsewhere_from_the_checkpoint_that_it_sent(
    crew: ClusterCrew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "SAVE_EVERY", -1.0)
    monkeypatch.setattr(solving, "SHARE", 0.0)
    long = Solved(Digits(n=60), ForestGrid((2, 3), (1, 4)))
    (run,) = runs_of(crew.place, [long], 1)
    begun: list[int] = []

    def dies(node: str, message: Message) -> UnitEnd | None:
        if message[:1] == (CHECKPOINT,):
            begun.append(message[2]["step"])
        lost = node == "one" and len(begun) == 3
        return UnitEnd(NODE, "node one was lost") if lost else None

    engine_of(crew).fates.append(dies)
    (done,) = drained(crew, [run])
    assert done.outcome == COMPUTED
    assert begun[:3] == [1, 2, 3]
    assert begun[3:] in ([3, 4, 5, 6, 7], [4, 5, 6, 7])  # the last one may have been lost with the node
    assert Store(tmp_path / "store").resume(run.key) is None
    alone = Lab(at(tmp_path / "alone"))
    alone.results("long", long, 1)
    assert numbers(tmp_path / "store") == numbers(tmp_path / "alone" / "store")


def test_a_damaged_checkpoint_is_told_of_by_the_driver(
    crew: ClusterCrew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = runs_of(crew.place, [Solved(Digits(n=60), ForestGrid((2, 3), (1, 4)))], 1)
    store = Store(tmp_path / "store")
    store.checkpoint(run.key, {"step": 3}, {})
    (store.root / "partial" / run.key / "record.json").write_text("torn")
    told = notes(drained(crew, [run]))
    assert told == [f"the checkpoint {store.root / 'partial' / run.key} is damaged: its run begins again"]


def test_a_driver_that_was_ended_goes_on_where_it_was(tmp_path: Path) -> None:
    file = tmp_path / "computed"
    values = [named(noted, file=str(file), pause=n / 1e4) for n in range(6)]
    first, engine = ClusterCrew(at(tmp_path), Pretended()), Pretended()
    runs = runs_of(first.place, values, 1)
    ready = queue_of(first, runs)
    for done in first.drain(ready):
        ready.heard(done)
        break  # as where the driver is interrupted
    told = drained(ClusterCrew(at(tmp_path), engine), runs)
    assert Counter(done.outcome for done in told)[PRESENT] >= 1
    assert Store(tmp_path / "store").keys() == sorted(run.key for run in runs)


def test_a_driver_that_is_asked_to_end_does_and_lets_go_of_what_was_under_way(
    crew: ClusterCrew, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = runs_of(crew.place, [named(drawn, shift=float(n)) for n in range(6)], 1)
    ready = queue_of(crew, runs)
    told = []

    def drain() -> None:
        for done in crew.drain(ready):
            told.extend(ready.heard(done))
            monkeypatch.setattr(pausing._Asking, "by", "SIGTERM")

    with pytest.raises(pausing.Paused, match="SIGTERM"):
        drain()
    assert 1 <= len(told) < len(runs)  # more than one, where records were written between two looks
    assert not engine_of(crew).under_way
    monkeypatch.setattr(pausing._Asking, "by", "")
    for run in runs:
        with Store(crew.place.store).claimed(run.key) as mine:
            assert mine
    rest = drained(crew, runs)
    assert sum(done.outcome == COMPUTED for done in rest) <= 5


def test_a_driver_that_is_asked_to_end_has_a_last_checkpoint_of_what_trains(
    crew: ClusterCrew, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = Experiment(Digits(n=100), Mlp(8), Sgd(lr=1e-6, epochs=10**7))
    (run,) = runs_of(crew.place, [long], 1)
    asking = threading.Timer(0.5, lambda: monkeypatch.setattr(pausing._Asking, "by", "SIGTERM"))
    asking.start()
    with pytest.raises(pausing.Paused, match="SIGTERM"):
        drained(crew, [run])
    asking.join()
    assert engine_of(crew).asked
    assert Store(crew.place.store).resume(run.key) is not None
    with Store(crew.place.store).claimed(run.key) as mine:
        assert mine


def test_who_computes_is_asked_to_end_once_and_no_fault_of_asking_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(away, "ASKS_SECONDS", 0.001)
    heard = threading.Event()
    answers = iter([None, False, True, True])

    def is_asked() -> bool:
        answer = next(answers)
        if answer is None:
            raise OSError("no answer")
        return answer

    def ask(by: str) -> None:
        heard.set()
        raise pausing.Paused(by)

    monkeypatch.setattr(pausing, "ask", ask)
    with away.ending(is_asked):
        assert heard.wait(10)
    assert next(answers)  # nobody asks on


def test_a_torn_record_is_not_kept(crew: ClusterCrew, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = away.packed
    monkeypatch.setattr(
        away, "packed", lambda record, weights: {n: b[:-1] + b"x" for n, b in whole(record, weights).items()}
    )
    (done,) = drained(crew, runs_of(crew.place, [named(drawn)], 1))
    assert done.failure == "ValueError: its record came back torn: run again"
    assert not Store(crew.place.store).keys()
