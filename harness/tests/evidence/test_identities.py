"""An identity is held to the numbers of its sides as they are, and not to the floats nearest to them."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from harness.evidence.statistics import exact, judge
from harness.spec.verdict import Verdict


@pytest.mark.parametrize(
    "left, right, difference",
    [
        (2**53 + 1, 2**53, 1.0),
        (np.array([2**53 + 1, 5]), [2**53, 5], 1.0),
        (Fraction(1, 3) + Fraction(1, 10**30), Fraction(1, 3), 1e-30),
        ([Fraction(1, 3), Decimal(2)], [Fraction(1, 3), 2], 0.0),
        (Fraction(1, 10**400), 0, 5e-324),
        (10**400, 0, math.inf),
        (np.array([1 + 1j]), [1 + 0j], 1.0),
        ([1.0, math.inf], [1, math.inf], 0.0),
    ],
)
def test_an_identity_is_held_to_the_numbers_as_they_are(left: Any, right: Any, difference: float) -> None:
    """As floats, 2**53 + 1 is 2**53 and a thirtieth digit is nothing; imaginary parts were left out."""
    assert exact(left, right).difference == exact(right, left).difference == difference


def test_an_identity_with_what_is_no_number_does_not_hold() -> None:
    assert judge(exact([math.nan, 1], [math.nan, 1]), 0.05).verdict is Verdict.REFUTED
    assert judge(exact([Fraction(1), math.nan], [1, math.nan]), 0.05).verdict is Verdict.REFUTED
