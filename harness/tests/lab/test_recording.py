"""What a record says of a training: finals, and how finely each of its errors resolves."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from harness.data import WrongLabels
from harness.fleet import trainer
from harness.lab import computing
from harness.lab.lab import Failed, Lab
from harness.spec import Simulation
from harness.tests.simulated import SMALL
from harness.tests.trainings import split, trained

HALF = SMALL.but(data__labels=WrongLabels(0.4))


def test_errors_are_resolved_by_the_examples_they_are_measured_on(lab: Lab) -> None:
    record, data = lab.results("x", HALF, 1).records[0], split(HALF)
    changed = int(data.corrupted.sum())
    assert 0 < changed < 200
    assert record.resolutions == {
        "train_error": 1 / 200,
        "test_error": 1 / 1597,
        "corrupted_error": 1 / changed,
        "clean_error": 1 / (200 - changed),
    }


def test_finals_are_those_of_the_last_epoch(lab: Lab) -> None:
    experiment = SMALL.but(optimizer__lr=0.5, optimizer__epochs=8)
    record, curves = lab.results("x", experiment, 1).records[0], trained(experiment).curves
    assert record.finals == {name: curve[-1] for name, curve in curves.items()}
    assert any(min(curve) < curve[-1] for curve in curves.values())
    wild = SMALL.but(optimizer__lr=1e12, loss="squared", optimizer__epochs=5)
    diverged = lab.results("wild", wild, 1).records[0]
    assert diverged.outcome == "diverged"
    assert set(diverged.finals.values()) == {None}


def test_members_of_a_fleet_are_recorded_as_themselves(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "stack_pays", lambda members, device: True)
    runs = lab.runs(HALF, 3)
    computing._stacked(runs, lab.place, lab.store)
    for run in runs:
        record, data = lab.store.read(run.key), split(HALF, run.replicate)
        assert record is not None
        assert (record.replicate, record.address) == (run.replicate, run.address)
        assert record.resolutions["corrupted_error"] == 1 / data.corrupted.sum()
        whole = trained(HALF, run.replicate)
        assert record.curves["train_loss"] == pytest.approx(whole.curves["train_loss"], rel=1e-4)


def giving(generator: np.random.Generator, what: str) -> Any:
    """A simulation that gives something."""
    return {
        "nothing": None,
        "a number": 0.5,
        "numbered": {1: 0.5},
        "words": {"x": "0.5"},
        "imaginary": {"x": np.complex64(1j)},
        "huge": {"x": 10**400},
        "no number": {"x": [1.0, None]},
        "masked": {"x": np.ma.array([1.0, 2.0], mask=[False, True])},
        "ragged": {"x": [[1.0], [2.0, 3.0]]},
        "letters": {"x": ["0.5"]},
        "decimals": {"x": [Decimal("0.5"), Fraction(1, 2), True]},
    }[what]


@pytest.mark.parametrize(
    "what, told",
    [
        ("nothing", "it gave None, and not numbers by name such as {'error': 0.5}"),
        ("a number", "it gave 0.5, and not numbers by name"),
        ("numbered", "it gave {1: 0.5}, and not numbers by name"),
        ("words", "x is '0.5', which is no real number"),
        ("imaginary", "x is np.complex64(1j), which is no real number"),
        ("huge", "which is no real number that a float holds"),
        ("no number", "x is None, which is no real number"),
        ("masked", "x is None, which is no real number"),
        ("ragged", "x is [1.0], which is no real number"),
        ("letters", "x is '0.5', which is no real number"),
    ],
)
def test_what_is_no_number_is_named(what: str, told: str, lab: Lab) -> None:
    with pytest.raises(Failed) as error:
        lab.results("x", Simulation(giving, {"what": what}), 1)
    assert told in str(error.value)


def test_numbers_of_any_kind_are_kept(lab: Lab) -> None:
    decimals = lab.results("x", Simulation(giving, {"what": "decimals"}), 1)
    assert decimals.array("x").tolist() == [[0.5, 0.5, 1.0]]
