"""Measures of a training that are taken after every epoch, because a claim or a rule reads their curve.

To evaluate a small net costs as much as to train it, so that what nobody reads between is measured once,
after the last epoch. What is watched is no part of a run's name: it changes no number.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

LOSSES = ("train_loss", "test_loss")
"""Measures that nobody has to watch: training computes the one, and an experiment asks for the other."""


class Watched(NamedTuple):
    """Whether errors are measured after every epoch on the training images, and on the test images."""

    train: bool = True
    test: bool = True

    def __or__(self, other: Watched) -> Watched:
        """What either of two watches."""
        return Watched(self.train or other.train, self.test or other.test)

    def within(self, names: Iterable[str]) -> bool:
        """Whether curves of these names are all that is watched."""
        return self | curves_of(names) == curves_of(names)


EVERYTHING, NOTHING = Watched(), Watched(train=False, test=False)


def curves_of(names: Iterable[str]) -> Watched:
    """What has to be watched for the curves of these names; an unknown one may be of training images."""
    costly = [name for name in names if name not in LOSSES]
    of_tests = [name for name in costly if name.startswith("test_")]
    return Watched(train=len(of_tests) < len(costly), test=bool(of_tests))
