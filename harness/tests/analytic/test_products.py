"""Products and what follows them: as written out, with the library and without it, to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analytic import native_products
from harness.analytic.products import column_sums, product
from harness.tests.deterministic import derandomized

SIZES = st.integers(1, 40)


def written_out(a: Any, b: Any, out: Any, added: bool, bias: Any, relu: bool, gate: Any) -> np.ndarray:
    result = out + a @ b if added else a @ b
    if bias is not None:
        result = result + bias
    if relu:
        result = np.maximum(result, 0)
    return np.asarray(result if gate is None else result * (gate > 0))


@derandomized
@given(
    seed=st.integers(0, 1000), sizes=st.tuples(SIZES, SIZES | st.sampled_from((300, 700)), SIZES),
    laid=st.tuples(st.booleans(), st.booleans()), asked=st.tuples(*[st.booleans()] * 4),
)  # fmt: skip
def test_a_product_is_what_it_reads_like_to_the_bit(
    seed: int, sizes: tuple[int, int, int], laid: tuple[bool, bool], asked: tuple[bool, bool, bool, bool]
) -> None:
    (rows, inner, columns), generator = sizes, np.random.default_rng(seed)
    shapes = [(rows, inner), (inner, columns), (rows, columns), (columns,), (rows, columns)]
    a, b, out, bias, gate = (generator.standard_normal(shape) for shape in shapes)
    a, b = (np.asfortranarray(m) if turned else m for m, turned in zip((a, b), laid, strict=True))
    added, biased, relu, gated = asked
    then: Any = {
        "added": added,
        "bias": bias if biased else None,
        "relu": relu,
        "gate": gate if gated else None,
    }
    expected = written_out(a, b, out, **then)
    assert product(a, b, out, **then) is out
    assert np.array_equal(out, expected)
    sums = column_sums(out, np.empty(columns))
    assert np.array_equal(sums, np.add.reduce(out, axis=0))


def test_a_product_is_the_same_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    a, b, bias = (generator.standard_normal(shape) for shape in ((20, 64), (64, 24), 24))
    one = product(a, b, bias=bias, relu=True), column_sums(a, np.empty(64))
    monkeypatch.setattr(native_products, "_library", lambda: None)
    other = product(a, b, bias=bias, relu=True), column_sums(a, np.empty(64))
    assert all(np.array_equal(here, there) for here, there in zip(one, other, strict=True))


def test_what_is_no_number_stays_so() -> None:
    a = np.ones((2, 3))
    a[1, 1] = np.nan
    result = product(a, np.ones((3, 4)), bias=np.full(4, -5.0), relu=True)
    assert np.array_equal(result, [[0.0] * 4, [np.nan] * 4], equal_nan=True)
