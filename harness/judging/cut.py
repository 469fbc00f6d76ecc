"""Items cut to a few steps on few images, to be computed and judged end to end in minutes.

What they come to is no evidence: verdicts of cut items mean nothing, only that there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from harness.judging.ladder import RUNNABLE, Item, runnables
from harness.spec import Anew, Experiment, Probing, Simulation, Solved, Value
from harness.spec.claim import Control, resolved

REPLICATES = 2
"""Of each run: as many as make a stack."""


class Limits(NamedTuple):
    """The most of each that a cut item has.

    Attributes:
        images: of training and of testing; epochs, steps: of what trains or descends.
        batch: examples a step; filters: of features that are drawn.
    """

    images: int
    epochs: int
    steps: int
    batch: int
    filters: int


ON_GPU = Limits(images=512, epochs=2, steps=40, batch=128, filters=4096)
"""For a GPU at hand: the papers' own batches, so that steps take the memory that they will take."""
PRETENDED = Limits(images=32, epochs=1, steps=6, batch=16, filters=16)
"""For a pretended one, whose arithmetic is one core's."""


def cut_item(item: Item, limits: Limits) -> Item:
    """An item whose runs are cut, judged at one look.

    Raises:
        Exception: whatever making its worlds raises.
    """
    claim = item.claim.but(replicates=REPLICATES)
    trained = {name: _resolved(value, item, limits) for name, value in item.trained.items()}
    controls = tuple(
        msgspec.structs.replace(control, worlds=_worlds(control, item, limits)) for control in item.controls
    )
    return msgspec.structs.replace(item, claim=claim, trained=trained, controls=controls)


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
        return value
    if isinstance(value, Probing):
        return value.but(experiment=cut(value.experiment, limits))
    if isinstance(value, Experiment):
        starts = tuple(start.but(parent=cut(start.parent, limits)) for start in value.starts)
        start = starts if isinstance(value.start, tuple) else next(iter(starts), None)
        optimizer, data = shortened(value.optimizer, limits), shortened(value.data, limits)
        return value.but(start=start, optimizer=optimizer, data=data)
    if isinstance(value, Solved):
        return value.but(solver=shortened(value.solver, limits), data=shortened(value.data, limits))
    return value


def shortened(value: Any, limits: Limits) -> Any:
    """A value whose numbers of images, epochs and steps are at most these, and of the values within it.

    Numbers go by their fields' names, which mean the same wherever they stand; others stay as they are. Data
    out of which a number of images is taken here stay whole: so many are fewer.
    """
    most = {"n": limits.images, "n_test": limits.images, "epochs": limits.epochs, "steps": limits.steps}
    most |= {"batch": limits.batch, "filters": limits.filters}
    changes: dict[str, Any] = {}
    for name in value.__struct_fields__:
        held = getattr(value, name)
        if name == "data" and "n" in value.__struct_fields__:
            continue
        if isinstance(held, Value):
            changes[name] = shortened(held, limits)
        elif name in most and (name in ("n", "n_test") if held is None else held > most[name]):
            changes[name] = most[name]
    return value.but(**{name: new for name, new in changes.items() if new != getattr(value, name)})
