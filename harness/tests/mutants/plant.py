"""Mutants planted one at a time into copies of the tree, and what noticed each of them.

Nothing is planted into the checkout: each process has a copy of the tree in a temporary folder, with a store,
a cache and a folder of temporary files of its own. What is tried stops at the first failure: the mutant's
own tests, then all tests of the instrument, then its claims at quick scale into a fresh store.
"""

from __future__ import annotations

import compileall
import contextlib
import os
import py_compile
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from harness.tests.house import ROOT
from harness.tests.mutants.mutant import Mutant

TESTS = "harness/tests"
UNASKED = ("harness/tests/mutants", "harness/tests/fleet/test_fleet.py")
"""Tests that would notice any patch, right or wrong: that patches apply, and that the trainer's text is still
the one that ``SEMANTICS`` names."""
PATIENCE = 120.0
"""Seconds that tests may take, or three times what they take without a mutant if that is more."""
SLOWER = 3.0
"""So many times as long as without it must tests take for a mutant to be noticed by that."""
LEFT_OUT = shutil.ignore_patterns(".git", "__pycache__", ".tox", "*.egg-info", ".*_cache", ".hypothesis")
BY_TESTS, BY_CLAIMS, SURVIVED = "killed by tests", "killed by claims", "survived"


class Unsound(RuntimeError):
    """Tests or claims that fail without any mutant, or that cannot be run at all: they tell nothing."""


class Fate(NamedTuple):
    """What became of a mutant: how it ended, which test or claim noticed it first, and after which time."""

    mutant: Mutant
    outcome: str
    noticed: str
    seconds: float


class Tried(NamedTuple):
    """How a session of pytest ended: its exit code (None if it took too long), first failure and seconds."""

    code: int | None
    failure: str
    seconds: float


class Tree:
    """A copy of the tree, in which one mutant at a time is planted."""

    def __init__(self, folder: Path, caches: Path) -> None:
        self.root, self.scratch, self.caches = folder / "tree", folder / "scratch", caches
        shutil.copytree(ROOT, self.root, ignore=LEFT_OUT)
        for part in ("harness", "claims"):  # by content: a patch may keep size and second of a file
            mode = py_compile.PycInvalidationMode.CHECKED_HASH
            compileall.compile_dir(self.root / part, quiet=2, invalidation_mode=mode)

    @contextlib.contextmanager
    def planted(self, mutant: Mutant) -> Iterator[None]:
        """The tree with a mutant, for as long as it is tried."""
        file = self.root / mutant.file
        text = file.read_text(encoding="utf-8")
        file.write_text(mutant.planted(text), encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(text, encoding="utf-8")

    def tried(self, arguments: Sequence[str], limit: float | None = None) -> Tried:
        """One session of pytest in this tree, stopped at its first failure or after so many seconds."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir()
        began = time.monotonic()
        with (self.scratch / "said").open("w+", encoding="utf-8", errors="replace") as said:
            options = ["-x", "-q", "--basetemp", str(self.scratch / "temporary"), *arguments]
            session = subprocess.Popen(
                [sys.executable, "-m", "pytest", *options],
                cwd=self.root, env=self._environment(), stdout=said, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
            try:
                code: int | None = session.wait(limit)
            except subprocess.TimeoutExpired:
                os.killpg(session.pid, signal.SIGKILL)
                session.wait()
                code = None
            said.seek(0)
            text = said.read()
        if code not in (None, 0, 1, 2):
            raise Unsound(f"pytest {' '.join(arguments)}: exit {code}\n{text[-2000:]}")
        return Tried(code, _failure(text), time.monotonic() - began)

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HARNESS_")}
        return kept | {
            "PYTHONPATH": str(self.root),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HARNESS_STORE": str(self.scratch / "store"),
            "XDG_CACHE_HOME": str(self.caches),  # one compiled library for all trees
        }


def _failure(text: str) -> str:
    """The first test that failed, or could not be collected, as pytest's summary names it."""
    named = re.search(r"^(?:FAILED|ERROR) (?:\S*/)?(\S+)", text, re.MULTILINE)
    return named[1] if named else ""


class Planting:
    """Mutants tried in several trees at once, each session held against the tree without a mutant.

    Args:
        folder: where the copies are made.
        processes: how many trees.
        told: hears of every mutant's fate.
        first_alone: try no more than the tests that are tried first.
    """

    def __init__(
        self, folder: Path, processes: int, told: Callable[[Fate], None], first_alone: bool = False
    ) -> None:
        self.processes, self.told, self.first_alone = processes, told, first_alone
        self.lock = threading.Lock()
        self.usual: dict[tuple[str, ...], float] = {}
        self.trees: queue.Queue[Tree] = queue.Queue()
        for number in range(processes):
            self.trees.put(Tree(folder / str(number), folder / "caches"))

    def fates(self, mutants: Sequence[Mutant]) -> list[Fate]:
        """What became of each, in their order.

        Raises:
            Unsound: something fails without a mutant, too.
        """
        asked = list(dict.fromkeys(test for mutant in mutants for test in _first(mutant)))
        parts = [tuple(asked[i :: self.processes]) for i in range(min(self.processes, len(asked)))]
        with ThreadPoolExecutor(self.processes) as side_by_side:
            list(side_by_side.map(self._sound, parts))
            return list(side_by_side.map(self._fate, mutants))

    def _fate(self, mutant: Mutant) -> Fate:
        with self._tree() as tree:
            began = time.monotonic()
            outcome, noticed = SURVIVED, ""
            for attempt, ending in list(_attempts(mutant))[: 1 if self.first_alone else None]:
                tried = self._tried(tree, mutant, attempt)
                if tried.code != 0:
                    outcome, noticed = ending, tried.failure or "how long it took"
                    break
        fate = Fate(mutant, outcome, noticed, time.monotonic() - began)
        with self.lock:
            self.told(fate)
        return fate

    @contextlib.contextmanager
    def _tree(self) -> Iterator[Tree]:
        tree = self.trees.get()
        try:
            yield tree
        finally:
            self.trees.put(tree)

    def _tried(self, tree: Tree, mutant: Mutant, attempt: tuple[str, ...]) -> Tried:
        """One attempt on a mutant; what takes long is held against what the same takes without it."""
        usual = 0.0 if attempt == _first(mutant) else self._seconds(tree, attempt)
        limit = max(PATIENCE, SLOWER * usual)
        with tree.planted(mutant):
            tried = tree.tried(attempt, limit)
        if tried.code is None and SLOWER * (usual := self._seconds(tree, attempt)) > limit:
            with tree.planted(mutant):
                tried = tree.tried(attempt, SLOWER * usual)
        return tried

    def _sound(self, tests: tuple[str, ...]) -> None:
        with self._tree() as tree:
            _seconds_of(tree, tests)

    def _seconds(self, tree: Tree, attempt: tuple[str, ...]) -> float:
        """The seconds that tests or claims take without a mutant, measured once."""
        with self.lock:
            if attempt not in self.usual:
                self.usual[attempt] = _seconds_of(tree, attempt)
        return self.usual[attempt]


def _seconds_of(tree: Tree, attempt: tuple[str, ...]) -> float:
    """The seconds that tests or claims take without a mutant.

    Raises:
        Unsound: they fail.
    """
    tried = tree.tried(attempt)
    if tried.code != 0:
        raise Unsound(f"{tried.failure} fails without a mutant")
    return tried.seconds


def _first(mutant: Mutant) -> tuple[str, ...]:
    return tuple(f"{TESTS}/{test}" for test in mutant.tests)


def _attempts(mutant: Mutant) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is tried in turn, as pytest's arguments, and what a failure of it means."""
    yield _first(mutant), BY_TESTS
    yield (TESTS, *(f"--ignore={test}" for test in UNASKED)), BY_TESTS
    if mutant.claims:
        yield (*(f"claims/{claim}" for claim in mutant.claims), "-m", "quick"), BY_CLAIMS
