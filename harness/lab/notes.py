"""What people should hear of this machine's store, a line each: told with the next run that ends."""

from __future__ import annotations

_lines: list[str] = []


def note(line: str) -> None:
    """Have a line told."""
    _lines.append(line)


def told() -> tuple[str, ...]:
    """The lines since they were last told."""
    lines = tuple(dict.fromkeys(_lines))
    _lines.clear()
    return lines
