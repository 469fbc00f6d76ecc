"""The claims about ImageNet, held against the paper's own Table 2, since no test can train them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from claims import test_imagenet as claims
from harness.judging.check import Check
from harness.judging.ladder import Item, judged
from harness.lab.results import Results
from harness.lab.runs import Run
from harness.spec import ANEW, Anew, Experiment, plain
from harness.suite.entries import item_of
from harness.suite.listing import functions
from harness.tests.simulated import record

# top-1 training error, and of tests top-1, its best over epochs, top-5 (Zhang et al. 2017, Table 2)
PRINTED = {
    "bare": (0.0047, 0.4020, 0.3684, 0.1962),
    "decayed": (0.094, 0.3282, 0.2743, 0.1356),
    "augmented": (0.0767, 0.2705, 0.2705, 0.0957),
    "regularized": (0.0782, 0.2216, 0.2216, 0.0608),
    "random": (0.048, 0.9989, 0.9989, 0.995),
    "random, weight decay": (0.10, 0.9990, 0.9990, 0.995),
    "random, regularized": (0.10, 0.9991, 0.9991, 0.995),
    # a control of ours, of which the table prints nothing: what it must come to
    "blank": (0.9985, 0.999, 0.999, 0.995),
}
ROWS = {
    "bare": claims.BARE,
    "decayed": claims.DECAYED,
    "augmented": claims.AUGMENTED,
    "regularized": claims.REGULARIZED,
    "random": claims.RANDOM_ROWS["bare"],
    "random, weight decay": claims.RANDOM_ROWS["weight_decay"],
    "random, regularized": claims.RANDOM_ROWS["regularized"],
    "blank": claims.BLANK,
}


def printed(value: Experiment, replicate: int) -> Any:
    """A record as the paper's training would have left it, two tenths of a point apart between replicates."""
    (name,) = (name for name, tiers in ROWS.items() if tiers["full"] == value)
    spread = 0.002 * np.random.default_rng([replicate, len(name)]).normal()
    train, test, best, top5 = PRINTED[name]
    finals = {"train_error": train, "test_error": test + spread, "test_top5_error": top5}
    blank = name == "blank"
    least = {f"least_{n}": value * blank for n, value in finals.items()}
    curves = {n: (0.9, v, v) for n, v in (finals | least).items()}
    curves["test_error"] = (0.9, best + spread, test + spread)
    return record(finals=finals | least, curves=curves, replicate=replicate, resolutions={}, epochs=3)


class Printed:
    """A lab in which everything came out as printed."""

    def runs(self, value: Any, replicates: int) -> Iterator[Run]:
        first = ANEW if isinstance(value, Anew) else 0
        for r in range(first, first + replicates):
            yield Run(value=plain(value), replicate=r, address="", key="", kind="", source="")

    def ensure(self, runs: Any) -> None:
        list(runs)

    def results(self, name: str, value: Any, replicates: int) -> Results:
        runs = list(self.runs(value, replicates))
        return Results(name, runs, [printed(run.value, run.replicate) for run in runs])


@functools.cache
def items() -> dict[str, Item]:
    """What there is to judge at full, by the name of its test."""
    collected = functions(Path(__file__).parents[2], ("full",))
    chosen = [item for item in collected if item.nodeid.startswith("claims/test_imagenet")]
    return {item.name: msgspec.structs.replace(item_of(item), call=called(item)) for item in chosen}


def called(item: pytest.Function) -> Callable[[Check, Mapping[str, Any]], None]:
    """The body of a claim with the parameters of one of its items."""
    params = {name: value for name, value in item_of(item).params.items() if name in item.fixturenames}

    def call(check: Check, worlds: Mapping[str, Any]) -> None:
        item.obj(**worlds, check=check, **params)

    return call


def test_the_papers_own_numbers_reproduce_each_claim_and_each_control_tells() -> None:
    for name, item in items().items():
        judgement = judged(item, Printed())  # type: ignore[arg-type]
        assert judgement.verdict.value == "reproduced", (name, judgement.reason)
        assert judgement.controls, name
        assert all(control.discriminates for control in judgement.controls), name


def test_there_are_15_items_and_24_trainings_of_which_one_is_of_an_epoch() -> None:
    assert len(items()) == 15
    needed = {(value, r) for item in items().values() for value, count in item.needs() for r in range(count)}
    assert len(needed) == 4 * 5 + 3 + 1
