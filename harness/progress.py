"""How training goes: a live line on a terminal, a plain line every few seconds in a log.

Under xdist the workers leave small status files and the controller draws their sum.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.crew import Finished
    from harness.fleet.plan import Fleet

PLAIN_SECONDS = 10.0


class Tally:
    """What one process has done of what it set out to do."""

    def __init__(self, show: Callable[[dict[str, Any], bool], None]) -> None:
        self.show = show
        self.state: dict[str, Any] = {
            "runs": 0,
            "done": 0,
            "seconds": 0.0,
            "spent": 0.0,
            "failed": 0,
            "now": "",
        }

    def begin(self, fleets: Sequence[Fleet]) -> None:
        """Set out to compute these."""
        self.state["runs"] += sum(len(fleet.runs) for fleet in fleets)
        self.state["seconds"] += sum(fleet.seconds for fleet in fleets)
        self.show(self.state, False)

    def finished(self, done: Finished) -> None:
        """One run ended."""
        self.state["done"] += 1
        self.state["spent"] += done.seconds
        self.state["failed"] += bool(done.failure)
        self.state["now"] = type(done.run.value).__name__
        self.show(self.state, False)

    def end(self) -> None:
        """Nothing is open any more."""
        self.show(self.state, True)


def line(state: dict[str, Any], began: float) -> str:
    """``trained 12 of 80 runs (15 %), 31 s, about 2 min left``."""
    done, runs = state["done"], state["runs"]
    elapsed = time.monotonic() - began
    text = f"trained {done} of {runs} runs ({100 * done // max(runs, 1)} %), {spoken(elapsed)}"
    if 0 < done < runs:
        text += f", about {spoken(elapsed * (runs - done) / done)} left"
    if state["failed"]:
        text += f", {state['failed']} failed"
    return text


def spoken(seconds: float) -> str:
    """A duration for people: ``42 s``, ``3 min``, ``2.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Terminal:
    """Draws a tally with rich on a terminal, and as plain lines elsewhere."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.began = time.monotonic()
        self.last = 0.0
        self._live: Any = None
        self._lock = threading.Lock()

    def show(self, state: dict[str, Any], over: bool) -> None:
        """Draw the state; ``over`` ends the live line and leaves a last plain one."""
        with self._lock:
            if self.stream.isatty():
                self._draw(state, over)
            elif over or time.monotonic() - self.last > PLAIN_SECONDS:
                self.last = time.monotonic()
                self.stream.write(line(state, self.began) + "\n")
                self.stream.flush()

    def _draw(self, state: dict[str, Any], over: bool) -> None:
        from rich.console import Console
        from rich.live import Live

        if self._live is None and not over:
            console = Console(file=self.stream, force_terminal=True)
            self._live = Live(
                console=console,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
                refresh_per_second=4,
            )
            self._live.start()
        if self._live is not None:
            self._live.update(line(state, self.began))
        if over and self._live is not None:
            self._live.stop()
            self._live = None
            self.stream.write(line(state, self.began) + "\n")


class StatusFile:
    """Where an xdist worker leaves its tally for the controller."""

    def __init__(self, folder: Path, session: str) -> None:
        self.file = folder / f"{session}-{os.getpid()}.json"

    def show(self, state: dict[str, Any], over: bool) -> None:
        """Write the state, whole; a full disk must not stop a training for its progress line."""
        draft = self.file.with_suffix(".tmp")
        with contextlib.suppress(OSError):
            draft.write_text(json.dumps(state))
            os.replace(draft, self.file)


class Watch(threading.Thread):
    """The controller's look at its workers' status files, every half second."""

    def __init__(self, folder: Path, session: str, terminal: Terminal) -> None:
        super().__init__(daemon=True)
        self.folder, self.session, self.terminal = folder, session, terminal
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.5):
            self._look()

    def close(self) -> None:
        """Stop looking and remove the files."""
        self.over.set()
        self.join()
        for file in self.folder.glob(f"{self.session}-*"):
            file.unlink(missing_ok=True)

    def _look(self) -> None:
        states = []
        for file in self.folder.glob(f"{self.session}-*.json"):
            with contextlib.suppress(OSError, ValueError):
                states.append(json.loads(file.read_text()))
        if states:
            # every worker set out to compute the same plan; what one found done by another counts as done
            runs = max(s["runs"] for s in states)
            total = {
                "runs": runs,
                "done": max(s["done"] for s in states),
                "failed": sum(s["failed"] for s in states),
            }
            self.terminal.show(total, total["done"] >= runs and not self.over.is_set() and self._once())

    def _once(self) -> bool:
        self.over.set()
        return True
