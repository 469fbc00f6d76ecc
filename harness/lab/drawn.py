"""Figures of reports, kept in a store as they were drawn: drawing takes as long as judging."""

from __future__ import annotations

from harness.lab.store import Store
from harness.lab.unsynced import Keyed, Unsynced


class Drawing(Keyed, frozen=True, kw_only=True):
    """A figure; ``svg`` is its file's text."""

    svg: str


class Drawings:
    """The drawings of a store, by names that ``harness.report.drawings`` makes.

    Args:
        fresh: whether none is read, so that all are drawn anew.
    """

    def __init__(self, store: Store, *, fresh: bool = False) -> None:
        self._kept = Unsynced(store, "drawings", Drawing, fresh=fresh)

    def read(self, key: str) -> str | None:
        """The drawing of this name; None if there is none that can be trusted."""
        drawing = self._kept.read(key)
        return None if drawing is None else drawing.svg

    def keep(self, key: str, svg: str) -> None:
        """Keep a drawing for later sessions."""
        self._kept.keep(Drawing(key=key, svg=svg))
