"""Items as pytest would collect them, with bodies given as functions, for tests of how they are judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.evidence.statistics import above
from harness.judging.check import Check
from harness.judging.ladder import Item
from harness.lab.results import Results
from harness.spec.claim import Control, Paper, claim
from harness.tests.simulated import drawn, named

WHY = "chosen for this test"
PAPER = Paper(key="RIVER2017", authors="River", title="Networks", venue="Streams", year=2017, url="")
ABOVE, BELOW = named(drawn, shift=9.0), named(drawn, shift=-9.0)
ABOUT_4, ABOUT_40 = named(drawn, shift=4.0), named(drawn, shift=40.0)
NEGATIVE = Control(says="shifted the other way", positive=False, worlds={"x": BELOW})
POSITIVE = Control(says="shifted upwards", positive=True, worlds={"x": ABOVE})
Body = Callable[..., None]


def item(body: Body, *controls: Control, tier: str = "quick", n: int | None = None, **worlds: Any) -> Item:
    """An item as pytest would collect it, with its body given as a function of check and its worlds."""
    mark = claim(
        PAPER, "Section 1", says="x is positive", reported="words", adapted={tier: "none"}, replicates=n
    )
    declared: Any = mark(lambda: None)

    def call(check: Check, known: Mapping[str, Any]) -> None:
        body(check=check, **known)

    return Item(claim=declared.claim, trained=worlds, controls=controls, params={}, tier=tier, call=call)


def looking(margin: float = 0.0) -> tuple[Body, list[int]]:
    """A body that checks x > margin, and the numbers of replicates it was shown."""
    seen: list[int] = []

    def body(x: Results, check: Check) -> None:
        seen.append(len(x.records))
        check(above(x.final("x"), margin, because=WHY))

    return body, seen
