"""How far the two sides of an identity are apart, by the arithmetic of their own numbers."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from harness.evidence.measured import Measured, numeric

if TYPE_CHECKING:
    import numpy as np

EXACTLY = 2**53
"""Whole numbers up to this are floats too."""
LEAST = 5e-324
"""The smallest positive float, in place of a difference that is smaller and not zero."""


def apart(left: Any, right: Any) -> float:
    """The largest absolute difference between two sides; NaN where one has something that is no number.

    Whole numbers beyond those that floats hold, fractions and decimals are compared as what they are.

    Raises:
        ValueError: nothing to compare, or different shapes.
        TypeError: a side holds no numbers.
    """
    import numpy as np

    sides = [_array(side) for side in (left, right)]
    if not all(side.size for side in sides):
        raise ValueError("exact: nothing to compare")
    if sides[0].shape != sides[1].shape and sides[0].size != 1 != sides[1].size:
        raise ValueError(f"exact: shapes {sides[0].shape} and {sides[1].shape} differ")
    if any(map(_is_beyond_floats, sides)):
        a, b = (side.ravel().tolist() for side in sides)
        pairs = zip(a if len(a) > 1 else itertools.repeat(a[0], len(b)), itertools.cycle(b), strict=False)
        return float(np.max([_difference(*pair) for pair in pairs]))
    kind = np.complex128 if any(side.dtype.kind == "c" for side in sides) else np.float64
    one, other = (side.astype(kind) for side in sides)
    with np.errstate(all="ignore"):
        return float(np.max(np.where(one == other, 0.0, np.abs(one - other))))


def _array(side: Any) -> np.ndarray:
    import numpy as np

    if isinstance(side, Measured):
        return side.values
    try:
        return np.asarray(numeric("exact", side, complex_too=True))
    except ValueError as error:  # numpy's words on rows of different lengths
        raise ValueError(f"exact: {error}") from None


def _is_beyond_floats(side: np.ndarray) -> bool:
    import numpy as np

    if side.dtype.kind in "iu":
        return bool(np.any(np.abs(side.astype(object)) > EXACTLY))
    return side.dtype.kind == "O"


def _difference(one: Any, other: Any) -> float:
    if one == other:
        return 0.0
    try:
        difference = abs(Fraction(one) - Fraction(other))
        return max(float(difference), LEAST)
    except OverflowError:  # an infinity, or a difference beyond floats
        return float("inf")
    except ValueError:
        return float("nan")
