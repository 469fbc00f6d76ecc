"""The flows that gradient descent follows: backward error analysis, in float64.

A step theta - h g of gradient descent on E, g = grad E, stays to order h^3 on the gradient flow of
E + (h/4) |g|^2 (Barrett and Dherin 2021, Theorem 3.1), and to order h^4 once the next term of the expansion
is added (Hairer, Lubich and Wanner, Geometric Numerical Integration, IX.1, for Euler's method). The mean over
the orders of an epoch's batches follows E + (h/4) mean_k |g_k|^2 (Smith et al. 2021, Section 2).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Array: TypeAlias = NDArray[Any]  # float64, or complex128 for an imaginary step
    Gradient: TypeAlias = Callable[[Array], Array]
    Field: TypeAlias = Callable[[Floats], Floats]

TINY = 1e-30  # imaginary step: its square is lost beside one, so that the complex step errs by rounding alone
APART = 1e-4  # step of a central difference, over the length of the vector along which it is taken
RELATIVE, ABSOLUTE = 1e-12, 1e-14  # tolerances of the flows' weights
ITERATIONS, SETTLED = 1000, 1e-15  # of an implicit step: at most, and the relative change that ends them
PENALTY = 1e-3  # over the step size: so small that the flow's end is linear in it
LONG = 40.0  # time after which a flow of the two-parameter model has come to rest
DESCENTS, RESIDUAL = 200_000, 1e-12  # steps of its descent at most, and the residual that ends it
INPUTS, UNITS, EXAMPLES, BATCHES = 4, 8, 16, 4  # of the nets that are followed


@dataclasses.dataclass(frozen=True)
class TanhNet:
    """E = mean over examples of (f(x) - y)^2 / 2 for a net f with one layer of tanh units.

    Weights are one vector [..., p], p = units (d + 2) + 1: the first layer [units, d], its biases, the
    second layer and its bias; any number of nets at once. Complex weights are allowed.

    Attributes:
        x: inputs [n, d]; y: targets [n]; units: width of the hidden layer.
    """

    x: Floats
    y: Floats
    units: int

    @property
    def size(self) -> int:
        """The number p of weights."""
        return self.units * (self.x.shape[1] + 2) + 1

    def gradient(self, theta: Array) -> Array:
        """The gradient of E at each of the weights [..., p]."""
        import numpy as np

        n, d = self.x.shape
        a, b, c = self.units * d, self.units * (d + 1), self.units * (d + 2)
        first, biases, second, bias = theta[..., :a], theta[..., a:b], theta[..., b:c], theta[..., c:]
        inner = first.reshape(*theta.shape[:-1], self.units, d) @ self.x.T + biases[..., None]
        active = np.tanh(inner)
        residual = ((second[..., None] * active).sum(-2) + bias - self.y) / n
        back = second[..., None] * residual[..., None, :] * (1 - active**2)
        parts = (
            (back @ self.x).reshape(*theta.shape[:-1], self.units * d),
            back.sum(-1),
            (active * residual[..., None, :]).sum(-1),
            residual.sum(-1, keepdims=True),
        )
        return np.concatenate(parts, -1)

    def split(self, batches: int) -> list[TanhNet]:
        """The same net on each of so many equal batches of the examples."""
        import numpy as np

        pairs = zip(np.split(self.x, batches), np.split(self.y, batches), strict=True)
        return [TanhNet(x, y, self.units) for x, y in pairs]


@dataclasses.dataclass(frozen=True)
class Product:
    """E = (y - a b)^2 / 2 of the weights (a, b), [..., 2]: the two-parameter model of Barrett and Dherin."""

    y: float

    def gradient(self, theta: Array) -> Array:
        """The gradient of E at each of the weights [..., 2]."""
        return -(self.y - theta[..., :1] * theta[..., 1:]) * theta[..., ::-1]


def hessian_times(gradient: Gradient, theta: Floats, v: Floats) -> Floats:
    """The Hessian of E times v, exact to rounding: the gradient along an imaginary step (complex step)."""
    import numpy as np

    return np.imag(gradient(theta + 1j * TINY * v)) / TINY


def third_times(gradient: Gradient, theta: Floats, v: Floats) -> Floats:
    """The third derivative of E applied to v twice, by a central difference of Hessian times v."""
    apart = _apart(v)
    sides = [hessian_times(gradient, theta + sign * apart * v, v) for sign in (1.0, -1.0)]
    return (sides[0] - sides[1]) / (2 * apart)


def _apart(v: Floats) -> float:
    """The step of the central difference along v."""
    import numpy as np

    return APART / max(1.0, float(np.linalg.norm(v)))


def penalized(gradient: Gradient, coefficient: float) -> Field:
    """The gradient flow of E + coefficient |grad E|^2 as a vector field."""

    def field(theta: Floats) -> Floats:
        g = gradient(theta)
        return -g - 2 * coefficient * hessian_times(gradient, theta, g) if coefficient else -g

    return field


def second_order(gradient: Gradient, h: float) -> Field:
    """The field that steps of size h follow to one order more than the flow of E + (h/4) |grad E|^2.

    Its three products with Hessians, the Hessian squared and the two sides of ``third_times``, are one call.
    """
    import numpy as np

    def field(theta: Floats) -> Floats:
        g = gradient(theta)
        once = hessian_times(gradient, theta, g)
        apart = _apart(g)
        places = np.stack([theta, theta + apart * g, theta - apart * g])
        twice, ahead, behind = hessian_times(gradient, places, np.stack([once, g, g]))
        third = (ahead - behind) / (2 * apart)
        return -g - 2 * (h / 4) * once - h**2 * (twice / 3 + third / 12)

    return field


def flowed(field: Field, start: Floats, time: float) -> Floats:
    """The weights [p] to which a field carries the start in a time (Dormand and Prince, order 8)."""
    import numpy as np
    from scipy.integrate import solve_ivp

    solution = solve_ivp(
        lambda _, theta: field(theta), (0.0, time), start, method="DOP853", rtol=RELATIVE, atol=ABSOLUTE
    )
    return np.asarray(solution.y[:, -1], dtype=np.float64)


def explicit_step(gradient: Gradient, theta: Floats, h: float) -> Floats:
    """One step of gradient descent."""
    return theta - h * gradient(theta)


def implicit_step(gradient: Gradient, theta: Floats, h: float) -> Floats:
    """The step whose gradient is taken at its end, solved by iteration (it converges where h |H| < 1)."""
    import numpy as np

    after = theta
    for _ in range(ITERATIONS):
        before, after = after, theta - h * gradient(after)
        if np.abs(after - before).max() <= SETTLED * (1 + np.abs(after).max()):
            break
    return after


STEPS = {"explicit": explicit_step, "implicit": implicit_step}


def drawn_net(generator: np.random.Generator, n: int, d: int, units: int) -> tuple[TanhNet, Floats]:
    """Gaussian inputs, targets of Gaussian noise, and weights of variance 1 / (inputs of their layer)."""
    import numpy as np

    net = TanhNet(generator.standard_normal((n, d)), generator.standard_normal(n), units)
    scales = np.repeat([d**-0.5, units**-0.5], [units * (d + 1), units + 1])
    return net, scales * generator.standard_normal(net.size)


def tracking(
    generator: np.random.Generator, *, steps: Sequence[float], time: float, rule: str, strength: float
) -> dict[str, float]:
    """The distances at which steps of several sizes end from three flows, after one step and a fixed time.

    Results, for the i-th step size and k = 0 (gradient flow), 1 (modified flow) and 2 (one term more):
    ``local{k}_{i}`` and ``global{k}_{i}``, distances of weights; and ``coefficient_{i}``, lambda / (h m)
    for the penalty lambda R_IG, R_IG = |g|^2 / m, whose flow comes closest to one step.

    Args:
        generator: data and weights of a net with 4 inputs, 8 tanh units and one output, on 16 examples.
        steps: sizes h, each a divisor of ``time``.
        rule: "explicit" (gradient descent) or "implicit" (gradient at the end of the step).
        strength: multiplies h/4, the coefficient of the modified flow.
    """
    import numpy as np

    net, start = drawn_net(generator, EXAMPLES, INPUTS, UNITS)
    step, plain = STEPS[rule], penalized(net.gradient, 0.0)
    distances, followed = {}, flowed(plain, start, time)  # the gradient flow knows of no step size
    for i, h in enumerate(steps):
        fields = (plain, penalized(net.gradient, strength * h / 4), second_order(net.gradient, h))
        theta = first = step(net.gradient, start, h)
        for _ in range(round(time / h) - 1):
            theta = step(net.gradient, theta, h)
        for k, field in enumerate(fields):
            distances[f"local{k}_{i}"] = float(np.linalg.norm(first - flowed(field, start, h)))
            end = flowed(field, start, time) if k else followed
            distances[f"global{k}_{i}"] = float(np.linalg.norm(theta - end))
        distances[f"coefficient_{i}"] = closest_penalty(net.gradient, start, first, h) / h
    return distances


def closest_penalty(gradient: Gradient, start: Floats, end: Floats, h: float) -> float:
    """The c whose flow on E + c |grad E|^2 comes closest to ``end`` in time h, to first order in c."""
    plain = flowed(penalized(gradient, 0.0), start, h)
    per_unit = (flowed(penalized(gradient, PENALTY * h), start, h) - plain) / (PENALTY * h)
    return float((end - plain) @ per_unit / (per_unit @ per_unit))


def shuffling(generator: np.random.Generator, *, steps: Sequence[float], replaced: bool) -> dict[str, float]:
    """The distance at which the mean iterate of an epoch of four batches ends from three flows.

    The mean is over all 24 orders of the batches, or all 256 sequences where batches are drawn with
    replacement. Results, for the i-th step size: ``plain_{i}``, ``descent_{i}`` and ``reshuffled_{i}``,
    distances from the flows of E, E + (h/4) |g|^2 and E + (h/4) mean_k |g_k|^2 in time 4h.

    Args:
        generator: data and weights of a net with 4 inputs, 8 tanh units and one output, on 16 examples.
        steps: sizes h.
        replaced: draw batches with replacement.
    """
    import numpy as np

    net, start = drawn_net(generator, EXAMPLES, INPUTS, UNITS)
    batches = net.split(BATCHES)
    distances = {}
    for i, h in enumerate(steps):
        mean = mean_iterate(batches, start, h, replaced=replaced)

        def reshuffled(theta: Floats, h: float = h) -> Floats:
            return np.mean([penalized(b.gradient, h / 4)(theta) for b in batches], axis=0)

        fields = {
            "plain": penalized(net.gradient, 0.0),
            "descent": penalized(net.gradient, h / 4),
            "reshuffled": reshuffled,
        }
        for name, field in fields.items():
            distances[f"{name}_{i}"] = float(np.linalg.norm(mean - flowed(field, start, len(batches) * h)))
    return distances


def mean_iterate(batches: Sequence[TanhNet], start: Floats, h: float, *, replaced: bool) -> Floats:
    """The mean over all sequences of as many steps as there are batches, [p].

    Args:
        batches: the objective of each batch.
        start: weights [p]; h: step size.
        replaced: all sequences; otherwise the orders in which each batch comes once.
    """
    import numpy as np

    count = len(batches)
    sequences = np.array(
        list(
            itertools.product(range(count), repeat=count)
            if replaced
            else itertools.permutations(range(count))
        )
    )
    theta = np.tile(start, (len(sequences), 1))
    for place in range(count):
        for k, batch in enumerate(batches):
            rows = sequences[:, place] == k
            theta[rows] -= h * batch.gradient(theta[rows])
    return theta.mean(axis=0)


def two_parameters(
    generator: np.random.Generator, *, steps: Sequence[float], penalties: Sequence[float], rule: str
) -> dict[str, float]:
    """The ends of descent, of its flows and of penalized flows on E = (y - a b)^2 / 2.

    At a minimum a^2 + b^2 is the squared norm and the only eigenvalue of the Hessian that is not zero.
    Results: ``flow``, that number for the gradient flow; for the i-th step size ``descent_{i}``, and the
    distances of its end from those of the two flows, ``from_flow_{i}`` and ``from_modified_{i}``; for
    the i-th penalty ``penalty_{i}``, the number at the end of the flow of E + penalty |g|^2 / 2; and
    ``start_curvature``, the largest eigenvalue of the Hessian where all begin.

    Args:
        generator: starts within .3 of (2.8, 3.5) and a target y in [.5, .9].
        steps: sizes h; rule: as for ``tracking``.
        penalties: coefficients of R_IG = |g|^2 / 2.
    """
    import numpy as np

    start = np.array([2.8, 3.5]) + generator.uniform(-0.3, 0.3, 2)
    model = Product(float(generator.uniform(0.5, 0.9)))
    hessian = [hessian_times(model.gradient, start, v) for v in np.eye(2)]
    flow = flowed(penalized(model.gradient, 0.0), start, LONG)
    results = {"flow": float(flow @ flow), "start_curvature": float(np.linalg.eigvalsh(hessian)[-1])}
    for i, h in enumerate(steps):
        end = descended(model, start, h, rule)
        modified = flowed(penalized(model.gradient, h / 4), start, LONG)
        results[f"descent_{i}"] = float(end @ end)
        results[f"from_flow_{i}"] = float(np.linalg.norm(end - flow))
        results[f"from_modified_{i}"] = float(np.linalg.norm(end - modified))
    for i, penalty in enumerate(penalties):
        end = flowed(penalized(model.gradient, penalty / 2), start, LONG)
        results[f"penalty_{i}"] = float(end @ end)
    return results


def descended(model: Product, start: Floats, h: float, rule: str) -> Floats:
    """The end of steps of size h, where the residual is at most ``RESIDUAL``."""
    import numpy as np

    theta = start
    for _ in range(DESCENTS):
        if abs(model.y - float(np.prod(theta))) <= RESIDUAL:
            break
        theta = STEPS[rule](model.gradient, theta, h)
    return theta
