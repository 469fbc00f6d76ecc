"""A tiny suite of claims, sessions of pytest over it, and what they must come to, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from harness.evidence.schema import decode
from harness.tests.suites import PYPROJECT, environment, without_times, write
from harness.tests.torture.tally import Fault

PATIENCE = 150.0
"""Seconds within which a session of a few seconds must end, on a machine that does other things too."""
CONFTEST = """
import harness.lab.provenance

harness.lab.provenance.cores = lambda: 2

pytest_plugins = ["harness.suite.plugin"]
"""
CLAIMS = """
from harness import Experiment, Sgd, Solved
from harness.analytic.description_length import Net as Coded, TwoPart
from harness.data import Digits, RandomLabels
from harness.fleet import small, trainer
from harness.lab import solving
from harness.models import Mlp

trainer.SAVE_EVERY = 0.1  # seconds between checkpoints; the crew comes by here, too, for the class of the net
small.LONG = 0.0  # and they are left within epochs, too
solving.SHARE = 0.0  # and by solvers, whatever they take


class Net(Mlp, frozen=True):
    pass


NET = Experiment(Digits(n=300), Net(24), Sgd(lr=0.1, epochs=30))


@claim(PAPER, "S2", says="random labels are harder", reported="words", adapted=SMALL)
@trained(true=NET, random=NET.but(data__labels=RandomLabels()))
@control(true=NET.but(data__labels=RandomLabels(0.9)), says="nearly random labels on both sides")
def test_harder(true, random, check):
    gap = random.final("train_loss") - true.final("train_loss")
    check(above(gap, 0.5, because="half of what was reported"))


CODE = Solved(Digits(n=300), TwoPart(Coded(width=32, lr=0.005, epochs=60, batch=4, patience=60)))


@claim(PAPER, "S3", says="random labels have longer codes", reported="words", adapted=SMALL)
@trained(true=CODE, random=CODE.but(data__labels=RandomLabels()))
@control(true=CODE.but(data__labels=RandomLabels(0.9)), says="nearly random labels on both sides")
def test_longer(true, random, check):
    gap = random.final("label_bits") - true.final("label_bits")
    check(above(gap, 200.0, because="a fifth of the uniform code"))


@pytest.mark.parametrize("shift", [1.0, 2.0, 3.0])
@claim(PAPER, "S1", says="x is large", reported="words", adapted=SMALL)
@trained(x=lambda shift: about(shift, seconds=0.05))
@control(x=about(0.0, seconds=0.05), says="no shift")
def test_large(x, check, shift):
    large(x, check)
"""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A session that ended: its status, what it printed, the seconds that it took."""

    status: int
    text: str
    seconds: float

    @property
    def fault(self) -> str:
        """What no session may print; empty if it printed nothing of the kind."""
        for word in ("INTERNALERROR", "Traceback (most recent call last)"):
            if word in self.text:
                last = self.text.strip().splitlines()[-1][:100]
                return f"{word} ({last})"
        return ""


class Suite:
    """The claims in a folder, and the report of a session that nobody disturbed."""

    def __init__(self, folder: Path) -> None:
        self.folder = write(folder, CLAIMS)
        (folder / "conftest.py").write_text(CONFTEST)
        (folder / "pyproject.toml").write_text(PYPROJECT)
        self.seconds = self.run(self.place("undisturbed")).seconds
        self.expected = self.told(self.place("undisturbed"))

    def place(self, name: str) -> Path:
        """A folder for a session's store, report and output."""
        place = self.folder / name
        place.mkdir(exist_ok=True)
        return place

    def command(self, report: Path) -> list[str]:
        """What starts a session."""
        return [sys.executable, "-B", "-m", "pytest", "--report", str(report)]

    def start(self, place: Path, *arguments: str) -> subprocess.Popen[bytes]:
        """Begin a session with store, report and output in a place of its own."""
        command = [*self.command(place / "report"), *arguments]
        with open(place / "output", "wb") as output:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment(self.folder, HARNESS_STORE=str(place / "store")),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self, session: subprocess.Popen[bytes], place: Path) -> Ended:
        """Let a session end.

        Raises:
            Fault: it does not.
        """
        began = time.monotonic()
        try:
            status = session.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(session.pid, signal.SIGKILL)
            session.wait()
            raise Fault("the session does not end") from None
        text = (place / "output").read_text(errors="replace")
        return Ended(status=status, text=text, seconds=time.monotonic() - began)

    def run(self, place: Path, *arguments: str) -> Ended:
        """A session from its beginning to its end."""
        return self.wait(self.start(place, *arguments), place)

    def told(self, place: Path) -> Any:
        """What a session's report says, without times and without how it was started."""
        return told((place / "report" / "report.json").read_bytes())

    def require_complete(self, place: Path, *arguments: str) -> None:
        """Run a session to its end, which must tell what the undisturbed one told.

        Raises:
            Fault: it does not.
        """
        ended = self.run(place, *arguments)
        if ended.fault or ended.status:
            raise Fault(ended.fault or f"the last session ends with {ended.status}: {_last(ended.text)}")
        if self.told(place) != self.expected:
            raise Fault("another report than the undisturbed session's")


def _last(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1][:120]


def told(report: bytes) -> Any:
    """Verdicts, evidence and runs of a report, without times."""
    plain = without_times(msgspec.to_builtins(decode(report)))
    return {name: plain[name] for name in ("schema", "claims", "papers", "collected")}


def members(session: int) -> dict[int, str]:
    """The processes of a session's group that are alive: number -> command line; Linux alone tells."""
    alive = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, _, group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
            if int(group) == session and state not in "ZX":
                alive[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
        except (OSError, ValueError):
            continue
    return alive
