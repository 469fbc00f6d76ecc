"""Executable evidence for the science of overparameterized learning: the vocabulary of a claim."""

from harness.evidence.measured import Measured
from harness.evidence.statistics import (
    above,
    all_reach,
    argmax_in,
    below,
    equivalent,
    exact,
    exists,
    frequencies,
    larger_of,
    matches,
    mean_of,
    most_reach,
    ordered,
    ratio,
    slope,
    smaller_of,
)
from harness.fleet.adaptive import AdamL2, AdamW
from harness.fleet.optimizers import Sgd, Untrained, WhenFitted
from harness.judging.check import Check
from harness.lab.results import Results
from harness.spec import Anew, Draws, Experiment, From, Probing, Simulation, Solved, Tiers, Value
from harness.spec.claim import Paper, claim, control, trained
from harness.spec.said import Change

__all__ = [
    "AdamL2", "AdamW", "Anew", "Change", "Check", "Draws", "Experiment", "From", "Measured", "Paper",
    "Probing", "Results", "Sgd", "Simulation", "Solved", "Tiers", "Untrained", "Value", "WhenFitted",
    "above", "all_reach", "argmax_in", "below", "claim", "control", "equivalent", "exact", "exists",
    "frequencies", "larger_of", "matches", "mean_of", "most_reach", "ordered", "ratio", "slope",
    "smaller_of", "trained",
]  # fmt: skip
