"""The experiments whose runs were read, each once, by what they begin with: most differ in little."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.evidence.schema import RunRead
from harness.report import costs, wording
from harness.report.contents import PageContents
from harness.spec.abridged import abridged

DIGITS = 16
"""Digits of an address that are shown, so many that no two of a report are alike."""


@dataclass(frozen=True)
class Experiments:
    """Every experiment that was read, once, and the name of its row.

    ``groups``: what several begin with, which is said once above them, and these; what begins like no
    other comes first, under "".
    """

    groups: tuple[tuple[str, tuple[wording.Replicates, ...]], ...]
    anchors: dict[str, str]


def experiments(contents: PageContents) -> Experiments:
    """The runs of all claims and controls by address, each replicate counted once."""
    runs: dict[str, list[RunRead]] = {}
    for (address, _), run in sorted(costs.distinct(contents.claims).items()):
        runs.setdefault(address, []).append(run)
    rows = sorted(
        (_row(address, of) for address, of in runs.items()), key=lambda row: (row.what, row.address)
    )
    return Experiments(_grouped(rows), {row.address: f"r{place}" for place, row in enumerate(rows, 1)})


def _row(address: str, of: list[RunRead]) -> wording.Replicates:
    whats = "; ".join(dict.fromkeys(abridged(run.what) for run in of))
    kernels = "; ".join(dict.fromkeys(filter(None, map(wording.computed_by, of))))
    return wording.Replicates(
        name="",
        what=whats,
        kernel=kernels,
        address=address,
        replicates=wording.ranges(run.replicate for run in of),
        seconds=sum(run.seconds for run in of),
    )


def _grouped(rows: Iterable[wording.Replicates]) -> tuple[tuple[str, tuple[wording.Replicates, ...]], ...]:
    groups: dict[str, list[wording.Replicates]] = {"": []}
    for row in rows:
        groups.setdefault(beginning(row.what), []).append(row)
    alone = [row for begins, of in groups.items() if not begins or len(of) == 1 for row in of]
    several = ((begins, tuple(of)) for begins, of in groups.items() if begins and len(of) > 1)
    return (("", tuple(alone)), *several) if alone else tuple(several)


def beginning(what: str) -> str:
    """``Experiment(Digits(n=500), `` of an experiment in words: up to its second argument; "" without one."""
    depth = 0
    for place, sign in enumerate(what):
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and depth == 1 and what[place + 1 : place + 2] == " ":
            return what[: place + 2]
    return ""
