"""Who says what a claim states, and what was changed on it after its verdict had been seen."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

import msgspec

OURS = "OVERCLAIM"
"""The key of the one paper that is no source: what we say ourselves goes under it."""
MATCHES = "matches"
"""The relation by which a printed number is judged; no other is allowed there."""


class Saying(enum.StrEnum):
    """Who says it: the source in words, the source as a number, people of the source, or only we."""

    STATEMENT = "statement"
    PRINTED = "printed"
    RETOLD = "retold"
    COUNTER = "counter"

    @classmethod
    def of(cls, text: str) -> Saying:
        """A kind by its word.

        Raises:
            ValueError: there is no such kind (one line).
        """
        try:
            return cls(text)
        except ValueError:
            raise ValueError(f"kind={text!r:.60}: one of {', '.join(cls)}") from None

    @property
    def is_source(self) -> bool:
        """Does the source itself say it, so that it counts among the source's statements?"""
        return self in (Saying.STATEMENT, Saying.PRINTED)


class Unprinted(enum.StrEnum):
    """Why no number of the source stands beside ours: it prints none, or none that we could confirm.

    A theorem, a figure or words without a number are said only of a place that was read.
    """

    THEOREM = "theorem"
    FIGURE = "figure"
    WORDS = "words"
    UNCONFIRMED = "unconfirmed"

    @classmethod
    def of(cls, text: str) -> Unprinted:
        """A reason by its word.

        Raises:
            ValueError: there is no such reason (one line).
        """
        try:
            return cls(text)
        except ValueError:
            raise ValueError(f"reported={text!r:.60}: numbers by name, or one of {', '.join(cls)}") from None


CHANGEABLE = ("setting", "window", "tier", "expected", "statement", "control", "replicates")
"""What may be changed after a verdict was seen, if the ledger says so; a margin or a seed may never be."""


class Change(msgspec.Struct, frozen=True):
    """An entry of a claim's ledger: ``what`` was changed after a verdict was seen, told by ``says``.

    Raises:
        TypeError, ValueError: ``what`` is not one of ``CHANGEABLE``, or ``says`` is no sentence.
    """

    what: str
    says: str

    def __post_init__(self) -> None:
        if not isinstance(self.what, str) or self.what not in CHANGEABLE:
            raise ValueError(f"Change({self.what!r:.60}, ...): one of {', '.join(CHANGEABLE)}")
        if not isinstance(self.says, str):
            raise TypeError(f"Change({self.what!r}, {self.says!r:.60}): a sentence is needed")
        if not self.says.strip():
            raise ValueError(f"Change({self.what!r}, ''): say what was changed and which verdict was seen")


def require_said(
    kind: Saying, paper: str, reported: Mapping[str, float | str], unprinted: Unprinted | None
) -> None:
    """Refuse a kind that does not go with a claim's paper or with its reported numbers.

    Raises:
        ValueError: a counter-claim of a source, something else under our own name, no printed number, a
            statement that says nothing of the source's numbers, or a reason for it where there is no source.
    """
    if kind is Saying.COUNTER and paper != OURS:
        raise ValueError(f"kind='counter' is what we say ourselves: it goes with {OURS}, not with {paper}")
    if kind is not Saying.COUNTER and paper == OURS:
        raise ValueError(f"{OURS} is no source: its claims are kind='counter', not {kind.value!r}")
    if kind is Saying.PRINTED and not numbers(reported):
        raise ValueError("kind='printed' needs the printed number(s) in reported=")
    if kind is Saying.STATEMENT and not reported and unprinted is None:
        raise ValueError(
            "a statement says what its source prints: reported={name: number}; or reported='theorem', "
            "'figure' or 'words' where that place prints none, or 'unconfirmed' where it could not be read"
        )
    if unprinted is not None and not kind.is_source:
        word = unprinted.value
        raise ValueError(f"reported={word!r} is said of a source, and kind={kind.value!r} has none")


def numbers(reported: Mapping[str, float | str]) -> dict[str, float]:
    """The numbers among what a source reports, by their names."""
    return {name: float(value) for name, value in reported.items() if isinstance(value, int | float)}


def require_ledger(changed: object) -> tuple[Change, ...]:
    """The ledger of a claim as a tuple.

    Raises:
        TypeError: it is no sequence of ``Change`` (a single one needs its comma).
    """
    if not isinstance(changed, Sequence) or not all(isinstance(change, Change) for change in changed):
        raise TypeError(f"changed={changed!r:.100}: a tuple is needed, as (Change(what, says),)")
    return tuple(changed)


def why_unprinted(relation: str, bounds: tuple[float | None, float | None], printed: Sequence[float]) -> str:
    """Why a check does not judge a printed number; "" if it does.

    Args:
        relation: the check's name.
        bounds: its lower and upper bound.
        printed: the numbers that the source prints.
    """
    lower, upper = bounds
    if relation != MATCHES or lower is None or upper is None:
        return f"kind='printed' is judged by matches(...) alone, not by {relation}(...)"
    if not any(printed_at(bounds, number) for number in printed):
        listed = ", ".join(f"{number:g}" for number in printed)
        return f"matches(..., {(lower + upper) / 2:g}, ...) is against no number of reported= ({listed})"
    return ""


def printed_at(bounds: tuple[float | None, float | None], number: float) -> bool:
    """Is a number the middle of two bounds, up to rounding in the sixth digit of their width?"""
    lower, upper = bounds
    if lower is None or upper is None:
        return False
    return abs((lower + upper) / 2 - number) <= 1e-6 * abs(upper - lower) + 1e-12 * abs(number)
