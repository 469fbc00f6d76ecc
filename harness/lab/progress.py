"""How training goes: a few live lines on a terminal, a plain line every few seconds in a log."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.lab.pace import Pace, Stopwatch, described, remaining

if TYPE_CHECKING:
    import pytest

    from harness.lab.computing import Finished
    from harness.lab.runs import Fleet

PLAIN_SECONDS = 10.0
PLAIN_SECONDS_MOST = 60.0
NAMED = 3
"""So many kinds of what trains just now are named on a terminal."""

State = dict[str, Any]
Show = Callable[[State, bool], None]


class Tally:
    """What one process has done of what it set out to do, counted anew each time it sets out.

    Args:
        show: told after every change.
        processes: how many fleets are computed at once.

    Attributes:
        first: set while the session's plan is computed; what comes later are further replicates of
            single claims.
        computed: what was computed here -> (runs, seconds).
    """

    def __init__(self, show: Show, processes: int = 1) -> None:
        self.show, self.processes = show, processes
        self.first = False
        self.planned: State = {}
        self.state: State = {}
        self.computed: dict[str, tuple[int, float]] = {}
        self._measured = Stopwatch()
        self._pace = Pace((), processes, self._measured)
        self._began = 0.0

    def begin(self, fleets: Sequence[Fleet]) -> None:
        """Set out to compute these."""
        runs = sum(len(fleet.runs) for fleet in fleets)
        self._pace = Pace(fleets, self.processes, self._measured)
        self.state = {"first": self.first, "runs": runs, "done": 0, "failed": 0, "over": False}
        self.state |= {"processes": self.processes, "overhead": 0.0}
        self._began = time.monotonic()
        if not self.first and self.planned:
            self.state["planned"] = self.planned  # the controller may not have looked in between
        self._tell()

    def finished(self, done: Finished) -> None:
        """One run ended."""
        self._pace.finished(done.run, done.seconds)
        self.state["done"] += 1
        self.state["failed"] += bool(done.failure)
        if done.seconds:
            runs, seconds = self.computed.get(described(done.run.value), (0, 0.0))
            self.computed[described(done.run.value)] = runs + 1, seconds + done.cost
        self._tell()

    def end(self) -> None:
        """Nothing is open any more."""
        self.state["over"] = True
        if self.first:
            self.planned = dict(self.state)
        self.show(self.state, True)

    def _tell(self) -> None:
        now, spent = self._pace.now(), self._pace.spent
        if spent:  # what it took to start, at most: some may be of runs that are under way
            unspent = (time.monotonic() - self._began) * self.processes - spent
            self.state["overhead"] = max(0.0, min(self.state["overhead"] or unspent, unspent))
        groups = self._pace.groups().items()
        self.state |= {
            "groups": {name: (g.runs, g.done, g.computed, g.seconds) for name, g in groups},
            "now": now.names,
            "under_way": now.seconds,
            "longest": now.longest,
            "spent": spent,
            "measured": bool(self._measured),
        }
        self.show(self.state, False)


def line(state: State, elapsed: float) -> str:
    """``trained 12 of 80 runs (15 %), 31 s, about 2 min left``."""
    done, runs = state["done"], state["runs"]
    what = "runs" if state["first"] else "more runs"
    text = f"trained {done} of {runs} {what} ({100 * done // max(runs, 1)} %), {spoken(elapsed)}"
    if 0 < done < runs or (runs > done and elapsed >= PLAIN_SECONDS):
        text += f", {'about' if state['measured'] else 'roughly'} {spoken(left(state, elapsed))} left"
    if state["failed"]:
        text += f", {state['failed']} failed"
    return text


def left(state: State, elapsed: float) -> float:
    """Seconds until all is computed: what open runs are expected to take, by what others have taken.

    What is under way for longer than was expected slows the others of its kind too, until one of them has
    ended and tells.
    """
    processes, under_way = state["processes"], state["under_way"]
    idle = max(elapsed * processes - state["spent"] - state["overhead"], 0.0)
    slower = max(1.0, idle / under_way) if under_way > 0 else 1.0
    unmeasured = {n for n in state["now"] if n in state["groups"] and not state["groups"][n][2]}
    if not unmeasured:
        slower = 1.0
    still = 0.0
    for name, (runs, done, _, seconds) in state["groups"].items():
        still += (runs - done) * seconds * (slower if name in unmeasured else 1.0)
    return remaining(still, slower * state["longest"], slower * under_way, idle, processes)


def current(state: State, most: int) -> list[str]:
    """What trains just now: ``SmallInception, 20,000 images: 3 of 10 runs``."""
    names = state["now"]
    told = [f"{n}: {state['groups'][n][1]} of {state['groups'][n][0]} runs" for n in names[:most]]
    return told + ([f"and {len(names) - most} other kinds"] if len(names) > most else [])


def summed(
    one: Mapping[str, tuple[int, float]], other: Mapping[str, tuple[int, float]]
) -> dict[str, tuple[int, float]]:
    """(runs, seconds) of what either computed."""
    zero = (0, 0.0)
    pairs = {name: (one.get(name, zero), other.get(name, zero)) for name in {**one, **other}}
    return {name: (a[0] + b[0], a[1] + b[1]) for name, (a, b) in pairs.items()}


def spoken(seconds: float) -> str:
    """A duration for people: ``42 s``, ``3 min``, ``2.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Terminal:
    """Draws a tally with rich on a terminal, and as a plain line every few seconds elsewhere.

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
                self._state["now"] = ()
                self._stop()
                self._last_line()
                self._began = None
            elif self._drawing is None:
                self._drawing = self._begun()

    def say(self, lines: Sequence[str]) -> None:
        """Write lines of their own, before anything is drawn."""
        if self.stream is not None and lines:
            with self._lock:
                self.fresh_line(self.stream)
                self.stream.write("\n".join((*lines, "")))
                self.stream.flush()

    def close(self) -> None:
        """Stop drawing, whatever is open (after an interrupt, say): the cursor is shown again."""
        with self._lock:
            stopped = self._drawing is not None
            self._stop()
            if stopped:
                self.stream.write(f"stopped: {line(self._state, self._elapsed())}; what is done is kept\n")
                self.stream.flush()

    def text(self) -> str:
        """The line as of now, and one for each of what trains."""
        return "\n  ".join((line(self._state, self._elapsed()), *current(self._state, NAMED)))

    def _elapsed(self) -> float:
        return time.monotonic() - self._began if self._began is not None else 0.0

    def write(self) -> None:
        """One plain line."""
        self.fresh_line(self.stream)
        now = "; ".join(current(self._state, 1))
        self.stream.write(line(self._state, self._elapsed()) + (f"; {now}" if now else "") + "\n")
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
