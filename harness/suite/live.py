"""Progress drawn: a few live lines on a terminal, a plain line every few seconds in a log."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from harness.lab import progress
from harness.lab.progress import Status

if TYPE_CHECKING:
    import pytest

MOST_PLAIN_SECONDS = 60.0
"""Seconds from one plain line to the next, at most: in a training of hours."""

NAMED = 3
"""How many kinds of what trains just now are named on a terminal, at most."""


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
        self._status = Status()
        self._began: float | None = None
        self._drawing: Any = None
        self._lock = threading.Lock()

    def open(self, stream: Any) -> None:
        """Draw there from now on."""
        self.stream = stream

    def show(self, status: Status, over: bool) -> None:
        """Draw the status; ``over`` ends the drawing and leaves a last plain line."""
        if self.stream is None:
            return
        with self._lock:
            self._status = status
            if self._began is None:
                self._began = time.monotonic()
            if over:
                self._status = msgspec.structs.replace(status, now=())
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
                self.stream.write(
                    f"stopped: {progress.line(self._status, self._elapsed())}; what is done is kept\n"
                )
                self.stream.flush()

    def text(self) -> str:
        """The line as of now, and one for each of what trains."""
        return "\n  ".join(
            (progress.line(self._status, self._elapsed()), *progress.current(self._status, NAMED))
        )

    def _elapsed(self) -> float:
        return time.monotonic() - self._began if self._began is not None else 0.0

    def write(self) -> None:
        """One plain line."""
        self.fresh_line(self.stream)
        now = "; ".join(progress.current(self._status, 1))
        self.stream.write(progress.line(self._status, self._elapsed()) + (f"; {now}" if now else "") + "\n")
        self.stream.flush()

    def _last_line(self) -> None:
        # the few seconds of a later rung are not worth a line between pytest's letters
        quiet = not self._status.first or self._status.plain
        if not quiet or self._elapsed() > progress.PLAIN_SECONDS:
            self.write()

    def _begun(self) -> Any:
        if not self.stream.isatty() or os.environ.get("TERM") == "dumb" or self._status.plain:
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
        return min(max(progress.PLAIN_SECONDS, elapsed / 10), MOST_PLAIN_SECONDS)
