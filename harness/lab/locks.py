"""Locks of a store: one file for each run, held by the process that computes it, which writes who it is."""

from __future__ import annotations

import msgspec


class Holder(msgspec.Struct, frozen=True):
    """Who holds a lock: a process of a host, and since when (seconds since 1970)."""

    host: str
    process: int
    since: float
