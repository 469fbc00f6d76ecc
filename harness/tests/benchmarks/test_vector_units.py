"""What the vector units do is computed, counted and timed, and may be unknown."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest

from harness.benchmarks import vector_units


@pytest.fixture(autouse=True)
def compiled_anew() -> Iterator[None]:
    yield
    vector_units._library.cache_clear()


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_each_turn_multiplies_and_adds(precision: str) -> None:
    library = vector_units._library()
    assert library is not None
    loop = library[f"{precision}_turns"]
    loop.argtypes, loop.restype = [ctypes.c_long], ctypes.c_double
    count = library.sums_in_a_turn()
    sums = [float(number) for number in range(count)]
    for _ in range(3):
        sums = [number * 0.999 + 0.001 for number in sums]
    assert loop(3) == pytest.approx(sum(sums), rel=1e-6)


def test_the_rate_counts_a_product_and_a_sum_of_each_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_units, "_seconds", lambda *_: 0.5)
    library = vector_units._library()
    assert library is not None
    numbers = library.sums_in_a_turn() * vector_units.bits() // 32
    assert vector_units.bits() in (128, 256, 512)
    assert vector_units.tflops("float32", 2, 1000) == pytest.approx(2 * numbers * 1000 * 2 / 0.5 / 1e12)
    assert vector_units.tflops("float64", 2, 1000) == pytest.approx(numbers * 1000 * 2 / 0.5 / 1e12)


def test_it_is_timed() -> None:
    assert 0 < (vector_units.tflops("float32", 1, 1000) or 0.0) < 10


def test_without_a_compiler_or_for_other_precisions_they_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert vector_units.tflops("bfloat16", 1) is None
    vector_units._library.cache_clear()
    monkeypatch.setattr(vector_units, "compiler", lambda: None)
    assert (vector_units.tflops("float32", 1), vector_units.bits()) == (None, 0)
    vector_units._library.cache_clear()
    monkeypatch.setattr(vector_units, "compiler", lambda: ["false"])
    assert vector_units.tflops("float64", 1) is None
