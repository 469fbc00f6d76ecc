"""Rows taken a block at a time, so that what is made of them fits into memory."""

from __future__ import annotations

from collections.abc import Iterator

EVALUATION_BATCH = 1024  # examples evaluated at once: in pieces that fit into a cache


def blocks(n: int, size: int) -> Iterator[slice]:
    """Consecutive slices of at most ``size`` that together cover n rows."""
    return (slice(low, min(low + size, n)) for low in range(0, n, size))
