"""Solvers that go on from where they were stopped: the parts of ``solve``, to the bit, with looks between.

What solvers run names their runs, so that this stands beside them, as kernels stand beside the plain path:
each way below takes the steps of one solver's ``solve``, and says before each part what a checkpoint keeps.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, cast

from harness.spec.contracts import Weights
from harness.spec.fingerprint import of_definition
from harness.spec.splits import Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Keeping: TypeAlias = Callable[[], Weights]
"""What a checkpoint keeps, made when one is left."""
Between: TypeAlias = Callable[[int, Keeping], None]
"""Told between two parts: how many were done, and what a checkpoint keeps."""

WAYS: Mapping[str, str] = {
    "harness.analytic.adam.Adam": "harness.analytic.resumed_nets.adam",
    "harness.analytic.description_length.Prequential": "harness.analytic.resumed_codes.prequential",
    "harness.analytic.description_length.TwoPart": "harness.analytic.resumed_codes.two_part",
    "harness.analytic.equal_steps.EqualSteps": "harness.analytic.resumed_descents.equal_steps",
    "harness.analytic.full_batch.FullBatch": "harness.analytic.resumed_descents.full_batch",
    "harness.analytic.gabor.OnFeatures": "harness.analytic.resumed_kernels.on_features",
    "harness.analytic.kernel_interpolation.KernelInterpolation": (
        "harness.analytic.resumed_kernels.kernel_interpolation"
    ),
    "harness.analytic.landscape_of_models.Landscape": "harness.analytic.resumed_nets.landscape",
    "harness.analytic.model_codes.CodedByModel": "harness.analytic.resumed_model_codes.coded_by_model",
    "harness.analytic.pac_bayes.PacBayes": "harness.analytic.resumed_bounds.pac_bayes",
    "harness.analytic.random_features.RandomFeatureSweep": (
        "harness.analytic.resumed_sweeps.random_feature_sweep"
    ),
    "harness.analytic.trees.BoostingGrid": "harness.analytic.resumed_trees.boosting_grid",
    "harness.analytic.trees.ForestGrid": "harness.analytic.resumed_trees.forest_grid",
    "harness.analytic.variational.Variational": "harness.analytic.resumed_codes.variational",
}
"""The class of a solver -> the function that takes the steps of its ``solve``.

A class that inherits from one of these may have changed what is solved, and is none of them.
"""

COLUMNS = "columns of "
"""What a checkpoint calls an array whose columns lie together: the last bits of products can tell."""


class Halfway(NamedTuple):
    """Where a solver was stopped.

    Attributes:
        step: how many steps or parts were done.
        arrays: what was reached by then.
    """

    step: int
    arrays: Weights


class Way(Protocol):
    """The steps of one solver's ``solve``, from a checkpoint on."""

    def __call__(
        self,
        solver: Any,
        split: Split,
        generator: np.random.Generator,
        begun: Halfway | None,
        between: Between,
        /,
    ) -> Mapping[str, Any]:
        """What ``solve`` gives."""


class Parts:
    """The parts of a solver's work, each told of before it begins but for the one that is begun with.

    Args:
        begun: the checkpoint; None for the beginning.
        between: told between two parts.

    Attributes:
        done: how many parts were done, those before the checkpoint included.
    """

    def __init__(self, begun: Halfway | None, between: Between) -> None:
        self.done = self._first = begun.step if begun else 0
        self._between = between

    def begins(self, keeping: Keeping) -> None:
        """Say what a checkpoint before the next part keeps; whoever asked to end is heeded here.

        Raises:
            Paused: to end was asked for.
        """
        if self.done > self._first:
            self._between(self.done, keeping)
        self.done += 1


def is_resumable(solver: object) -> bool:
    """Whether a solver goes on from a checkpoint.

    One of a user's own does by a method ``solve_on`` with the arguments of the function here, which the class
    that has its ``solve`` has: who changes the one has to change the other.
    """
    return _name(solver) in WAYS or _definer(solver, "solve_on") is _definer(solver, "solve") is not None


def code(solver: object) -> str:
    """SHA-256 (hex) of the code that makes and reads a solver's checkpoints.

    Raises:
        LookupError: the code of a user's own cannot be read.
    """
    if way := WAYS.get(_name(solver)):
        return of_definition(*way.rsplit(".", 1))
    return of_definition(type(solver).__module__, type(solver).__qualname__.partition(".")[0])


def solve_on(
    solver: object, split: Split, generator: np.random.Generator, begun: Halfway | None, between: Between
) -> Mapping[str, Any]:
    """What ``solver.solve`` gives, from a checkpoint on.

    Args:
        solver, split, generator: as for ``solve``; the generator is at its beginning.
        begun: the checkpoint; None for the beginning.
        between: told between two steps: how many were taken, and what a checkpoint keeps.
    """
    opened = begun and Halfway(begun.step, _as_they_lay(begun.arrays))

    def lying(step: int, keeping: Keeping) -> None:
        between(step, lambda: _as_they_lie(keeping()))

    way = _way(_name(solver)) if _name(solver) in WAYS else cast(Way, getattr(type(solver), "solve_on"))  # noqa: B009
    return way(solver, split, generator, opened, lying)


def state_of(generator: np.random.Generator) -> NDArray[np.uint64]:
    """The state of a Philox generator, as words."""
    import numpy as np

    state = cast("dict[str, Any]", generator.bit_generator.state)
    counted = (*state["state"]["counter"], *state["state"]["key"], *state["buffer"])
    return np.array([*counted, state["buffer_pos"], state["has_uint32"], state["uinteger"]], np.uint64)


def set_back(generator: np.random.Generator, words: NDArray[np.uint64]) -> None:
    """Have a Philox generator go on from such a state."""
    generator.bit_generator.state = {
        "bit_generator": "Philox",
        "state": {"counter": words[:4], "key": words[4:6]},
        "buffer": words[6:10],
        "buffer_pos": int(words[10]),
        "has_uint32": int(words[11]),
        "uinteger": int(words[12]),
    }


def within(prefix: str, arrays: Weights) -> dict[str, np.ndarray]:
    """The arrays whose names begin so, without it."""
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}


def under(prefix: str, arrays: Weights) -> dict[str, np.ndarray]:
    """Arrays whose names begin so from now on."""
    return {prefix + name: array for name, array in arrays.items()}


def _definer(solver: object, method: str) -> type | None:
    """The class that a solver has a method from; None where it has none."""
    return next((each for each in type(solver).__mro__ if method in vars(each)), None)


def _name(solver: object) -> str:
    return f"{type(solver).__module__}.{type(solver).__qualname__}"


@functools.cache
def _way(name: str) -> Way:
    module, function = WAYS[name].rsplit(".", 1)
    return cast(Way, getattr(importlib.import_module(module), function))


def _as_they_lie(arrays: Weights) -> Weights:
    return {
        COLUMNS + name if _in_columns(a) else name: a.T if _in_columns(a) else a for name, a in arrays.items()
    }


def _as_they_lay(arrays: Weights) -> Weights:
    columns = {name: array.T for name, array in within(COLUMNS, arrays).items()}
    return columns | {name: array for name, array in arrays.items() if not name.startswith(COLUMNS)}


def _in_columns(array: np.ndarray) -> bool:
    return array.flags.f_contiguous and not array.flags.c_contiguous
