"""What was tried, what survived, and what did not."""

from __future__ import annotations

import contextlib
import signal
import time
from collections import Counter
from collections.abc import Iterator
from types import FrameType

PATIENCE = 30.0
"""Seconds that one attempt within this process may take before it counts as hanging."""
TOLD = 20
"""Faults that are told in full."""


class Fault(Exception):
    """What the software did and must not do, in one line."""


class Hangs(BaseException):
    """An attempt does not end. No ``Exception``, so that nothing takes it for an error of a file."""


class Tally:
    """Attempts by kind.

    Attributes:
        tried, survived: attempts by kind; faults: what was lost, a line each; untried: what this machine
            did not allow, by kind; seen: what happened within attempts.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.tried: Counter[str] = Counter()
        self.survived: Counter[str] = Counter()
        self.faults: list[str] = []
        self.untried: dict[str, str] = {}
        self.seen: Counter[str] = Counter()
        self.began = time.monotonic()

    @property
    def lost(self) -> int:
        """Attempts that were not survived, of every kind."""
        return self.tried.total() - self.survived.total()

    @property
    def seconds(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began

    def count(self, kind: str, fault: str = "") -> None:
        """One attempt, which was survived if there is no fault."""
        self.tried[kind] += 1
        if fault:
            self.faults.append(f"{kind}: {fault}")
            print(f"LOST  {kind}: {fault}", flush=True)
        else:
            self.survived[kind] += 1

    @contextlib.contextmanager
    def attempt(self, kind: str, what: str) -> Iterator[None]:
        """An attempt within this process: whatever it raises is a fault, and so is a hang."""
        try:
            with _patient():
                yield
        except Fault as fault:
            self.count(kind, f"{what}: {fault}")
        except Hangs:
            self.count(kind, f"{what}: hangs")
        except Exception as error:
            self.count(kind, f"{what}: {type(error).__name__}: {(str(error).splitlines() or [''])[0][:120]}")
        else:
            self.count(kind)


@contextlib.contextmanager
def _patient() -> Iterator[None]:
    def give_up(number: int, frame: FrameType | None) -> None:
        raise Hangs

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
