"""Gradient descents on all examples at once, from the step at which they were stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from harness.analytic.equal_steps import EqualSteps
from harness.analytic.full_batch import FullBatch, Network
from harness.analytic.resuming import Between, Halfway, Parts
from harness.analytic.scores import flat
from harness.spec.contracts import Weights
from harness.spec.splits import Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

ROUNDS = 60
"""Products with the Hessian for its largest eigenvalue, as ``Network.sharpness`` has them."""


def full_batch(
    solver: FullBatch, split: Split, generator: np.random.Generator, begun: Halfway | None, between: Between
) -> dict[str, float]:
    """What ``FullBatch.solve`` gives; parts are steps of the descent, then products with the Hessian."""
    import numpy as np

    train, test = _networks(solver.hidden, split)
    drawn = train.drawn(generator)
    descent = _DescentReached(
        solver, train, Parts(begun, between), begun.arrays if begun else {"theta": drawn}
    )
    descent.go()
    theta, losses = descent.theta, descent.losses
    train_loss, train_error = train.loss_and_error(theta)
    test_loss, test_error = test.loss_and_error(theta)
    gradient = train.gradient(theta)[1]
    noise = generator.standard_normal((solver.draws, len(theta)))
    noisy = [test.loss_and_error(theta * (1 + solver.noise * e))[1] for e in noise]
    results = {
        "steps": float(len(losses) - 1),
        "rises": float(np.sum(np.diff(losses) > 0)),
        "train_loss": train_loss,
        "train_error": train_error,
        "test_loss": test_loss,
        "test_error": test_error,
        "sharpness": descent.sharpness(generator),
        "r_ig": float(gradient @ gradient / len(theta)),
        "noisy_test_error": float(np.mean(noisy)),
    }
    return results if train_loss <= solver.until else dict.fromkeys(results, float("nan"))


class _DescentReached:
    """The weights reached, and all losses; then the vector of the power iteration.

    Args:
        held: the weights at first; or the arrays of a checkpoint.
    """

    def __init__(self, solver: FullBatch, train: Network, parts: Parts, held: Weights) -> None:
        self.solver, self.train, self.parts = solver, train, parts
        self.theta: Floats = held["theta"]
        self.losses: list[float] = held["losses"].tolist() if "losses" in held else []
        self.along: Floats | None = held.get("along")
        self.eigenvalue = float(held["eigenvalue"]) if "eigenvalue" in held else 0.0
        self.rounds = int(held["rounds"]) if "rounds" in held else 0

    def go(self) -> None:
        """Descend, as ``FullBatch`` does, to the first small enough loss or the end of the budget."""
        solver, train = self.solver, self.train
        while self.along is None:
            self.parts.begins(self._kept)
            passes = train.passed(self.theta)
            loss, gradient = train.gradient(self.theta, passes)
            self.losses.append(loss)
            if not loss > solver.until or len(self.losses) > solver.steps:
                return
            if solver.penalty:
                gradient = gradient + 2 * solver.penalty * train.hessian_times(self.theta, gradient, passes)
            self.theta = self.theta - solver.lr * gradient

    def sharpness(self, generator: np.random.Generator) -> float:
        """The largest eigenvalue of the Hessian, as ``Network.sharpness`` has it."""
        import numpy as np

        drawn = generator.standard_normal(len(self.theta))
        v = drawn if self.along is None else self.along
        passes = self.train.passed(self.theta)
        while self.rounds < ROUNDS:
            self.along = v
            self.parts.begins(self._kept)
            product = self.train.hessian_times(self.theta, v / np.linalg.norm(v), passes)
            self.eigenvalue, v = float(v @ product / np.linalg.norm(v)), product
            self.rounds += 1
        return self.eigenvalue

    def _kept(self) -> Weights:
        import numpy as np

        kept = {"theta": self.theta, "losses": np.array(self.losses)}
        if self.along is None:
            return kept
        numbers = {"eigenvalue": np.array(self.eigenvalue), "rounds": np.array(self.rounds)}
        return {**kept, **numbers, "along": self.along}


def equal_steps(
    solver: EqualSteps, split: Split, generator: np.random.Generator, begun: Halfway | None, between: Between
) -> dict[str, float]:
    """What ``EqualSteps.solve`` gives; parts are steps."""
    import numpy as np

    train, test = _networks(solver.hidden, split)
    theta = train.drawn(generator)
    lowest, at_lowest, last = float("inf"), float("nan"), float("nan")
    parts = Parts(begun, between)
    if begun:
        theta = begun.arrays["theta"]
        lowest, at_lowest, last = begun.arrays["lowest, at lowest, last"].tolist()

    def kept() -> Weights:
        return {"theta": theta, "lowest, at lowest, last": np.array([lowest, at_lowest, last])}

    for step in range(parts.done, solver.steps + 1):
        parts.begins(kept)
        _, gradient = train.gradient(theta)
        if step % solver.look == 0 or step == solver.steps:
            last = test.loss_and_error(theta)[1]
            if last < lowest:
                lowest, at_lowest = last, float(gradient @ gradient / len(theta))
        if step < solver.steps:
            theta = theta - solver.lr * gradient
    return {
        "r_ig": float(gradient @ gradient / len(theta)),
        "train_loss": train.loss_and_error(theta)[0],
        "best_r_ig": at_lowest,
        "best_test_error": lowest,
        "test_error": last,
    }


def _networks(hidden: tuple[int, ...], split: Split) -> tuple[Network, Network]:
    """The network on training and on test images."""
    x_train, x_test = (flat(x) for x in (split.x_train, split.x_test))
    widths = (x_train.shape[1], *hidden, split.classes)
    return Network(x_train, split.y_train, widths), Network(x_test, split.y_test, widths)
