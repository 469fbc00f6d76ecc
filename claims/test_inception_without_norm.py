"""Inception without batch normalization has the printed accuracies, in which two sources differ.

Zhang et al. 2017, Table 1, and the EPFL reproduction, Table I, print the same 100.0 % of training accuracy
and test accuracies two points apart; what the tables say of it is judged as numbers here, of each source by
itself, and what follows from them in the family on batch statistics. Nothing here has been run.
"""

from __future__ import annotations

import pytest

from claims.papers import EPFL
from claims.papers import ZHANG2017
from claims.settings import INCEPTION
from harness import Check
from harness import Results
from harness import Tiers
from harness import claim
from harness import control
from harness import matches
from harness import trained

PLAIN = INCEPTION.but(model__batch_norm=False)
WITHOUT_NORM = {"nothing": PLAIN, "weight-decay": PLAIN.but(optimizer__weight_decay=5e-5)}
TEST_ACCURACIES = {
    "nothing": {"Zhang et al. 2017": 0.8200, "EPFL": 0.8403},
    "weight-decay": {"Zhang et al. 2017": 0.8300, "EPFL": 0.8498},
}
TABLE_ADAPTED = {"full": "weight decay of 5e-5, which EPFL says and Zhang et al. 2017 do not"}


def row(regularizer: str) -> Tiers:
    """A row of the tables: Inception without batch normalization, on all of CIFAR-10."""
    return Tiers(full=WITHOUT_NORM[regularizer].full)


def rows(source: str) -> list[object]:
    """The rows as parameters, with the numbers that a source prints of them."""
    return [
        pytest.param(name, marks=pytest.mark.claimed(reported={"train": 1.0, "test": printed[source]}))
        for name, printed in TEST_ACCURACIES.items()
    ]


def check_accuracies(check: Check, run: Results, test_accuracy: float) -> None:
    """Training accuracy is one, and test accuracy what a source prints."""
    hundred = "half a per cent: both sources print 100.0 of every such row"
    check(matches(1.0 - run.final("train_error"), 1.0, 0.005, because=hundred))
    two = "two points, by which the two sources differ on this net"
    check(matches(1.0 - run.final("test_error"), test_accuracy, 0.02, because=two))


NO_ROOM = {"model__width": 0.0625}
FEWER = "half of the images, from which less is learnt"
NARROW = "a sixteenth of the channels, which have no room for the labels"


@claim(
    ZHANG2017,
    "Table 1: Inception without batch normalization, no crops",
    kind="printed",
    adapted=TABLE_ADAPTED,
    reported={"test": 0.82},
    contested="EPFL, Table I: two points more in both rows",
)
@trained(run=row)
@control(run=lambda regularizer: row(regularizer).but(data__n=25_000), says=FEWER)
@control(run=lambda regularizer: row(regularizer).but(**NO_ROOM), says=NARROW)
@pytest.mark.parametrize("regularizer", rows("Zhang et al. 2017"))
def test_inception_without_batch_norm_has_the_papers_accuracies(
    run: Results, check: Check, regularizer: str
) -> None:
    """Without batch normalization Inception has the accuracies that the paper prints."""
    check_accuracies(check, run, TEST_ACCURACIES[regularizer]["Zhang et al. 2017"])


@claim(
    EPFL,
    "Table I: Inception without batch normalization, no crops",
    kind="printed",
    adapted=TABLE_ADAPTED,
    reported={"test": 0.8403},
    contested="Zhang et al. 2017, Table 1: two points less in both rows",
)
@trained(run=row)
@control(run=lambda regularizer: row(regularizer).but(data__n=25_000), says=FEWER)
@control(run=lambda regularizer: row(regularizer).but(**NO_ROOM), says=NARROW)
@pytest.mark.parametrize("regularizer", rows("EPFL"))
def test_inception_without_batch_norm_has_epfls_accuracies(
    run: Results, check: Check, regularizer: str
) -> None:
    """Without batch normalization Inception has the accuracies that the reproduction prints."""
    check_accuracies(check, run, TEST_ACCURACIES[regularizer]["EPFL"])
