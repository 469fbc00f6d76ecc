"""What a session does not do twice: exact bodies, rehearsals, judgements and figures of earlier sessions.

All of it is kept in the store, by names of what it was computed from. A body that warns, or leaves traces
that are told, is run in each session, and so is one whose verdict was not expected: who looks into that
wants to see what it prints.
"""

from __future__ import annotations

import argparse
import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence

import pytest

from harness.judging.kept_judgements import KeptJudgements, KeptRehearsals
from harness.judging.ladder import Item, Judgement, judged
from harness.judging.rehearsal import Rehearsal
from harness.lab import notes
from harness.lab.drawn import Drawings
from harness.lab.exact import ExactOutcomes
from harness.lab.lab import Lab
from harness.lab.runs import Run
from harness.suite import kept
from harness.suite.entries import body_of, claim_of, tier_of, tiers_of


class Recall:
    """What earlier sessions left in a lab's store; nothing where there is none, or where it is a file.

    Args:
        lab: whose store it is.
        fresh: whether all is done anew.
        option: of the session: who debugs, or has printed what bodies print, has them run.

    Attributes:
        exact: outcomes of exact bodies; drawings: figures.
        judgements: how items came out.
    """

    def __init__(self, lab: Lab, option: argparse.Namespace, *, fresh: bool) -> None:
        self.lab = lab
        there = lab.store.exists and not lab.shipped
        self.exact = ExactOutcomes(lab.store, fresh=fresh) if there else None
        self.drawings = Drawings(lab.store, fresh=fresh) if there else None
        there = there and lab.computes
        anew = fresh or option.capture == "no" or option.usepdb or option.trace
        self.judgements = KeptJudgements(lab, fresh=anew) if there else None
        self._rehearsals = KeptRehearsals(lab, fresh=fresh) if there else None

    @property
    def outcomes(self) -> list[str]:
        """Names of the outcomes of exact claims that were read."""
        return sorted(self.exact.reused) if self.exact else []

    @property
    def judged_before(self) -> list[str]:
        """Names of the judgements that were read."""
        return sorted(self.judgements.reused) if self.judgements else []

    def rehearsed(self, item: pytest.Function, rehearse: Callable[[pytest.Function], Rehearsal]) -> Rehearsal:
        """What the rehearsal of an item's claim tells, or told an earlier session."""
        if self._rehearsals is None or not (name := _name_of_rehearsal(item)):
            return rehearse(item)
        heard = self._rehearsals.read(name)
        if heard is not None:
            return Rehearsal([], heard)
        before = notes.number()
        told = rehearse(item)
        if not told.mistakes and notes.number() == before:
            self._rehearsals.keep(name, told.watched)
        return told

    def judged(self, item: pytest.Function, question: Item, runs: Sequence[Run] | None) -> Judgement:
        """How an item comes out, or came out in an earlier session.

        Args:
            question: what there is to judge.
            runs: what it reads first; None if that is not known.

        Raises:
            Exception: whatever the body raises.
        """
        if self.judgements is None or not (name := _name_of_judgement(item, question, runs)):
            return judged(question, self.lab)
        if (earlier := self.judgements.read(name)) is not None:
            return earlier
        before = notes.number()
        with _warned() as warned:
            judgement = judged(question, self.lab)
        expected, _ = claim_of(item).expects(tier_of(item))
        if not warned and notes.number() == before and expected.allows(judgement.verdict):
            self.judgements.keep(name, question, judgement)
        return judgement


def _name_of_rehearsal(item: pytest.Function) -> str:
    """The name of what an item's rehearsal tells; empty if it has none."""
    body = body_of(item)
    supplied = sorted(body.fixtures.intersection(body.wants))
    return kept.name_with(item, "rehearsal", tiers_of(item), body.wants, supplied, body.untaken)


def _name_of_judgement(item: pytest.Function, question: Item, runs: Sequence[Run] | None) -> str:
    """The name of how an item comes out; empty if it has none.

    An exact body has none: what takes time of it has a name of its own.
    """
    if runs is None or question.examples is not None:
        return ""
    looks = [question.rungs(), question.control_rungs()]
    return kept.name_with(item, "judgement", looks, [run.key for run in runs])


@contextlib.contextmanager
def _warned() -> Iterator[list[warnings.WarningMessage]]:
    """What is warned of meanwhile; whoever listens hears of it at the end."""
    warned: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as warned:
            yield warned
    finally:
        for each in warned:
            warnings.warn_explicit(
                each.message, each.category, each.filename, each.lineno, source=each.source
            )
