"""The time that a session or command may take, as people write it."""

from __future__ import annotations

import re
from typing import NamedTuple

UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
"""Seconds of each unit of time."""
LONGEST = 366 * UNITS["d"]


class Allotted(NamedTuple):
    """Seconds, and how they were written."""

    seconds: float
    said: str


def allotted(text: str) -> Allotted:
    """A time such as ``90s``, ``45min``, ``3.5h`` or ``2d``.

    Raises:
        ValueError: it is none, or longer than a year (one line).
    """
    written = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?(s|min|h|d)", text, re.ASCII)
    seconds = float(written[1]) * UNITS[written[2]] if written else 0.0
    if not 0 < seconds <= LONGEST:
        raise ValueError(f"{text!r} is no time: write it with its unit, as 90s, 45min, 3.5h or 2d")
    return Allotted(seconds, text)
