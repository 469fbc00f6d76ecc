"""Descent on a two-layer linear network of one example, beyond the step at which its linearization diverges.

f = v . u / sqrt(m) is to be zero; the curvature of the loss f^2 / 2 is (|u|^2 + |v|^2) / m (Lewkowycz et al.
2020). A step in units of 1 / curvature at the start says where theory puts the run: below 2, between 2 and
4, or beyond.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

FITTED, DIVERGED = 1e-12, 1e12
"""Losses, in units of the first one, at which a run counts as fitted or as diverged."""
MOST_STEPS = 3000
"""Ten times what a run at half of the critical step takes to 1e-12."""


def two_layers(generator: np.random.Generator, m: int, step: float, linearized: bool) -> dict[str, float]:
    """Descend with a network of m units, or with its linearization at the start.

    Args:
        m: hidden units; their weights u and v [unit] are drawn from the standard normal distribution.
        step: the learning rate times the curvature at the start.
        linearized: take the gradient at the start for the gradient everywhere.

    Returns:
        ``fitted`` and ``diverged`` (0 or 1), ``log_rise``: the largest loss over the first one, in
        powers of ten, ``curvature``: at the end, over that at the start, ``edge``: the learning rate times
        the curvature at the end.
    """
    import numpy as np

    u, v = generator.normal(size=(2, m))
    start_u, start_v = u, v
    curvature = first = float(u @ u + v @ v) / m
    rate = step / curvature
    f = start = float(v @ u) / np.sqrt(m)
    largest = 1.0
    for _ in range(MOST_STEPS):
        along_u, along_v = (start_v, start_u) if linearized else (v, u)
        change = rate * f / np.sqrt(m)
        moved_u, moved_v = u - change * along_u, v - change * along_v
        if linearized:
            f -= rate * f * first
        else:
            f = float(moved_v @ moved_u) / np.sqrt(m)
        u, v = moved_u, moved_v
        loss = (f / start) ** 2
        largest = max(largest, loss)
        if not FITTED < loss < DIVERGED:
            break
    curvature = first if linearized else float(u @ u + v @ v) / m
    return {
        "fitted": float(loss <= FITTED),
        "diverged": float(loss >= DIVERGED),
        "log_rise": float(np.log10(largest)),
        "curvature": curvature / first,
        "edge": rate * curvature,
    }
