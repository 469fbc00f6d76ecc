"""Measures of complexity, computed: how well a class fits coin flips, and the bounds that follow.

Sources: Zhang et al. 2017, Section 2.2 (Rademacher complexity, uniform stability); the bounds as in Mohri,
Rostamizadeh and Talwalkar 2018, Theorem 3.5 (Rademacher), Corollary 3.19 (VC dimension) and Theorem 5.8
(margin); Cover 1965 (what hyperplanes through the origin can separate).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.analytic.kernel_interpolation import KernelFunction, interpolate
from harness.analytic.minimum_norm import minimum_norm
from harness.analytic.scores import flat, require_positive
from harness.data.labels import LabelChange
from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.data.split import Split

    Floats: TypeAlias = NDArray[np.float64]


class CoinFlips(LabelChange, frozen=True):
    """Every label is replaced by class 0 or class 1, drawn by a fair coin."""

    def apply(
        self, labels: NDArray[np.int64], classes: int, generator: np.random.Generator
    ) -> NDArray[np.int64]:
        """New labels [n]; the given ones are not written to."""
        return generator.integers(2, size=len(labels))


def confidence(n: int, delta: float) -> float:
    """The price of n examples at confidence 1 - delta, sqrt(ln(1 / delta) / 2n)."""
    return math.sqrt(math.log(1 / delta) / (2 * n))


def rademacher_bound(train_error: float, complexity: float, n: int, delta: float = 0.05) -> float:
    """Test error that n examples guarantee for classifiers of an empirical Rademacher complexity.

    train_error + complexity + 3 sqrt(ln(2 / delta) / 2n) with the complexity of the classifiers' values
    in {-1, 1}; that of their losses is half of it. Above 1 it says nothing.
    """
    return train_error + complexity + 3 * confidence(n, delta / 2)


def vc_bound(dimension: int, n: int, delta: float = 0.05) -> float:
    """Difference of test and training error that n examples guarantee for a VC dimension up to n."""
    return math.sqrt(2 * dimension * math.log(math.e * n / dimension) / n) + confidence(n, delta)


def hyperplane_ceiling(n: int, d: int) -> float:
    """No less than the Rademacher complexity of sign <w, x> over n points in d dimensions.

    sqrt(2 ln(count) / n) by Massart's lemma, with Cover's count of labelings, 2 sum_{k < d} C(n - 1, k);
    at most 1.
    """
    count = 2 * sum(math.comb(n - 1, k) for k in range(min(n, d)))
    return min(1.0, math.sqrt(2 * math.log(count) / n))


class FitsCoinFlips(Value, frozen=True):
    """The fit of kernel or linear classifiers of the images to fair signs: complexity from below and above.

    Results: ``correlation``, the mean of sign_i times the fitted classifier's sign over examples and draws,
    which is no more than the empirical Rademacher complexity of the class up to the spread of the draws;
    ``ceiling``, no less than it (1 for a kernel); ``bound``, the guaranteed test error of a classifier
    without training error: of a kernel by the correlation, of hyperplanes by the ceiling, and with the
    training error of the least squares classifier of odd against even labels, ``train_error``.

    Args:
        kernel: such as ``GaussianKernel(1.5)``, interpolating; None for least squares on the pixels.
        draws: of signs.

    Raises:
        ValueError: no positive number of draws.
    """

    kernel: KernelFunction | None
    draws: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive("FitsCoinFlips", "draws", self.draws)

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """Complexity from both sides, and the test error that it guarantees."""
        import numpy as np

        points = flat(split.x_train)
        n, d = points.shape
        signs = generator.choice([-1.0, 1.0], size=(n, self.draws))
        targets = np.column_stack([signs, odd(split.y_true)])
        fitted = np.sign(self._fitted(points, targets))
        correlation = float((fitted[:, :-1] * signs).mean())
        ceiling = hyperplane_ceiling(n, d) if self.kernel is None else 1.0
        train_error = float((fitted[:, -1] != targets[:, -1]).mean())
        complexity = ceiling if self.kernel is None else correlation
        bound = rademacher_bound(train_error, complexity, n)
        return {"correlation": correlation, "ceiling": ceiling, "train_error": train_error, "bound": bound}

    def _fitted(self, points: Floats, targets: Floats) -> Floats:
        if self.kernel is None:
            return points @ minimum_norm(points, targets).coefficients
        return interpolate(self.kernel, points, targets, left_out=False).predict(points)


class NormBound(Value, frozen=True):
    """The margin bound of a kernel interpolant of odd against even labels, or of coin flips.

    Results: those of ``norm_bound``, and ``test_error`` against odd and even.

    Args:
        kernel: with kernel values of at most 1 on the diagonal, as the Gaussian and the Laplace kernel.
        flipped: interpolate fair signs instead.
    """

    kernel: KernelFunction
    flipped: bool = False

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """The norm and what it guarantees."""
        signs = odd(split.y_true)
        if self.flipped:
            signs = generator.choice([-1.0, 1.0], size=len(signs))
        return norm_bound(self.kernel, flat(split.x_train), signs, flat(split.x_test), odd(split.y_test))


def norm_bound(
    kernel: KernelFunction,
    points: Floats,
    signs: Floats,
    points_test: Floats,
    signs_test: Floats,
    delta: float = 0.05,
) -> dict[str, float]:
    """The interpolant of signs [n] at points [n, d] and the test error that its norm guarantees.

    ``bound`` = 2 norm / sqrt(n) + 3 sqrt(ln(2 / delta) / 2n), for a ball whose radius is the norm found and
    at margin 1, where no training example is below it. Strictly the radius had to be fixed before; allowing
    for that only raises the bound.
    """
    import numpy as np

    interpolant = interpolate(kernel, points, signs[:, None], left_out=False)
    norm = float(interpolant.norms(interpolant.predict(points))[0])
    wrong = np.sign(interpolant.predict(points_test)[:, 0]) != signs_test
    bound = rademacher_bound(0.0, 2 * norm / math.sqrt(len(points)), len(points), delta)
    return {"norm": norm, "bound": bound, "test_error": float(wrong.mean())}


def clusters(
    generator: np.random.Generator, *, kernel: KernelFunction, n: int, d: int, apart: float
) -> dict[str, float]:
    """``norm_bound`` where it is easy: two Gaussian clouds at a distance, labeled by cloud.

    Args:
        generator: the points' randomness; deviation 1 in every direction.
        kernel: such as ``GaussianKernel(20.0)``.
        n: training points, and test points.
        d: dimensions.
        apart: distance of the centres.
    """
    import numpy as np

    signs = np.where(np.arange(2 * n) % 2, 1.0, -1.0)
    points = generator.standard_normal((2 * n, d))
    points[:, 0] += signs * apart / 2
    return norm_bound(kernel, points[:n], signs[:n], points[n:], signs[n:])


def odd(labels: NDArray[np.int64]) -> Floats:
    """Signs of labels: 1 where one is odd, -1 where it is even."""
    import numpy as np

    return np.where(labels % 2, 1.0, -1.0)
