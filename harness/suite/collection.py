"""What was collected and selected, what that needs, and what is wrong with single claims of it.

Whatever is wrong with one claim (its declarations, its values, what a class of its own raises) makes an error
of that claim's items; what is missing for many, a data set, refuses the session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
import pytest

from harness.data import DataError
from harness.evidence.schema import Collected, PaperEntry
from harness.judging import rehearsal
from harness.judging.ladder import Item, runnables
from harness.judging.lines import ClaimLines
from harness.lab import leftovers, notes, pinning
from harness.lab.conformance import faults
from harness.lab.lab import Lab
from harness.lab.plan import Plan
from harness.lab.runs import Run
from harness.spec import plain
from harness.spec.verdict import Verdict
from harness.spec.watched import EVERYTHING
from harness.suite import importing, opening
from harness.suite.entries import (
    body_of,
    claim_id,
    claim_of,
    item_of,
    marked_wrongly,
    tier_of,
    tiers_of,
    unjudged,
)
from harness.suite.exchange import Exchange
from harness.suite.recall import Recall

UNPUBLISHED = "embedded or generated"
LOST = "its worker was lost"
WITHOUT = ", or leave such claims out with -k"


class ClaimCollection:
    """The items that a session judges, and the runs that they need.

    Args:
        lab: names runs and plans them.
        exchange: told what exists, what data is read and what is wrong.
        recall: what earlier sessions left.

    Attributes:
        questions: node id -> what there is to judge.
        mistakes: node id -> what is wrong with its claim, in one line; nothing is computed for it.
        plan: what has to be computed; None as long as nothing was collected.
    """

    def __init__(self, lab: Lab, exchange: Exchange, recall: Recall) -> None:
        self.lab, self.exchange, self._recall = lab, exchange, recall
        self.questions: dict[str, Item] = {}
        self.mistakes: dict[str, str] = {}
        self.plan: Plan | None = None
        self._items: dict[str, pytest.Function] = {}
        self._runs: dict[str, list[Run]] = {}
        self._heard: dict[str, rehearsal.Heard] = {}
        self._kinds: set[str] = set()

    @property
    def needed(self) -> dict[str, list[Run]]:
        """Node id -> what the first look of that item reads, if it has no mistake."""
        return dict(self._runs)

    def first_read(self, node: str) -> list[Run] | None:
        """What the first look of an item reads; None if that is not known."""
        return self._runs.get(node)

    @property
    def runs(self) -> list[Run]:
        """What the first look of every item without a mistake reads."""
        return [run for runs in self._runs.values() for run in runs]

    def take(
        self, every: Sequence[pytest.Function], chosen: Sequence[pytest.Function], *, rehearsed: bool
    ) -> list[str]:
        """Learn what exists, what was selected and what that needs; the data that is in the way.

        Args:
            every: the claims' items that there are, in the order in which they are written.
            chosen: those that are judged.
            rehearsed: whether bodies are tried on stand-ins.
        """
        self._list(every, {item.nodeid for item in chosen})
        self._items = {item.nodeid: item for item in chosen}
        self.exchange.skeletons += [unjudged(item, Verdict.ERROR, LOST) for item in chosen]
        self.lab.sparing = rehearsed
        if (left := leftovers.undo()) and not pinning.is_late():
            notes.note(leftovers.told("what the claims' files do when they are imported", left))
        if rehearsed:
            self._rehearse(chosen)
        missing: dict[str, list[str]] = {}
        for item in chosen:
            if item.nodeid not in self.mistakes:
                try:
                    with leftovers.put_back(claim_id(item)):
                        self._need(item, rehearsed=rehearsed)
                except DataError as error:
                    missing.setdefault(f"{error}{WITHOUT}", []).append(item.nodeid)
        if not missing:
            self.plan = self._planned()
        self.exchange.mistakes = list(_grouped(self.mistakes))
        return opening.shortened(missing)

    def each(self, step: Callable[[list[Run]], object]) -> None:
        """Do for the runs of one item after another what failed for all: only some of them fail again."""
        for node, runs in list(self._runs.items()):
            try:
                step(runs)
            except Exception as error:  # of one claim's values, so it is an error of that claim
                self._fault(node, _where(self._items[node], error, "trained"))

    def _list(self, items: Iterable[pytest.Function], selected: set[str]) -> None:
        """Note what exists and was selected, for the report: once, however often it is repeated."""
        listed: dict[tuple[str, str], Collected] = {}
        for item in items:
            claim, key = claim_of(item), (claim_id(item), tier_of(item))
            if key not in listed or item.nodeid in selected:
                listed[key] = Collected(
                    id=key[0],
                    tier=key[1],
                    paper=claim.paper.key,
                    says=claim.says,
                    selected=item.nodeid in selected,
                    kind=claim.kind,
                )
            paper = PaperEntry(**msgspec.structs.asdict(claim.paper))
            if paper not in self.exchange.papers:
                self.exchange.papers.append(paper)
        self.exchange.collected += listed.values()

    def _rehearse(self, items: Sequence[pytest.Function]) -> None:
        """Try each claim once, at all its tiers; what is wrong is wrong with all of its items."""
        self.mistakes |= importing.hidden(items)
        told: dict[str, str] = {}
        for item in items:
            name = claim_id(item)
            if name not in told:
                mistakes, self._heard[name] = self._recall.rehearsed(item, _rehearsed)
                told[name] = "; ".join(mistakes)
            if told[name]:
                self.mistakes.setdefault(item.nodeid, told[name])

    def _need(self, item: pytest.Function, *, rehearsed: bool) -> None:
        """Add what an item reads at its first look, and what its data may honestly be called.

        Classes of the user's own are held against their contracts first, if there is a rehearsal.

        Raises:
            DataError: data it needs is missing or corrupt (one line).
        """
        try:
            self.questions[item.nodeid] = question = item_of(item, self._recall.exact)
            replicates = question.rungs()[0][0]
            worlds = list(question.worlds())
        except (KeyboardInterrupt, DataError):
            raise
        except BaseException as error:  # a claim's own function may raise anything
            self._fault(item.nodeid, _where(item, error, "trained"))
            return
        runs = self._runs[item.nodeid] = []
        heard = self._heard.get(claim_id(item), {})
        for number, world in enumerate(worlds):
            for name, value in world.items():
                try:
                    for one in runnables(value):
                        if rehearsed and (told := faults(plain(one), self.lab.place.data_root)):
                            raise ValueError("; ".join(told))
                        named = self._named(one, replicates)
                        self.lab.watch(named, heard.get((question.tier, number, name), EVERYTHING))
                        runs += named
                except DataError:
                    raise
                except Exception as error:
                    kind = ("control", number - 1) if number else ("trained", 0)
                    self._fault(item.nodeid, _where(item, error, *kind, name))
                    return

    def _named(self, value: Any, replicates: int) -> list[Run]:
        runs = self.lab.runs(value, replicates)
        if runs[0].kind not in self._kinds:
            self._kinds.add(runs[0].kind)
            for name, digest in self.lab.names.named(plain(value)).sources:
                self.exchange.data[name] = digest or UNPUBLISHED
        return runs

    def _planned(self) -> Plan:
        try:
            return self.lab.plan(self.runs)
        except Exception:  # a class of one claim's raises: without that claim the others are planned
            self.each(self.lab.plan)
            return self.lab.plan(self.runs)

    def _fault(self, node: str, line: str) -> None:
        self.mistakes.setdefault(node, line)
        self._runs.pop(node, None)


def _rehearsed(item: pytest.Function) -> rehearsal.Rehearsal:
    """What a rehearsal says of a claim, or what stops it."""
    try:
        if wrong := marked_wrongly(item):
            raise LookupError(wrong)
        with rehearsal.quietly(), leftovers.put_back(claim_id(item)):
            return rehearsal.rehearsed(item_of(item), body_of(item), tiers_of(item))
    except Exception as error:
        return rehearsal.Rehearsal([_where(item, error, "trained")], {})


def _where(
    item: pytest.Function, error: BaseException, decorator: str, number: int = 0, name: str = ""
) -> str:
    """An exception in one line, after the line of the claim's file that it came through."""
    body = body_of(item)
    source = ClaimLines(body.function, body.file)
    text = f"{name}=: {rehearsal.said(error)}" if name else rehearsal.said(error)
    return source.declared(source.decorator(decorator, number, name), error, text)


def _grouped(mistakes: dict[str, str]) -> Iterator[str]:
    """Each line once, with the number of items that it is of."""
    items: dict[str, int] = {}
    for line in mistakes.values():
        items[line] = items.get(line, 0) + 1
    yield from (f"{line} ({count} items)" if count > 1 else line for line, count in items.items())
