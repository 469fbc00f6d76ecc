"""Results: what a claim reads of its replicates' records."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.data import RandomLabels
from harness.lab.lab import Lab
from harness.lab.results import Results
from harness.lab.store import Record
from harness.tests.simulated import (
    SMALL,
    drawn,
    named,
    record,
)

CURVES: tuple[dict[str, tuple[float | None, ...]], ...] = (
    {"train_error": (0.5, 0.2, 0.0), "train_loss": (2.0, 1.0, 0.5), "test_error": (0.4, 0.3, 0.35)},
    {"train_error": (0.4, 0.0), "train_loss": (1.5, 0.25), "test_error": (0.3, 0.2)},
    {"train_error": (0.9, 0.9, 0.8), "train_loss": (2.0, 3.0, None), "test_error": (0.9, 0.9, 0.9)},
)


@pytest.fixture
def results(lab: Lab) -> Results:
    """Three runs: one that fits in three epochs, one in two, one that diverges in the third."""
    outcomes = ("budget", "fitted", "diverged")
    records: list[Record] = []
    for i, (curves, outcome) in enumerate(zip(CURVES, outcomes, strict=True)):
        finals = {n: None if outcome == "diverged" else c[-1] for n, c in curves.items()}
        epochs = len(curves["train_loss"])
        records.append(
            record(
                replicate=i, curves=curves, finals=finals, outcome=outcome, epochs=epochs, steps_per_epoch=4
            )
        )
    return Results("net", lab.runs(SMALL, 3), records)


def test_final_is_the_last_epoch_and_nan_where_a_run_diverged(results: Results) -> None:
    final = results.final("test_error")
    np.testing.assert_array_equal(final.values, [0.35, 0.2, np.nan])
    assert final.diverged.tolist() == [False, False, True]
    assert results.final("train_error").resolution == 0.005
    assert final.name == "test_error (net)"


def test_a_measure_is_as_coarse_as_its_coarsest_replicate(results: Results) -> None:
    coarse = [record(resolutions={"train_error": 1 / n}) for n in (200, 50, 100)]
    assert Results("net", results.runs, coarse).final("train_error").resolution == 1 / 50


def test_best_is_the_smallest_over_the_epochs(results: Results) -> None:
    np.testing.assert_array_equal(results.best("test_error").values, [0.3, 0.2, np.nan])
    assert results.best("train_error").resolution == 0.005


def test_at_reads_one_curve_where_another_gets_there(results: Results) -> None:
    values = results.at("train_error", when="train_loss", below=1.0)
    np.testing.assert_array_equal(values.values, [0.2, 0.0, np.nan])
    assert values.resolution == 0.005


def test_epochs_to_a_target_are_censored_where_it_was_not_reached(results: Results) -> None:
    epochs = results.epochs_to("train_error", 0.0)
    assert epochs.values.tolist() == [3, 2, 3]
    assert epochs.censored.tolist() == [False, False, True]
    assert epochs.resolution == 1.0
    assert results.epochs_to("train_error", 1.0).values.tolist() == [1, 1, 1]


def test_curves_are_padded_with_nan(results: Results) -> None:
    expected = [[2.0, 1.0, 0.5], [1.5, 0.25, np.nan], [2.0, 3.0, np.nan]]
    np.testing.assert_array_equal(results.curve("train_loss"), expected)
    assert results.epochs.tolist() == [1, 2, 3]
    assert results.steps.tolist() == [4, 8, 12]


@pytest.mark.parametrize("read", [Results.final, Results.best, Results.curve])
def test_an_unknown_name_lists_those_there_are(results: Results, read: Any) -> None:
    with pytest.raises(KeyError, match="net has no 'tset_error'; it has train_error, train_loss, test_error"):
        read(results, "tset_error")
    with pytest.raises(KeyError, match="net has no 'train_loss'; it has nothing of this kind"):
        results.array("train_loss")


def test_arrays_keep_their_shape(lab: Lab) -> None:
    results = lab.results("x", named(drawn), 3)
    x = results.final("x").values
    assert results.array("table").shape == (3, 2, 3)
    np.testing.assert_allclose(results.array("path"), np.outer(x, [1, 2, 3]))
    assert repr(results) == "<3 replicates of Simulation(drawn)>"


def test_corrupted_and_clean_errors_are_measured_to_the_number_of_their_examples(lab: Lab) -> None:
    results = lab.results("x", SMALL.but(data__labels=RandomLabels(0.5)), 1)
    counts = [round(1 / results.final(name).resolution) for name in ("corrupted_error", "clean_error")]
    assert sum(counts) == 200
    assert 60 < counts[0] < 120
