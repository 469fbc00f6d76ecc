"""Items judged as their runs arrive, beside the training; pytest hears of them later, in its own order.

The processes of a session train while this one judges: first what has all that it reads, then exact claims,
which read nothing. A claim that climbs to its next rung is left, and what its rung reads is trained, together
with that of other claims; it is judged again, from the start, when that is there. What was judged is told
when pytest comes to it, in the order in which items are written. So what a session prints does not depend on
what was trained first.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pytest
from _pytest.runner import runtestprotocol

from harness.lab.computing import one_line

if TYPE_CHECKING:
    from harness.lab.lab import Lab
    from harness.lab.runs import Run


class Ahead:
    """The items that are judged before pytest comes to them.

    Args:
        lab: computes what they read.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._told: dict[pytest.Item, list[pytest.TestReport]] = {}
        self._missing: dict[pytest.Item, list[str]] = {}
        self._exact: set[pytest.Item] = set()
        self._judging: pytest.Item | None = None
        self._following: pytest.Item | None = None
        self._reports: list[pytest.TestReport] = []
        self._awaited: list[Run] = []

    def judge(self, items: Sequence[pytest.Item], runs: Mapping[str, Iterable[Run]]) -> None:
        """Judge these, each when its runs are there; what cannot be had is left to pytest.

        Args:
            items: in the order in which pytest comes to them.
            runs: node id -> what it reads at first, which is being computed already.
        """
        self._missing = {item: [run.key for run in runs.get(item.nodeid, ())] for item in items}
        self._exact = {item for item, keys in self._missing.items() if not keys}
        climbing: dict[pytest.Item, list[Run]] = {}
        before: dict[pytest.Item, list[Run]] = {}
        with self.lab.beside():
            while self._missing or climbing:
                item = self._following or self._next()
                if item is None and climbing:
                    self._begin({i: each for i, each in climbing.items() if each != before.get(i)})
                    before |= climbing
                    climbing = {}
                    continue
                if item is None:
                    self.lab.wait(lambda: self._next() is not None)
                    item = self._next()
                if item is None:
                    return
                del self._missing[item]
                if awaited := self._judged(item):
                    climbing[item] = awaited
                else:
                    self._told[item] = self._reports

    def awaits(self, runs: list[Run]) -> None:
        """What is being judged is to be judged again when these are there; its reports are for nobody."""
        self._awaited = runs

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Tell what came of an item that was judged ahead; any other is pytest's to judge now."""
        if item is self._judging:
            self._reports = runtestprotocol(item, log=False, nextitem=nextitem)
            return True
        reports = self._told.pop(item, None)
        if reports is None:
            try:
                item.session._setupstate.teardown_exact(item)  # what was judged ahead may lie between
            except Exception as error:
                warnings.warn(f"a fixture failed at its end: {one_line(error)}", stacklevel=1)
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _next(self) -> pytest.Item | None:
        """What can be judged now: what may climb comes before what cannot; None if nothing can."""
        there = (item for item, keys in self._missing.items() if self._are_there(keys))
        return min(there, key=lambda item: item in self._exact, default=None)

    def _are_there(self, keys: list[str]) -> bool:
        """Whether none of these is open; they are asked for one by one, and those that ended forgotten."""
        while keys and not self.lab.ready.holds(keys[-1:]):
            keys.pop()
        return not keys

    def _judged(self, item: pytest.Item) -> list[Run]:
        """Have pytest judge an item, with all plugins; the runs that it waits for, if it does."""
        self._judging, self._awaited = item, []
        self._following = self._next()  # and no other, for which pytest would not have left fixtures open
        try:
            item.ihook.pytest_runtest_protocol(item=item, nextitem=self._following)
        finally:
            self._judging = None
        return self._awaited

    def _begin(self, climbing: Mapping[pytest.Item, list[Run]]) -> None:
        """Have trained together what several items read next; what cannot be planned is left to pytest."""
        try:
            self.lab.begin([run for runs in climbing.values() for run in runs], urgent=True)
        except Exception:  # of one claim's classes
            return
        self._missing |= {item: [run.key for run in runs] for item, runs in climbing.items()}
