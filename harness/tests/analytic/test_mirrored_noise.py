"""Errors of the sum of signed examples, against the sum's own arithmetic."""

from __future__ import annotations

import numpy as np

from harness.analytic.mirrored_noise import errors_of_the_sum


def test_errors_are_those_of_the_classifier_that_one_pass_ends_at() -> None:
    """The output times y is 4 along the signal, and on an example about the noise's variance."""
    for variance, mirrored in ((32.0, 1.0), (2.0, 0.0)):
        run = errors_of_the_sum(np.random.default_rng(2), 20, 400, variance)
        assert (run["training"], run["mirrored"]) == (0.0, mirrored)
        assert run["test"] < 0.05
        assert run["gap"] == run["mirrored"] - run["test"]


def test_in_few_directions_there_is_nothing_to_explain() -> None:
    assert errors_of_the_sum(np.random.default_rng(2), 50, 1, 32.0)["test"] > 0.3
