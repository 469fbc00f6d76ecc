"""``kill -9`` of sessions and of their processes, at random moments; in the end the report is the same."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

from harness.lab.store import Store
from harness.tests.torture.sessions import Suite, members
from harness.tests.torture.tally import Fault, Tally

ORPHANED = 30.0
"""Seconds after which no process of a killed session may be alive."""
SPREAD = ("-n", "2")
KILLS: dict[str, tuple[str, tuple[str, ...]]] = {
    "kill -9 of a session's group": ("group", ()),
    "kill -9 of a session alone": ("parent", ()),
    "kill -9 of a crew's process": ("crew", ()),
    "kill -9 of an xdist session's group": ("group", SPREAD),
    "kill -9 of an xdist controller": ("parent", SPREAD),
    "kill -9 of an xdist worker": ("worker", SPREAD),
}
"""Kind -> whom, and the session's further arguments."""


def attack(folder: Path, chance: random.Random, tally: Tally, ended: Callable[[], bool]) -> None:
    """One kill of each kind after another, until the time is over."""
    suite = Suite(folder / "suite")
    number = 0
    seen = Path("/proc/self/stat").exists()
    kinds = [kind for kind, (whom, _) in KILLS.items() if seen or whom in ("group", "parent")]
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
    whom, arguments = KILLS[kind]
    for _ in range(kills):
        moment = chance.random() * 1.2 * suite.seconds
        session = suite.start(place, *arguments)
        time.sleep(moment)
        if whom == "group":
            os.killpg(session.pid, signal.SIGKILL)
        elif whom == "parent":
            os.kill(session.pid, signal.SIGKILL)
        elif victim := _victim(session.pid, whom, chance):
            os.kill(victim, signal.SIGKILL)
        if whom in ("crew", "worker"):
            _survived(suite, place, suite.wait(session, place).fault)
        else:
            session.wait()
        _gone(session.pid)
        _whole(place)
    suite.require_complete(place, *arguments)


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
