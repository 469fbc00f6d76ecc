"""What is asked: frozen values and the contracts they keep, claims, random streams, and names by content."""

from harness.spec.values import (
    ANEW,
    TIERS,
    Anew,
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
    plain,
    values_in,
)

__all__ = [
    "ANEW", "TIERS", "Anew", "Experiment", "From", "Probing", "Runnable", "Simulation", "Solved", "Tiers",
    "Value", "abbreviated", "address", "canonical", "digest", "fields_of", "plain", "values_in",
]  # fmt: skip
