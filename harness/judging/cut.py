"""Items cut to a few steps on few images, to be computed and judged end to end in minutes.

What they come to is no evidence: verdicts of cut items mean nothing, only that there is one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from harness.judging.ladder import RUNNABLE, Item, runnables
from harness.spec import Anew, Experiment, Probing, Simulation, Solved, Value
from harness.spec.claim import Control, resolved

if TYPE_CHECKING:
    from harness.spec.contracts import Dataset

REPLICATES = 2
"""Of each run: as many as make a stack."""
AMPLER = 8
"""So many times as many images has an item that fails when it is cut: of 256 random ones each of ten classes
has some, of 32 hardly."""


class Limits(NamedTuple):
    """The most of each that a cut item has.

    Attributes:
        images: of training and of testing; epochs, steps: of what trains or descends.
        batch: examples a step; filters: of features that are drawn; points: of a path that is looked along.
        simulated: examples of a simulation, which a core computes wherever else is trained.
        multiply_adds: of a net for one example, as far as its width may be halved for that.
        on_disk: images that stay there; side, classes: of them.
    """

    images: int
    epochs: int
    steps: int
    batch: int
    filters: int
    points: int = 5
    simulated: int = 32
    multiply_adds: float = math.inf
    on_disk: int = 32
    side: int = 299
    classes: int = 8

    def ampler(self) -> Limits:
        """Limits that leave more images: what fails within them too is no fault of a cut."""
        return self._replace(images=AMPLER * self.images)


ON_GPU = Limits(images=512, epochs=2, steps=40, batch=128, filters=4096, on_disk=512)
"""For a GPU at hand: the papers' own nets and batches, so that steps take the memory that they will take."""
MANY = 1000
"""Examples from which on a simulation or a sweep of features may take long; those of fewer are left whole,
with what bodies know of them."""
SWEPT = ("widths", "sizes")
"""Fields of a solver that rise from far fewer features, or examples, than there are examples to far more."""
COUNTS = ("n", "n_test", "measured")
"""Fields that count images, of which None means all."""
PRETENDED = Limits(images=32, epochs=1, steps=6, batch=16, filters=16, multiply_adds=1e7, side=75)
"""For a pretended one, whose arithmetic and memory are one core's, so that large nets are narrower."""


def cut_item(item: Item, limits: Limits, replicates: int | None = REPLICATES) -> Item:
    """An item whose runs are cut, judged at one look.

    Args:
        item: uncut.
        limits: of its runs.
        replicates: of that look; None has as many as the item's own first, by which some bodies count.

    Raises:
        Exception: whatever making its worlds raises.
    """
    claim = item.claim.but(replicates=replicates or first(item))
    trained = {name: _resolved(value, item, limits) for name, value in item.trained.items()}
    controls = tuple(
        msgspec.structs.replace(control, worlds=_worlds(control, item, limits)) for control in item.controls
    )
    return msgspec.structs.replace(item, claim=claim, trained=trained, controls=controls)


def first(item: Item) -> int:
    """Replicates of an item's first look."""
    return item.rungs()[0][0]


def _worlds(control: Control, item: Item, limits: Limits) -> dict[str, Any]:
    return {name: _resolved(value, item, limits) for name, value in control.worlds.items()}


def _resolved(declared: Any, item: Item, limits: Limits) -> Any:
    return cut_world(resolved(declared, item.params, item.tier), limits)


def cut_world(value: Any, limits: Limits) -> Any:
    """A world's value with all that is computed for it cut; any other value as it is."""
    if isinstance(value, RUNNABLE):
        return cut(value, limits)
    if not runnables(value):
        return value
    if isinstance(value, Mapping):
        return {key: cut_world(v, limits) for key, v in value.items()}
    return [cut_world(v, limits) for v in value]


def cut(value: Any, limits: Limits) -> Any:
    """An experiment, solver, simulation or probe on few images for few steps."""
    if isinstance(value, Anew):
        return Anew(cut_world(value.of, limits))
    if isinstance(value, Simulation):
        return value.but(params=_fewer(dict(value.params), limits))
    if isinstance(value, Probing):
        experiment = cut(value.experiment, limits)
        return value.but(experiment=experiment, probe=shortened(value.probe, limits, experiment.data))
    if isinstance(value, Experiment):
        return _cut_experiment(value, limits)
    if isinstance(value, Solved):
        return _cut_solved(value, limits)
    return value


def _cut_solved(value: Solved, limits: Limits) -> Solved:
    """A solver on fewer images, whose sweep has that share of each number of features or examples.

    Bodies look for what is at or beyond as many features as examples, say, and find it there.
    """
    data = shortened(value.data, limits, value.data)
    solver: Any = value.solver
    swept = [name for name in SWEPT if isinstance(getattr(solver, name, None), tuple)]
    if swept and value.data.train_size < MANY:
        return value
    share = data.train_size / value.data.train_size
    if swept and share < 1:
        changes: dict[str, Any] = {
            name: tuple(sorted({max(1, round(share * number)) for number in getattr(solver, name)}))
            for name in swept
        }
        if "sizes" in swept and "width" in solver.__struct_fields__:
            changes["width"] = max(1, round(share * solver.width))
        solver = solver.but(**changes)
    return value.but(solver=shortened(solver, limits, data), data=data)


def _fewer(params: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """A simulation's parameters with fewer examples; bodies count on its steps, widths and sizes."""
    n = params.get("n")
    return {**params, "n": limits.simulated} if isinstance(n, int) and n >= MANY else params


def _cut_experiment(value: Experiment, limits: Limits) -> Experiment:
    """A training that starts from cut ones, and whose probes are cut."""
    starts = tuple(start.but(parent=cut(start.parent, limits)) for start in value.starts)
    data = shortened(value.data, limits, value.data)
    return value.but(
        model=shortened(value.model, limits, data),
        optimizer=shortened(value.optimizer, limits, data),
        data=data,
        start=starts if isinstance(value.start, tuple) else next(iter(starts), None),
        probes=tuple(shortened(probe, limits, data) for probe in value.probes),
    )


def shortened(value: Any, limits: Limits, data: Dataset) -> Any:
    """A value whose numbers of images, epochs and steps are at most these, and of the values within it.

    Numbers go by their fields' names, which mean the same wherever they stand; others stay as they are. Data
    out of which a number of images is taken here stay whole: so many are fewer.

    Args:
        data: what a net within it sees, whose width is cut by what it costs there.
    """
    most = {"n": limits.images, "n_test": limits.images, "epochs": limits.epochs, "steps": limits.steps}
    most |= {"batch": limits.batch, "filters": limits.filters, "points": limits.points}
    most |= {"shown": limits.images // 2, "every": limits.steps // 2}  # of the images; of the steps, twice
    if getattr(value, "streamed", False):
        most |= dict.fromkeys(("train_size", "test_size", "measured"), limits.on_disk)
        most |= {"size": limits.side, "classes": limits.classes}
    changes: dict[str, Any] = {}
    for name in value.__struct_fields__:
        held = getattr(value, name)
        if name == "data" and "n" in value.__struct_fields__:
            continue
        if isinstance(held, Value):
            changes[name] = shortened(held, limits, data)
        elif name in most and (name in COUNTS if held is None else held > most[name]):
            changes[name] = most[name]
    short = value.but(**{name: new for name, new in changes.items() if new != getattr(value, name)})
    return narrowed(short, limits.multiply_adds, data)


def narrowed(model: Any, most: float, data: Dataset) -> Any:
    """A model of half the width, and half of that, until an example costs at most so many multiply-adds.

    Nets that are made of it, or start from its weights, get the same: they go by the innermost model. What is
    no model, or has no width, stays as it is.
    """
    if most == math.inf or "width" not in model.__struct_fields__ or not hasattr(model, "build"):
        return model
    shape, classes = data.shape, data.classes
    while model.cost(shape, classes) > most:
        half = model.width // 2 if isinstance(model.width, int) else model.width / 2
        if not half:
            break
        model = model.but(width=half)
    return model
