"""What the claims cost to compute: every run counted once, however many claims read it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.evidence.schema import ClaimReport, RunRead


@dataclass(frozen=True)
class Cost:
    """The cost of one family at one tier, or of all: claims, distinct runs, and their seconds.

    ``shared``: seconds of runs that another family reads as well; they count in both, and once in the total.
    """

    family: str
    tier: str
    claims: int
    runs: int
    seconds: float
    shared: float


@dataclass(frozen=True)
class Slow:
    """An item and the seconds of the distinct runs that it and its controls read."""

    item: ClaimReport
    runs: int
    seconds: float


def distinct(claims: Iterable[ClaimReport]) -> dict[tuple[str, int], RunRead]:
    """(address, replicate) to run, of what the claims and their controls read."""
    runs = (run for claim in claims for run in (*claim.runs, *claim.control_runs))
    return {(run.address, run.replicate): run for run in runs}


def _seconds(runs: Iterable[RunRead]) -> float:
    return sum(run.seconds for run in runs)


def costs(claims: Sequence[ClaimReport]) -> tuple[Cost, ...]:
    """One for each family and tier, dearest first, and the total last."""
    cells: dict[tuple[str, str], list[ClaimReport]] = {}
    for claim in claims:
        cells.setdefault((claim.family, claim.tier), []).append(claim)
    read = {key: distinct(of) for key, of in cells.items()}
    costed = []
    for key, of in cells.items():
        elsewhere = {run for other, runs in read.items() if other != key for run in runs}
        shared = _seconds(run for name, run in read[key].items() if name in elsewhere)
        costed.append(Cost(*key, len(of), len(read[key]), _seconds(read[key].values()), shared))
    costed.sort(key=lambda cost: -cost.seconds)
    every = distinct(claims)
    total = Cost("", "", len(claims), len(every), _seconds(every.values()), _overlap(read.values()))
    return (*costed, total)


def _overlap(read: Iterable[dict[tuple[str, int], RunRead]]) -> float:
    """Seconds of the runs that more than one family reads."""
    once: dict[tuple[str, int], RunRead] = {}
    twice: dict[tuple[str, int], RunRead] = {}
    for runs in read:
        twice |= {name: run for name, run in runs.items() if name in once}
        once |= runs
    return _seconds(twice.values())


def slowest(claims: Iterable[ClaimReport], most: int = 10) -> tuple[Slow, ...]:
    """The items whose runs took longest; those that read none are left out."""
    slow_items = []
    for claim in claims:
        runs = distinct([claim])
        slow_items.append(Slow(claim, len(runs), _seconds(runs.values())))
    return tuple(sorted((slow for slow in slow_items if slow.runs), key=lambda slow: -slow.seconds)[:most])


def uncounted(claims: Iterable[ClaimReport]) -> bool:
    """Are there controls whose runs carry no time? Reports were once written so."""
    return any(control.runs for claim in claims if not claim.control_runs for control in claim.controls)
