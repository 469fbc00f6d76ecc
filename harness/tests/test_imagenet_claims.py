"""The claims about ImageNet, held against the paper's own Table 2, since no test can train them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from claims import test_imagenet as claims
from harness.judging.check import Check
from harness.judging.ladder import Item, judged
from harness.lab.results import Results
from harness.lab.runs import Run
from harness.spec import Experiment
from harness.tests.simulated import record

# top-1 training error, and of tests top-1, its best over epochs, top-5 (Zhang et al. 2017, Table 2)
PRINTED = {
    "bare": (0.0047, 0.4020, 0.3684, 0.1962),
    "decayed": (0.094, 0.3282, 0.2743, 0.1356),
    "augmented": (0.0767, 0.2705, 0.2705, 0.0957),
    "regularized": (0.0782, 0.2216, 0.2216, 0.0608),
    "random": (0.048, 0.9989, 0.9989, 0.995),
    "random, regularized": (0.10, 0.9991, 0.9991, 0.995),
    "blank": (0.9985, 0.999, 0.999, 0.995),
}
ROWS = {
    "bare": claims.BARE,
    "decayed": claims.DECAYED,
    "augmented": claims.AUGMENTED,
    "regularized": claims.REGULARIZED,
    "random": claims.RANDOM_ROWS["bare"],
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
        for r in range(replicates):
            yield Run(value=value, replicate=r, address="", key="", kind="", source="")

    def ensure(self, runs: Any) -> None:
        list(runs)

    def results(self, name: str, value: Any, replicates: int) -> Results:
        runs = list(self.runs(value, replicates))
        return Results(name, runs, [printed(value, r) for r in range(replicates)])


CASES = [
    (function, params)
    for function in vars(claims).values()
    if hasattr(function, "claim")
    for params in (
        [{mark.args[0]: p} for mark in getattr(function, "pytestmark", ()) for p in mark.args[1]] or [{}]
    )
]


def item(function: Any, params: dict[str, Any]) -> Item:
    def call(check: Check, worlds: Mapping[str, Any]) -> None:
        function(**worlds, check=check, **params)

    return Item(
        claim=function.claim,
        trained=function.trained,
        controls=function.controls,
        params=params,
        tier="full",
        call=call,
    )


@pytest.mark.parametrize(("function", "params"), CASES, ids=lambda part: getattr(part, "__name__", str(part)))
def test_the_papers_own_numbers_reproduce_each_claim_and_each_control_tells(
    function: Any, params: dict[str, Any]
) -> None:
    judgement = judged(item(function, params), Printed())  # type: ignore[arg-type]
    assert judgement.verdict.value == "reproduced", judgement.reason
    assert judgement.controls
    assert all(control.discriminates for control in judgement.controls)


def test_there_are_nine_items_and_22_trainings_and_five_of_an_epoch_on_blank_images() -> None:
    assert len(CASES) == 9
    needed = {
        (value, replicate)
        for function, params in CASES
        for value, replicates in item(function, params).needs()
        for replicate in range(replicates)
    }
    assert len(needed) == 22 + 5
