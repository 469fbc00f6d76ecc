"""An experiment in words without a long list of parents: of an average of many nets or of an ensemble."""

from __future__ import annotations

from collections.abc import Iterator

LIST = "start=("
"""What a list of parents begins with, as ``abbreviated`` writes it."""
MOST = 3
"""So many parents are named; of more the first and the last are, and how many there are."""


def abridged(what: str) -> str:
    """The same words, in which lists of more than ``MOST`` parents are abridged.

    Its parents are experiments of their own, with addresses of their own.
    """
    begins, opening, rest = what.partition(LIST)
    if not opening:
        return what
    end = _end(rest)
    parents = list(_parts(rest[:end]))
    if len(parents) > MOST:
        first, last = abridged(parents[0]), abridged(parents[-1])
        inside = f"{first}, … {len(parents) - 2} more …, {last}"
    else:
        inside = ", ".join(map(abridged, parents))
    return f"{begins}{LIST}{inside}{abridged(rest[end:])}"


def _end(text: str) -> int:
    """Where the bracket closes that was opened before the text; its end, where none does."""
    depth = 0
    for place, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            return place
    return len(text)


def _parts(text: str) -> Iterator[str]:
    """What commas outside of all brackets part."""
    depth = start = 0
    for place, sign in enumerate(text):
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and not depth:
            yield text[start:place].strip()
            start = place + 1
    yield text[start:].strip()
