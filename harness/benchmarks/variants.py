"""Variants of one workload in warm processes, timed side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from harness.benchmarks.load import Timing
from harness.benchmarks.rounds import FOREIGN_LIMIT, Ratio, Round, Rounds, interleaved, worst
from harness.benchmarks.warm import Answer, Failure, Pool

PLAIN = "plain"
"""Baseline (a): everything is compared with it."""


class Variant(NamedTuple):
    """One way to do a workload.

    Attributes:
        process: the warm process that does it; environment: with which that starts.
        function: called there with arguments and the number of the round; returns a note for the report.
        cells: how many cells a call trains: time is counted per cell.
        warming: further arguments of the first, untimed call.
        required: without it there is no row; others may fail, and the report says why.
    """

    name: str
    process: str
    function: Callable[..., str]
    arguments: tuple[Any, ...]
    cells: int
    environment: tuple[tuple[str, str], ...] = ()
    warming: tuple[Any, ...] = ()
    required: bool = False

    def call(self, pool: Pool, *more: Any) -> Answer:
        """Call the variant in its process; the timing is per cell."""
        process = pool.of(self.process, dict(self.environment))
        timing, note = process.call(self.function, *self.arguments, *more)
        per_cell = Timing(timing.seconds / self.cells, timing.cpu / self.cells, timing.foreign)
        return Answer(per_cell, note)


class Compared(NamedTuple):
    """The rounds of a workload's variants, what each said of itself, and what could not be measured."""

    rounds: Rounds
    notes: dict[str, str]
    left_out: tuple[str, ...]

    def ratio(self, slower: str, faster: str) -> Ratio | None:
        """Wall time of one over that of another; None if one of them was not measured."""
        known = slower in self.notes and faster in self.notes
        return self.rounds.ratio(slower, faster) if known else None


def compared(
    title: str,
    variants: Sequence[Variant],
    pool: Pool,
    rounds: int,
    say: Callable[[str], None] = lambda line: None,
) -> Compared:
    """Warm every variant up, then time them in interleaved rounds, of which as many may be repeated.

    Raises:
        Failure: a required variant failed (one line).
    """
    notes, left_out, living = {}, [], dict[str, Variant]()
    for variant in variants:
        try:
            notes[variant.name] = variant.call(pool, 0, *variant.warming).result
            living[variant.name] = variant
        except Failure as error:
            if variant.required:
                raise
            left_out.append(f"{title}, {variant.name}: {error}")

    def timed(name: str, attempt: int) -> Timing:
        timing, notes[name] = living[name].call(pool, attempt + 1)
        return timing

    def heard(timings: Round) -> None:
        seconds = sum(timing.seconds * living[name].cells for name, timing in timings.items())
        rejected = ": rejected" if worst(timings) > FOREIGN_LIMIT else ""
        say(f"{title}: a round of {seconds:.0f} s, others took up to {worst(timings):.0%}{rejected}")

    measured = interleaved(list(living), timed, rounds=rounds, repeats=rounds, heard=heard)
    return Compared(measured, notes, tuple(left_out))
