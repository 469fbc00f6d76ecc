"""Ending early and well: who computes is asked to stop, keeps what it reached, and goes on another time.

What trains looks between its steps. What cannot be kept halfway says that it may be interrupted, and is.
Whoever does neither within ``GRACE`` seconds (a library's one long call, say) is ended with its process.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

GRACE = 20.0
"""Seconds from being asked to the end of the process at the latest: schedulers as a rule kill after 30."""
AGAIN = 75
"""The status of what ended because it was asked to and goes on when it is started again: EX_TEMPFAIL of
``sysexits.h``, which no other end of ours or of pytest has, so that a scheduler can requeue on it."""
SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name))
"""By these schedulers ask, some time before they kill."""


class Paused(BaseException):
    """It was asked to stop, and did. No ``Exception``: for no code of a claim's is it a failure."""


class _Asking:
    """What this process was asked. Signals reach its main thread alone."""

    by = ""
    open = 0
    resting = False


_told: list[Callable[[], None]] = []


def asked() -> str:
    """What asked this process to stop, "" if nothing did."""
    return _Asking.by


def look() -> None:
    """End here if that was asked for.

    Raises:
        Paused: it was.
    """
    if _Asking.by:
        raise Paused(_Asking.by)


def ask(by: str) -> None:
    """Ask this process to stop, and whoever computes for it.

    Raises:
        Paused: what is computed just now may be interrupted.
    """
    _Asking.by = _Asking.by or by
    for tell in tuple(_told):
        tell()
    if _Asking.open:
        raise Paused(_Asking.by)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """What is computed inside ends where it is when that is asked for: nothing of it can be kept."""
    _Asking.open += 1
    try:
        look()
        yield
    finally:
        _Asking.open -= 1


@contextlib.contextmanager
def telling(tell: Callable[[], None]) -> Iterator[None]:
    """Whoever is asked to stop meanwhile calls this, to pass it on."""
    _told.append(tell)
    try:
        yield
    finally:
        _told.remove(tell)


def heed_resting() -> None:
    """Heed the signals that ask to stop for the life of this process, which ends at once where it rests.

    A process that computes for another one rests but for what it does inside ``working``.
    """
    _Asking.resting = True
    _listen(lambda number: signal.Signals(number).name)


@contextlib.contextmanager
def working() -> Iterator[None]:
    """A process that rests has something to do; asked to stop, it keeps what it reached, and is no more."""
    _Asking.resting = False
    try:
        look()
        yield
        _Asking.resting = True
        look()
    except Paused:
        os._exit(0)
    finally:
        _Asking.resting = True


@contextlib.contextmanager
def heeded(within: float | None = None, said: str = "") -> Iterator[None]:
    """Heed the signals that ask to stop; elsewhere than in the main thread nothing can.

    Args:
        within: seconds after which it is asked for without a signal; None for never.
        said: how this time was given.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    timed: list[str] = []

    def is_time() -> None:
        timed.append(said)
        os.kill(os.getpid(), signal.SIGUSR1)

    _Asking.by = ""
    restore = _listen(lambda number: timed[0] if timed else signal.Signals(number).name)
    timer = threading.Timer(within or 0.0, is_time)
    timer.daemon = True
    if within is not None:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if within is not None:
            timer.join()  # its signal may be on its way, and would go to whoever takes signals afterwards
        restore()
        _Asking.by = ""


def _listen(name: Callable[[int], str]) -> Callable[[], None]:
    """Take the signals that ask to stop; returns what gives them back."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def heard(number: int, frame: FrameType | None) -> None:
        if _Asking.resting:
            os._exit(0)
        ask(name(number))

    before = [(number, signal.signal(number, heard)) for number in SIGNALS]
    woken = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_end_late, args=(reading, heard), daemon=True).start()

    def restore() -> None:
        signal.set_wakeup_fd(woken)
        for number, once in before:
            signal.signal(number, once)
        os.close(writing)  # which ends the thread

    return restore


def _end_late(reading: int, heard: Callable[..., None]) -> None:
    """End the process when it was asked to and is still there after ``GRACE`` seconds.

    The system writes each signal's number into the pipe at once, whatever the main thread is at; also that of
    a signal which somebody else takes meanwhile, by whom nobody was asked to end.
    """
    import select

    deadline: float | None = None
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([reading], [], [], left)[0]:
            os._exit(AGAIN)
        numbers = os.read(reading, 64)
        if not numbers:
            break
        ours = [number for number in SIGNALS if number in numbers and signal.getsignal(number) is heard]
        if deadline is None and ours:
            deadline = time.monotonic() + GRACE
    os.close(reading)
