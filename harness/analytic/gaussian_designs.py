"""Linear regression on drawn Gaussian features: its risk as features or examples are added.

Features are independent standard normal numbers, so the risk of fitted coefficients w is |w - b|^2,
coefficients that are not fitted counting as zero: no test set is drawn.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from harness.analytic.least_squares import nested_least_squares, nested_samples
from harness.analytic.ridge import ridge_coefficients
from harness.analytic.risks import best_penalty, captured
from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]


class PowerLaw(Value, frozen=True):
    """Targets with coefficients b_j proportional to j^-decay on the leading features, of norm one.

    Args:
        features: how many leading features count; the others have coefficient zero.
        noise: variance of the targets' noise.
        decay: 0 gives all of them the same coefficient.
    """

    features: int
    noise: float
    decay: float = 0.0

    def squares(self, n: int, total: int) -> Floats:
        """The squared coefficients b_j^2 [total]; those without a feature are zero."""
        import numpy as np

        squares = np.zeros(total)
        squares[: self.features] = np.arange(1.0, min(self.features, total) + 1) ** (-2 * self.decay)
        return squares / np.sum(np.arange(1.0, self.features + 1) ** (-2 * self.decay))


class ApproximationBias(Value, frozen=True):
    """Targets of which p features hold ``captured(p / n, exponent)``; see ``risks.approximation_limit``.

    Args:
        exponent: how fast the approximation improves with features.
        noise: variance of the targets' noise.
    """

    exponent: float
    noise: float

    def squares(self, n: int, total: int) -> Floats:
        """The squared coefficients b_j^2 [total], for n examples."""
        import numpy as np

        return np.diff([captured(p / n, self.exponent) for p in range(total + 1)])


def width_risks(
    generator: np.random.Generator,
    *,
    n: int,
    widths: Sequence[int],
    targets: Sequence[PowerLaw | ApproximationBias],
    designs: int,
    ridge: bool = False,
) -> dict[str, Floats]:
    """Risks of least squares on the leading p features for every width p, averaged over designs.

    Args:
        generator: draws features and noise; all kinds of targets share both.
        n: examples.
        widths: increasing numbers of features.
        targets: kinds of targets.
        designs: independent draws.
        ridge: with the best penalty of each width, instead of the solution of minimum norm.

    Returns:
        ``risk`` and ``log_risk`` (the mean of logs), [targets, widths].
    """
    import numpy as np

    squares = np.stack([kind.squares(n, widths[-1]) for kind in targets], axis=1)
    beyond = np.array([_beyond(kind, n, widths[-1]) for kind in targets])
    deviations = np.sqrt([kind.noise for kind in targets] + beyond)
    wanted = [[_penalty(kind, squares[:p, i], beyond[i]) for i, kind in enumerate(targets)] for p in widths]
    rows = []
    for _ in range(designs):
        features = np.asfortranarray(generator.standard_normal((n, widths[-1])))
        outputs = features @ np.sqrt(squares) + generator.standard_normal((n, 1)) * deviations
        coefficients = (
            _ridge(features, outputs, widths, wanted) if ridge else _free(features, outputs, widths)
        )
        rows.append([((w - np.sqrt(squares)) ** 2).sum(0) + beyond for w in coefficients])
    return _averaged(np.array(rows).transpose(2, 0, 1))


def sample_risks(
    generator: np.random.Generator,
    *,
    d: int,
    sizes: Sequence[int],
    noise: float,
    designs: int,
    ridge: bool = False,
) -> dict[str, Floats]:
    """Risks of least squares on d features and the first n examples for every size n, over designs.

    Args:
        generator: draws features, coefficients (a direction; their norm is one) and noise.
        d: features.
        sizes: increasing numbers of examples; smaller training sets are the start of larger ones.
        noise: variance of the targets' noise.
        designs: independent draws.
        ridge: with the best penalty, which is the same for all sizes, instead of minimum norm.

    Returns:
        ``risk`` and ``log_risk`` (the mean of logs), [sizes].
    """
    import numpy as np

    penalty, identity, rows = best_penalty(d, 1.0, noise), np.eye(d), []
    for _ in range(designs):
        features = np.asfortranarray(generator.standard_normal((sizes[-1], d)))
        true = generator.standard_normal((d, 1))
        true /= np.linalg.norm(true)
        outputs = features @ true + np.sqrt(noise) * generator.standard_normal((sizes[-1], 1))
        if ridge:
            coefficients = [ridge_coefficients(features[:n], outputs[:n], penalty) for n in sizes]
        else:
            coefficients = [fit.test for fit in nested_samples(features, outputs, sizes, identity)]
        rows.append([float(((w - true) ** 2).sum()) for w in coefficients])
    return _averaged(np.array(rows))


def _beyond(kind: PowerLaw | ApproximationBias, n: int, total: int) -> float:
    """The squared norm of coefficients beyond the last feature drawn: noise to all widths."""
    return max(0.0, 1.0 - float(kind.squares(n, total).sum()))


def _penalty(kind: PowerLaw | ApproximationBias, inside: Floats, beyond: float) -> float:
    signal = float(inside.sum())
    return best_penalty(len(inside), signal, kind.noise + max(0.0, 1.0 - signal - beyond) + beyond)


def _free(features: Floats, outputs: Floats, widths: Sequence[int]) -> list[Floats]:
    """Coefficients of minimum norm at each width, [features, targets]."""
    import numpy as np

    identity = _identity(features.shape[1])
    return [np.asarray(fit.test) for fit in nested_least_squares(features, outputs, widths, identity)]


def _ridge(
    features: Floats, outputs: Floats, widths: Sequence[int], penalties: Sequence[Sequence[float]]
) -> list[Floats]:
    """Coefficients with the penalty of each width and kind of targets, [features, targets]."""
    import numpy as np

    coefficients = []
    for width, wanted in zip(widths, penalties, strict=True):
        leading = features[:, :width]
        fits = [ridge_coefficients(leading, outputs[:, i], penalty) for i, penalty in enumerate(wanted)]
        coefficients.append(np.pad(np.stack(fits, axis=1), ((0, features.shape[1] - width), (0, 0))))
    return coefficients


@functools.lru_cache(maxsize=2)
def _identity(size: int) -> Floats:
    """The unit vectors [size, size], at which predictions are the coefficients."""
    import numpy as np

    return np.eye(size)


def _averaged(risks: Floats) -> dict[str, Floats]:
    """Means over the designs, the last axis but one."""
    import numpy as np

    return {"risk": risks.mean(axis=-2), "log_risk": np.log(risks).mean(axis=-2)}
