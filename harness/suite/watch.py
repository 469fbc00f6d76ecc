"""Progress under xdist: workers leave small status files, and the controller draws what they add up to."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.lab.progress import State, Terminal


class StatusFile:
    """Where an xdist worker leaves its tally for the controller."""

    def __init__(self, folder: Path, session: str, worker: str) -> None:
        self.file = folder / f"{session}-{worker}.json"
        self._written = False

    def announce(self, lines: Sequence[str]) -> None:
        """Leave what the controller, which plans nothing itself, says before training begins."""
        draft = self.file.with_suffix(".draft")
        with contextlib.suppress(OSError):
            draft.write_text("\n".join(lines), encoding="utf-8")
            os.replace(draft, self.file.with_suffix(".txt"))

    def show(self, state: State, over: bool) -> None:
        """Write the state, whole; a full disk must not stop a training for its progress line.

        Once the controller has removed the file, nobody looks any more: it was stopped.
        """
        if self._written and not self.file.exists():
            return
        self._written = True
        draft = self.file.with_suffix(".tmp")
        with contextlib.suppress(OSError):
            draft.write_text(json.dumps(state))
            os.replace(draft, self.file)


def together(states: Sequence[State]) -> State | None:
    """What xdist's workers are computing, as one state; None if nothing.

    All set out to compute the same plan first; of what another one computes, a worker learns only if it
    comes by later, so what they computed adds up. What fails, fails for each. Later each computes further
    replicates of its own items.
    """
    for first in (True, False):
        some = [s for s in states if s["first"] is first and (first or not s["over"])]
        if not all(s["over"] for s in some):
            return _shared(some) if first else _added(some)
    return None


def _shared(states: Sequence[State]) -> State:
    """One plan, computed by several."""
    groups = {
        name: _one_group([s["groups"][name] for s in states if name in s["groups"]])
        for name in dict.fromkeys(name for s in states for name in s["groups"])
    }
    runs = max(s["runs"] for s in states)
    done = max(max(s["done"] for s in states), min(runs, sum(group[1] for group in groups.values())))
    longest = min(s["longest"] for s in states if not s["over"])
    failed = max(s["failed"] for s in states)
    return _joint(states, groups, longest) | {"runs": runs, "done": done, "failed": failed}


def _one_group(seen: Sequence[Any]) -> tuple[int, int, int, float]:
    runs, computed = max(g[0] for g in seen), sum(g[2] for g in seen)
    done = max(max(g[1] for g in seen), min(runs, computed))
    return runs, done, computed, sum(g[3] for g in seen) / len(seen)


def _added(states: Sequence[State]) -> State:
    """Several little plans side by side."""
    groups: dict[str, tuple[int, int, int, float]] = {}
    for name, (runs, done, computed, seconds) in (g for s in states for g in s["groups"].items()):
        before = groups.get(name, (0, 0, 0, 0.0))
        groups[name] = runs + before[0], done + before[1], computed + before[2], max(seconds, before[3])
    counts = {name: sum(s[name] for s in states) for name in ("runs", "done", "failed")}
    return _joint(states, groups, max(s["longest"] for s in states)) | counts


def _joint(states: Sequence[State], groups: Any, longest: float) -> State:
    """What is put together alike in both cases."""
    now = dict.fromkeys(name for s in states for name in s["now"])
    sums = {name: sum(s[name] for s in states) for name in ("processes", "spent", "overhead", "under_way")}
    measured = any(s["measured"] for s in states)
    fixed = {"first": states[0]["first"], "over": False, "measured": measured, "now": tuple(now)}
    return {**fixed, **sums, "groups": groups, "longest": longest}


class Watch(threading.Thread):
    """The controller's look at its workers' status files, twice a second."""

    def __init__(self, folder: Path, session: str, terminal: Terminal) -> None:
        super().__init__(daemon=True)
        self.folder, self.session, self.terminal = folder, session, terminal
        self._shown: State | None = None
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
        (self.folder / f"{self.session}-{worker}.json").unlink(missing_ok=True)

    def close(self) -> None:
        """Stop looking, and remove the files."""
        self._over.set()
        self.join()
        self._announce()
        self._settle()
        self._say()
        for file in self.folder.glob(f"{self.session}-*"):
            file.unlink(missing_ok=True)

    def _announce(self) -> None:
        """Say what the first worker to have planned left to be said."""
        for file in sorted(self.folder.glob(f"{self.session}-*.txt"))[: not self._announced]:
            self._announced = True
            self.terminal.say(file.read_text(encoding="utf-8").splitlines())

    def _look(self) -> None:
        self._announce()
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
