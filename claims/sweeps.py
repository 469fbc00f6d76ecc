"""How claims read a sweep that one solver or simulation makes: one measure per point."""

from __future__ import annotations

from harness import Measured
from harness import Results


def at(run: Results, measure: str, *index: int, of: str = "", test_size: int = 0) -> Measured:
    """One entry of what a solver or simulation returned as an array, [replicate].

    Args:
        run: results of one experiment.
        measure: the array's name.
        index: which entry.
        of: added to the name.
        test_size: for an error rate, how many examples it is over: its resolution.
    """
    place: tuple[slice | int, ...] = (slice(None), *index)
    values = run.array(measure)[place]
    return Measured(values, resolution=1 / test_size if test_size else 0.0, name=f"{of} {measure}".strip())


def numbered(run: Results, measure: str, points: int) -> list[Measured]:
    """A simulation's results at each point of its own sweep, ``measure_0``, ``measure_1`` ..., in order."""
    return [run.final(f"{measure}_{i}").named(measure) for i in range(points)]


def numbers(n: int, *ratios: float) -> tuple[int, ...]:
    """Numbers of features or examples at these shares of n."""
    return tuple(round(r * n) for r in ratios)
