"""What replicates are for: those that verdicts read, those of calibration, and fresh ones."""

from __future__ import annotations

RESERVE = 2000
"""The first replicate that neither a verdict (0 to 99) nor a calibration (1000 to 1999) has read."""
FRESH = 3000
"""The first replicate of a fresh judgement: 2000 to 2999 are kept for what must be tried out once more."""
MOST = 1_000_000_000
"""Above every replicate: keys of random streams and entries of records are far from the ends of integers."""


def refused(first: int) -> str:
    """Why a session may not judge replicates from this one on, in one line; "" if it may."""
    if first == 0 or RESERVE <= first < MOST:
        return ""
    if first >= MOST:
        return f"replicates begin below {MOST:,}"
    return (
        f"verdicts have read replicates 0 to 99, and settings were chosen on 1000 to 1999: begin at {FRESH}, "
        f"or anywhere from {RESERVE} on ({RESERVE} to {FRESH - 1} are kept in reserve)"
    )
