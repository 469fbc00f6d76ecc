"""Kernel interpolation on a GPU in the memory of one matrix, where torch's own routines take three.

``torch.linalg.cholesky_ex`` writes its factor beside the matrix, ``torch.cholesky_solve`` copies the factor,
and ``torch.linalg.solve_triangular`` copies any part of it: for n = 60,000 points in float64 that is 82 GiB,
more than a GPU of 80 GB has. Here a left-looking Cholesky overwrites the lower triangle, a block of columns
at a time (Golub and Van Loan 2013, Section 4.2.9), and what is solved substitutes block by block, so that
torch factors and solves corners of ``BLOCK`` rows only, and all else are products of matrices.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from harness.analytic import kernel_interpolation as kernels
from harness.analytic.kernel_interpolation import Interpolant, KernelFunction
from harness.analytic.scores import require_finite
from harness.data.blocks import blocks

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

BLOCK = kernels.BLOCK
"""Columns of a factor that are computed at once: those of a block of the matrix as it is filled."""


def interpolate_in_place(
    kernel: KernelFunction,
    points: Floats,
    targets: Floats,
    *,
    ridge: float = 0.0,
    left_out: bool = True,
) -> Interpolant:
    """What ``interpolate(device="cuda")`` gives, up to rounding, in the memory of one matrix.

    Args:
        kernel: ``GaussianKernel`` or ``LaplaceKernel``.
        points: [n, d].
        targets: [n, r], a column per label set and class.
        ridge: added to the diagonal.
        left_out: predict each point from all others too.

    Raises:
        ValueError: as ``interpolate`` does.
    """
    import torch

    require_finite(points=points, targets=targets)
    kernels._require_settings("interpolate", ridge, "cuda")
    if ridge == 0:
        kernels._require_distinct(points)
    device = kernels._cuda()
    x, y = (torch.from_numpy(array).to(device, torch.float64) for array in (points, targets))
    gram = torch.empty(len(x), len(x), dtype=torch.float64, device=device)
    kernels._fill(kernel, x, ridge, gram, torch)
    failed = factorize(gram)
    kernels._require_definite(kernel, failed, torch.diagonal(gram).cpu().numpy())
    coefficients = _backward(gram, _forward(gram, y))
    others = None
    if left_out:
        others = (y - coefficients / _inverse_diagonal(gram)[:, None]).cpu().numpy()
    return Interpolant(kernel, x, coefficients, others)


def bytes_in_place(n: int, *, inputs: int, targets: int) -> int:
    """Bytes that ``interpolate_in_place`` takes of a GPU at its peak; predicting takes less.

    That is one n x n matrix, the points and what their squares take, four blocks of the matrix' columns, and
    the targets with what is solved of them. n = 60,000 needs 29 GiB.

    Args:
        n: points.
        inputs: numbers per point.
        targets: columns solved for.
    """
    rows = min(BLOCK, n)
    return 8 * n * (n + 2 * inputs + 4 * rows + 4 * (targets + 1))


def factorize(gram: torch.Tensor) -> int:
    """Overwrite the lower triangle of a matrix [n, n] by its Cholesky factor; nothing above is read.

    Returns:
        0, or the first row (from 1) at which the matrix is not positive definite, as LAPACK has it.
    """
    import torch

    for rows in _rows(gram):
        column = gram[rows.start :, rows]
        if rows.start:
            column.addmm_(gram[rows.start :, : rows.start], gram[rows, : rows.start].T, alpha=-1.0)
        size = rows.stop - rows.start
        corner, failed = torch.linalg.cholesky_ex(column[:size])
        column[:size] = corner
        if failed.item():
            return rows.start + int(failed.item())
        if rows.stop < len(gram):
            column[size:] = torch.linalg.solve_triangular(corner.T, column[size:], upper=True, left=False)
    return 0


def _forward(factor: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """The solution of L x = right [n, r], of the lower triangle of factor [n, n]."""
    import torch

    solved = torch.empty_like(right)
    for rows in _rows(factor):
        rest = right[rows] - factor[rows, : rows.start] @ solved[: rows.start]
        solved[rows] = torch.linalg.solve_triangular(factor[rows, rows], rest, upper=False)
    return solved


def _backward(factor: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """The solution of L^T x = right [n, r], of the lower triangle of factor [n, n]."""
    import torch

    solved = torch.empty_like(right)
    for rows in reversed(list(_rows(factor))):
        rest = right[rows] - factor[rows.stop :, rows].T @ solved[rows.stop :]
        solved[rows] = torch.linalg.solve_triangular(factor[rows, rows].T, rest, upper=True)
    return solved


def _inverse_diagonal(factor: torch.Tensor) -> torch.Tensor:
    """The diagonal of K^-1: squared lengths of the columns of L^-1, a block of columns at a time."""
    import torch

    diagonal = torch.empty_like(factor[0])
    for columns in _rows(factor):
        below = factor[columns.start :, columns.start :]
        unit = torch.zeros_like(below[:, : columns.stop - columns.start])
        unit.diagonal().fill_(1.0)
        inverse = _forward(below, unit)
        diagonal[columns] = (inverse * inverse).sum(dim=0)
    return diagonal


def _rows(matrix: torch.Tensor) -> Iterator[slice]:
    return blocks(len(matrix), BLOCK)
