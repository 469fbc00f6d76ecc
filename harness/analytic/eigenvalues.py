"""The largest eigenvalue of a symmetric matrix of which only products with vectors are known (Lanczos)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import torch

BASIS = 32
"""Vectors kept at once: of a net of a million weights they take 256 MB."""


class Largest(NamedTuple):
    """The largest eigenvalue as far as it was sought.

    Attributes:
        value: the eigenvalue; NaN where a product was not finite.
        vector: of length one, [p].
        residual: the length of H v - value v, over the largest eigenvalue met in size: an eigenvalue lies
            that near.
        products: how many were made.
    """

    value: float
    vector: torch.Tensor
    residual: float
    products: int


def largest_eigenvalue(
    times: Callable[[torch.Tensor], torch.Tensor], start: torch.Tensor, tolerance: float, products: int
) -> Largest:
    """The largest eigenvalue, which need not be that of the largest size, by Lanczos.

    Every vector is made orthogonal to all before. After ``BASIS`` products it begins again from the best
    vector so far.

    Args:
        times: the matrix times a vector [p].
        start: a vector [p] that has something of the eigenvector: a random one.
        tolerance: residual at which to end.
        products: at most so many.

    Raises:
        ValueError: they were too few for the tolerance.
    """
    vector, made = start / start.norm(), 0
    while True:
        best = _sought(times, vector, tolerance, min(BASIS, products - made))
        vector, made = best.vector, made + best.products
        if not best.residual > tolerance:
            return best._replace(products=made)
        if made >= products:
            raise ValueError(
                f"{made} products leave {best.residual:.2g} of the largest eigenvalue as residual: allow "
                f"more products, or a tolerance larger than {tolerance:g}"
            )


def _sought(
    times: Callable[[torch.Tensor], torch.Tensor], start: torch.Tensor, tolerance: float, products: int
) -> Largest:
    """One sequence of Lanczos from a vector of length one."""
    import numpy as np
    import torch

    basis = start.new_empty((products, len(start)))
    basis[0] = start
    small = np.zeros((products, products))  # the matrix as the basis sees it: tridiagonal
    for made in range(1, products + 1):
        product = times(basis[made - 1])
        small[made - 1, made - 1] = float(product @ basis[made - 1])
        for _ in range(2):  # twice is enough
            product = product - basis[:made].T @ (basis[:made] @ product)
        beyond = float(product.norm())
        if not math.isfinite(beyond):
            return Largest(math.nan, start, math.nan, made)
        values, vectors = np.linalg.eigh(small[:made, :made])
        scale = float(np.abs(values).max())
        residual = beyond * abs(float(vectors[-1, -1])) / scale if scale else 0.0
        if residual <= tolerance or made == products:
            break
        small[made, made - 1] = small[made - 1, made] = beyond
        basis[made] = product / beyond
    shares = torch.from_numpy(vectors[:, -1].copy()).to(basis)
    vector = basis[:made].T @ shares
    return Largest(float(values[-1]), vector / vector.norm(), residual, made)
