"""The five ways in which the judging of a claim can end."""

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
