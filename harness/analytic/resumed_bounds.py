"""``PacBayes`` from where it was stopped: its epochs of descent, then its steps on the bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from harness.analytic.dense_nets import in_batches
from harness.analytic.pac_bayes import GaussianWeights, PacBayes, descend, step_on_bound, widened
from harness.analytic.resuming import Between, Halfway, Parts, set_back, state_of, under, within
from harness.spec.contracts import Weights
from harness.spec.splits import Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[Any]

MEANS, DEVIATIONS, SQUARES = "mean ", "log deviation ", ("square of mean ", "square of log deviation ")
DESCENDED, MOVING, STREAM = "descended ", "velocity ", "stream"
"""What a checkpoint calls the posterior, its squares, the weights descended to, velocities, and the draws."""


def pac_bayes(
    solver: PacBayes, split: Split, generator: np.random.Generator, begun: Halfway | None, between: Between
) -> dict[str, Any]:
    """What ``solve`` gives; parts are epochs of descent, then steps on the bound."""
    return PacBayes.solve(_BoundUnderWay(solver, begun, between), split, generator)  # type: ignore[arg-type]


class _BoundUnderWay:
    """A solver whose two stages are told of their parts, and go on from a checkpoint."""

    def __init__(self, solver: PacBayes, begun: Halfway | None, between: Between) -> None:
        self.solver, self.parts = solver, Parts(begun, between)
        self.held: Weights = begun.arrays if begun else {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.solver, name)

    def _descended(
        self, start: list[Floats], x: Floats, y: Floats, generator: np.random.Generator
    ) -> list[Floats]:
        """The steps of ``PacBayes._descended``; weights of a checkpoint that went further as they are."""
        import numpy as np

        solver = self.solver
        if within(MEANS, self.held):
            return _listed(DESCENDED, self.held)
        layers = _listed(DESCENDED, self.held) or [layer.copy() for layer in start]
        velocities = _listed(MOVING, self.held) or [np.zeros_like(layer) for layer in layers]
        if self.held:
            set_back(generator, self.held[STREAM])
        for _ in range(self.parts.done, solver.epochs):
            self.parts.begins(
                lambda: _kept({DESCENDED: layers, MOVING: velocities}) | {STREAM: state_of(generator)}
            )
            for rows in in_batches(generator.permutation(len(y)), solver.batch):
                descend(layers, x[rows], y[rows], solver.lr, velocities)
        return layers

    def _narrowed(
        self, ended: list[Floats], centre: list[Floats], x: Floats, y: Floats, generator: np.random.Generator
    ) -> GaussianWeights:
        """The steps of ``PacBayes._narrowed``."""
        import numpy as np

        solver = self.solver
        if within(MEANS, self.held):
            q = GaussianWeights(_listed(MEANS, self.held), _listed(DEVIATIONS, self.held))
            squares = [_listed(name, self.held) for name in SQUARES]
            set_back(generator, self.held[STREAM])
        else:
            q = widened(ended, solver.narrow)
            squares = [[np.zeros_like(w) for w in part] for part in q]

        def kept() -> Weights:
            named = {DESCENDED: ended, MEANS: q.means, DEVIATIONS: q.log_deviations}
            return _kept(named | dict(zip(SQUARES, squares, strict=True))) | {STREAM: state_of(generator)}

        for step in range(self.parts.done - solver.epochs, solver.steps):
            self.parts.begins(kept)
            rows = generator.integers(len(y), size=solver.batch)
            rate = solver.rate * (1.0 if step < 0.75 * solver.steps else 0.1)
            step_on_bound(q, centre, squares, x[rows], y[rows], len(y), rate, generator)
        return q


def _kept(named: dict[str, list[Floats]]) -> dict[str, np.ndarray]:
    """Lists of arrays, each under its name and its number."""
    arrays: dict[str, np.ndarray] = {}
    for name, layers in named.items():
        arrays |= under(name, {str(i): layer for i, layer in enumerate(layers)})
    return arrays


def _listed(name: str, held: Weights) -> list[Floats]:
    """The arrays of that name, in the order of their numbers; none where there are none."""
    layers = within(name, held)
    return [layers[str(i)].copy() for i in range(len(layers))]
