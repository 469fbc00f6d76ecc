"""What can be computed, as values: trainings, solutions, simulations, probes, and where weights start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import msgspec

from harness.spec.contracts import Dataset, Joining, Model, Optimizer, Probe, Solver, Stop, Transform
from harness.spec.values import Named, Value, fields_of


class Anew(msgspec.Struct, frozen=True, metaclass=Named):
    """The same experiment (or sweep, or tiers of them) at replicates of its own, for a control.

    What is read of it is independent of everything that the claim reads: where a control can only put one
    world on both sides, their difference is then noise, as it is between different worlds, and not zero.
    """

    of: Any

    def __post_init__(self) -> None:
        if isinstance(self.of, Anew):
            raise TypeError("Anew(Anew(...)): once is enough")


ANEW = 10_000_000
"""The first replicate of what is read anew: above all that claims, calibrations and fresh judgements read."""


def plain(value: Any) -> Any:
    """What has to be computed, without the word that it is read anew."""
    return value.of if isinstance(value, Anew) else value


DRAWN_APART = 100_000_000
"""What lies between the replicates of one draw and of the next: above all that is judged or read anew."""
DRAWS = 42
"""How many draws there are: their replicates are 32-bit numbers, as random streams tell them apart."""
DRAWN_FOR = {
    "data": "data", "labels": "data", "augmentation": "data", "initialization": "weights",
    "transform": "weights", "order": "order", "noise": "order",
}  # fmt: skip
"""Purposes of random streams, and the field of ``Draws`` that says which draw they are of."""


class Draws(Value, frozen=True):
    """The draws that a replicate uses: each of data, initial weights and order is set by itself.

    Two experiments share at each replicate what has equal numbers here, and draw independently what has
    others. So nets of other ``weights`` alone differ in nothing else, and a replicate of several such
    experiments is a world of its own, independent of other replicates.

    Args:
        data: of images, labels, and their changes in each epoch.
        weights: of initial weights, and of a chain's transforms.
        order: of the order of examples, and of noise in the net (dropout).

    Raises:
        ValueError: a number below 0, or above 41.
    """

    data: int = 0
    weights: int = 0
    order: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("data", "weights", "order"):
            if not 0 <= getattr(self, name) < DRAWS:
                raise ValueError(f"Draws({name}={getattr(self, name)}): must be between 0 and {DRAWS - 1}")

    def replicate(self, purpose: str, replicate: int) -> int:
        """The replicate whose stream of this purpose is read: itself for draw 0.

        Raises:
            ValueError: a replicate so high that another draw of a low one would be read.
        """
        draw: int = getattr(self, DRAWN_FOR[purpose])
        if draw and replicate >= DRAWN_APART:
            raise ValueError(
                f"replicate {replicate:,}: draws other than 0 are of those below {DRAWN_APART:,}"
            )
        return replicate + draw * DRAWN_APART


PRECISIONS = ("float32", "tf32", "bfloat16")
"""What products and convolutions of a training are computed in; weights are float32 in all of them."""


class Experiment(Value, frozen=True):
    """A training by gradient descent: data, model and how; address excludes probes.

    Args:
        data: a data set with its corruptions (``harness.data``).
        model: a model (``harness.models``).
        optimizer: ``Sgd(...)``, with its budget in epochs.
        loss: ``"cross_entropy"`` or ``"squared"`` (mean over examples and classes, one-hot targets).
        stop: when to end before the budget; None trains all epochs.
        precision: ``"float32"``; ``"tf32"`` (products and convolutions by a GPU's matrix units, of numbers
            cut to 10 bits of mantissa; a CPU trains in float32); or ``"bfloat16"`` (forward and backward
            under autocast).
        start: None for a fresh initialization, or ``From(parent, transform)``; of several parents, which
            are joined by a transform, one for each.
        probes: what is measured on the trained weights.
        draws: which draw of data, of initial weights and of order a replicate uses; all alike by default.
        losses: measure the mean loss on the test images too after every epoch, as ``test_loss``.

    What the parts must offer is written in ``harness.spec.contracts``.
    """

    unaddressed: ClassVar[tuple[str, ...]] = ("probes",)
    later: ClassVar[tuple[str, ...]] = ("draws", "losses")

    data: Dataset
    model: Model
    optimizer: Optimizer
    loss: str = "cross_entropy"
    stop: Stop | None = None
    precision: str = "float32"
    start: From | tuple[From, ...] | None = None
    probes: tuple[Probe, ...] = ()
    draws: Draws = Draws()
    losses: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.loss not in ("cross_entropy", "squared"):
            raise ValueError(f'loss={self.loss!r}: use "cross_entropy" or "squared"')
        if self.precision not in PRECISIONS:
            raise ValueError(f'precision={self.precision!r}: use "float32", "tf32" or "bfloat16"')

    @property
    def starts(self) -> tuple[From, ...]:
        """The parents it starts from: none, one, or several."""
        if self.start is None:
            return ()
        return self.start if isinstance(self.start, tuple) else (self.start,)


class Solved(Value, frozen=True):
    """A solver on data: ``solver.solve(split, generator)`` gives named numbers and curves."""

    data: Dataset
    solver: Solver


class Simulation(Value, frozen=True):
    """A module-level function of a random generator and parameters, run once per replicate.

    ``function(generator, **params)`` returns a mapping of names to numbers or sequences of numbers.

    Raises:
        TypeError: the function is a lambda or nested, so that no other process could import it.
    """

    function: Callable[..., Mapping[str, Any]]
    params: Mapping[str, object] | tuple[tuple[str, object], ...] = ()

    def __post_init__(self) -> None:
        name = getattr(self.function, "__qualname__", "")
        if not name.isidentifier():
            raise TypeError(f"Simulation needs a function at module level, not {name or self.function!r}")
        pairs = tuple(sorted(dict(self.params).items()))
        msgspec.structs.force_setattr(self, "params", pairs)


class From(Value, frozen=True):
    """Where a chained experiment starts: another's final weights, passed through a transform.

    A transform of None keeps them; that of one of several parents gets the weights of all.
    """

    parent: Experiment
    transform: Transform | Joining | None = None


class Probing(Value, frozen=True):
    """A probe of an experiment's final weights: its own record, so a new probe retrains nothing."""

    experiment: Experiment
    probe: Probe


Runnable = Experiment | Solved | Simulation | Probing


def abbreviated(value: Any, *, chained: bool = False) -> str:
    """One line for people: class names with the fields that differ from their defaults.

    Of a chain, its parents; theirs are left out (``chained``), or the line would double with every link.
    """
    if chained and isinstance(value, From):
        return "From(...)"
    if isinstance(value, Value):
        inner = chained or isinstance(value, From)
        shown = []
        for field in fields_of(type(value)):
            held = getattr(value, field.name)
            if held != field.default:
                text = abbreviated(held, chained=inner)
                shown.append(text if field.required else f"{field.name}={text}")
        return f"{type(value).__name__}({', '.join(shown)})"
    if isinstance(value, tuple):
        return f"({', '.join(abbreviated(item, chained=chained) for item in value)})"
    return getattr(value, "__name__", None) or repr(value)
