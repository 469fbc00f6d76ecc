"""Executable evidence for the science of overparameterized learning: the vocabulary of a claim."""

from harness.evidence.statistics import (
    all_reach,
    argmax_in,
    bounded,
    effect,
    equivalent,
    exact,
    exists,
    frequencies,
    larger_of,
    matches,
    mean_of,
    ordered,
    ratio,
    slope,
    smaller_of,
)
from harness.fleet.optimizers import Sgd, WhenFitted
from harness.spec import Experiment, From, Probing, Simulation, Solved, Tiers, Value
from harness.spec.claim import Paper, claim, control, trained

__all__ = [
    "Experiment", "From", "Paper", "Probing", "Sgd", "Simulation", "Solved", "Tiers", "Value", "WhenFitted",
    "all_reach", "argmax_in", "bounded", "claim", "control", "effect", "equivalent", "exact", "exists",
    "frequencies", "larger_of", "matches", "mean_of", "ordered", "ratio", "slope", "smaller_of", "trained",
]  # fmt: skip
