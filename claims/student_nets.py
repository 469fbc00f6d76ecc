"""The networks of the student extension and what it prints of them: shared by its two families.

The widths are those that give a network the parameters of its name, where the report's tables do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from harness import Experiment
from harness import Sgd
from harness import Tiers
from harness.data import Cifar10
from harness.data.subset import Subset
from harness.models import StudentCnn

SHAPE, CLASSES = (3, 32, 32), 4
TEST_IMAGES, TRAIN_IMAGES = 4_000, 20_000

# name: (second channels, first and second hidden layer), as printed in tables 2 and 3
PRINTED = {
    3_305: (5, 23, 8), 5_695: (5, 30, 20), 10_608: (6, 40, 20), 13_093: (8, 50, 25), 15_895: (8, 50, 25),
    16_819: (9, 80, 40), 23_299: (9, 80, 40), 27_150: (10, 80, 60), 30_397: (10, 92, 55),
    33_370: (10, 100, 60), 36_480: (10, 110, 60), 39_590: (10, 120, 60), 42_052: (12, 110, 58),
    45_892: (12, 120, 60), 54_694: (14, 120, 80), 62_716: (16, 128, 64), 75_426: (16, 150, 80),
}  # fmt: skip
# where the repository's notebooks have other widths; no network of 16,819 parameters is in either
NETS = {name: widths for name, widths in PRINTED.items() if name != 16_819} | {
    3_305: (5, 15, 10), 10_608: (8, 40, 20), 15_895: (10, 50, 25)
}  # fmt: skip


class PrintedRow(NamedTuple):
    """A row of Table 1."""

    parameters: int
    train_error: float
    test_error: float
    train_loss: float
    test_loss: float
    epochs: int


TABLE_1 = tuple(PrintedRow(*row) for row in (
    (1_865, 0.11, 0.14, 1.06e-2, 1.4e-2, 40), (2_550, 0.09, 0.14, 2.51e-3, 6.8e-2, 50),
    (10_608, 0.04, 0.13, 8.34e-5, 3.02e-4, 40), (13_093, 0.01, 0.13, 1.14e-3, 1.15, 90),
    (15_895, 0.01, 0.13, 4.42e-4, 1.08, 90), (16_819, 0.02, 0.14, 2.52e-3, 3e-1, 100),
    (19_488, 0.02, 0.14, 2.41e-6, 2.75e-1, 40), (21_785, 0.02, 0.14, 9.6e-6, 4.76e-4, 40),
    (23_299, 0.01, 0.15, 4.87e-5, 9.12e-6, 40), (27_150, 0.01, 0.14, 5.99e-6, 1.13e-4, 40),
    (33_370, 0.0, 0.12, 2.12e-4, 1.02, 90), (45_892, 0.0, 0.11, 2.74e-5, 7.8e-1, 70),
    (54_694, 0.0, 0.11, 4.45e-5, 1.03, 100), (62_716, 0.0, 0.11, 6.19e-5, 6.65e-1, 100),
    (75_426, 0.0, 0.11, 4.09e-5, 8.85e-1, 100),
))  # fmt: skip
PRINTED_ERRORS = {"Table 1": [(row.parameters, row.test_error) for row in TABLE_1]}

SMALL_NETS, MIDDLE_NETS, LARGE_NETS = (10_608, 13_093), (23_299, 27_150), (45_892, 75_426)
ON_CIFAR = Subset(Cifar10(crop=None))
RECIPE = Tiers(
    standard=Sgd(lr=0.01, epochs=60, batch=32, decay=0.95), full=Sgd(lr=0.001, epochs=100, batch=4)
)
SAME_ADAPTED = "all networks for the same number of epochs; images standardised one by one"
ADAPTED = {
    "standard": f"{SAME_ADAPTED}; 60 epochs, batches of 32, learning rate x 0.95 an epoch from 0.01",
    "full": f"{SAME_ADAPTED}; 100 epochs",
}
HALF_POINT_BECAUSE = "half a point: the last digit of the table is one"


def trainings(name: int) -> Tiers:
    """The network of a name (with the widths that give it) on the four classes."""
    model = StudentCnn(*NETS[name])
    return Tiers(**{t: Experiment(ON_CIFAR, model, RECIPE[t]) for t in ("standard", "full")})


def named(names: Sequence[int]) -> dict[int, Tiers]:
    """The networks by name."""
    return {name: trainings(name) for name in names}


def cut_short(names: Sequence[int], share: float) -> dict[int, Tiers]:
    """The networks after a share of their epochs: of 60, or at the full tier 100."""
    budgets = Tiers(standard=round(60 * share), full=round(100 * share))
    return {name: run.but(optimizer__epochs=budgets) for name, run in named(names).items()}


SHORTER = {
    name: trainings(name).but(full__optimizer__epochs=max(1, round(100 * (3_305 / name) ** 2)))
    for name in NETS
}
