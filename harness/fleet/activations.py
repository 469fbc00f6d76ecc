"""How many numbers of its own a net's training holds, told by the parameters and multiply-adds of its layers.

Without torch, so that plans may ask; ``memory.step_of`` counts what a step keeps, and takes it.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from harness.fleet import native, native_library, native_rules, numerics
from harness.fleet.replica import CONVOLVED_AT_ONCE, EVALUATION_BATCH
from harness.models.architecture import AroundModel
from harness.models.dropout import Dropout
from harness.models.lenet300 import LeNet300
from harness.models.linear import Linear
from harness.models.masked import Masked
from harness.models.mlp import Mlp
from harness.models.redrawn import Redrawn
from harness.models.squares import Squares
from harness.spec import Experiment
from harness.spec.keeping import Keeping

if TYPE_CHECKING:
    from harness.spec.contracts import LayerCount, Model


class Likely(Enum):
    """How a training computes: as far as memory goes, and as far as that is told without its module."""

    NATIVE = "native"
    BACKPROP = "backprop"
    TORCH = "torch"


TAPS = 9
"""Places of a kernel of three by three, which is assumed where nothing tells."""
EXTRAS = (1, 2, 3)
"""Numbers that a layer has for each output beside its weights: a bias, gain and offset, or all three."""
LOOKED_THROUGH = 2**16
"""Numbers of places among which that of a layer is looked for."""
KEPT = 2
"""Numbers that the backward pass needs for each one of a layer's output, which ReLU, pooling or dropout
follow; where it is normalized, one more."""
TRANSIENT = 3
"""So many of a net's largest outputs are there at once beside what is kept: what an operation reads, writes,
and needs beside."""
EVALUATED = 2.5
"""The same in an evaluation: what an operation reads and writes, and what parts of unequal size leave."""
GRADIENTS = 2
"""Rows of its widest layer that the native kernel has for gradients, from a layer and to the one before."""
VECTOR = 16
"""Numbers in the longest vector: the native kernel has room for so many examples, or a multiple."""
OF_FLOAT32 = 0.5
"""A number of bfloat16, in which dense layers compute, for one of float32."""
MASKS = 5
"""Masks of all weights: the module's, a kernel's, and copies that are written."""


class Copies(NamedTuple):
    """What a process of a CPU has of all weights, as it was measured, copies that are written included.

    Attributes:
        weights: themselves, gradients and velocities; moments: of each further moment of an optimizer.
    """

    weights: float
    moments: float


COPIES = {
    Likely.NATIVE: Copies(8, 3.5), Likely.BACKPROP: Copies(6, 2), Likely.TORCH: Copies(7, 2)
}  # fmt: skip


class Outputs(NamedTuple):
    """What a layer makes of an example.

    Attributes:
        channels: of a map, or numbers of a dense layer; places: of the map, one of a dense layer.
        normalized: gains follow.
    """

    channels: float
    places: int
    normalized: bool

    @property
    def values(self) -> float:
        """Numbers of it."""
        return self.channels * self.places


def outputs(layers: Sequence[LayerCount], shape: tuple[int, ...]) -> Iterator[Outputs]:
    """What each layer that multiplies makes of an example of this shape."""
    before: float = 0
    for layer, after in zip(layers, [*layers[1:], None], strict=True):
        if not layer.multiply_adds:
            continue
        places, weights, extra = _parts(layer)
        taps = TAPS if places > 1 else 1
        before = before or (shape[0] if places > 1 else math.prod(shape))
        if extra:
            possible = [extra // share for share in EXTRAS if _is_whole(weights, extra, share)]
            channels: float = min(possible, key=lambda each: abs(math.log(each * taps * before / weights)))
        elif places == 1 and not weights % before:
            channels = weights / before
        else:  # as if there were as many inputs
            channels = math.sqrt(weights / taps)
        gains = after is not None and not after.multiply_adds
        yield Outputs(channels, places, gains or extra > channels)
        before = channels


@functools.cache
def _parts(layer: LayerCount) -> tuple[int, int, int]:
    """Places at which a layer's weights are applied, how many they are, and what it has beside them."""
    adds, parameters = layer.multiply_adds, max(1, layer.parameters)
    least = max(1, math.ceil(adds / parameters))
    for places in range(least, least + min(least, LOOKED_THROUGH)):
        weights, rest = divmod(adds, places)
        extra = parameters - weights
        if not rest and (not extra or any(_is_whole(weights, extra, share) for share in EXTRAS)):
            return places, weights, extra
    return least, math.ceil(adds / least), 0


def _is_whole(weights: int, extra: int, share: int) -> bool:
    """Whether each output has so many numbers beside its weights."""
    return extra % share == 0 and weights % (extra // share) == 0


class Working(NamedTuple):
    """Numbers, of float32 each, that a training holds beside its images.

    Attributes:
        copies: of all weights.
        values: of layers' outputs, in a step and in an evaluation.
        evaluated: examples of an evaluation that are there at once.
    """

    copies: float
    values: float
    evaluated: int


def working(value: Experiment, device: str) -> Working:
    """What a training on a device is likely to hold."""
    data, model = value.data, value.model
    made = list(outputs(model.layers(data.shape, data.classes), data.shape))
    dense = all(each.places == 1 for each in made)
    kernel = likely(value, device) if dense else Likely.TORCH
    copies, moments = COPIES[kernel]
    if isinstance(value.optimizer, Keeping):
        copies += moments * (value.optimizer.moments - 1)
    if any(isinstance(part, Masked) for part in _around(model)):
        copies += MASKS
    inputs, every = math.prod(data.shape), sum(each.values for each in made)
    widest = max([inputs, *(each.values for each in made)])
    batch = min(value.optimizer.batch, data.train_size)
    evaluated = min(evaluated_at_once(device, dense=dense), max(data.train_size, data.test_size))
    if kernel is Likely.NATIVE:
        room = -(-max(value.optimizer.batch + 1, native.EVALUATION_BATCH) // VECTOR) * VECTOR
        again = every if _has_more(_around(model)[-1]) else 0.0
        values = room * (inputs + every + again + GRADIENTS * widest)
        return Working(copies, values + value.losses * EVALUATED * evaluated * widest, evaluated)
    normalized = sum(each.values for each in made if each.normalized)
    step = batch * (inputs + KEPT * every + normalized + TRANSIENT * widest)
    if kernel is Likely.BACKPROP:
        step = batch * (inputs + every + widest)
        passed = evaluated * widest * (1 if len(made) <= 2 and not value.losses else EVALUATED)
    else:
        passed = evaluated * widest * EVALUATED
    if not dense:  # some of which normalize in float32
        return Working(copies, step + passed, evaluated)
    reduced = device == "cpu" and value.precision == "bfloat16"
    return Working(copies, max(step, passed) * (OF_FLOAT32 if reduced else 1), evaluated)


def evaluated_at_once(device: str, *, dense: bool) -> int:
    """Examples of an evaluation by torch that are there at once."""
    apart = dense or device != "cpu" or os.environ.get(numerics.FORCED)
    return EVALUATION_BATCH if apart else CONVOLVED_AT_ONCE


def likely(value: Experiment, device: str) -> Likely:
    """How a net of dense layers is trained: by the table, as far as that is told without its module."""
    around = _around(value.model)
    inner, optimizer = around[-1], value.optimizer
    if device != "cpu" or os.environ.get(numerics.FORCED):
        return Likely.TORCH
    known = all(isinstance(part, Dropout | Masked | Redrawn) for part in around[:-1])
    if not (known and isinstance(inner, Mlp | LeNet300 | Linear | Squares)):
        return Likely.TORCH
    compiled = os.environ.get(native.OFF) != "0" and native_library.compiler() is not None
    if compiled and value.precision != "bfloat16" and native_rules.rule_of(optimizer) is not None:
        return Likely.NATIVE
    plain = not _has_more(inner) and all(isinstance(part, Redrawn) for part in around[:-1])
    return Likely.BACKPROP if plain and optimizer.plain_step and optimizer.fast_kernels else Likely.TORCH


def _around(model: Model) -> list[Model]:
    """A model, the one that it is made of, and so on to the innermost."""
    models = [model]
    while isinstance(models[-1], AroundModel):
        models.append(models[-1].model)
    return models


def _has_more(model: Model) -> bool:
    """Whether a net of dense layers does more than ReLU to what it makes: normalizes it, or squares it."""
    return isinstance(model, Squares) or (isinstance(model, Mlp) and model.batch_norm)
