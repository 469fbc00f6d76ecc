"""How near training in bfloat16 comes to training in float32, for families that do so at the full tier.

Their sources trained in float32. On a GPU the matrix units that make such nets affordable multiply numbers of
8 bits of mantissa; sums, weights, moments and losses stay float32. So one cell of each family is trained in
both, and what lies between its test errors was bounded before either was ever run.
"""

from __future__ import annotations

from harness import Check
from harness import Results
from harness import Tiers
from harness import equivalent

POINT = "a point: half of the least difference that a claim of this family asks for, or as far as runs differ"
HALF_A_POINT = "half a point: half of the point that claims of this family ask for"
"""Why test errors may differ by no more."""
NOTHING_CHANGED = {"full": "none"}


def in_float32(reduced: Tiers) -> Tiers:
    """The same in the precision of the sources."""
    return reduced.but(precision="float32")


def agree(
    reduced: Results, float32: Results, check: Check, *, within: float = 0.01, because: str = POINT
) -> None:
    """Test errors after training are equal to a point, or as nearly as a family asks."""
    change = reduced.final("test_error") - float32.final("test_error")
    check(equivalent(change.named("test error, bfloat16 - float32"), within, because=because))
