"""Cholesky in the memory of one matrix on a GPU, where torch's own routines take three.

``torch.linalg.cholesky_ex`` writes its factor beside the matrix, ``torch.cholesky_solve`` copies the factor,
and ``torch.linalg.solve_triangular`` copies any part of it: for n = 60,000 points in float64 that is 82 GiB,
more than a GPU of 80 GB has. Here a left-looking Cholesky overwrites the lower triangle, a block of columns
at a time (Golub and Van Loan 2013, Section 4.2.9), and what is solved substitutes block by block, so that
torch factors and solves corners of a block only, and all else are products of matrices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.data.blocks import blocks

if TYPE_CHECKING:
    import torch


def factorize(gram: torch.Tensor, block: int) -> int:
    """Overwrite the lower triangle of a matrix [n, n] by its Cholesky factor; nothing above is read.

    Returns:
        0, or the first row (from 1) at which the matrix is not positive definite, as LAPACK has it.
    """
    import torch

    for rows in blocks(len(gram), block):
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


def forward(factor: torch.Tensor, right: torch.Tensor, block: int) -> torch.Tensor:
    """The solution of L x = right [n, r], of the lower triangle of factor [n, n]."""
    import torch

    solved = torch.empty_like(right)
    for rows in blocks(len(factor), block):
        rest = right[rows] - factor[rows, : rows.start] @ solved[: rows.start]
        solved[rows] = torch.linalg.solve_triangular(factor[rows, rows], rest, upper=False)
    return solved


def backward(factor: torch.Tensor, right: torch.Tensor, block: int) -> torch.Tensor:
    """The solution of L^T x = right [n, r], of the lower triangle of factor [n, n]."""
    import torch

    solved = torch.empty_like(right)
    for rows in reversed(list(blocks(len(factor), block))):
        rest = right[rows] - factor[rows.stop :, rows].T @ solved[rows.stop :]
        solved[rows] = torch.linalg.solve_triangular(factor[rows, rows].T, rest, upper=True)
    return solved


def inverse_diagonal(factor: torch.Tensor, block: int) -> torch.Tensor:
    """The diagonal of K^-1: squared lengths of the columns of L^-1, a block of columns at a time."""
    import torch

    diagonal = torch.empty_like(factor[0])
    for columns in blocks(len(factor), block):
        below = factor[columns.start :, columns.start :]
        unit = torch.zeros_like(below[:, : columns.stop - columns.start])
        unit.diagonal().fill_(1.0)
        inverse = forward(below, unit, block)
        diagonal[columns] = (inverse * inverse).sum(dim=0)
    return diagonal
