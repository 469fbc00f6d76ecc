"""Solutions of minimum norm of linear models, their representer form, and where gradient descent ends.

Sources: Zhang et al. 2017, Section 5 (SGD from zero stays in the span of the examples, so w = X' alpha
with X X' alpha = y); Hastie, Montanari, Rosset and Tibshirani 2019, Proposition 1 (gradient descent).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from harness.analytic.scores import require_finite

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]


class MinimumNorm(NamedTuple):
    """The least squares solution of minimum norm, coefficients = features' alpha.

    Attributes:
        coefficients: [p, r].
        alpha: [n, r], itself of minimum norm where the examples' features are dependent.
        rank: of the features.
    """

    coefficients: Floats
    alpha: Floats
    rank: int


def minimum_norm(features: Floats, targets: Floats) -> MinimumNorm:
    """The pseudo-inverse solution for features [n, p] and targets [n, r], of any shape and rank.

    It is computed from singular values, those below eps max(n, p) times the largest taken for zero, as
    numpy does.
    ``alpha`` is as ill conditioned as features features', the coefficients only as the features.

    Raises:
        ValueError: numbers that are not finite.
    """
    import numpy as np

    require_finite(features=features, targets=targets)
    left, singular, right = np.linalg.svd(features, full_matrices=False)
    cut_off = singular[0] * max(features.shape) * np.finfo(np.float64).eps
    rank = int((singular > cut_off).sum())
    left, singular, right = left[:, :rank], singular[:rank, None], right[:rank]
    shares = (left.T @ targets) / singular
    return MinimumNorm(right.T @ shares, left @ (shares / singular), rank)


def descent_limit(features: Floats, targets: Floats, start: Floats) -> Floats:
    """The end [p, r] of gradient descent on squared error from ``start`` [p, r], at a small step.

    It is the least squares solution nearest to the start: steps are combinations of examples, so what
    is orthogonal to all of them never moves; from zero it is the solution of minimum norm. Stochastic
    gradient descent with a constant step ends there too if the targets can be fitted exactly; where
    they cannot, it does not settle.
    """
    return start + minimum_norm(features, targets - features @ start).coefficients
