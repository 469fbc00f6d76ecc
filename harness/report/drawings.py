"""Figures as files of the page: drawn once for what they show, and for what draws them."""

from __future__ import annotations

import functools
import hashlib
import sys
from importlib import metadata
from typing import Protocol, TypeAlias

import msgspec

from harness.report import figures, plates
from harness.spec import fingerprint

Colors: TypeAlias = tuple[dict[str, str], dict[str, str]]
"""The page's, light and dark, as ``plates.palette`` has them."""


class KeptDrawings(Protocol):
    """Where drawings are kept by names of 64 hex digits."""

    def read(self, key: str) -> str | None:
        """The drawing of a name, None if there is none."""

    def keep(self, key: str, svg: str) -> None:
        """Keep a drawing under a name."""


def plate(panel: figures.Panel, colors: Colors, drawings: KeptDrawings | None = None) -> str:
    """A panel as a file of the page, read where it was drawn before.

    Args:
        colors: those of the page.
        drawings: where to look for it, and to keep what is drawn.
    """
    if drawings is None:
        return _drawn(panel, colors)
    key = name_of(panel, colors)
    kept = drawings.read(key)
    if kept is not None:
        return kept
    svg = _drawn(panel, colors)
    drawings.keep(key, svg)
    return svg


def name_of(panel: figures.Panel, colors: Colors) -> str:
    """The name (64 hex digits) of a panel's drawing: what it shows, and what draws it."""
    shown = msgspec.json.encode((panel, colors, _drawing()))
    return hashlib.sha256(shown).hexdigest()


@functools.cache
def _drawing() -> tuple[str, ...]:
    """The code that draws, with its libraries."""
    libraries = (metadata.version(name) for name in ("matplotlib", "numpy"))
    return (fingerprint.of_definition(__name__, "_drawn"), sys.version, *libraries)


def _drawn(panel: figures.Panel, colors: Colors) -> str:
    return plates.plate(figures.svg(panel), colors)
