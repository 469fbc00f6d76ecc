"""What is asked: frozen values and the contracts they keep, claims, random streams, and names by content."""

from harness.spec.values import (
    TIERS,
    Experiment,
    From,
    Probing,
    Runnable,
    Simulation,
    Solved,
    Tiers,
    Value,
    abbreviated,
    address,
    canonical,
    digest,
    fields_of,
    values_in,
)

__all__ = [
    "TIERS", "Experiment", "From", "Probing", "Runnable", "Simulation", "Solved", "Tiers", "Value",
    "abbreviated", "address", "canonical", "digest", "fields_of", "values_in",
]  # fmt: skip
