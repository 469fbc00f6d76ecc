"""Products of matrices of doubles in C++, which are numpy's to the bit, or are not used.

numpy has them of OpenBLAS, which is told everywhere to use the instructions of AVX2 alone
(``harness/lab/pinning.py``). A product of ours has the same order of additions in vectors twice as wide, and
is half the time. A library is used if some products come out equal to numpy's to the last bit, which each
process tries; where nothing can be compiled, or numpy adds up otherwise, numpy does the work. So no number
depends on what is here, and no name of a run (``harness/spec/fingerprint.py``).
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from harness.fleet import native, native_library

if TYPE_CHECKING:
    import numpy as np

SOURCE = "native_products.cpp"
FLAGS = "-O3 -march=native -std=c++17 -ffp-contract=fast -fno-strict-aliasing -shared -fPIC"
OBJECT = 16
"""Bytes of an object before an array's own fields begin, as the library reads them."""
ADDED, BIASED, RECTIFIED, GATED = 1, 2, 4, 8
"""What is done to a product, as the library reads it."""
TRIED = ((2, 1, 2), (4, 3, 9), (10, 64, 24), (20, 17, 50), (6, 300, 31), (8, 700, 10))
"""Rows, inner numbers and columns of the products that a library is tried with."""


class ProductLibrary(NamedTuple):
    """A library that was loaded.

    Attributes:
        product: of left and right, into out, with bias and gate (or, without them, out again), and what is
            done to it; 1 if it is done.
        sums: of the columns of values, into out; 1 if they are there.
    """

    product: Callable[..., int]
    sums: Callable[..., int]


def multiplied(
    a: np.ndarray,
    b: np.ndarray,
    out: np.ndarray,
    bias: np.ndarray | None = None,
    gate: np.ndarray | None = None,
    *,
    added: bool = False,
    relu: bool = False,
) -> bool:
    """Whether ``out`` now holds what ``products.product`` says; if not, nothing was done."""
    library = _library()
    if library is None:
        return False
    asked = added * ADDED + relu * RECTIFIED + (bias is not None) * BIASED + (gate is not None) * GATED
    bias, gate = out if bias is None else bias, out if gate is None else gate
    return bool(library.product(a, b, out, bias, gate, asked))


def summed(values: np.ndarray, out: np.ndarray) -> bool:
    """Whether ``out`` now holds the sums of columns; if not, nothing was done."""
    library = _library()
    return library is not None and bool(library.sums(values, out))


@functools.cache
def _library() -> ProductLibrary | None:
    """The library, compiled if need be; None for the rest of the process where numpy does the work."""
    if os.environ.get(native.OFF) == "0" or object.__basicsize__ != OBJECT:
        return None
    with contextlib.suppress(Exception):  # whatever it is, numpy does the work
        path = _compiled()
        if path is not None:
            library = _declared(path)
            if differing(library) == 0:
                return library
    return None


def _compiled() -> Path | None:
    """The library of the source, which a process of its own has tried; None where there is none."""
    source = Path(__file__).with_name(SOURCE)
    return native_library.compiled([source], FLAGS, _tried, called="the library of products")


def _tried(library: Path) -> native_library.FirstLoad:
    """Load and try a library in a process of its own."""
    code = "import sys; from harness.analytic import native_products; native_products.load_first(sys.argv[1])"
    return native_library.tried(code, library)


def load_first(library: str) -> None:
    """Load a library and end this process if its answers are wrong; whether to the bit depends on numpy's."""
    if differing(_declared(Path(library))) > 1e-9:
        raise SystemExit(native_library.WRONG)


def _declared(path: Path) -> ProductLibrary:
    """A library's functions with the types that they take; they keep Python's lock, and are short."""
    library, array = ctypes.PyDLL(str(path)), ctypes.py_object
    library.native_product.argtypes = [*[array] * 5, ctypes.c_int]
    library.native_sums.argtypes = [array] * 2
    return ProductLibrary(library.native_product, library.native_sums)


def differing(library: ProductLibrary) -> float:
    """The largest difference of a library's products and sums from numpy's; infinite where it gives none."""
    import numpy as np

    largest = 0.0
    for rows, inner, columns in TRIED:
        a, b = (_waves(*shape) for shape in ((rows, inner), (inner, columns)))
        product, sums, out = np.empty((rows, columns)), np.empty(inner), np.empty((rows, columns))
        for left in (a, np.asfortranarray(a)):
            for right in (b, np.asfortranarray(b)):
                if not library.product(left, right, product, product, product, 0):
                    return float("inf")
                largest = max(largest, float(np.abs(product - np.matmul(left, right, out=out)).max()))
        if inner > 1:
            if not library.sums(a, sums):
                return float("inf")
            largest = max(largest, float(np.abs(sums - np.add.reduce(a, axis=0)).max()))
    return largest


def _waves(*shape: int) -> np.ndarray:
    """Numbers of all sizes up to one that are not drawn."""
    import numpy as np

    return np.sin(np.arange(float(np.prod(shape))) ** 2).reshape(shape)
