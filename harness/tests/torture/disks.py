"""Disks that are full, have no inodes left, are read-only or another user's: a line each, and later the rest.

Small file systems are mounted in a namespace of the session's own (``unshare``), which some machines forbid;
then this is left out, and said. That each single call of the store may be refused is tried everywhere.
"""

from __future__ import annotations

import contextlib
import os
import random
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from harness.lab.store import Store, StoreError
from harness.tests.simulated import record
from harness.tests.suites import environment
from harness.tests.torture.actors import REFUSALS, Actor, Watched
from harness.tests.torture.disk import Disk
from harness.tests.torture.lost_power import held
from harness.tests.torture.sessions import Suite, told
from harness.tests.torture.tally import Fault, Tally

KEY = "ab" * 32
FORBIDDABLE = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""What takes from root the right to write to and read whatever he likes."""
REFUSED = "call of the store refused"
OWN_USER = ("--user", "--map-root-user")
SMALL: dict[str, tuple[str, str]] = {
    "full disk, then a larger one": ("size={}k", "size=64m"),
    "no inodes left, then more": ("size=64m,nr_inodes={}", "size=64m,nr_inodes=9999"),
    "read-only disk, then writable": ("size=64m,ro", "size=64m,rw"),
}
"""Kind -> how the disk of the store is mounted first and then; {} is a small number."""


def attack(folder: Path, chance: random.Random, tally: Tally, ended: Callable[[], bool]) -> None:
    """Refuse every call once, then sessions on disks of every kind until the time is over."""
    refuse_each(folder / "calls", tally)
    suite = Suite(folder / "suite")
    number = 0
    while number < len(SMALL) + 1 or not ended():
        kind = [*SMALL, "folders that may not be written"][number % (len(SMALL) + 1)]
        number += 1
        place = suite.place(f"disk-{number}")
        fault: str | None = ""
        try:
            fault = (
                _on_small(suite, place, *SMALL[kind], chance) if kind in SMALL else _forbidden(suite, place)
            )
        except Fault as reason:
            fault = str(reason)
        if fault is None:
            tally.untried[kind] = "this machine does not allow it"
            if len(tally.untried.keys() & {*SMALL, kind}) > len(SMALL):
                return
        else:
            tally.count(kind, fault)
        shutil.rmtree(place, ignore_errors=True)


# -- the store's own calls ------------------------------------------------------------------------------


def refuse_each(folder: Path, tally: Tally, most: int = len(REFUSALS)) -> None:
    """Every call of publishing and of keeping a checkpoint, refused by each error (or the first), once."""
    for exchanges in (True, False):
        for number in range(100):
            outcomes = {_refused(folder, number, why, exchanges, tally) for why in REFUSALS[:most]}
            if outcomes == {False}:
                break


def _refused(folder: Path, number: int, why: int, exchanges: bool, tally: Tally) -> bool:
    """Refuse one call; False if there were not so many."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "disk").mkdir(parents=True)
    watched = Watched(Disk(folder / "disk"), exchanges)
    store = Store(folder / "disk" / "store")

    def both(version: int) -> None:
        store.publish(record(key=KEY, seconds=float(version)), held(version))
        store.checkpoint(KEY, {"seconds": float(version)}, held(version))

    with watched.calls():
        Actor(lambda: both(1)).finish()
        actor = Actor(lambda: both(2))
        reached = all(actor.advance() for _ in range(number + 1)) and actor.advance(why)
        actor.finish()
        if not reached and actor.failure is None:
            return False
        with tally.attempt(REFUSED, f"call {number} ({actor.calls[number]}), {os.strerror(why)}"):
            if actor.failure is not None and not isinstance(actor.failure, StoreError):
                raise actor.failure
            require_version(store, {1, 2} if exchanges else {0, 1, 2})
            again = Actor(lambda: both(3))
            again.finish()
            if again.failure is not None:
                raise again.failure
            require_version(store, {3})
    return True


def require_version(store: Store, allowed: set[int]) -> None:
    """Require that a record is one of these versions, to the last byte; 0 is none.

    Raises:
        Fault: it is not.
    """
    seen = store.peek(KEY)
    version = int(seen.seconds) if seen and store.verify(KEY) else 0
    if version not in allowed:
        raise Fault(f"version {version} is there, not one of {allowed}")


# -- sessions -------------------------------------------------------------------------------------------


def _on_small(suite: Suite, place: Path, first: str, then: str, chance: random.Random) -> str | None:
    """A session on a disk that has too little, one when it has enough; None where nothing can be mounted."""
    small = first.format(chance.choice([8, 40, 60, 100, 150, 200]))
    inside = " && ".join(
        [
            f"mount -t tmpfs -o {small} none {shlex.quote(str(place))}/disk",
            f"touch {shlex.quote(str(place))}/mounted",
            f"({_session(suite, place, 'first')}; mount -o remount,{then} {shlex.quote(str(place))}/disk)",
            _session(suite, place, "then"),
        ]
    )
    (place / "disk").mkdir()
    alone = () if os.geteuid() == 0 else OWN_USER
    _shell(suite, inside, "unshare", *alone, "--mount")
    if not (place / "mounted").exists():
        return None
    return _two_told(suite, place)


def _forbidden(suite: Suite, place: Path) -> str | None:
    """A session of a user who may not write to the folders of a store, and one when he may."""
    bound = FORBIDDABLE if os.geteuid() == 0 else ()
    if bound and not shutil.which(bound[0]):
        return None
    parts = place / "disk" / "store" / "v1"
    shutil.copytree(suite.place("undisturbed") / "store" / "v1", parts)
    for key in Store(parts.parent).keys()[::2]:  # there is something left to compute
        shutil.rmtree(Store(parts.parent).path(key))
    closed = [parts / "tmp", parts / "locks", *parts.glob("[0-9a-f][0-9a-f]")]
    for folder in closed:
        folder.chmod(0o500)
    _shell(suite, _session(suite, place, "first"), *bound)
    for folder in closed:
        folder.chmod(0o700)
    _shell(suite, _session(suite, place, "then"), *bound)
    return _two_told(suite, place)


def _shell(suite: Suite, line: str, *before: str) -> None:
    command = [*before, "sh", "-c", line]
    where = environment(suite.folder)
    with contextlib.suppress(FileNotFoundError):  # no ``unshare`` on this system
        subprocess.run(command, env=where, check=False, timeout=300, capture_output=True)


def _session(suite: Suite, place: Path, name: str) -> str:
    """A session on the store of a disk, as a line of shell."""
    command = [*suite.command(place / name), "--store", str(place / "disk" / "store")]
    output = shlex.quote(f"{place / name}.txt")
    return f"cd {shlex.quote(str(suite.folder))}; {shlex.join(command)} > {output} 2>&1"


def _two_told(suite: Suite, place: Path) -> str:
    """What is wrong with two sessions, of which the first had trouble; empty if nothing is."""
    for name in ("first", "then"):
        text = (place / f"{name}.txt").read_text(errors="replace")
        for word in ("INTERNALERROR", "Traceback (most recent call last)"):
            if word in text:
                return f"{name}: {word}"
    file = place / "then" / "report.json"
    if not file.exists() or told(file.read_bytes()) != suite.expected:
        return "another report than the undisturbed session's"
    return ""
