"""The Gram matrix of a wide ReLU layer, and gradient descent held against it, in float64.

Du et al. 2019: f(x) = m^-1/2 sum_r a_r relu(w_r x) with signs a_r that stay, w_r ~ N(0, I), inputs of unit
norm and the loss |f - y|^2 / 2, trained by full gradient descent on the w_r alone. For wide nets the residual
obeys r <- (I - step H) r, where H_ij = x_i x_j P(w x_i > 0 and w x_j > 0). Arora et al. 2019 read from the
same H which labels are learnt fast.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.analytic.dense_nets import rectified
from harness.analytic.scores import flat
from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.data.split import Split

    Floats: TypeAlias = NDArray[np.float64]

STEP = 0.5
"""Step times the largest eigenvalue of the limit H: along its vector a step halves the residual."""
FITTED = 1e-12
"""Residual^2 relative to its start, above the rounding of float64, at which a training ends."""
TOLD_APART = 1e-3
"""Residual^2 relative to its start at which near-duplicates count as told apart."""


def limit_gram(x: Floats) -> Floats:
    """The Gram matrix H [n, n] of infinite width at unit vectors x [n, d].

    H_ij = x_i x_j (pi - arccos(x_i x_j)) / 2 pi, off by up to 1e-8 between equal vectors, where arccos is
    steep.
    """
    import numpy as np

    products = np.clip(x @ x.T, -1.0, 1.0)
    np.fill_diagonal(products, 1.0)  # arccos turns a rounding error of 1e-16 into one of 1e-8
    return products * (math.pi - np.arccos(products)) / (2 * math.pi)


def gram(x: Floats, w: Floats) -> Floats:
    """The Gram matrix H [n, n] of the units w [m, d] at inputs x [n, d]."""
    active = (x @ w.T > 0).astype(float)
    return (x @ x.T) * (active @ active.T) / len(w)


def unit_vectors(generator: np.random.Generator, n: int, d: int) -> Floats:
    """Points [n, d] drawn uniformly from the unit sphere in d dimensions."""
    return normalized(generator.standard_normal((n, d)))


def normalized(x: Floats) -> Floats:
    """The rows of x [n, d], scaled to norm one."""
    import numpy as np

    return x / np.linalg.norm(x, axis=1, keepdims=True)


@dataclasses.dataclass
class SignedLayer:
    """A net of m units: first layer w [m, d], signs [m], and the factor before the sum."""

    w: Floats
    signs: Floats
    factor: float

    def output(self, x: Floats) -> Floats:
        """The outputs f(x) [n] at inputs x [n, d]."""
        import numpy as np

        return self.factor * np.maximum(x @ self.w.T, 0.0) @ self.signs

    def descend(self, x: Floats, y: Floats, step: float) -> Floats:
        """One step of gradient descent on |f - y|^2 / 2, in place; the residual before it, [n]."""
        outputs = rectified(x @ self.w.T)
        residual = self.factor * outputs @ self.signs - y
        back = (residual[:, None] * (outputs > 0)).T @ x
        self.w -= step * self.factor * self.signs[:, None] * back
        return residual


def drawn_layer(generator: np.random.Generator, m: int, d: int, power: float = 0.5) -> SignedLayer:
    """Gaussian units and fair signs; the factor is m^-power."""
    w, signs = generator.standard_normal((m, d)), generator.choice([-1.0, 1.0], size=m)
    return SignedLayer(w, signs, m**-power)


def gram_errors(
    generator: np.random.Generator, *, n: int, d: int, widths: Sequence[int], shift: float
) -> dict[str, float]:
    """Spectral norm of the difference between the Gram matrix of finite and of infinite width.

    Results: ``error_{i}`` for the i-th width.

    Args:
        generator: inputs, and units for each width.
        shift: added to each unit's first weight; the closed form is that of zero.
    """
    import numpy as np

    x = unit_vectors(generator, n, d)
    limit = limit_gram(x)
    errors = {}
    for i, m in enumerate(widths):
        w = generator.standard_normal((m, d))
        w[:, 0] += shift
        errors[f"error_{i}"] = float(np.linalg.norm(gram(x, w) - limit, 2))
    return errors


def descent(
    generator: np.random.Generator, *, n: int, widths: Sequence[int], power: float, steps: int
) -> dict[str, Any]:
    """Gradient descent at several widths, on n points of the sphere in n dimensions with Gaussian labels.

    The step is ``STEP`` / lambda_max of the limit H, times m^(2 power - 1), so that in function space it
    does not depend on the width; lambda_0 is the smallest eigenvalue of the limit H. Results, for the i-th
    width:
    ``rate_{i}``, the worst factor by which a step changes residual^2, and ``bound``, 1 - step lambda_0 / 2;
    ``late_{i}``, the slope of log residual^2 over the last third of the steps, divided by
    2 log(1 - step lambda_0);
    ``straight_{i}``, R^2 of a line through the log over the second half;
    ``moved_{i}`` and ``frobenius_{i}``, the largest movement of a unit and the norm of all movement;
    ``flipped_{i}``, the share of changed activation patterns; ``linear_{i}``, the largest distance, over
    steps, to the outputs of the linearised net, relative to |y|; and ``residuals``, [width, step], relative
    residual^2, NaN after the end.

    Args:
        generator: inputs, labels, and a net for each width.
        widths: numbers of units m.
        power: 1/2 as in the paper; 1 is the mean-field scaling, in which units move.
        steps: budget; a training ends when residual^2 is ``FITTED`` of its start.
    """
    import numpy as np

    x, y = unit_vectors(generator, n, n), generator.standard_normal(n)
    values = np.linalg.eigvalsh(limit_gram(x))
    step = STEP / float(values[-1])
    results: dict[str, Any] = {"bound": 1 - step * float(values[0]) / 2}
    curves = np.full((len(widths), steps), np.nan)
    for i, m in enumerate(widths):
        layer = drawn_layer(generator, m, n, power)
        measured, curve = _descended(layer, x, y, step * m ** (2 * power - 1), steps)
        curves[i, : len(curve)] = curve
        results |= {f"{name}_{i}": value for name, value in measured.items()}
        results[f"late_{i}"] = _slope(curve[len(curve) * 2 // 3 :]) / (2 * math.log1p(-step * values[0]))
        results[f"rate_{i}"] = float(np.max(curve[1:] / curve[:-1]))
        results[f"straight_{i}"] = _straightness(curve[len(curve) // 2 :])
    return results | {"residuals": curves}


def _descended(
    layer: SignedLayer, x: Floats, y: Floats, step: float, steps: int
) -> tuple[dict[str, float], Floats]:
    import numpy as np

    start = layer.w.copy()
    kernel = gram(x, start) * len(start) * layer.factor**2
    linear = layer.output(x) - y
    apart, curve = 0.0, []
    for _ in range(steps):
        residual = layer.descend(x, y, step)
        apart = max(apart, float(np.linalg.norm(residual - linear)))
        curve.append(float(residual @ residual))
        linear = linear - step * kernel @ linear
        if curve[-1] <= FITTED * curve[0]:
            break
    moved = layer.w - start
    measured = {
        "moved": float(np.linalg.norm(moved, axis=1).max()),
        "frobenius": float(np.linalg.norm(moved)),
        "flipped": float(np.mean((x @ start.T > 0) != (x @ layer.w.T > 0))),
        "linear": apart / float(np.linalg.norm(y)),
    }
    return measured, np.array(curve) / curve[0]


def _slope(curve: Floats) -> float:
    """The slope per step of the log of a curve, by least squares."""
    import numpy as np

    return float(np.polyfit(np.arange(len(curve)), np.log(curve), 1)[0])


def _straightness(curve: Floats) -> float:
    """R^2 of a line through the log of a curve; NaN where it is level."""
    import numpy as np

    if not np.ptp(curve) > 0:
        return math.nan
    return float(np.corrcoef(np.arange(len(curve)), np.log(curve))[0, 1] ** 2)


def near_duplicates(
    generator: np.random.Generator, *, n: int, m: int, distances: Sequence[float], alike: bool, steps: int
) -> dict[str, float]:
    """The steps that pairs of inputs at a small distance take to be told apart.

    Results, for the i-th distance: ``smallest_{i}``, the smallest eigenvalue of the limit H; ``steps_{i}``,
    steps of ``STEP`` / lambda_max until residual^2 is ``TOLD_APART`` of its start (``steps`` if that takes
    longer).

    Args:
        generator: n / 2 points of the sphere in n dimensions, the directions in which their partners lie,
            labels and a net of m units; all distances share them.
        distances: length of the displacement before it is normalized.
        alike: partners have the same label; otherwise labels of their own.
        steps: budget.
    """
    import numpy as np

    x, away = unit_vectors(generator, n // 2, n), unit_vectors(generator, n // 2, n)
    labels = generator.standard_normal((2, n // 2))
    y = np.concatenate([labels[0], labels[0] if alike else labels[1]])
    net = drawn_layer(generator, m, n)
    results = {}
    for i, distance in enumerate(distances):
        pairs = np.concatenate([x, normalized(x + distance * away)])
        values = np.linalg.eigvalsh(limit_gram(pairs))
        layer = dataclasses.replace(net, w=net.w.copy())
        results[f"smallest_{i}"] = float(values[0])
        results[f"steps_{i}"] = float(_steps_to(layer, pairs, y, STEP / float(values[-1]), steps))
    return results


def _steps_to(layer: SignedLayer, x: Floats, y: Floats, step: float, steps: int) -> int:
    """The number of steps after which residual^2 is at most ``TOLD_APART`` of its start."""
    first = layer.output(x) - y
    for done in range(steps):
        residual = layer.descend(x, y, step)
        if residual @ residual <= TOLD_APART * (first @ first):
            return done
    return steps


class LabelsAgainstGram(Value, frozen=True):
    """Training on odd against even labels, or on coin flips: speed, and what the limit H says of it.

    Results: ``residual``, |f - y|^2 relative to its start after ``steps`` steps of ``STEP`` / lambda_max; and
    ``complexity``, y^T H^-1 y (Arora et al. 2019), with |y|^2 = n.

    Args:
        units: width m.
        steps: of gradient descent.
        flipped: coin flips for labels.
    """

    units: int = 1024
    steps: int = 100
    flipped: bool = False

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, float]:
        """One training."""
        import numpy as np

        x = normalized(flat(split.x_train))
        y = np.where(split.y_true % 2, 1.0, -1.0)
        if self.flipped:
            y = generator.choice([-1.0, 1.0], size=len(y))
        limit = limit_gram(x)
        step = STEP / float(np.linalg.eigvalsh(limit)[-1])
        layer = drawn_layer(generator, self.units, x.shape[1])
        start = layer.output(x) - y
        for _ in range(self.steps):
            layer.descend(x, y, step)
        end = layer.output(x) - y
        return {
            "residual": float(end @ end / (start @ start)),
            "complexity": float(y @ np.linalg.solve(limit, y)),
        }
