"""The lab computes each run once, whoever asks and whatever dies, and reads back what was measured."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.data import Digits, RandomLabels
from harness.fleet import trainer
from harness.lab import computing, places
from harness.lab.computing import HELD, Finished
from harness.lab.crew import Crew
from harness.lab.lab import Failed, Lab
from harness.lab.results import Results
from harness.lab.runs import Fleet, Run
from harness.lab.store import Record
from harness.spec import From, Probing, Simulation, Solved, Value
from harness.tests.simulated import (
    SMALL,
    BrokenProbe,
    Norm,
    at,
    deadly,
    drawn,
    named,
    not_finite,
    noted,
    raising,
    record,
)


class Heard:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.planned, self.done, self.ends = 0, 0, 0

    def begin(self, fleets: Sequence[Fleet]) -> None:
        self.planned += sum(len(fleet.runs) for fleet in fleets)

    def finished(self, done: Finished) -> None:
        self.done += 1

    def end(self) -> None:
        self.ends += 1


def lines(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(at(tmp_path))


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Lab]:
    """A lab with two processes."""
    lab = Lab(at(tmp_path), processes=2)
    yield lab
    lab.close()


# -- once ---------------------------------------------------------------------------------------------


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
    published = max(file.stat().st_mtime for file in (tmp_path / "store").rglob("record.json"))
    later = published + 0.001
    time.sleep(0.02)
    fresh = Lab(places.Place(store=tmp_path / "store", data_root=tmp_path, since=later))
    fresh.results("x", one, 2)
    fresh.results("y", one, 2)
    assert len(lines(file)) == 4


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


# -- failures -----------------------------------------------------------------------------------------


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


# -- processes ----------------------------------------------------------------------------------------


def test_two_processes_compute_everything_once(pair: Lab, tmp_path: Path) -> None:
    file = tmp_path / "computed"
    values = [named(noted, file=str(file), pause=p) for p in (0.3, 0.3, 0.01, 0.02, 0.03)]
    bad = named(raising)
    pair.ensure([run for value in (*values, bad) for run in pair.runs(value, 2)])
    assert len(lines(file)) == 2 * len(set(map(str, values)))
    assert str(os.getpid()) not in lines(file)
    with pytest.raises(Failed, match=r"^OverflowError: the first line$"):
        pair.results("bad", bad, 2)
    alone = Lab(at(tmp_path / "alone"))
    for value in (named(drawn), named(drawn, shift=3)):
        there = pair.results("x", value, 3).final("x").values
        assert there.tolist() == alone.results("x", value, 3).final("x").values.tolist()


def test_a_process_killed_once_is_replaced_and_its_run_computed(pair: Lab, tmp_path: Path) -> None:
    file = tmp_path / "computed"
    once, done = named(deadly, fuse=str(tmp_path / "fuse")), named(noted, file=str(file))
    pair.ensure([*pair.runs(once, 1), *pair.runs(done, 4)])
    assert pair.results("once", once, 1).final("x").values.shape == (1,)
    assert pair.results("done", done, 4).final("x").values.shape == (4,)
    assert not pair.failures


def test_a_run_that_always_kills_its_process_fails_alone(pair: Lab, tmp_path: Path) -> None:
    began = time.monotonic()
    fatal, done = named(deadly, fuse=""), named(noted, file=str(tmp_path / "computed"))
    pair.ensure([*pair.runs(fatal, 1), *pair.runs(done, 6)])
    with pytest.raises(Failed, match="killed twice"):
        pair.results("fatal", fatal, 1)
    assert pair.results("done", done, 6).final("x").values.shape == (6,)
    assert time.monotonic() - began < 20


def test_processes_end_with_a_session_that_is_killed(tmp_path: Path) -> None:
    session = """
        import sys
        from pathlib import Path
        from harness.lab.lab import Lab
        from harness.tests.simulated import at, named, noted
        if __name__ == "__main__":
            lab = Lab(at(Path(sys.argv[1])), processes=2)
            lab.results("x", named(noted, file=sys.argv[2], pause=0.2), 2)
            print(*lab.crew._pool._processes, flush=True)
            lab.results("x", named(noted, file=sys.argv[2], pause=30.0), 2)
    """
    script = tmp_path / "session.py"
    script.write_text(textwrap.dedent(session))
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path), str(tmp_path / "computed")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert process.stdout is not None
    members = [int(word) for word in process.stdout.readline().split()]
    assert members
    process.send_signal(signal.SIGKILL)
    process.wait()
    patience = time.monotonic() + 10
    while any(map(running, members)) and time.monotonic() < patience:
        time.sleep(0.02)
    assert not any(map(running, members))


def running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_what_another_process_holds_is_waited_for(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = lab.runs(named(drawn), 1)
    tries = iter([HELD, HELD])
    real = computing._finish

    def finish(run: Run, *rest: Any) -> Finished:
        outcome = next(tries, "")
        return Finished(run=run, outcome=outcome) if outcome else real(run, *rest)

    monkeypatch.setattr(computing, "_finish", finish)
    assert lab.results("x", run.value, 1).final("x").values.shape == (1,)


def test_a_crew_that_never_started_closes() -> None:
    Crew(at(Path()), 2).close()


# -- results ------------------------------------------------------------------------------------------

CURVES: tuple[dict[str, tuple[float | None, ...]], ...] = (
    {"train_error": (0.5, 0.2, 0.0), "train_loss": (2.0, 1.0, 0.5), "test_error": (0.4, 0.3, 0.35)},
    {"train_error": (0.4, 0.0), "train_loss": (1.5, 0.25), "test_error": (0.3, 0.2)},
    {"train_error": (0.9, 0.9, 0.8), "train_loss": (2.0, 3.0, None), "test_error": (0.9, 0.9, 0.9)},
)


@pytest.fixture
def results(lab: Lab) -> Results:
    """Three runs: one that fits in three epochs, one in two, one that diverges in the third."""
    outcomes = ("budget", "fitted", "diverged")
    records: list[Record] = []
    for i, (curves, outcome) in enumerate(zip(CURVES, outcomes, strict=True)):
        finals = {n: None if outcome == "diverged" else c[-1] for n, c in curves.items()}
        epochs = len(curves["train_loss"])
        records.append(
            record(
                replicate=i, curves=curves, finals=finals, outcome=outcome, epochs=epochs, steps_per_epoch=4
            )
        )
    return Results("net", lab.runs(SMALL, 3), records)


def test_final_is_the_last_epoch_and_nan_where_a_run_diverged(results: Results) -> None:
    final = results.final("test_error")
    np.testing.assert_array_equal(final.values, [0.35, 0.2, np.nan])
    assert final.diverged.tolist() == [False, False, True]
    assert results.final("train_error").resolution == 0.005
    assert final.name == "test_error (net)"


def test_best_is_the_smallest_over_the_epochs(results: Results) -> None:
    np.testing.assert_array_equal(results.best("test_error").values, [0.3, 0.2, np.nan])
    assert results.best("train_error").resolution == 0.005


def test_at_reads_one_curve_where_another_gets_there(results: Results) -> None:
    found = results.at("train_error", when="train_loss", below=1.0)
    np.testing.assert_array_equal(found.values, [0.2, 0.0, np.nan])
    assert found.resolution == 0.005


def test_epochs_to_a_target_are_censored_where_it_was_not_reached(results: Results) -> None:
    epochs = results.epochs_to("train_error", 0.0)
    assert epochs.values.tolist() == [3, 2, 3]
    assert epochs.censored.tolist() == [False, False, True]
    assert epochs.resolution == 1.0
    assert results.epochs_to("train_error", 1.0).values.tolist() == [1, 1, 1]


def test_curves_are_padded_with_nan(results: Results) -> None:
    expected = [[2.0, 1.0, 0.5], [1.5, 0.25, np.nan], [2.0, 3.0, np.nan]]
    np.testing.assert_array_equal(results.curve("train_loss"), expected)
    assert results.epochs.tolist() == [1, 2, 3]
    assert results.steps.tolist() == [4, 8, 12]


@pytest.mark.parametrize("read", [Results.final, Results.best, Results.curve])
def test_an_unknown_name_lists_those_there_are(results: Results, read: Any) -> None:
    with pytest.raises(KeyError, match="net has no 'tset_error'; it has train_error, train_loss, test_error"):
        read(results, "tset_error")
    with pytest.raises(KeyError, match="net has no 'train_loss'; it has nothing of this kind"):
        results.array("train_loss")


def test_arrays_keep_their_shape(lab: Lab) -> None:
    results = lab.results("x", named(drawn), 3)
    x = results.final("x").values
    assert results.array("table").shape == (3, 2, 3)
    np.testing.assert_allclose(results.array("path"), np.outer(x, [1, 2, 3]))
    assert repr(results) == "<3 replicates of Simulation(drawn)>"


def test_corrupted_and_clean_errors_are_measured_to_the_number_of_their_examples(lab: Lab) -> None:
    results = lab.results("x", SMALL.but(data__labels=RandomLabels(0.5)), 1)
    counts = [round(1 / results.final(name).resolution) for name in ("corrupted_error", "clean_error")]
    assert sum(counts) == 200
    assert 60 < counts[0] < 120


def test_a_lab_sweeps_day_old_drafts_of_killed_processes(tmp_path: Path) -> None:
    drafts = Lab(at(tmp_path)).store.root / "tmp"
    for name in ("old", "new"):
        (drafts / name).mkdir()
    os.utime(drafts / "old", (0, 0))
    Lab(at(tmp_path))
    assert [draft.name for draft in drafts.iterdir()] == ["new"]
