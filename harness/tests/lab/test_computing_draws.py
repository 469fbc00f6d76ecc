"""Draws of a run: data, initial weights and order, each by itself, in the lab and in a stack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.fleet.optimizers import Untrained
from harness.lab.lab import Lab
from harness.lab.plan import shape_of
from harness.spec import Draws, From, Value
from harness.spec.experiments import DRAWN_APART
from harness.tests.simulated import SMALL, Norm, at
from harness.tests.trainings import by_reference, far, member, split, together, trained

pytestmark = pytest.mark.usefixtures("prepared")

EVERY = [Draws(), Draws(data=1), Draws(weights=1), Draws(order=1)]


class Shaken(Value, frozen=True):
    """A transform that adds noise to all weights."""

    def apply(self, weights: Any, generator: np.random.Generator) -> Any:
        return {n: a + generator.standard_normal(a.shape).astype(np.float32) for n, a in weights.items()}


def test_each_draw_is_set_by_itself() -> None:
    """What one draw changes is as in the plain experiment at that draw's replicate, and all else stays."""
    plain, elsewhere = split(SMALL), split(SMALL, DRAWN_APART)
    start = SMALL.but(optimizer=Untrained())
    weights = [by_reference(start.but(draws=draws)).weights["1.weight"] for draws in EVERY]
    losses = [by_reference(SMALL.but(draws=draws)).curves["train_loss"][0] for draws in EVERY]
    for draws, first in zip(EVERY, weights, strict=True):
        data = split(SMALL.but(draws=draws))
        assert np.array_equal(data.x_train, (elsewhere if draws.data else plain).x_train)
        at_replicate = DRAWN_APART if draws.weights else 0
        assert np.array_equal(first, by_reference(start, at_replicate).weights["1.weight"])
    assert len(set(losses)) == len(EVERY)
    everything = SMALL.but(draws=Draws(1, 1, 1))
    assert by_reference(everything).curves == by_reference(SMALL, DRAWN_APART).curves


def curves(lab: Lab, experiment: Any, replicates: int = 2) -> Any:
    return lab.results("x", experiment, replicates).curve("train_loss")


def test_the_lab_reads_the_data_of_the_draw(tmp_path: Path) -> None:
    lab = Lab(at(tmp_path))
    everything = SMALL.but(draws=Draws(2, 2, 2), probes=(Norm(),))
    assert curves(lab, everything)[0].tolist() == trained(SMALL, 2 * DRAWN_APART).curves["train_loss"]
    second = trained(SMALL, 2 * DRAWN_APART + 1)
    norm = np.sqrt(sum((np.float64(array) ** 2).sum() for array in second.weights.values()))
    assert lab.results("x", everything, 2).final("norm").values[1] == pytest.approx(norm)
    alone = [curves(lab, SMALL.but(draws=draws))[0, 0] for draws in EVERY]
    assert len(set(alone)) == len(EVERY)


def test_a_chain_draws_its_transform_with_its_weights(tmp_path: Path) -> None:
    lab = Lab(at(tmp_path))

    def first(draws: Draws) -> Any:
        anew = SMALL.but(start=From(SMALL, Shaken()), optimizer=Untrained(), draws=draws)
        runs = lab.runs(anew, 1)
        lab.ensure(runs)
        weights = lab.store.weights(runs[0].key)
        assert weights is not None
        return weights["1.weight"]

    same = first(Draws())
    assert np.array_equal(same, first(Draws(order=1)))
    assert not np.array_equal(same, first(Draws(weights=1)))


def test_members_of_a_stack_have_their_own_draws() -> None:
    asked = [SMALL.but(draws=draws) for draws in EVERY]
    assert {shape_of(experiment) for experiment in asked} == {shape_of(SMALL)}
    for ours, experiment in zip(together([member(one) for one in asked]), asked, strict=True):
        theirs = by_reference(experiment)
        assert far(ours, theirs) <= 1e-4
        np.testing.assert_allclose(ours.curves["train_loss"], theirs.curves["train_loss"], rtol=1e-4)
