"""Ending early and well: a training that was stopped within an epoch goes on to the same bits."""

from __future__ import annotations

import gzip
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from harness.analytic import resuming
from harness.data import digests
from harness.fleet import pausing, small, table, trainer
from harness.fleet.adaptive import AdamL2
from harness.fleet.optimizers import Sgd
from harness.fleet.pausing import AGAIN, Paused
from harness.fleet.small import Native
from harness.fleet.trainer import History, Member, Trained
from harness.lab.store import Store
from harness.models import Dropout, Mlp, SmallInception, StudentCnn
from harness.spec import Experiment
from harness.tests.folders import TINY, write_folder
from harness.tests.simulated import SMALL
from harness.tests.suites import ROOT
from harness.tests.trainings import member, together

pytestmark = pytest.mark.usefixtures("prepared")

EXPERIMENT = SMALL.but(optimizer=Sgd(lr=0.1, epochs=3, batch=16))  # 13 steps in each epoch
STREAMED = Experiment(TINY, Dropout(StudentCnn(8, 16, 16)), Sgd(lr=0.05, epochs=2, batch=5))
KEYS = [f"{i:064x}" for i in range(3)]
Asking = Callable[[int], None]


@pytest.fixture
def asked_at(monkeypatch: pytest.MonkeyPatch, patient: None) -> Iterator[Asking]:
    """Sends this process the signal when a training looks for the n-th time from now on."""
    real, before = History.is_time, signal.getsignal(signal.SIGTERM)

    def at(last: int) -> None:
        seen = iter(range(1, 10**6))

        def looked(history: History) -> bool:
            if next(seen) == last:
                os.kill(os.getpid(), signal.SIGTERM)
            return real(history)

        monkeypatch.setattr(History, "is_time", looked)

    yield at
    assert signal.getsignal(signal.SIGTERM) is before


class Kept:
    """Trains members whose checkpoints go through a store, again and again until they end."""

    def __init__(self, folder: Path, members: list[Member], asked_at: Asking) -> None:
        self.store, self.members, self.asked_at = Store(folder), members, asked_at
        self.reached: list[tuple[int, int]] = []

    def until_its_end(self, train: Callable[[list[Member]], list[Trained]], every: int) -> list[Trained]:
        """What it ends with, if it is stopped at every so manyth look."""
        for _ in range(100):
            self.asked_at(every)
            try:
                with pausing.heeded():
                    return train([self._resumed(i) for i in range(len(self.members))])
            except Paused:
                continue
        raise AssertionError("it comes no further")

    def _resumed(self, i: int) -> Member:
        resume = self.store.resume(KEYS[i])
        if resume:
            self.reached.append((resume[0]["epoch"], resume[0]["step"]))

        def save(state: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
            self.store.checkpoint(KEYS[i], state, arrays)

        one = self.members[i]
        return Member(one.experiment, one.replicate, one.split, resume=resume, save=save)


def alone(members: list[Member]) -> list[Trained]:
    return [trainer.train(each) for each in members]


def require_same(results: list[Trained], whole: list[Trained]) -> None:
    for result, expected in zip(results, whole, strict=True):
        assert result.kernel == expected.kernel
        assert result.curves == expected.curves
        assert result.finals == expected.finals
        assert result.weights.keys() == expected.weights.keys()
        assert all(np.array_equal(result.weights[n], w) for n, w in expected.weights.items())


@pytest.mark.parametrize(
    ("kernel", "changes"),
    [
        ("reference", {"optimizer": AdamL2(lr=0.01, epochs=3, batch=16)}),
        ("reference", {"model": Dropout(Mlp(16))}),
        ("reference", {"model": Mlp(16, batch_norm=True), "optimizer__momentum": 0.5}),
        ("channels_last", {"model": SmallInception(width=0.125), "optimizer__batch": 40}),
        ("backprop", {"loss": "squared"}),
        ("native", {}),
        ("native", {"model": SmallInception(width=0.125), "optimizer__batch": 40}),
    ],
    ids=str,
)
def test_a_training_stopped_within_epochs_ends_as_if_it_had_not_been(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked_at: Asking,
    kernel: str,
    changes: dict[str, Any],
) -> None:
    monkeypatch.setattr(small, "LONG", 0.0)
    monkeypatch.setenv("HARNESS_NATIVE", str(int(kernel == "native")))
    if kernel == "reference":
        monkeypatch.setenv(table.FORCED, "reference")
    members = [member(EXPERIMENT.but(**changes))]
    whole = alone(members)
    if whole[0].kernel != kernel:
        pytest.skip("no compiler here")
    kept = Kept(tmp_path, members, asked_at)
    require_same(kept.until_its_end(alone, every=3 if "model" in changes else 5), whole)
    assert len(kept.reached) > 2
    assert any(step for _, step in kept.reached)


def test_a_stack_stopped_within_epochs_ends_as_if_it_had_not_been(tmp_path: Path, asked_at: Asking) -> None:
    members = [member(EXPERIMENT, r) for r in range(2)]
    members += [member(EXPERIMENT.but(optimizer__lr=0.2, optimizer__epochs=2))]
    kept, whole = Kept(tmp_path, members, asked_at), together(members)
    require_same(kept.until_its_end(together, every=11), whole)
    assert any(step for _, step in kept.reached)
    steps = {(epoch, step) for epoch, step in kept.reached[:3]}
    assert len(steps) == 1  # all of them were kept at the same step


def test_members_that_were_stopped_apart_go_on_in_stacks_of_their_own(
    tmp_path: Path, asked_at: Asking
) -> None:
    members = [member(EXPERIMENT, r) for r in range(2)]
    whole = together(members)
    kept = Kept(tmp_path, members, asked_at)
    asked_at(5)
    with pytest.raises(Paused), pausing.heeded():
        together([kept._resumed(0)])
    require_same(kept.until_its_end(together, every=10**5), whole)


def test_a_streamed_training_stopped_within_epochs_ends_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked_at: Asking
) -> None:
    monkeypatch.setattr(digests, "cache_file", lambda: tmp_path / "cache" / "digests.json")
    root = write_folder(tmp_path)
    members = [Member(STREAMED, 1, STREAMED.data.split(root, 1))]
    kept, whole = Kept(tmp_path / "store", members, asked_at), alone(members)
    require_same(kept.until_its_end(alone, every=3), whole)
    assert any(step for _, step in kept.reached)


def test_within_a_long_epoch_a_checkpoint_is_left_from_time_to_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "SAVE_EVERY", 0.0)
    monkeypatch.setenv(table.FORCED, "reference")
    saved: list[tuple[int, int]] = []
    one = member(EXPERIMENT.but(optimizer__epochs=1))
    one.save = lambda state, arrays: saved.append((state["epoch"], state["step"]))
    trainer.train(one)
    assert saved == [(0, step) for step in range(1, 13)]


def test_what_has_diverged_within_an_epoch_leaves_no_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "SAVE_EVERY", 0.0)
    monkeypatch.setenv(table.FORCED, "reference")
    saved: list[float] = []
    one = member(EXPERIMENT.but(optimizer__lr=1e12, optimizer__epochs=1, loss="squared"))
    one.save = lambda state, arrays: saved.append(state["total"])
    assert trainer.train(one).outcome == "diverged"
    assert all(map(np.isfinite, saved))


def test_short_epochs_of_the_native_kernel_are_not_cut() -> None:
    replica = table.replica(EXPERIMENT, 0, member(EXPERIMENT).split, "cpu")
    assert not (isinstance(replica, Native) and replica.resumable)


def test_a_checkpoint_within_an_epoch_is_left_by_a_kernel_that_cannot_go_on_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked_at: Asking
) -> None:
    whole = trainer.train(member(EXPERIMENT))
    if whole.kernel != "native":
        pytest.skip("no compiler here")
    kept = Kept(tmp_path, [member(EXPERIMENT)], asked_at)
    with monkeypatch.context() as forced:
        forced.setenv(table.FORCED, "reference")
        asked_at(5)
        with pytest.raises(Paused), pausing.heeded():
            alone([kept._resumed(0)])
    asked_at(10**5)
    require_same(alone([kept._resumed(0)]), [whole])
    assert kept.reached == [(0, 5)]


class Spent(msgspec.Struct):
    """What a shipped record says of the time that its run took."""

    what: str
    outcome: str
    seconds: float
    provenance: dict[str, str]
    epochs: int = 0


class ShippedLine(msgspec.Struct):
    body: Spent


def recorded(tier: str) -> list[Spent]:
    """What the committed report of a tier rests on."""
    lines = gzip.decompress((ROOT / "reports" / tier / "records.jsonl.gz").read_bytes()).splitlines()
    decoder = msgspec.json.Decoder(ShippedLine)
    return [decoder.decode(line).body for line in lines[1:]]


def in_parts(what: str) -> bool:
    """Whether what a record is of goes on from a checkpoint: the solver stands behind the data."""
    solvers = {name.rpartition(".")[2] for name in resuming.WAYS}
    return what.startswith("Solved(") and any(f"), {name}(" in what for name in solvers)


def test_what_is_said_to_be_lost_at_most_is() -> None:
    """Whatever trained a minute for an epoch leaves checkpoints within it, and so do long solvers."""
    said = " ".join((ROOT / "docs" / "VERDICTS.md").read_text().split())
    assert f"at most the last {trainer.SAVE_EVERY:.0f} seconds of what it trains" in said
    (seconds,) = re.findall(r"what it computes in one go \(less than (\d+) seconds each", said)
    ended = " ".join((ROOT / "docs" / "CLUSTERS.md").read_text().split())
    assert f"within {pausing.GRACE:.0f} seconds" in ended
    assert f"the status is {AGAIN}" in ended
    for record in (*recorded("quick"), *recorded("standard")):
        if record.outcome == "solved":
            most = pausing.GRACE if record.what.startswith("Solved(") else float(seconds)
            assert record.seconds < most or in_parts(record.what), record.what
        elif record.epochs and record.seconds / record.epochs > trainer.SAVE_EVERY:
            assert record.provenance["kernel"] in ("reference", "channels_last", "streamed"), record.what


# -- being asked --------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", pausing.SIGNALS)
def test_a_signal_is_heeded_at_the_next_look(number: signal.Signals) -> None:
    with pausing.heeded():
        pausing.look()
        os.kill(os.getpid(), number)
        assert pausing.asked() == number.name
        with pytest.raises(Paused, match=number.name):
            pausing.look()
    assert pausing.asked() == ""


def test_what_cannot_be_kept_is_interrupted_where_it_is() -> None:
    def sleeps(asked: bool) -> None:
        with pausing.interruptible():
            assert not asked
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)

    for asked in (False, True):
        with pausing.heeded():
            if asked:
                os.kill(os.getpid(), signal.SIGTERM)
            with pytest.raises(Paused):
                sleeps(asked)


def test_whoever_is_asked_passes_it_on() -> None:
    told: list[str] = []
    with pausing.heeded():
        with pausing.telling(lambda: told.append("one")):
            os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR1)
    assert told == ["one"]


def test_time_that_is_over_asks_as_a_signal_does() -> None:
    with pausing.heeded(0.0, "--max-time 1s"):
        while not pausing.asked():
            pass
        assert pausing.asked() == "--max-time 1s"


def test_time_that_is_over_as_the_end_comes_asks_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, others, kill = threading.Event(), list[int](), os.kill

    def late(process: int, number: int) -> None:
        begun.set()
        time.sleep(0.2)
        kill(process, number)

    monkeypatch.setattr(os, "kill", late)
    before = signal.signal(signal.SIGUSR1, lambda number, frame: others.append(number))
    try:
        with pausing.heeded(0.0, "--max-time 1s"):
            begun.wait()
        time.sleep(0.3)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert others == []


def test_a_signal_that_somebody_else_takes_meanwhile_ends_nothing() -> None:
    code = """
import os, signal, time
from harness.fleet import pausing

pausing.GRACE = 0.05
with pausing.heeded():
    before = signal.signal(signal.SIGTERM, lambda number, frame: print("taken"))
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.5)
    signal.signal(signal.SIGTERM, before)
    assert not pausing.asked()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, timeout=50, check=False, stdout=subprocess.PIPE, text=True
    )
    assert (done.returncode, done.stdout) == (0, "taken\n")


def test_what_neither_looks_nor_may_be_interrupted_is_ended_with_its_process() -> None:
    """A call into a library, which hears no signal before its end, say."""
    code = """
import os, signal, sys, time
from harness.fleet import pausing

pausing.GRACE = 0.1
with pausing.heeded():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)
"""
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=50, check=False)
    assert done.returncode == AGAIN
    assert time.monotonic() - began < 40
