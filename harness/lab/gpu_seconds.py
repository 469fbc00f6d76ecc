"""Seconds of a run on a GPU by arithmetic: what it computes, what it launches, and what its host prepares.

All of it is counted or assumed, and nothing measured here: plans replace it by what records of such a GPU
took, as they come in (``durations.expected``). The largest terms are of trainings; of solvers those are
counted that go to a GPU, and all others compute on the host's cores.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from harness.analytic.adam import Adam
from harness.analytic.description_length import Prequential
from harness.analytic.kernel_interpolation import KernelInterpolation
from harness.analytic.landscape_of_models import Landscape
from harness.analytic.model_codes import CodedByModel
from harness.fleet import on_device
from harness.lab import moved
from harness.lab.gpu_kinds import GpuKind
from harness.lab.undecoded import CORES_A_GPU
from harness.spec import Experiment, Runnable, Solved
from harness.spec.contracts import Dataset, Model
from harness.spec.keeping import Keeping
from harness.spec.watched import EVERYTHING, Watched

REACHED = {"float64": 0.5, "float32": 0.6, "tf32": 0.5, "bfloat16": 0.5}
"""Share of the peak that is reached.

Without matrix units it is that of everything: NVIDIA's ResNet-50 (README of DeepLearningExamples) trains at
367 images/s in FP32 on a V100, 0.57 of the 15.7 TFLOP/s of its data sheet. By matrix units it is that of
products alone, which have what is moved beside them: assumed, and held against the figures of ``moved``. In
float32 whichever of both takes longer counts alone."""

LAUNCHED_SECONDS, REPLAYED_SECONDS = 5e-6, 1e-6
"""Seconds beside its own of an operation that Python launches, and of one in a captured graph: assumed."""

OPERATIONS_A_LAYER, OPERATIONS_TO_NORMALIZE, OPERATIONS_A_STEP = 10, 3, 25
"""Operations of a step: for each
layer with products, forward, backward and in reduced precision; for each that normalizes; and for the batch,
the loss and the update, whatever the net.

Steps captured on the pretended GPU have 238 for a ResNet-18 in bfloat16 by Adam (283 by this count, for some
are two kernels), 78 for the five-layer network (87), 278 for the small Inception (225), 34 for an MLP of four
layers (65), and by the solver Adam 60 for one of six layers and 93 for it in a subspace (85)."""

OPERATIONS_OF_A_STACK = 18
"""Likewise for each layer of whatever kind where runs are stacked: those nets have 670, 151, 360 and 76."""

COPIED_SECONDS = 1e-5
"""Seconds in which the numbers of a step's rows are copied to a GPU, which waits for them. Assumed."""

STACKED_AT_LEAST = 5
"""Runs of a net whose steps are launched for longer than they compute that one launch serves, stacked: the
replicates of a first rung, by which plans group."""

UPDATES = 2
"""How much more a step of Adam launches than one of plain descent: moments and their corrections. Assumed."""

READ_SECONDS, CROP_SECONDS = 1.8e-4, 1.65e-3
"""Seconds of a core to bring an image that was decoded once into a batch: its centre, or cropped, resized and
changed in colour as its augmentation says. Of 500 by 375 pixels, for a network that sees 299, with its pages
in memory: measured on an AMD EPYC. Decoded anew in each epoch it would be 2.3e-3 and 4.0e-3, for JPEGs of
88 kB."""

CHANGE_SECONDS = {
    "RandomCrop": 6.4e-6,
    "RandomFlip": 4.6e-6,
    "ColourJitter": 1.0e-5,
    "RandomRotation": 1.4e-4,
}
"""Seconds of a core for an image of 32 by 32 pixels, by change: measured on an AMD EPYC, 50,000 at once."""

DRAW_SECONDS = {
    "RandomCrop": 1.5e-8,
    "RandomFlip": 3.2e-9,
    "ColourJitter": 7.9e-9,
    "RandomRotation": 1.9e-8,
}
"""Seconds of a core to draw by what a GPU changes an image: measured on an AMD EPYC, 50,000 at once."""

ORDER_SECONDS = 1e-8
"""Seconds of a core for an image's place in an epoch's order: measured likewise."""

CHANGED_BYTES = {"RandomCrop": 50, "RandomFlip": 20, "ColourJitter": 32, "RandomRotation": 450}
"""Bytes that a GPU moves for each value of an image that it changes, by operations counted: reads and writes
of pixels, and of their places, which are 8 bytes for each pixel and not channel."""

STANDARDISED_BYTES = 44
"""Likewise to standardise it: eleven reads or writes of four bytes."""

OTHER_CHANGE_SECONDS = 2.5e-5
"""Seconds of a core for an image by a change that is not listed: some four crops. Assumed."""

STANDARDISE_SECONDS = 5.4e-6
"""Seconds of a core to standardise an augmented image: measured as the changes were."""

NOISY = ("AdversarialInputs", "Curve", "Dropout", "NoisyInputs")
"""Models whose modules draw random numbers while they train: they are not stacked."""

POINTED = ("Curve",)
"""Those of them that the host draws for in each step."""

POINT_SECONDS = 3 * LAUNCHED_SECONDS
"""Seconds in which a point on a curve, three numbers, is written to a GPU before a step."""

FORWARD, BACKWARD = 1, 2
"""Forward passes' worth of multiply-adds: backward is by weights and by inputs, each as dear as forward."""


class GpuSpent(NamedTuple):
    """Seconds of a run on one GPU, by what they are spent on.

    Attributes:
        computing: multiply-adds.
        launching: what launches take beside them, where they are short.
        host: what the host prepares while the GPU waits.
        decoding: in which the host's cores bring images from disk meanwhile, all of a GPU's cores together;
            what is decoded once for all runs is no part of it (``undecoded``).
    """

    computing: float = 0.0
    launching: float = 0.0
    host: float = 0.0
    decoding: float = 0.0

    @property
    def seconds(self) -> float:
        """All of it: images are brought beside the GPU's work, whichever takes longer."""
        return max(self.computing + self.launching, self.decoding) + self.host


def spent(value: Runnable, card: GpuKind, watched: Watched = EVERYTHING) -> GpuSpent | None:
    """What a run spends on a GPU of that kind; None for what computes on the host, or says nothing.

    Args:
        value: what is computed; card: the kind of GPU.
        watched: the errors that are measured after every epoch of a training.
    """
    if isinstance(value, Experiment):
        return _trained(value, card, watched)
    if not isinstance(value, Solved):
        return None
    data, solver = value.data, value.solver
    if isinstance(solver, KernelInterpolation):
        return _interpolated(data, solver, card) if solver.device == "cuda" else None
    if not getattr(solver, "accelerated", False):
        return None
    if isinstance(solver, Adam):
        batch = min(solver.batch or data.train_size, data.train_size)
        steps = _steps(data, solver.model, batch, solver.steps, card, REPLAYED_SECONDS)
        if solver.batch:
            steps = steps._replace(host=solver.steps * COPIED_SECONDS)
        return _sum(steps, _evaluated(data, solver.model, data.train_size + data.test_size, card))
    if isinstance(solver, Landscape):
        gradients = solver.cost(data) / (
            3 * solver.batch * max(1, solver.model.cost(data.shape, data.classes))
        )
        return _steps(data, solver.model, solver.batch, math.ceil(gradients), card)
    if isinstance(solver, CodedByModel):
        coded = Prequential(first=solver.first, growth=solver.growth).ends(data.train_size)
        count = sum(solver.epochs * math.ceil(end / solver.batch) for end in coded[:-1])
        return _steps(data, solver.model, solver.batch, count, card)
    return None


def _trained(value: Experiment, card: GpuKind, watched: Watched) -> GpuSpent:
    """A training over the whole budget of epochs; what a stopping rule asks counts as measured in each."""
    data, optimizer = value.data, value.optimizer
    measured = min(getattr(data, "measured", None) or data.train_size, data.train_size)
    evaluated = measured * (watched.train or value.stop is not None or data.streamed)
    evaluated += data.test_size * ((watched.test or data.streamed) + value.losses)
    images = (FORWARD + BACKWARD) * data.train_size + FORWARD * evaluated
    cost = value.model.cost(data.shape, data.classes)
    computing = cost * images / (card.multiply_adds(value.precision) * REACHED[value.precision])
    moving = moved.seconds(value, card, data.train_size, evaluated)
    computing = max(computing, moving) if value.precision == "float32" else computing + moving
    layers = len(value.model.layers(data.shape, data.classes))
    steps = math.ceil(data.train_size / optimizer.batch)
    each = REPLAYED_SECONDS if is_captured(value) else LAUNCHED_SECONDS
    launching = steps * (operations(value.model, data) * each + POINT_SECONDS * _is_of(value.model, POINTED))
    if is_captured(value) and not _is_of(value.model, NOISY) and launching > computing:
        stacked = layers * OPERATIONS_OF_A_STACK + OPERATIONS_A_STEP
        together = steps * stacked * REPLAYED_SECONDS / STACKED_AT_LEAST
        launching = min(launching, together)
    epoch = GpuSpent(computing, launching)
    if data.streamed:
        shown = data.train_size + measured
        each = CROP_SECONDS if getattr(data, "augmented", False) else READ_SECONDS
        waiting = max(0.0, epoch.launching - computing)  # a step is launched while the one before computes
        reading = shown * each + data.test_size * READ_SECONDS
        epoch = epoch._replace(launching=waiting, decoding=reading / CORES_A_GPU)
    else:
        ordering = data.train_size * ORDER_SECONDS
        computing += data.train_size * changing(data) / card.bandwidth
        epoch = epoch._replace(computing=computing, host=data.train_size * augmenting(data) + ordering)
    return GpuSpent(*(optimizer.epochs * part for part in epoch))


def operations(model: Model, data: Dataset) -> int:
    """About how many operations a step of a single net has."""
    layers = model.layers(data.shape, data.classes)
    products = sum(layer.multiply_adds > 0 for layer in layers)
    normalizing = OPERATIONS_TO_NORMALIZE * (len(layers) - products)
    return OPERATIONS_A_LAYER * products + normalizing + OPERATIONS_A_STEP


def is_captured(value: Experiment) -> bool:
    """Whether a training's step is captured: of a single net, which may draw on the device, or of a stack."""
    if value.data.streamed:
        return False
    return value.optimizer.plain_step or isinstance(value.optimizer, Keeping)


def _is_of(model: Any, names: tuple[str, ...]) -> bool:
    """Whether a model, or what it wraps, is one of these."""
    return any(type(each).__name__ in names for each in moved.wrapped(model))


def augmenting(data: Any) -> float:
    """Seconds of a core that a training image takes in each epoch; 0 where images stay as they are.

    A GPU changes images itself where it knows all of the changes: the host draws, then, and no more.
    """
    if on_device.is_possible(data):
        return sum(DRAW_SECONDS[type(change).__name__] for change in data.augmentations)
    while data is not None:
        if changes := getattr(data, "augmentations", ()):
            names = (type(change).__name__ for change in changes)
            standardised = STANDARDISE_SECONDS if getattr(data, "whiten", False) else 0.0
            return sum(CHANGE_SECONDS.get(name, OTHER_CHANGE_SECONDS) for name in names) + standardised
        data = getattr(data, "data", None)
    return 0.0


def changing(data: Any) -> float:
    """Bytes that a GPU moves to change a training image by itself; 0 where it does not."""
    if not on_device.is_possible(data):
        return 0.0
    each = sum(CHANGED_BYTES[type(change).__name__] for change in data.augmentations)
    return (each + STANDARDISED_BYTES * data.whiten) * math.prod(data.shape)


def _steps(
    data: Dataset, model: Model, batch: int, steps: int, card: GpuKind, each: float = LAUNCHED_SECONDS
) -> GpuSpent:
    """What steps spend in float32, each of whose operations takes so many seconds beside its own."""
    images = (FORWARD + BACKWARD) * batch * steps
    launching = steps * operations(model, data) * each
    return GpuSpent(_forward(data, model, images, card), launching)


def _evaluated(data: Dataset, model: Model, images: int, card: GpuKind) -> GpuSpent:
    return GpuSpent(_forward(data, model, images, card))


def _forward(data: Dataset, model: Model, images: int, card: GpuKind) -> float:
    """Seconds of forward passes of so many images in float32."""
    rate = card.multiply_adds("float32") * REACHED["float32"]
    return model.cost(data.shape, data.classes) * images / rate


def _interpolated(data: Dataset, solver: KernelInterpolation, card: GpuKind) -> GpuSpent:
    """Cholesky, as much again to leave each point out, the Gram matrix, and predictions; in float64."""
    n, inputs = data.train_size, math.prod(data.shape)
    factor = n**3 / 3 * (2 if solver.left_out else 1)
    products = n * (n / 2 + n + data.test_size) * inputs
    return GpuSpent((factor + products) / (card.multiply_adds("float64") * REACHED["float64"]))


def _sum(*parts: GpuSpent) -> GpuSpent:
    return GpuSpent(*map(sum, zip(*parts, strict=True)))
