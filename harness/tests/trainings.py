"""Trainings without the lab: what tests of the trainer, of its kernels and of stacks have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.data import Split
from harness.fleet import table, trainer
from harness.fleet.trainer import Member, Trained
from harness.spec import Experiment


def split(experiment: Experiment, replicate: int = 0) -> Split:
    """The data of a replicate, of the draw that its experiment names."""
    drawn: Split = experiment.data.split(None, experiment.draws.replicate("data", replicate))
    return drawn


def member(experiment: Experiment, replicate: int = 0, **more: Any) -> Member:
    """A replicate ready to be trained."""
    return Member(experiment, replicate, split(experiment, replicate), **more)


def trained(experiment: Experiment, replicate: int = 0, **more: Any) -> Trained:
    """A replicate, trained by the table's kernel."""
    until = more.pop("until_epoch", None)
    return trainer.train(member(experiment, replicate, **more), until_epoch=until)


def by_reference(experiment: Experiment, replicate: int = 0) -> Trained:
    """A replicate, trained by the plain path."""
    return by_reference_of(member(experiment, replicate))


def by_reference_of(one: Member) -> Trained:
    """A run, trained by the plain path."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(table.FORCED, "reference")
        result = trainer.train(one)
    assert result.kernel == "reference"
    return result


def together(members: list[Member]) -> list[Trained]:
    """Members trained as one stack, whether or not it pays."""
    results: dict[int, Trained] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "stack_pays", lambda members, device: True)
        trainer.train_together(members, "cpu", results.__setitem__)
    return [results[i] for i in range(len(members))]


def far(result: Trained, expected: Trained, start: Trained | None = None) -> float:
    """The largest difference of a weight, relative to the largest (change of a) weight of the net."""
    scale = max(
        float(np.abs(w - (start.weights[n] if start else 0)).max()) for n, w in expected.weights.items()
    )
    gaps = (np.abs(result.weights[n] - w).max() for n, w in expected.weights.items())
    return float(max(gaps)) / scale
