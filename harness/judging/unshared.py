"""Plain values of a world as a body may use them up: a copy for each look, so that no look sees another's."""

from __future__ import annotations

from typing import Any


def unshared(value: Any) -> Any:
    """The same value with lists, mappings, sets and arrays of its own; all else is what it was."""
    try:
        return _copied(value)
    except RecursionError:  # it contains itself
        return value


def _copied(value: Any) -> Any:
    kind = type(value)
    if kind in (list, tuple):
        return kind(map(_copied, value))
    if kind is dict:
        return {key: _copied(member) for key, member in value.items()}
    if kind in (set, bytearray) or (kind.__module__, kind.__name__) == ("numpy", "ndarray"):
        return value.copy()
    return value
