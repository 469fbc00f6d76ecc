"""How claims read a training that is to fit its labels: whether it does, and how long that takes."""

from __future__ import annotations

from claims.settings import FITTED_BECAUSE
from harness import Measured
from harness import Results
from harness import above
from harness import most_reach
from harness import ratio
from harness.evidence.kinds import OfMean
from harness.evidence.kinds import OfRate

TYPICAL = (
    "Fitting is asked of the typical run and not of each; every replicate had fitted, and it was reproduced."
)
"""Where a statement says that networks fit, and not that each does: so it goes into a claim's ledger."""


def fits(run: Results, error: float, because: str = FITTED_BECAUSE) -> OfRate:
    """The typical run, more than half of all, ends at this training error or below it."""
    return most_reach(run.final("train_error"), error, because=because)


def stays_wrong(run: Results) -> OfMean:
    """More than half of random labels of ten classes are wrong after training."""
    wrong = "more than half of the labels wrong, where chance is nine tenths"
    return above(run.final("train_error"), 0.5, because=wrong)


def times_longer(run: Results, other: Results, error: float) -> Measured:
    """How many times the epochs that another training takes to this training error the first one takes."""
    return ratio(run.epochs_to("train_error", error), other.epochs_to("train_error", error))
