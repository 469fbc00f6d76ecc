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
    import pytest

    from harness.crew import Finished
    from harness.fleet.plan import Fleet

PLAIN_SECONDS = 10.0
PLAIN_SECONDS_MOST = 60.0

State = dict[str, Any]
Show = Callable[[State, bool], None]


class Tally:
    """What one process has done of what it set out to do, counted anew each time it sets out.

    Attributes:
        first: set while the session's plan is computed; what comes later are further replicates of
            single claims.
    """

    def __init__(self, show: Show) -> None:
        self.show = show
        self.first = False
        self.planned: State = {}
        self.state: State = {}

    def begin(self, fleets: Sequence[Fleet]) -> None:
        """Set out to compute these."""
        runs = sum(len(fleet.runs) for fleet in fleets)
        self.state = {"first": self.first, "runs": runs, "done": 0, "failed": 0, "over": False}
        if not self.first and self.planned:
            self.state["planned"] = self.planned  # the controller may not have looked in between
        self.show(self.state, False)

    def finished(self, done: Finished) -> None:
        """One run ended."""
        self.state["done"] += 1
        self.state["failed"] += bool(done.failure)
        self.show(self.state, False)

    def end(self) -> None:
        """Nothing is open any more."""
        self.state["over"] = True
        if self.first:
            self.planned = dict(self.state)
        self.show(self.state, True)


def line(state: State, elapsed: float) -> str:
    """``trained 12 of 80 runs (15 %), 31 s, about 2 min left``."""
    done, runs = state["done"], state["runs"]
    what = "runs" if state["first"] else "more runs"
    text = f"trained {done} of {runs} {what} ({100 * done // max(runs, 1)} %), {spoken(elapsed)}"
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
    """Draws a tally with rich on a terminal, and as plain lines elsewhere.

    The stream is given by ``open``; before, and without one, nothing is shown. A clock of its own draws,
    so that a line moves on also while a single run takes an hour.

    Args:
        fresh_line: called before anything is written, to end a line that pytest has begun.
    """

    def __init__(self, fresh_line: Callable[[Any], None] = lambda stream: None) -> None:
        self.stream: Any = None
        self.fresh_line = fresh_line
        self._state: State = {}
        self._began: float | None = None
        self._drawing: Any = None
        self._lock = threading.Lock()

    def open(self, stream: Any) -> None:
        """Draw there from now on."""
        self.stream = stream

    def show(self, state: State, over: bool) -> None:
        """Draw the state; ``over`` ends the drawing and leaves a last plain line."""
        if self.stream is None:
            return
        with self._lock:
            self._state = dict(state)
            if self._began is None:
                self._began = time.monotonic()
            if over:
                self._stop()
                self._last_line()
                self._began = None
            elif self._drawing is None:
                self._drawing = self._begun()

    def close(self) -> None:
        """Stop drawing, whatever is open (after an interrupt, say): the cursor is shown again."""
        with self._lock:
            self._stop()

    def text(self) -> str:
        """The line as of now."""
        return line(self._state, self._elapsed())

    def _elapsed(self) -> float:
        return time.monotonic() - self._began if self._began is not None else 0.0

    def write(self) -> None:
        """One plain line."""
        self.fresh_line(self.stream)
        self.stream.write(self.text() + "\n")
        self.stream.flush()

    def _last_line(self) -> None:
        # the few seconds of a later rung are not worth a line between pytest's letters
        quiet = not self._state["first"] or self._state.get("plain")
        if not quiet or self._elapsed() > PLAIN_SECONDS:
            self.write()

    def _begun(self) -> Any:
        if not self.stream.isatty() or os.environ.get("TERM") == "dumb" or self._state.get("plain"):
            ticker = Ticker(self.write)
            ticker.start()
            return ticker
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        self.fresh_line(self.stream)
        live = Live(
            console=Console(file=self.stream, force_terminal=True),
            get_renderable=lambda: Text(self.text(), overflow="ellipsis", no_wrap=True),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            refresh_per_second=4,
        )
        live.start()
        return live

    def _stop(self) -> None:
        if self._drawing is not None:
            self._drawing.stop()
            self._drawing = None


def end_line(config: pytest.Config, stream: Any) -> None:
    """End the line of letters that pytest has begun, so that progress starts on one of its own."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter._tw.width_of_current_line:
        reporter.currentfspath = None
        reporter._tw._current_line = ""
        stream.write("\n")


def own_stream(config: pytest.Config) -> Any:
    """The terminal, past pytest's capture: what is drawn during a test must not land in its output."""
    stream = config.get_terminal_writer()._file
    try:
        return os.fdopen(os.dup(stream.fileno()), "w", encoding="utf-8", errors="replace")
    except (OSError, ValueError, AttributeError):
        return stream  # no file behind it: nothing redirects it either


class Ticker(threading.Thread):
    """Calls every few seconds, less often in a training of hours, until stopped."""

    def __init__(self, call: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self.call = call
        self._over = threading.Event()

    def run(self) -> None:
        began = time.monotonic()
        while not self._over.wait(self._pause(time.monotonic() - began)):
            self.call()

    def stop(self) -> None:
        """No call begins after this."""
        self._over.set()

    @staticmethod
    def _pause(elapsed: float) -> float:
        return min(max(PLAIN_SECONDS, elapsed / 10), PLAIN_SECONDS_MOST)


class StatusFile:
    """Where an xdist worker leaves its tally for the controller."""

    def __init__(self, folder: Path, session: str, worker: str) -> None:
        self.file = folder / f"{session}-{worker}.json"

    def show(self, state: State, over: bool) -> None:
        """Write the state, whole; a full disk must not stop a training for its progress line."""
        draft = self.file.with_suffix(".tmp")
        with contextlib.suppress(OSError):
            draft.write_text(json.dumps(state))
            os.replace(draft, self.file)


def together(states: Sequence[State]) -> State | None:
    """What xdist's workers are computing, as one state; None if nothing.

    All set out to compute the same plan first: what one found done by another counts as done, and what
    fails, fails for each. Later each computes further replicates of its own items: those add up.
    """
    counts = ("runs", "done", "failed")
    for first, total in ((True, max), (False, sum)):
        some = [s for s in states if s["first"] is first and (first or not s["over"])]
        if not all(s["over"] for s in some):
            return {"first": first, "over": False, **{name: total(s[name] for s in some) for name in counts}}
    return None


class Watch(threading.Thread):
    """The controller's look at its workers' status files, twice a second."""

    def __init__(self, folder: Path, session: str, terminal: Terminal) -> None:
        super().__init__(daemon=True)
        self.folder, self.session, self.terminal = folder, session, terminal
        self._shown: State | None = None
        self._said = self._judging = False
        self._over = threading.Event()
        self._lock = threading.Lock()

    def run(self) -> None:
        while not self._over.wait(0.5):
            with self._lock:
                self._look()

    def judging(self) -> None:
        """The first items are judged: no live line may share the terminal with pytest's letters."""
        if not self._judging:
            with self._lock:
                self._settle()
                self._say()
                self._judging = True

    def lost(self, worker: str) -> None:
        """A worker is gone; what it was doing is not done any more."""
        (self.folder / f"{self.session}-{worker}.json").unlink(missing_ok=True)

    def close(self) -> None:
        """Stop looking, and remove the files."""
        self._over.set()
        self.join()
        self._settle()
        self._say()
        for file in self.folder.glob(f"{self.session}-*"):
            file.unlink(missing_ok=True)

    def _look(self) -> None:
        now = together(self._states())
        if now is None or (self._shown and self._shown["first"] is not now["first"]):
            self._settle()
        if now is not None:
            self._shown = {**now, "plain": self._judging}
            self.terminal.show(self._shown, False)

    def _states(self) -> list[State]:
        states = []
        for file in sorted(self.folder.glob(f"{self.session}-*.json")):
            with contextlib.suppress(OSError, ValueError):
                states.append(json.loads(file.read_text()))
        return states

    def _settle(self) -> None:
        """What was shown as open has ended, or is said as far as it came."""
        if self._shown:
            ended = any(s["over"] for s in self._states())
            done = self._shown["runs"] if ended else self._shown["done"]
            self.terminal.show({**self._shown, "done": done}, True)
            self._said |= self._shown["first"]
            self._shown = None

    def _say(self) -> None:
        """The last line of a plan that was computed between two looks."""
        states = [s if s["first"] else s.get("planned") for s in self._states()]
        planned = [s for s in states if s and s["over"]]
        if planned and not self._said:
            self._said = True
            self.terminal.show(max(planned, key=lambda s: s["runs"]), True)
