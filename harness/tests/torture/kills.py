"""``kill -9`` of sessions and of their processes, and requests to end, at random moments.

They train tiny nets, solve and simulate; in the end the report is the same.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from harness.fleet.pausing import AGAIN
from harness.lab.store import Store
from harness.tests.torture.sessions import Ended, Suite, members
from harness.tests.torture.tally import Fault, Tally

ORPHANED = 30.0
"""Seconds after which no process of a killed session may be alive."""
SPREAD = ("-n", "2")
KILL, TERM, USR1 = signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1


class Ending(NamedTuple):
    """Who is sent which signal, and the session's further arguments."""

    whom: str
    arguments: tuple[str, ...] = ()
    number: signal.Signals = KILL


KILLS = {
    "kill -9 of a session's group": Ending("group"),
    "kill -9 of a session alone": Ending("parent"),
    "kill -9 of a crew's process": Ending("crew"),
    "kill -9 of an xdist session's group": Ending("group", SPREAD),
    "kill -9 of an xdist controller": Ending("parent", SPREAD),
    "kill -9 of an xdist worker": Ending("worker", SPREAD),
    "SIGTERM of a session's group": Ending("group", (), TERM),
    "SIGUSR1 of a session alone": Ending("parent", (), USR1),
    "SIGTERM of a crew's process": Ending("crew", (), TERM),
    "SIGTERM of an xdist controller": Ending("parent", SPREAD, TERM),
}
"""What is done to sessions."""


def attack(folder: Path, chance: random.Random, tally: Tally, ended: Callable[[], bool]) -> None:
    """One kill of each kind after another, until the time is over."""
    suite = Suite(folder / "suite")
    number = 0
    seen = Path("/proc/self/stat").exists()
    kinds = [kind for kind, ending in KILLS.items() if seen or ending.whom in ("group", "parent")]
    for kind in KILLS.keys() - set(kinds):
        tally.untried[kind] = "this system does not tell which processes a session has"
    while number < len(kinds) or not ended():
        kind = kinds[number % len(kinds)]
        number += 1
        place = suite.place(f"killed-{number}")
        fault = ""
        kills = chance.choice([1, 2, 3])
        try:
            _kill(suite, place, kind, kills, chance)
        except Fault as reason:
            fault = str(reason)
        for last in range(kills):
            tally.count(kind, fault if last == kills - 1 else "")
        shutil.rmtree(place, ignore_errors=True)


def _kill(suite: Suite, place: Path, kind: str, kills: int, chance: random.Random) -> None:
    """Kill so many sessions on one store, or so many of their processes, then run one to its end."""
    whom, arguments, number = KILLS[kind]
    for _ in range(kills):
        moment = chance.random() * 1.2 * suite.seconds
        session = suite.start(place, *arguments)
        time.sleep(moment)
        if whom == "group":
            _send(number, session.pid, os.killpg)
        elif whom == "parent":
            _send(number, session.pid, os.kill)
        elif victim := _victim(session.pid, whom, chance):
            _send(number, victim, os.kill)
        ended = suite.wait(session, place)
        if whom in ("crew", "worker"):
            _survived(suite, place, ended.fault)
        elif number != KILL:
            _ended_well(ended, number)
        _gone(session.pid)
        _whole(place)
    suite.require_complete(place, *arguments)


def _send(number: signal.Signals, process: int, send: Callable[[int, int], None]) -> None:
    """Send a signal; who has just ended by itself gets none."""
    with contextlib.suppress(ProcessLookupError):
        send(process, number)


def _ended_well(ended: Ended, number: signal.Signals) -> None:
    """A session that was asked to end says that it did, unless it had not begun or was done already."""
    if ended.fault:
        raise Fault(ended.fault)
    if ended.status not in (0, AGAIN, -number):
        raise Fault(f"a session that was asked to end does so with {ended.status}")


def _survived(suite: Suite, place: Path, fault: str) -> None:
    """A session that lost a process goes on, and tells what it would have told."""
    if fault:
        raise Fault(fault)
    if suite.told(place) != suite.expected:
        raise Fault("the session that lost a process has another report")


def _victim(session: int, whom: str, chance: random.Random) -> int | None:
    """A process of a session that computes; None if there is none at this moment."""
    mark = "spawn_main" if whom == "crew" else "import sys;exec("
    computing = [
        number for number, command in members(session).items() if mark in command and number != session
    ]
    return chance.choice(computing) if computing else None


def _gone(session: int) -> None:
    """Nothing of a killed session goes on."""
    until = time.monotonic() + ORPHANED
    while left := members(session):
        if time.monotonic() > until:
            for number in left:
                os.kill(number, signal.SIGKILL)
            raise Fault(f"{len(left)} processes of the session live on")
        time.sleep(0.2)


def _whole(place: Path) -> None:
    """Every record that can be seen is whole."""
    store = Store(place / "store")
    if store.exists and (torn := list(itertools.filterfalse(store.verify, store.keys()))):
        raise Fault(f"{len(torn)} torn records")
