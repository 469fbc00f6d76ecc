"""What a rehearsal leaves out, and why: what takes too long, is not there, or fits no memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.lab.lab import Lab
    from harness.lab.runs import Run

LONG = 30.0
"""Seconds, expected or taken of the processor, from which on a solver, simulation or probe is left out, and
that is said. What else this machine computes at the time is no matter of it."""


class TooLong(Exception):
    """A solver or simulation took longer than ``LONG``."""


TOO_LONG = f"{TooLong.__name__}: "


def is_of_time(line: str) -> bool:
    """Whether an error's line tells of one that took too long."""
    return line.startswith(TOO_LONG)


@contextlib.contextmanager
def no_longer() -> Iterator[None]:
    """Leave a solver or simulation when it has taken ``LONG``, and more of its function before they begin."""
    import signal
    from unittest import mock

    from harness.lab import computing
    from harness.spec import Simulation, abbreviated

    inner, slow = computing._evaluated, set[object]()

    def limited(run: Run, *rest: Any) -> Any:
        whose = run.value.function if isinstance(run.value, Simulation) else None

        def leave(*_: object) -> None:
            slow.update([whose] if whose else [])
            raise TooLong(f"not cut, it takes more than {LONG:.0f} s here: {abbreviated(run.value)}")

        if whose in slow:
            leave()
        signal.signal(signal.SIGPROF, leave)
        signal.setitimer(signal.ITIMER_PROF, LONG)
        try:
            return inner(run, *rest)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0.0)

    before = signal.getsignal(signal.SIGPROF)
    try:
        with mock.patch.object(computing, "_evaluated", limited):
            yield
    finally:
        signal.signal(signal.SIGPROF, before)


def not_cut(values: Iterable[Any], lab: Lab) -> Iterator[str]:
    """Why some of an item's values are not computed here."""
    from harness.lab.durations import seconds_of
    from harness.lab.names import specification
    from harness.lab.runs import parts
    from harness.spec import Simulation, Solved, abbreviated, plain

    for value in (part for declared in values for part in parts(plain(declared))):
        (run,) = lab.runs(value, 1)
        if why := lab.names.absent.get(specification(value)):
            yield why
        elif isinstance(value, (Simulation, Solved)):
            seconds = seconds_of(run, {}, lab.place.device)
            if seconds > LONG:
                yield f"about {seconds:.0f} s that cannot be cut: {abbreviated(value)}"


def too_large(functions: Sequence[Any], device: str) -> dict[str, list[str]]:
    """What the memory of the device, or of this machine, does not hold -> of which items."""
    from harness.lab import capacity, host_memory
    from harness.lab.runs import parts
    from harness.spec import plain
    from harness.suite.entries import claim_id, item_of, tier_of

    lines: dict[str, list[str]] = {}
    for function in functions:
        name = f"{claim_id(function)} ({tier_of(function)})"
        with contextlib.suppress(Exception):  # what is wrong with an item is said where it is cut
            values = [part for declared in item_of(function).computed() for part in parts(plain(declared))]
            whys = (capacity.refused(v, device) or host_memory.lacking(v, device) for v in values)
            for why in dict.fromkeys(filter(None, whys)):
                lines.setdefault(why, []).append(name)
    return lines
