"""What people should hear of this machine's store, a line each: told with the next run that ends."""

from __future__ import annotations

_lines: list[str] = []
_number = 0


def note(line: str) -> None:
    """Have a line told."""
    global _number
    _number += 1
    _lines.append(line)


def number() -> int:
    """How many lines this process has noted so far, told or not."""
    return _number


def told() -> tuple[str, ...]:
    """The lines since they were last told."""
    lines = tuple(dict.fromkeys(_lines))
    _lines.clear()
    return lines
