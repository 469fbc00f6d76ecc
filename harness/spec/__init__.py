"""What is asked: frozen values and the contracts they keep, claims, random streams, and names by content."""

from harness.spec.experiments import (
    ANEW,
    Anew,
    Draws,
    Experiment,
    From,
    Probing,
    Runnable,
    Simulation,
    Solved,
    abbreviated,
    plain,
)
from harness.spec.values import (
    TIERS,
    Tiers,
    Value,
    address,
    addressed,
    canonical,
    digest,
    fields_of,
    values_in,
)

__all__ = [
    "ANEW", "TIERS", "Anew", "Draws", "Experiment", "From", "Probing", "Runnable", "Simulation", "Solved",
    "Tiers", "Value", "abbreviated", "address", "addressed", "canonical", "digest", "fields_of", "plain",
    "values_in",
]  # fmt: skip
