"""Numbers as records and reports hold them: JSON has no NaN and no infinity."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import SupportsFloat


def finite(value: SupportsFloat) -> float | None:
    """The number as a plain float; None if it is not finite."""
    plain = float(value)
    return plain if math.isfinite(plain) else None


def all_finite(values: Iterable[SupportsFloat]) -> tuple[float | None, ...]:
    """Each number as a plain float, with None in place of those that are not finite."""
    return tuple(map(finite, values))
