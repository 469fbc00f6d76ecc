"""BLAS and LAPACK called so that other threads of Python go on meanwhile, to the same bits.

scipy's own wrappers of these two routines hold the interpreter while they compute, most of a minute for large
matrices: whoever asks this process to end would not be heard for as long. The routines are those that scipy
wraps, as it exports them to Cython.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import byref, c_char, c_double, c_int, c_void_p
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]


def tpqrt(panel: int, triangle: Floats, rows: Floats) -> None:
    """Fold rows [k, n] into the upper triangle [n, n] of a QR decomposition, both in place (``dtpqrt``).

    Args:
        panel: columns reduced at once.
        triangle, rows: in Fortran order; rows are overwritten by reflectors.

    Raises:
        ValueError: not in Fortran order, or shapes that do not agree.
    """
    import numpy as np
    from scipy.linalg import cython_lapack

    k, n = rows.shape
    _require(triangle, (n, n))
    _require(rows, (k, n))
    reflectors, work, info = np.empty((panel, n), order="F"), np.empty(panel * n), c_int()
    sizes = map(c_int, (k, n, 0, panel))
    arrays = ((triangle, n), (rows, k), (reflectors, panel))
    placed = [each for array, leading in arrays for each in (_at(array), byref(c_int(leading)))]
    _routine(cython_lapack, "dtpqrt")(*map(byref, sizes), *placed, _at(work), byref(info))
    assert info.value == 0, "its arguments were looked at"


def syrk(matrix: Floats, gram: Floats, *, transposed: bool = False) -> None:
    """Add a matrix [n, k] times its transpose to the upper triangle of gram [n, n], in place (``dsyrk``).

    Args:
        matrix, gram: in Fortran order.
        transposed: the matrix is [k, n], and its transpose comes first.

    Raises:
        ValueError: not in Fortran order, or shapes that do not agree.
    """
    from scipy.linalg import cython_blas

    rows, columns = matrix.shape
    n, k = (columns, rows) if transposed else (rows, columns)
    _require(matrix, (rows, columns))
    _require(gram, (n, n))
    letters = (byref(c_char(b"U")), byref(c_char(b"T" if transposed else b"N")))
    one, sizes = c_double(1.0), (byref(c_int(n)), byref(c_int(k)))
    placed = (_at(matrix), byref(c_int(rows)), byref(one), _at(gram), byref(c_int(n)))
    _routine(cython_blas, "dsyrk")(*letters, *sizes, byref(one), *placed)


def _require(array: Floats, shape: tuple[int, int]) -> None:
    import numpy as np

    if array.shape != shape or array.dtype != np.float64 or not array.flags.f_contiguous:
        raise ValueError(f"an array {array.shape} of {array.dtype}: need {shape} of float64 in Fortran order")


def _at(array: Floats) -> c_void_p:
    return c_void_p(array.ctypes.data)


def _routine(library: Any, name: str) -> Callable[..., None]:
    """The routine of that name, which ``ctypes`` calls without holding the interpreter."""
    capsule = library.__pyx_capi__[name]
    told, place = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    told.restype, told.argtypes = ctypes.c_char_p, [ctypes.py_object]
    place.restype, place.argtypes = c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.CFUNCTYPE(None)(place(capsule, told(capsule)))
