"""Checkpoints of solvers that take steps: where they go on, and when one is left."""

from __future__ import annotations

import time
from collections.abc import Callable

from harness.analytic.resuming import Halfway
from harness.fleet import pausing, trainer
from harness.lab.places import Place
from harness.lab.runs import Run
from harness.lab.store import Store
from harness.spec.contracts import Weights


class Steps:
    """How far a solver's run came.

    Args:
        clock: seconds of what the run is charged with.

    Attributes:
        begun: its checkpoint, if there is one; spent: the seconds until that.
    """

    def __init__(self, run: Run, place: Place, store: Store, clock: Callable[[], float]) -> None:
        self.run, self.place, self.store, self.clock = run, place, store, clock
        resumed = store.resume(run.key, place.only_of)
        self.begun = Halfway(resumed[0]["step"], resumed[1]) if resumed else None
        self.spent: float = resumed[0]["seconds"] if resumed else 0.0
        self._began = clock()
        self._saved = time.monotonic()

    def between(self, step: int, arrays: Callable[[], Weights]) -> None:
        """Leave a checkpoint after so many steps, if it is time.

        Raises:
            Paused: to end was asked for.
        """
        if not (pausing.asked() or time.monotonic() - self._saved > trainer.SAVE_EVERY):
            return
        seconds = self.spent + self.clock() - self._began
        state = {"step": step, "seconds": seconds, "session": self.place.session}
        self.store.checkpoint(self.run.key, state, arrays())
        self._saved = time.monotonic()
        pausing.look()
