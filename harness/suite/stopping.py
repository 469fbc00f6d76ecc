"""Sessions that are asked to end: what trains is kept as far as it came, and the status says so."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from harness.fleet import pausing
from harness.fleet.pausing import AGAIN, Paused
from harness.lab.allotted import allotted

if TYPE_CHECKING:
    from harness.suite.session import Session

PROCESS = ".process"
"""What ends the name of a file that a worker leaves, which begins with its process number."""


def heed(config: pytest.Config, session: Session) -> None:
    """Heed signals and ``--max-time`` until pytest ends; of the time xdist's controller tells its workers."""
    if not config.option.collectonly:
        time = config.option.max_time
        limit = allotted(time).seconds if time and not session.is_worker else None
        meanwhile = contextlib.ExitStack()
        meanwhile.enter_context(pausing.heeded(limit, f"--max-time {time}"))
        config.add_cleanup(meanwhile.close)


@contextlib.contextmanager
def ends_well(session: Session) -> Iterator[None]:
    """What is trained or judged inside ends when that is asked for, and with it pytest's session."""
    with contextlib.ExitStack() as meanwhile:
        try:
            if session.is_worker:
                meanwhile.enter_context(_listed(session.status_folder / f"{os.getpid()}{PROCESS}"))
            elif session.is_controller:  # which does nothing but wait
                meanwhile.enter_context(pausing.telling(lambda: _ask(session.status_folder)))
                meanwhile.enter_context(pausing.interruptible())
            yield
        except Paused as paused:
            end(paused)


def end(paused: Paused) -> NoReturn:
    """End pytest's session."""
    says = f"ended by {paused}: what was under way is kept, and the same command goes on from there"
    pytest.exit(says, returncode=AGAIN)


@contextlib.contextmanager
def _listed(file: Path) -> Iterator[None]:
    """Let the controller know this process's number, as long as this lasts."""
    with contextlib.suppress(OSError):
        file.touch()
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _ask(folder: Path) -> None:
    """Ask the workers that are listed in a folder to end."""
    for file in folder.glob(f"*{PROCESS}"):
        with contextlib.suppress(OSError):  # it has ended
            os.kill(int(file.stem), signal.SIGTERM)
