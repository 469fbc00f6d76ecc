"""The kinds of relations as data: what must hold of which numbers. ``relations`` makes them."""

from __future__ import annotations

import dataclasses

from harness.evidence.measured import Measured


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Relation:
    """What must hold (``statement``, for people), under which check's name, and why this bound.

    ``uncontrolled`` is the reason why no control can make it fail; "" where one must.
    """

    kind: str
    statement: str
    because: str
    uncontrolled: str = ""


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Replicated(Relation):
    """A relation about one number per replicate and the open or closed side(s) it must lie on."""

    x: Measured
    lower: float | None = None
    upper: float | None = None


class OfMean(Replicated):
    """The mean over replicates lies above ``lower`` and below ``upper``."""


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class OfSome(Replicated):
    """One replicate at least lies within the bounds; none can where ``least`` is proved to be above them."""

    least: Measured | None = None


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class OfRate(Replicated):
    """More than a share ``rate`` of all runs lie within the bounds (``strict``: not on them).

    With ``every`` each replicate must, besides.
    """

    rate: float
    strict: bool = False
    every: bool = False


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class OfCounts(Relation):
    """Counts of outcomes come from ``probabilities``, each of them to ``within``."""

    counts: tuple[int, ...]
    probabilities: tuple[float, ...]
    within: float


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class OfIdentity(Relation):
    """The largest absolute difference between two sides is at most ``tolerance``."""

    difference: float
    tolerance: float
