"""Progress under xdist: workers leave small status files, and the controller draws what they add up to."""

from __future__ import annotations

import atexit
import contextlib
import os
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from harness.lab.pace import RunGroup
from harness.lab.progress import Status
from harness.spec.untrusted import contents, decoded
from harness.suite.live import Terminal


def new_folder() -> Path:
    """A folder for one session's status files, gone with this process.

    Where none can be made, it is one in which nothing can be left.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="overclaim-"))
    except OSError:
        return Path(os.devnull, "overclaim")
    atexit.register(_empty, folder)
    return folder


def _empty(folder: Path) -> None:
    """Remove the files of a folder that this process made, and the folder."""
    with contextlib.suppress(OSError):
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


class StatusFile:
    """Where an xdist worker leaves its tally for the controller."""

    def __init__(self, folder: Path, session: str, worker: str) -> None:
        self.session, self.file = session, folder / f"{session}-{worker}.json"
        self._written = False

    def announce(self, lines: Sequence[str]) -> None:
        """Leave what the controller, which plans nothing itself, says before training begins."""
        draft = self.file.with_suffix(".draft")
        with contextlib.suppress(OSError):
            draft.write_text("\n".join(lines), encoding="utf-8")
            # the first to have planned is heard: others may have found runs trained by it
            os.link(draft, self.file.with_name(f"{self.session}-plan.txt"))

    def show(self, status: Status, over: bool) -> None:
        """Write the status, whole; a full disk must not stop a training for its progress line.

        Once the controller has removed the file, nobody looks any more: it was stopped.
        """
        if self._written and not self.file.exists():
            return
        self._written = True
        draft = self.file.with_suffix(".tmp")
        with contextlib.suppress(OSError):
            draft.write_bytes(msgspec.json.encode(status))
            os.replace(draft, self.file)


def together(statuses: Sequence[Status]) -> Status | None:
    """What xdist's workers are computing, as one status; None if nothing.

    All set out to compute the same plan first; of what another one computes, a worker learns only if it
    comes by later, so what they computed adds up. What fails, fails for each. Later each computes further
    replicates of its own items.
    """
    for first in (True, False):
        seen = [s for s in statuses if s.first is first and (first or not s.over)]
        if not all(s.over for s in seen):
            return _shared(seen) if first else _added(seen)
    return None


def _shared(statuses: Sequence[Status]) -> Status:
    """One plan, computed by several."""
    groups = {
        name: _one_group([s.groups[name] for s in statuses if name in s.groups])
        for name in dict.fromkeys(name for s in statuses for name in s.groups)
    }
    runs = max(s.runs for s in statuses)
    return msgspec.structs.replace(
        _joint(statuses),
        groups=groups,
        longest=min(s.longest for s in statuses if not s.over),
        runs=runs,
        done=max(max(s.done for s in statuses), min(runs, sum(group.done for group in groups.values()))),
        failed=max(s.failed for s in statuses),
    )


def _one_group(seen: Sequence[RunGroup]) -> RunGroup:
    """The same runs, as several processes see them."""
    runs, computed = max(g.runs for g in seen), sum(g.computed for g in seen)
    done = max(max(g.done for g in seen), min(runs, computed))
    return RunGroup(runs, done, computed, sum(g.seconds for g in seen) / len(seen))


def _added(statuses: Sequence[Status]) -> Status:
    """Several little plans side by side."""
    groups: dict[str, RunGroup] = {}
    for name, group in (pair for s in statuses for pair in s.groups.items()):
        before = groups.get(name, RunGroup())
        groups[name] = RunGroup(
            group.runs + before.runs,
            group.done + before.done,
            group.computed + before.computed,
            max(group.seconds, before.seconds),
        )
    return msgspec.structs.replace(
        _joint(statuses),
        groups=groups,
        longest=max(s.longest for s in statuses),
        runs=sum(s.runs for s in statuses),
        done=sum(s.done for s in statuses),
        failed=sum(s.failed for s in statuses),
    )


def _joint(statuses: Sequence[Status]) -> Status:
    """What is put together alike in both cases."""
    return Status(
        first=statuses[0].first,
        processes=sum(s.processes for s in statuses),
        spent=sum(s.spent for s in statuses),
        overhead=sum(s.overhead for s in statuses),
        under_way=sum(s.under_way for s in statuses),
        measured=any(s.measured for s in statuses),
        now=tuple(dict.fromkeys(name for s in statuses for name in s.now)),
    )


class Watch(threading.Thread):
    """The controller's look at its workers' status files, twice a second."""

    def __init__(self, folder: Path, session: str, terminal: Terminal) -> None:
        super().__init__(daemon=True)
        self.folder, self.session, self.terminal = folder, session, terminal
        self._shown: Status | None = None
        self._said = self._judging = self._announced = False
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
                self._announce()
                self._settle()
                self._say()
                self._judging = True

    def lost(self, worker: str) -> None:
        """A worker is gone; what it was doing is not done any more."""
        with contextlib.suppress(OSError):
            (self.folder / f"{self.session}-{worker}.json").unlink()

    def close(self) -> None:
        """Stop looking, and remove the files."""
        self._over.set()
        self.join()
        self._announce()
        self._settle()
        self._say()
        for file in self.folder.glob(f"{self.session}-*"):
            with contextlib.suppress(OSError):
                file.unlink()

    def _announce(self) -> None:
        """Say what the first worker to have planned left to be said."""
        with contextlib.suppress(OSError):
            lines = (self.folder / f"{self.session}-plan.txt").read_text(encoding="utf-8").splitlines()
            if not self._announced:
                self._announced = True
                self.terminal.say(lines)

    def _look(self) -> None:
        self._announce()
        now = together(self._statuses())
        if now is None or (self._shown and self._shown.first is not now.first):
            self._settle()
        if now is not None:
            self._shown = msgspec.structs.replace(now, plain=self._judging)
            self.terminal.show(self._shown, False)

    def _statuses(self) -> list[Status]:
        statuses = []
        for file in sorted(self.folder.glob(f"{self.session}-*.json")):
            with contextlib.suppress(OSError, ValueError):
                statuses.append(decoded(contents(file), Status))
        return statuses

    def _plans(self) -> list[Status]:
        """How far each worker came with the session's plan."""
        plans = [s if s.first else s.planned for s in self._statuses()]
        return [plan for plan in plans if plan is not None]

    def _settle(self) -> None:
        """What was shown as open has ended, or is said as far as it came."""
        if self._shown:
            ended = any(s.over for s in self._statuses())
            # a worker that planned later missed fewer, and may have been the only one to be seen so far
            runs = max([self._shown.runs, *(s.runs for s in self._plans() if self._shown.first)])
            done = runs if ended else self._shown.done
            self.terminal.show(msgspec.structs.replace(self._shown, runs=runs, done=done), True)
            self._said |= self._shown.first
            self._shown = None

    def _say(self) -> None:
        """The last line of a plan that was computed between two looks."""
        plans = self._plans()
        ended = [s for s in plans if s.over]
        if ended and not self._said:
            self._said = True
            runs = max(s.runs for s in plans)  # who planned first missed most, and may not have ended
            self.terminal.show(msgspec.structs.replace(ended[0], runs=runs, done=runs), True)
