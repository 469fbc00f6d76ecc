"""The five ways in which the judging of a claim can end, and which of them a claim may declare."""

from __future__ import annotations

import enum


class Verdict(enum.StrEnum):
    """The five ways an item can end."""

    REPRODUCED = "reproduced"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"
    NOT_RUN = "not run"
    ERROR = "error"

    @property
    def letter(self) -> str:
        """The letter on pytest's progress line."""
        return {"reproduced": ".", "refuted": "R", "inconclusive": "I", "not run": "s", "error": "E"}[self]

    @property
    def symbol(self) -> str:
        """A symbol that does not rely on colour."""
        return {"reproduced": "✓", "refuted": "✗", "inconclusive": "?", "not run": "–", "error": "!"}[self]


OR = " or "
"""Between the verdicts of a declaration that allows two."""


class Expected(enum.StrEnum):
    """What a claim may declare: one verdict, or two where chance decides whether there is enough evidence.

    Opposite verdicts together would say nothing, and that a claim is not run or ends in an error is declared
    of none.
    """

    REPRODUCED = "reproduced"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"
    PERHAPS_REPRODUCED = "reproduced or inconclusive"
    PERHAPS_REFUTED = "refuted or inconclusive"

    @classmethod
    def of(cls, text: str) -> Expected:
        """A declaration as it is written, in any order of its verdicts and however often each is named.

        Raises:
            ValueError: it names opposite verdicts, or something that is no verdict on evidence (one line).
        """
        named = text.split(OR)
        words = [verdict.value for verdict in Verdict if verdict.value in named]
        if not set(named) <= {cls.REPRODUCED, cls.REFUTED, cls.INCONCLUSIVE}:
            raise ValueError(f"{text!r} cannot be expected: one of {', '.join(cls)}")
        if {cls.REPRODUCED, cls.REFUTED} <= set(named):
            raise ValueError(f"{text!r} cannot be expected: to allow opposite verdicts says nothing")
        return cls(OR.join(words))

    @property
    def is_set(self) -> bool:
        """Are there two verdicts that may come out?"""
        return OR in self

    def allows(self, verdict: Verdict) -> bool:
        """May a verdict come out by this declaration?"""
        return verdict.value in self.split(OR)
