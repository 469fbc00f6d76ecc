"""Products in C++: when they are used, that they are numpy's to the bit, and that wrong ones are not used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.analytic import native_products
from harness.analytic.native_products import ProductLibrary, multiplied, summed
from harness.fleet import native, native_library
from harness.spec import fingerprint
from harness.spec.fingerprint import of_definition

ROOT = Path(native_products.__file__).parents[2]


@pytest.fixture
def library() -> ProductLibrary:
    """The library that this process uses."""
    usable = native_products._library()
    if usable is None:
        pytest.skip("no compiler, or numpy adds up in another order here")
    return usable


def drawn(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    generator = np.random.default_rng(7)
    return [generator.standard_normal(shape) for shape in shapes]


@pytest.mark.parametrize("rows", [2, 8, 50, 66])
@pytest.mark.parametrize("inner", [1, 7, 64, 256, 257, 511, 512, 784, 1000])
def test_products_are_those_of_numpy_to_the_bit(library: ProductLibrary, rows: int, inner: int) -> None:
    for columns in (2, 8, 10, 24, 65):
        a, b, out = drawn((rows, inner), (inner, columns), (rows, columns))
        assert multiplied(a, b, out)
        assert np.array_equal(out, a @ b)


def refused() -> dict[str, tuple[Any, ...]]:
    """What numpy computes in another order, or is no product of doubles."""
    a, b, out, square = drawn((4, 3), (3, 5), (4, 5), (4, 4))
    single = np.empty((4, 5), np.float32)
    return {
        "odd rows": (a[:3], b, out[:3]),
        "a vector": (a, b[:, :1], out[:, :1].copy()),
        "nothing": (a[:0], b, out[:0]),
        "a matrix times its transpose": (a, a.T, square),
        "other doubles": (a.astype(np.float32), b, out),
        "into singles": (a, b, single),
        "the other byte order": (a.astype(">f8"), b, out),
        "every other column": (np.repeat(a, 2, axis=1)[:, ::2], b, out),
        "columns in turn": (a, b, np.empty((5, 4)).T),
        "shapes that do not agree": (a, b, np.empty((4, 6))),
        "three axes": (a[None], b, out),
        "another bias": (a, b, out, np.zeros(4)),
        "another gate": (a, b, out, None, np.zeros((4, 4))),
        "truth values for a gate": (a, b, out, None, out > 0),
    }


@pytest.mark.parametrize("case", refused())
def test_what_may_differ_is_left_to_numpy_untouched(library: ProductLibrary, case: str) -> None:
    a, b, out, *others = refused()[case]
    before = out.copy()
    assert not multiplied(a, b, out, *others)
    assert np.array_equal(out, before)


def test_many_numbers_are_not_added_to_what_is_there(library: ProductLibrary) -> None:
    a, b, out = drawn((4, 257), (257, 5), (4, 5))
    before = out.copy()
    assert not multiplied(a, b, out, added=True)
    assert np.array_equal(out, before)
    assert multiplied(a[:, :256], b[:256], out, added=True)
    assert np.array_equal(out, before + a[:, :256] @ b[:256])


def test_sums_of_columns_begin_at_zero(library: ProductLibrary) -> None:
    values, sums = np.full((3, 5), -0.0), np.empty(5)
    assert summed(values, sums)
    assert not np.signbit(sums).any()
    assert not np.signbit(np.add.reduce(values, axis=0)).any()
    assert not summed(np.asfortranarray(drawn((4, 3))[0]), np.empty(3))
    assert not summed(values, np.empty(4))


def test_it_is_switched_off_with_the_native_kernel() -> None:
    code = "from harness.analytic import native_products; print(native_products._library())"
    environment = {native.OFF: "0", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "None\n"


@pytest.mark.parametrize("off_by", [1e-12, 1.0])
def test_a_library_that_differs_is_not_used(monkeypatch: pytest.MonkeyPatch, off_by: float) -> None:
    def product(a: Any, b: Any, out: Any, *_: Any) -> int:
        out[:] = a @ b
        out[-1, -1] += off_by
        return 1

    def sums(values: Any, out: Any) -> int:
        np.add.reduce(values, axis=0, out=out)
        return 1

    other: Any = ProductLibrary(product, sums)
    monkeypatch.setattr(native_products, "_compiled", lambda: Path("other.so"))
    monkeypatch.setattr(native_products, "_declared", lambda _: other)
    assert native_products._library.__wrapped__() is None
    if off_by == 1.0:  # more than another order of additions makes
        with pytest.raises(SystemExit, match=native_library.WRONG):
            native_products.load_first("other.so")
    else:
        native_products.load_first("other.so")


def test_a_library_that_gives_nothing_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: Any) -> int:
        return 0

    silent: Any = ProductLibrary(nothing, nothing)
    monkeypatch.setattr(native_products, "_declared", lambda _: silent)
    assert native_products.differing(silent) == float("inf")
    with pytest.raises(SystemExit):
        native_products.load_first("silent.so")


def test_no_name_of_a_run_depends_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    reached = of_definition("harness.analytic.products", "product")
    language = tuple(module for module in fingerprint.LANGUAGE if module != native_products.__name__)
    monkeypatch.setattr(fingerprint, "LANGUAGE", language)
    fingerprint.forget()
    try:
        assert of_definition("harness.analytic.products", "product") != reached
    finally:
        fingerprint.forget()
