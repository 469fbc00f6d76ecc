"""A process computes the next run while the last one is written; nothing is lost, and locks are held."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from harness.lab import computing
from harness.lab.computing import COMPUTED, HELD, PRESENT, drain
from harness.lab.lab import Lab
from harness.lab.runs import Fleet, Run
from harness.lab.store import Record, Store, StoreError
from harness.tests.simulated import at, drawn, named, raising

SECONDS = 10.0
"""What is waited for at most, where it comes at once."""


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(at(tmp_path))


def fleet(runs: list[Run]) -> Fleet:
    return Fleet(shape="", runs=tuple(runs), seconds=1.0)


class Hooks:
    """What is done as the second run is computed, and as the first one is published."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = threading.Event()
        self.computing: Any = self.begun.set
        self.publishing: Any = lambda: None
        evaluated, publish = computing._evaluated, Store.publish

        def evaluating(run: Run, *rest: Any) -> Record:
            if run.replicate == 1:
                self.computing()
            return evaluated(run, *rest)

        def published(store: Store, record: Record, weights: Any = None) -> None:
            if record.replicate == 0:
                self.publishing()
            publish(store, record, weights)

        monkeypatch.setattr(computing, "_evaluated", evaluating)
        monkeypatch.setattr(Store, "publish", published)


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> Hooks:
    return Hooks(monkeypatch)


def test_a_record_is_written_while_the_next_run_is_computed(lab: Lab, hooks: Hooks) -> None:
    runs, seen = lab.runs(named(drawn), 3), []

    def look() -> None:
        hooks.begun.set()
        with lab.store.claimed(runs[0].key) as mine:
            seen.append(mine)

    def wait_for_the_next() -> None:
        assert hooks.begun.wait(SECONDS)

    hooks.computing, hooks.publishing = look, wait_for_the_next
    done = list(drain([fleet(runs)], lab.place))
    assert [(d.run.replicate, d.outcome) for d in done] == [(0, COMPUTED), (1, COMPUTED), (2, COMPUTED)]
    assert seen == [False]  # whoever else wants the run sees that it is held until it is there
    for run in runs:
        assert lab.store.verify(run.key)
        with lab.store.claimed(run.key) as mine:
            assert mine


def test_a_run_is_told_only_when_its_record_is_there(lab: Lab, hooks: Hooks) -> None:
    runs = lab.runs(named(drawn), 2)
    for done in drain([fleet(runs)], lab.place):
        assert lab.store.has(done.run.key)


@pytest.mark.parametrize("error", [StoreError("no room"), OSError("torn away"), ValueError("not JSON")])
def test_what_cannot_be_written_fails_alone(lab: Lab, hooks: Hooks, error: Exception) -> None:
    def refuse() -> None:
        raise error

    hooks.publishing = refuse
    first, second = drain([fleet(lab.runs(named(drawn), 2))], lab.place)
    assert (first.outcome, second.outcome) == (HELD, COMPUTED)
    assert str(error) in first.failure


def test_an_interrupt_waits_for_what_is_being_written(lab: Lab, hooks: Hooks) -> None:
    runs = lab.runs(named(drawn), 2)

    def interrupt() -> None:
        hooks.begun.set()
        raise KeyboardInterrupt

    def wait_for_the_interrupt() -> None:
        assert hooks.begun.wait(SECONDS)

    hooks.computing, hooks.publishing = interrupt, wait_for_the_interrupt
    with pytest.raises(KeyboardInterrupt):
        list(drain([fleet(runs)], lab.place))
    assert [lab.store.has(run.key) for run in runs] == [True, False]
    for run in runs:
        with lab.store.claimed(run.key) as mine:
            assert mine


def test_whoever_stops_listening_loses_nothing_that_was_computed(lab: Lab, hooks: Hooks) -> None:
    runs = lab.runs(named(drawn), 3)
    results = drain([fleet(runs)], lab.place)
    assert next(results).run.replicate == 0
    results.close()  # type: ignore[attr-defined]
    assert [lab.store.has(run.key) for run in runs] == [True, True, False]


def test_what_fails_or_is_there_already_is_told_in_its_place(lab: Lab) -> None:
    there, fails, new = (
        lab.runs(value, 1)[0] for value in (named(drawn), named(raising), named(drawn, shift=5.0))
    )
    lab.ensure([there])
    done = list(drain([fleet([new, there, fails])], lab.place))
    assert [d.outcome for d in done] == [COMPUTED, PRESENT, HELD]
    assert [bool(d.failure) for d in done] == [False, False, True]
