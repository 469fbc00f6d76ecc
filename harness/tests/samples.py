"""What tests of numbers share: measures in one line, a reason, shares, and settings for hypothesis."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from numpy.typing import ArrayLike

from harness.evidence.measured import Measured

WHY = "chosen for this test"
exhaustive = settings(derandomize=True, deadline=None, database=None)


def measured(values: ArrayLike, resolution: float = 0.0, name: str = "x", censored: str = "") -> Measured:
    """One number per replicate; ``censored="c.c"`` marks the first and the third."""
    numbers = np.asarray(values, dtype=np.float64)
    flags = np.array([mark == "c" for mark in censored.ljust(numbers.size, ".")], dtype=bool)
    return Measured(numbers, resolution, flags, name=name)


def near(share: float, expected: float, n: int = 4000) -> bool:
    """Whether a share of ``n`` draws lies within five standard errors of what is expected of it."""
    return bool(abs(share - expected) <= 5 * (expected * (1 - expected) / n) ** 0.5 + 1e-12)
