"""Readings of samples: what lies on a bound is on neither side of it."""

from __future__ import annotations

import pytest

from harness.evidence.inference import sample
from harness.evidence.readings import fails, holds
from harness.tests.samples import measured


def test_what_lies_on_a_bound_is_not_beyond_it() -> None:
    x = sample(measured([0.0, 1.0, 1.0, 1.0, 1.0]))
    four_of_five, none = 6 / 32, 1.0
    assert float(holds(x, 0.0, None).typical) == pytest.approx(four_of_five)
    assert float(holds(x, None, 1.0).typical) == pytest.approx(1 - 1 / 32)
    (below,) = fails(x, 0.0, None)
    assert float(below.typical) == pytest.approx(none)
    (above,) = fails(x, None, 0.0)
    assert float(above.typical) == pytest.approx(four_of_five)
