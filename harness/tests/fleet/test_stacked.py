"""Stacked fleets: members come and go, and a stack is used where it pays."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from harness.data import RandomLabels, RedrawnLabels
from harness.fleet import table, trainer
from harness.fleet.optimizers import WhenFitted
from harness.fleet.trainer import Trained
from harness.lab.plan import shape_of
from harness.models import Dropout
from harness.tests.simulated import SMALL
from harness.tests.trainings import by_reference, far, member, split, together

pytestmark = pytest.mark.usefixtures("prepared")


def test_members_leave_a_fleet_when_they_are_done() -> None:
    first = SMALL.but(optimizer__epochs=6, optimizer__lr=0.05)
    asked = [
        first.but(optimizer__epochs=2),
        first.but(stop=WhenFitted(0.5)),
        first.but(optimizer__lr=1e12, loss="cross_entropy", optimizer__epochs=5),
        first.but(data__labels=RedrawnLabels(), optimizer__decay=0.5),
    ]
    members = together([member(experiment) for experiment in asked])
    alone = [by_reference(experiment) for experiment in asked]
    assert [len(f.curves["train_loss"]) for f in members] == [len(a.curves["train_loss"]) for a in alone]
    assert [f.outcome for f in members] == [a.outcome for a in alone]
    assert {f.outcome for f in members} >= {"budget", "fitted"}
    for ours, theirs in zip(members[:2] + members[3:], alone[:2] + alone[3:], strict=True):
        np.testing.assert_allclose(ours.curves["train_loss"], theirs.curves["train_loss"], rtol=1e-4)
        assert ours.curves.keys() == theirs.curves.keys()


def test_members_are_replicates_of_their_own() -> None:
    for r, ours in enumerate(together([member(SMALL, r) for r in range(3)])):
        theirs = by_reference(SMALL, r)
        assert far(ours, theirs) <= 1e-4
        np.testing.assert_allclose(ours.curves["train_loss"], theirs.curves["train_loss"], rtol=1e-4)


def test_nets_with_noise_are_not_stacked_even_where_it_would_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = itertools.cycle([9.0, 1.0])
    monkeypatch.setattr(trainer, "_seconds", lambda kernel, device: next(seconds))
    assert trainer.stack_pays([member(SMALL, r) for r in range(3)], "cpu")
    noisy = SMALL.but(model=Dropout(SMALL.model, 0.5))
    assert not trainer.stack_pays([member(noisy, r) for r in range(3)], "cpu")


def test_members_may_go_on_from_different_epochs() -> None:
    experiment = SMALL.but(optimizer__epochs=4)
    whole = by_reference(experiment)
    replica = table.replica(experiment, 0, split(experiment), "cpu")
    curves = {name: values[:3] for name, values in whole.curves.items()}
    for epoch in range(3):
        replica.epoch(epoch)
    late = member(experiment, resume=({"epoch": 3, "curves": curves}, replica.state()))
    resumed, fresh = together([late, member(experiment)])
    for alone in (resumed, fresh):
        assert len(alone.curves["train_loss"]) == 4
        assert far(alone, whole) <= 1e-4


def test_a_stack_is_used_where_it_is_measured_to_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    members = [member(SMALL, r) for r in range(3)]
    for seconds, pays in ([1.0, 2.9], True), ([1.0, 3.1], False):
        clock = iter(seconds)
        monkeypatch.setattr(trainer, "_seconds", lambda kernel, device, clock=clock: next(clock))
        assert trainer.stack_pays(members, "cpu") is pays
    monkeypatch.undo()
    outcomes: dict[int, Trained] = {}
    monkeypatch.setattr(trainer, "stack_pays", lambda members, device: False)
    trainer.train_together(members, "cpu", outcomes.__setitem__)
    assert "stacked" not in {f.kernel for f in outcomes.values()}
    monkeypatch.undo()
    assert trainer.stack_pays(members, "cpu") in (True, False)


def test_members_of_a_fleet_share_what_a_stack_cannot_vary() -> None:
    apart: tuple[dict[str, Any], ...] = (
        {"optimizer__momentum": 0.5}, {"optimizer__weight_decay": 0.1}, {"loss": "squared"},
    )  # fmt: skip
    beside: tuple[dict[str, Any], ...] = (
        {"optimizer__lr": 0.5}, {"optimizer__epochs": 3}, {"data__labels": RandomLabels()},
    )  # fmt: skip
    assert all(shape_of(SMALL.but(**change)) != shape_of(SMALL) for change in apart)
    assert all(shape_of(SMALL.but(**change)) == shape_of(SMALL) for change in beside)


def test_rates_fall_within_an_epoch_too() -> None:
    falling = SMALL.but(optimizer__batch=40, optimizer__decay=0.3, optimizer__decay_steps=1)
    for r, ours in enumerate(together([member(falling, r) for r in range(2)])):
        assert far(ours, by_reference(falling, r)) <= 1e-4
