"""A split is held against what its data set declares, before anything is trained on it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import Sgd, Solved
from harness.analytic.contradictions import Contradictions
from harness.data import Augmented, Cifar10, DataError, Digits, GeneratedImages, RandomCrop, RedrawnLabels
from harness.data.verified import discrepancy, of_epoch, verified_split
from harness.lab.lab import Failed, Lab
from harness.models import Mlp
from harness.spec import Experiment
from harness.tests.lab.faulty import Dots, Fewer, NotFinite
from harness.tests.simulated import at
from harness.tests.tiny import TINY, write_npz

DOTS = Dots()
SPLIT = DOTS.split(None, 0)


@pytest.mark.parametrize(
    "change, line",
    [
        ({}, ""),
        ({"classes": 3}, "its split has 3 classes, and it declares 2"),
        (
            {"x_train": SPLIT.x_train[:, 0]},
            "x_train of its split is float32 (20, 1, 1), and it declares float32 (20, 1, 1, 1)",
        ),
        ({"x_test": SPLIT.x_test.tolist()}, "x_test of its split is no array but a list"),
        (
            {"y_train": SPLIT.y_train.astype(np.int32)},
            "y_train of its split is int32 (20,), and it declares int64 (20,)",
        ),
        (
            {"y_true": SPLIT.y_true - 1},
            "y_true of its split has labels from -1 to 0, and it declares 2 classes",
        ),
        (
            {"corrupted": SPLIT.corrupted[1:]},
            "corrupted of its split is bool (19,), and it declares bool (20,)",
        ),
        (
            {"x_train": np.full_like(SPLIT.x_train, np.inf)},
            "x_train of its split has numbers that are not finite",
        ),
        ({"x_train": np.full_like(SPLIT.x_train, 3e38)}, ""),
        (
            {"x_test": SPLIT.x_test[1:], "y_test": SPLIT.y_test[1:]},
            f"x_test of its split is float32 ({DOTS.test_size - 1}, 1, 1, 1), "
            f"and it declares float32 ({DOTS.test_size}, 1, 1, 1)",
        ),
    ],
)  # fmt: skip
def test_the_first_difference_is_told(change: dict[str, Any], line: str) -> None:
    assert discrepancy(DOTS, dataclasses.replace(SPLIT, **change)) == line


def test_what_an_epoch_draws_is_held_against_it_too() -> None:
    data = Augmented(GeneratedImages(n=6, n_test=2, whiten=False, labels=RedrawnLabels()), (RandomCrop(20),))
    split = data.split(None, 0)
    assert of_epoch(data, split, 3) == ""
    larger = dataclasses.replace(split, augment=lambda epoch: np.zeros((6, 3, 28, 28), np.float32))
    assert of_epoch(data, larger, 3).startswith("augment(3) of its split is float32 (6, 3, 28, 28)")
    third = dataclasses.replace(split, redraw=lambda epoch: np.full(6, 10))
    assert (
        of_epoch(data, third, 3)
        == "redraw(3) of its split has labels from 10 to 10, and it declares 10 classes"
    )


def test_the_data_set_is_named() -> None:
    assert len(verified_split(Digits(n=50), None, 0).y_train) == 50
    with pytest.raises(DataError, match=r"^NotFinite\(n=7\): x_test of its split has numbers"):
        verified_split(NotFinite(n=7), None, 0)


def test_stored_files_are_held_against_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cifar10, "archive", TINY)
    write_npz(tmp_path)
    data = Cifar10(n=30, n_test=10)
    assert len(verified_split(data, tmp_path, 0).y_train) == 30
    monkeypatch.setattr(Cifar10, "classes", 5)
    with pytest.raises(DataError, match=r"^Cifar10\(n=30, n_test=10\): y_train"):
        verified_split(data, tmp_path, 0)


@pytest.mark.parametrize(
    "value",
    [Experiment(Fewer(), Mlp(4), Sgd(lr=0.1, epochs=1)), Solved(Fewer(), Contradictions())],
    ids=["trained", "solved"],
)
def test_nothing_is_computed_on_another_split(value: Any, tmp_path: Path) -> None:
    with pytest.raises(
        Failed, match=r"^DataError: Fewer\(\): x_train of its split is float32 \(20, 1, 1, 1\)"
    ):
        Lab(at(tmp_path)).results("x", value, 1)
