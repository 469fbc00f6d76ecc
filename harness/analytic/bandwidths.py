"""Functions of distances that are measured in a bandwidth."""

from __future__ import annotations

from harness.analytic.scores import require_positive
from harness.spec import Value


class OfBandwidth(Value, frozen=True):
    """A function that sees distances over a bandwidth, in the units of the inputs.

    Raises:
        ValueError: a bandwidth that is not positive.
    """

    bandwidth: float

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(type(self).__name__, "bandwidth", self.bandwidth)
