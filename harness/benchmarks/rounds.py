"""Interleaved rounds of several variants, and the statistics of their ratios."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Mapping, Sequence

import msgspec

from harness.benchmarks.load import Timing

FOREIGN_LIMIT = 0.12
"""A round in which other processes took more of the machine than this beside any variant is rejected."""
FEWEST = 2
"""With fewer undisturbed rounds all rounds are used, and the result is marked as disturbed."""

Round = Mapping[str, Timing]


class Ratio(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The median of per-round ratios with the smallest and the largest."""

    median: float
    low: float
    high: float
    rounds: int


class Rounds(msgspec.Struct, frozen=True):
    """Rounds that count, and how many were rejected.

    Attributes:
        kept: variant -> timing, one mapping per round.
        disturbed: too few rounds were quiet, so that rejected ones are among those kept.
    """

    kept: tuple[Round, ...]
    rejected: int
    disturbed: bool

    def ratio(self, slower: str, faster: str, what: str = "seconds") -> Ratio:
        """How many times as long (or as much CPU time: ``what="cpu"``) one variant takes as another."""
        return ratio_of([getattr(r[slower], what) / getattr(r[faster], what) for r in self.kept])

    def median(self, variant: str, what: str = "seconds") -> float:
        """The median of a timing's field over the rounds."""
        return statistics.median(getattr(r[variant], what) for r in self.kept)

    def foreign(self) -> float:
        """The largest share that other processes took beside any variant in the rounds that count."""
        return max(worst(r) for r in self.kept)


def ratio_of(ratios: Sequence[float]) -> Ratio:
    """Median and range of one ratio per round."""
    return Ratio(statistics.median(ratios), min(ratios), max(ratios), len(ratios))


def worst(timings: Round) -> float:
    """The largest foreign share of a round."""
    return max(timing.foreign for timing in timings.values())


def interleaved(
    variants: Sequence[str],
    measure: Callable[[str, int], Timing],
    *,
    rounds: int,
    repeats: int,
    heard: Callable[[Round], None] = lambda timings: None,
    seed: int = 0,
) -> Rounds:
    """Time every variant once a round, in an order shuffled anew, until enough rounds were quiet.

    Args:
        measure: (variant, number of the attempt from 0) -> timing.
        rounds: how many undisturbed rounds to collect.
        repeats: how many rejected rounds are repeated at most.
        heard: told every round as it ends, rejected or not.
    """
    shuffler = random.Random(seed)
    quiet: list[Round] = []
    rejected: list[Round] = []
    while len(quiet) < rounds and len(quiet) + len(rejected) < rounds + repeats:
        order = shuffler.sample(list(variants), len(variants))
        timings = {name: measure(name, len(quiet) + len(rejected)) for name in order}
        heard(timings)
        (rejected if worst(timings) > FOREIGN_LIMIT else quiet).append(timings)
    disturbed = len(quiet) < min(FEWEST, rounds)
    return Rounds(tuple([*quiet, *rejected] if disturbed else quiet), len(rejected), disturbed)
