"""XOR detection against its definition: patterns written out, gradients by differences, all starts."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analytic import xor_detection
from harness.analytic.xor_detection import (
    DIVERSE,
    NEGATIVE,
    POSITIVE,
    SETS,
    Nets,
    angle,
    centres,
    chances,
    explored,
    fewest,
    foretold,
    initialized,
    large_and_small,
    outcomes,
    probabilities,
    read,
    samples,
    trained,
)
from harness.spec.streams import stream
from harness.tests.deterministic import derandomized

PATTERNS = np.array([[1, 1], [-1, -1], [1, -1], [-1, 1]], float)


def products(filters: np.ndarray) -> np.ndarray:
    """Plain filters [..., 2] as they are held: their products with (1, 1) and (1, -1)."""
    return np.stack([filters @ PATTERNS[0], filters @ PATTERNS[2]], -1)


def response(filters: np.ndarray, mask: int) -> np.ndarray:
    """sum_i max_j relu(w_i x_j) by definition, filters [net, k, 2] in plain coordinates."""
    inside = PATTERNS[[j for j in range(4) if mask >> j & 1]]
    return np.maximum(filters @ inside.T, 0).max(-1).sum(-1)


@derandomized
@given(seed=st.integers(0, 1000), k=st.integers(1, 6))
def test_responses_are_those_of_the_definition(seed: int, k: int) -> None:
    filters = np.random.default_rng(seed).standard_normal((3, k, 2))
    sums = read(products(filters), SETS)[0]
    assert sums == pytest.approx(np.stack([response(filters, mask) for mask in SETS], -1), abs=1e-12)


def loss(w: np.ndarray, u: np.ndarray, shares: dict[int, float], gamma: float) -> float:
    total = 0.0
    for mask, share in shares.items():
        output = float((response(w[None], mask) - response(u[None], mask))[0])
        total += share * max(0.0, gamma - output if mask & 3 else 1 + output)
    return total


@derandomized
@given(seed=st.integers(0, 1000))
def test_a_step_is_one_of_gradient_descent(seed: int) -> None:
    generator = np.random.default_rng(seed)
    w, u = generator.standard_normal((2, 3, 2)) / 3
    shares = {15: 0.5, 9: 0.3, 2: 0.2, 12: 0.6, 4: 0.4}
    numeric = []
    for filters in (w, u):
        for i in np.ndindex(filters.shape):
            filters[i] += 1e-7
            ahead = loss(w, u, shares, 8.0)
            filters[i] -= 2e-7
            numeric.append((ahead - loss(w, u, shares, 8.0)) / 2e-7)
            filters[i] += 1e-7
    slopes = np.reshape(numeric, (2, 3, 2))
    c = 100.0  # so large that the budget is a single step
    nets, _ = trained(Nets(products(w)[None], products(u)[None]), shares, c=c, gamma=8.0)
    moved = products(w - c / 3 * slopes[0]), products(u - c / 3 * slopes[1])
    assert nets.w[0] == pytest.approx(moved[0], abs=1e-4)
    assert nets.u[0] == pytest.approx(moved[1], abs=1e-4)


@pytest.mark.parametrize("k", [2, 3])
def test_chances_are_those_of_all_starts(k: int) -> None:
    counts = [0, 0, 0]
    for w in itertools.product(range(4), repeat=k):
        for u in itertools.product(range(2), repeat=k):
            nets = Nets(products(PATTERNS[list(w)])[None], products(PATTERNS[[2 + i for i in u]])[None])
            counts[int(foretold(nets)[0])] += 1
    assert chances(k) == tuple(Fraction(count, 8**k) for count in counts)


def test_two_channels_have_the_chances_of_the_paper() -> None:
    assert chances(2) == (Fraction(1, 4), Fraction(11, 16), Fraction(1, 16))


@pytest.mark.parametrize("d", [1, 3])
def test_probabilities_are_those_of_all_inputs(d: int) -> None:
    counts = dict.fromkeys(SETS, 0)
    for places in itertools.product(range(4), repeat=d):
        counts[sum(1 << j for j in set(places))] += 1
    chances = probabilities(d)
    for masks in (POSITIVE, NEGATIVE):
        total = sum(counts[m] for m in masks)
        assert [chances[m] for m in masks] == pytest.approx([counts[m] / total for m in masks])


def test_a_detector_of_two_channels_is_right_on_all_sets() -> None:
    right = Nets(products(8 * PATTERNS[:2])[None], products(3 * PATTERNS[2:])[None])
    assert not right.wrong().any()
    blind = Nets(products(8 * PATTERNS[[0, 0]])[None], products(3 * PATTERNS[2:])[None])
    wrong = [mask for mask, miss in zip(SETS, blind.wrong()[0], strict=True) if miss]
    assert wrong == [mask for mask in POSITIVE if not mask & 1]


def test_training_ends_as_foretold() -> None:
    counts = outcomes(stream(1000, "simulation"), k=2, runs=200, c=0.05, gamma=8.0)
    assert counts["foretold"] == counts["stuck"] + counts["imperfect"] + counts["perfect"] == 200
    assert counts["imperfect"] > counts["stuck"] > counts["perfect"] > 0


def test_a_fitted_network_has_zero_loss() -> None:
    nets, fitted = trained(initialized(np.random.default_rng(0), 50, 2, 0.05), DIVERSE, c=0.05, gamma=8.0)
    outputs = nets.outputs((15, 12))
    assert (fitted == ((outputs[:, 0] >= 8) & (outputs[:, 1] <= -1))).all()
    assert 0 < fitted.sum() < 50


def test_larger_networks_fit_samples_more_often() -> None:
    sizes: dict[str, Any] = {"sizes": (2, 20), "runs": 30, "d": 4, "n": 8}
    results = samples(stream(1000, "simulation"), **sizes, c=0.2, gamma=1.0)
    assert results["fitted"][0] < results["fitted"][1]
    assert all(0 <= error <= 0.5 for error in results["fitted_test_error"])


def test_centres_are_the_means_of_two_clouds() -> None:
    generator = np.random.default_rng(0)
    clouds = generator.standard_normal((4, 30, 2)) * 0.1 + np.where(np.arange(30) < 12, 3.0, -2.0)[:, None]
    expected = np.stack([clouds[:, :12].mean(1), clouds[:, 12:].mean(1)], 1)
    assert np.sort(centres(clouds), axis=1) == pytest.approx(np.sort(expected, axis=1))


def test_filters_are_counted_and_measured() -> None:
    nets = Nets(products(PATTERNS)[None], products(PATTERNS)[None])
    assert fewest(nets.w) == 1
    assert fewest(nets.w[:, :3]) == 0
    assert angle(nets) == pytest.approx(45.0)  # half of each kind is along its patterns, half across
    assert explored(64) == 0.0


def test_centres_of_a_large_network_make_a_small_one_perfect() -> None:
    results = large_and_small(stream(1000, "simulation"), k=120, runs=5, c=0.1, gamma=8.0)
    assert results["perfect"] == results["clustered"] == 1.0
    assert results["random"] < 1.0
    assert results["angle"] < 2.0 < results["angle_before"]


def test_what_filters_read_is_looked_up_and_not_worked_out_in_every_step() -> None:
    nets = initialized(np.random.default_rng(0), 3, 2, 0.5)
    xor_detection._table.cache_clear()
    trained(nets, DIVERSE, c=0.1, gamma=1.0)
    assert xor_detection._table.cache_info().misses == 1
    sums, reads = read(nets.w, (15, 5, 8))
    assert reads.shape == (3, 2, 2, 3)
    by_hand = np.einsum("nkc,nkcm->nm", np.abs(nets.w), reads)
    np.testing.assert_allclose(sums, by_hand, rtol=1e-14)
