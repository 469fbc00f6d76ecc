"""Checkpoints of solvers: where they go on, and when one is left."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

from harness.analytic import resuming
from harness.analytic.resuming import Halfway, Keeping
from harness.fleet import pausing, trainer
from harness.lab import notes
from harness.lab.places import Place
from harness.lab.runs import Run
from harness.lab.store import Store, StoreError
from harness.spec import abbreviated

LONG_PART = 5.0
"""Seconds of a part after which a checkpoint is left at once: the next may outlast whoever asks to end."""
SHARE = 10.0
"""Of a solver's time at most one part in so many goes into checkpoints, however large they are."""


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
        if resumed and resumed[0].get("code", "") != self.code:
            what = abbreviated(run.value)
            notes.note(f"other code left the checkpoint of {what}, which is solved from the beginning")
            resumed = None
        self.begun = Halfway(resumed[0]["step"], resumed[1]) if resumed else None
        self.spent: float = resumed[0]["seconds"] if resumed else 0.0
        self._began = clock()
        self._saved = self._part = time.monotonic()
        self._writing = 0.0

    @functools.cached_property
    def code(self) -> str:
        """The digest of the code of its checkpoints; most runs end before they leave one."""
        return resuming.code(self.run.value.solver)

    def between(self, step: int, keeping: Keeping) -> None:
        """Leave a checkpoint after so many steps, if it is time.

        Raises:
            Paused: to end was asked for.
        """
        now = time.monotonic()
        part, since, self._part = now - self._part, now - self._saved, now
        is_time = (since > trainer.SAVE_EVERY or part > LONG_PART) and since > SHARE * self._writing
        if is_time or pausing.asked():
            self._keep(step, keeping)
            self._saved = self._part = time.monotonic()
            self._writing = self._saved - now
        pausing.look()

    def _keep(self, step: int, keeping: Keeping) -> None:
        """Leave a checkpoint; one that the disk does not take is no reason to lose the run."""
        seconds = self.spent + self.clock() - self._began
        state = {"step": step, "seconds": seconds, "session": self.place.session, "code": self.code}
        try:
            self.store.checkpoint(self.run.key, state, keeping())
        except StoreError as error:
            notes.note(f"no checkpoint of {abbreviated(self.run.value)} could be left: {error}")
