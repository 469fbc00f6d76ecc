"""Probes of the curvature of the training loss where any net ends: its largest eigenvalue, and its trace."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.analytic.eigenvalues import largest_eigenvalue
from harness.analytic.scores import require_positive
from harness.analytic.weighed_loss import OfTheTraining, TrainingLoss

if TYPE_CHECKING:
    import torch

    from harness.data.split import Split
    from harness.spec.informed import HowTrained


class Sharpness(OfTheTraining, frozen=True):
    """The largest eigenvalue of the Hessian of the mean training loss, penalties of the optimizer left out.

    Results: ``sharpness``; ``residual``, the length of H v - sharpness v over the largest eigenvalue in size
    that was met, of the vector v of length one; ``products`` with the Hessian that it took. It is sought by
    Lanczos from a random vector of the run's stream, in float64. All NaN where the loss is not finite.

    Args:
        tolerance: residual at which it is reached.
        products: budget.

    Raises:
        ValueError: a number that is not positive.
    """

    tolerance: float = 1e-4
    products: int = 2000

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("tolerance", "products"):
            require_positive("Sharpness", name, getattr(self, name))

    def measure_trained(self, model: torch.nn.Module, split: Split, training: HowTrained) -> dict[str, float]:
        """The eigenvalue, and how near it is.

        Raises:
            ValueError: the tolerance was not reached within the budget.
        """
        loss = TrainingLoss(model, split, training.loss)
        best = largest_eigenvalue(loss.times, loss.start(training), self.tolerance, self.products)
        return {
            "sharpness": best.value,
            "residual": best.residual,
            "products": float(best.products),
        }


class Trace(OfTheTraining, frozen=True):
    """The trace of the Hessian of the mean training loss, penalties of the optimizer left out.

    It is the mean of v H v over random vectors v of signs from the run's stream (Hutchinson), in float64; of
    nets with no more weights than vectors it is the sum of the diagonal, exact. Results: ``trace``;
    ``trace_error``, the standard error of that mean, 0 where it is exact.

    Args:
        vectors: how many, 2 or more.

    Raises:
        ValueError: fewer than two vectors.
    """

    vectors: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.vectors < 2:
            raise ValueError(f"Trace(vectors={self.vectors}): a standard error needs two")

    def measure_trained(self, model: torch.nn.Module, split: Split, training: HowTrained) -> dict[str, float]:
        """The trace and its standard error."""
        import numpy as np
        import torch

        loss = TrainingLoss(model, split, training.loss)
        if loss.weights <= self.vectors:
            units = torch.eye(loss.weights, dtype=torch.float64, device=loss.device)
            return {"trace": sum(float(unit @ loss.times(unit)) for unit in units), "trace_error": 0.0}
        generator = training.generator()
        seen = []
        for _ in range(self.vectors):
            signs = 2.0 * generator.integers(0, 2, loss.weights) - 1.0
            vector = torch.from_numpy(signs).to(loss.device)
            seen.append(float(vector @ loss.times(vector)))
        error = float(np.std(seen, ddof=1)) / math.sqrt(self.vectors)
        return {"trace": float(np.mean(seen)), "trace_error": error}
