"""Minimum-norm fits of noisy labels by spectrum: exact on the labels, and their risk what it says."""

from __future__ import annotations

import numpy as np
import pytest

from harness.analytic.benign import STRONG, excess_risks, spectrum


def test_spectra_have_the_lengths_they_say() -> None:
    assert len(spectrum("long tail", 10)) == STRONG + 100
    assert len(spectrum("short tail", 10)) == STRONG + 40
    for kind in ("long tail", "short tail"):
        assert spectrum(kind, 10)[STRONG:].sum() == pytest.approx(1)
    assert spectrum("power law", 2)[3] == pytest.approx(1 / 16)
    with pytest.raises(ValueError, match="one of 'long tail'"):
        spectrum("flat", 3)


def test_without_noise_and_with_more_examples_than_directions_nothing_is_left() -> None:
    """Strong directions alone would be learnt exactly; the tail's inputs stand for a ridge of 1 / n."""
    run = excess_risks(np.random.default_rng(1), (10, 300), "long tail", 0.0, 0.0)
    assert run["excess"][1] < run["excess"][0] / 100
    assert max(run["training"]) < 1e-9


def test_risks_grow_with_the_variance_of_the_noise() -> None:
    quiet, loud = (
        excess_risks(np.random.default_rng(1), (40,), "power law", noise, 0.0)["excess"][0]
        for noise in (1.0, 10.0)
    )
    assert loud == pytest.approx(100 * quiet, rel=0.2)


def test_a_penalty_leaves_labels_unfitted() -> None:
    assert excess_risks(np.random.default_rng(1), (20,), "long tail", 1.0, 1.0)["training"][0] > 0.1
