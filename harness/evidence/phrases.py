"""Names of several measures as one phrase, in which the words that all end with are written once."""

from __future__ import annotations

from collections.abc import Sequence


def joined(names: Sequence[str], separator: str) -> str:
    """Names as one phrase in parentheses, with the words they all end with written once, after it."""
    head, tail = _factored(names)
    return " ".join((f"({separator.join(head)})", *tail))


def shared(names: Sequence[str]) -> str:
    """The words that all names end with, or all names if there are none."""
    if len(set(names)) == 1:
        return names[0]
    head, tail = _factored(names)
    return " ".join(tail) or f"({', '.join(head)})"


def _factored(names: Sequence[str]) -> tuple[list[str], list[str]]:
    words = [name.split() for name in names]
    tail: list[str] = []
    while len(words) > 1 and all(len(w) > 1 for w in words) and len({w[-1] for w in words}) == 1:
        last = words[0][-1]
        if "(" in last or ")" in last:
            break
        tail.insert(0, last)
        words = [w[:-1] for w in words]
    return [" ".join(w) for w in words], tail
