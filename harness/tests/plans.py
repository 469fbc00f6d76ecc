"""Plans of runs that nothing trains: what estimates, progress and its drawing are tested with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import Experiment, Sgd, WhenFitted
from harness.data import Digits
from harness.lab.computing import COMPUTED, Finished
from harness.lab.names import Names
from harness.lab.progress import Status, Tally
from harness.lab.runs import Fleet, Run
from harness.models import Mlp

FIT = Experiment(Digits(n=100), Mlp(64), Sgd(lr=0.1, epochs=50), stop=WhenFitted())
NAMES = Names(Path())


def runs(value: Any, replicates: int = 3) -> list[Run]:
    """The runs of a value."""
    return [NAMES.run(value, r) for r in range(replicates)]


def fleet(value: Any, seconds: float, replicates: int = 3) -> Fleet:
    """A fleet of one value's runs, expected to take so many seconds in all."""
    return Fleet(shape="", runs=tuple(runs(value, replicates)), seconds=seconds)


def status_after(fleets: Sequence[Fleet], done: Sequence[Finished], processes: int = 1) -> Status:
    """The status of a session's plan after this much."""
    tally = Tally(lambda status, over: None, processes)
    tally.first = True
    tally.begin(fleets)
    for one in done:
        tally.finished(one)
    return tally.status


def computed(run: Run, seconds: float) -> Finished:
    """A run that was computed here."""
    return Finished(run=run, outcome=COMPUTED, seconds=seconds, cost=seconds)
