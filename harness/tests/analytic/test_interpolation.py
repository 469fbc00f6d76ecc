"""The constructions fit what they claim to fit, and the evaluation they are judged by is right."""

from __future__ import annotations

import math
import subprocess
import sys
import tracemalloc
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analytic import interpolation as built
from harness.spec.streams import stream
from harness.tests.deterministic import derandomized

ENTRIES = st.integers(-3, 3).map(Fraction)
SQUARE = st.integers(1, 4).flatmap(lambda n: st.lists(st.tuples(*[ENTRIES] * n), min_size=n, max_size=n))
FLOATS = st.floats(-1e6, 1e6, allow_subnormal=False)


def on_a_parabola(n: int, d: int) -> list[built.Vector]:
    return [tuple(Fraction(i * i % 97 * power + i) for power in range(1, d + 1)) for i in range(n)]


def labels(n: int) -> list[Fraction]:
    return [Fraction(7 * i % 10) for i in range(n)]


def test_importing_the_constructions_needs_no_numpy() -> None:
    code = "import sys, harness.analytic.interpolation; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@derandomized
@given(matrix=SQUARE)
def test_exact_algebra_agrees_with_numpy(matrix: list[built.Vector]) -> None:
    floats = np.array(matrix, dtype=float)
    assert built.rank(tuple(matrix)) == np.linalg.matrix_rank(floats)
    coefficients = np.array(built.characteristic_polynomial(tuple(matrix)), dtype=float)
    assert np.allclose(coefficients, np.poly(floats), atol=1e-6)


def test_a_polynomial_from_its_roots() -> None:
    assert built.with_roots([Fraction(2), Fraction(-3)]) == (1, 1, -6)


def test_a_system_is_solvable_exactly_when_the_labels_are_in_the_column_space() -> None:
    matrix = ((Fraction(1), Fraction(2)), (Fraction(2), Fraction(4)))
    assert built.solvable(matrix, [Fraction(3), Fraction(6)])
    assert not built.solvable(matrix, [Fraction(3), Fraction(7)])


def test_two_layers_fit_forty_points() -> None:
    points = on_a_parabola(40, 3)
    network = built.two_layer(points, labels(40))
    assert [network(x) for x in points] == labels(40)
    assert network.size == 2 * 40 + 3


def test_no_direction_separates_equal_points() -> None:
    with pytest.raises(ValueError, match="equal"):
        built.separating_direction([(Fraction(1),), (Fraction(1),)])


@pytest.mark.parametrize("depth", range(2, 14))
def test_every_depth_fits_within_its_width_and_weights(depth: int) -> None:
    n, d = 12, 2
    points = on_a_parabola(n, d)
    network = built.deep(points, labels(n), depth)
    assert [network(x) for x in points] == labels(n)
    assert network.depth == depth
    assert network.width <= math.ceil(n / (depth - 1)) + 2
    assert network.size <= d + 5 * n - 1


def test_at_moderate_depth_four_times_n_plus_d_weights_are_enough() -> None:
    network = built.deep(on_a_parabola(60, 5), labels(60), 7)
    assert network.width <= 10 + 2
    assert network.size <= 4 * (60 + 5)


@pytest.mark.parametrize("depth", [1, 5])
def test_a_depth_without_a_hinge_in_every_layer_is_refused(depth: int) -> None:
    with pytest.raises(ValueError, match="hinges fill"):
        built.deep(on_a_parabola(3, 1), labels(3), depth)


def test_a_silenced_unit_counts_from_either_end() -> None:
    network = built.deep(on_a_parabola(6, 1), labels(6), 3)
    last = len(network.layers[-2][1]) - 1
    assert network.silenced(-2, -1) == network.silenced(1, last) != network


@derandomized
@given(st.lists(FLOATS, min_size=1, max_size=8), st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=8))
def test_outputs_are_the_correctly_rounded_sums(z: list[float], units: list[tuple[float, float]]) -> None:
    exact = [sum(Fraction(w) * max(Fraction(p) - Fraction(b), Fraction(0)) for b, w in units) for p in z]
    thresholds, weights = (np.array(column) for column in zip(*units, strict=True))
    assert built.exact_outputs(np.array(z), thresholds, weights).tolist() == [float(c) for c in exact]


@derandomized
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=9))
def test_floats_are_whole_numbers_over_the_least_power_of_two(values: list[float]) -> None:
    whole, power = built._whole(np.array(values))
    assert [Fraction(number, power) for number in whole] == [Fraction(value) for value in values]
    assert power == max(value.as_integer_ratio()[1] for value in values)


def test_outputs_agree_with_direct_summation_where_large_terms_cancel() -> None:
    generator = stream(0, "simulation")
    z = generator.standard_normal(20_000)
    y = generator.integers(0, 10, z.size).astype(float)
    thresholds, weights = built.interpolating(z, y)
    assert np.abs(weights).max() > 1e7
    outputs = built.exact_outputs(z, thresholds, weights)
    for i in range(0, z.size, 400):
        direct = math.fsum((weights * np.maximum(z[i] - thresholds, 0.0)).tolist())
        assert abs(direct - outputs[i]) < 1e-4
    assert np.abs(outputs - y).max() < 1e-4


@derandomized
@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=20, unique=True))
def test_the_float_solution_fits_and_its_matrix_is_triangular(places: list[int]) -> None:
    z, y = np.array(places, dtype=float), np.arange(len(places), dtype=float)
    thresholds, weights = built.interpolating(z, y)
    matrix = np.maximum(np.sort(z)[:, None] - thresholds, 0.0)
    assert (np.triu(matrix, 1) == 0).all()
    assert (np.diag(matrix) > 0).all()
    assert np.allclose(built.exact_outputs(z, thresholds, weights), y, atol=1e-9)


def test_projections_of_bytes_are_exact_in_float64_and_their_direction_in_float32() -> None:
    direction = built.byte_direction(stream(1, "simulation"), 2352)
    z = built.projected_bytes(stream(2, "simulation"), direction, 700)
    images = stream(2, "simulation").integers(0, 256, (500, 2352), dtype=np.uint8)
    whole = [int(a) for a in direction]
    assert [float(a) for a in whole] == direction.tolist() == direction.astype(np.float32).tolist()
    assert 255 * sum(map(abs, whole)) < 2**53
    for image, place in zip(images[:20].tolist(), z[:20].tolist(), strict=True):
        assert sum(a * x for a, x in zip(whole, image, strict=True)) == int(place)


def test_coinciding_projections_are_refused() -> None:
    with pytest.raises(ValueError, match="coincide"):
        built.projected_bytes(stream(0, "simulation"), np.array([3.0]), 300)


def test_memorizing_tells_the_three_networks_apart_and_repeats_itself() -> None:
    results = built.memorized(stream(5, "simulation"), n=3000, d=50)
    assert results == built.memorized(stream(5, "simulation"), n=3000, d=50)
    assert results["weights"] == 2 * 3000 + 50
    assert results["float64_residual"] < 1e-4
    assert results["float64_error"] == 0
    assert results["disagreement"] < 1e-4
    assert results["spoiled_residual"] > 0.5
    assert results["float32_error"] > 0


def test_memorizing_never_holds_all_points() -> None:
    n, d = 20_000, 400
    tracemalloc.start()
    built.projected_bytes(stream(0, "simulation"), built.byte_direction(stream(1, "simulation"), d), n)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < n * d / 2  # bytes: half of what the points alone take, and a sixteenth of them in float64


def test_evenly_spaced_points_need_the_smaller_weights() -> None:
    growth = partial(built.weight_growth, sizes=(100, 1600), d=4, conditioned=100)
    even, generic = (growth(stream(0, "simulation"), spacing=s) for s in ("even", "generic"))
    assert 10 < even["weight_1600"] / even["weight_100"] < 25
    assert generic["weight_1600"] / generic["weight_100"] > 60
    assert generic["condition"] > even["condition"]
