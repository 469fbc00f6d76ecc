"""What a convolutional net moves over a GPU's memory: passes over the values that its convolutions put out.

By matrix units such nets wait for memory more than for products. All of it is counted by hand and assumed;
records of such a GPU replace it in plans, as they come in.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from harness.fleet import fusing
from harness.lab.gpu_kinds import GpuKind
from harness.spec import Experiment
from harness.spec.contracts import Dataset, Model

BYTES = {"float32": 4, "tf32": 4, "bfloat16": 2}
"""Of a value in memory, by precision."""

KERNEL = 9
"""Weights of a kernel of 3 by 3."""


class MemoryPasses(NamedTuple):
    """How often something reads or writes each value that a convolution puts out."""

    forward: int
    backward: int
    evaluated: int

    @property
    def trained(self) -> int:
        return self.forward + self.backward


CONVOLVED = MemoryPasses(forward=2, backward=4, evaluated=2)
"""It reads its input and writes; gradients by inputs read one and write one, those by weights read two."""
NORMALIZED = MemoryPasses(forward=3, backward=5, evaluated=2)
"""Statistics read, then what they change is read and written; the gradient's sums read it and the map, then
both are read and it is written. In evaluation statistics are there."""
RECTIFIED = MemoryPasses(forward=2, backward=3, evaluated=2)
"""Read and written; the gradient and the output are read, and it is written."""
TOGETHER = NORMALIZED
"""Both as one: what is read is the normalization's, and what is written is rectified already (``fusing``)."""
BESIDE = MemoryPasses(forward=1, backward=1, evaluated=1)
"""Shortcuts, poolings and branches that are joined, about: added up over a ResNet-18, half its convolutions
have a sum of three behind them."""

REACHED_BANDWIDTH = 0.7
"""Share of the bandwidth that kernels reach: assumed, so that the 21 passes of a step that is not fused count
as 30, a round number between what three published trainings on an A100 would need. So an image of NVIDIA's
ResNet-50 (README of DeepLearningExamples, 80 GB; 11.1 million outputs) takes 485 microseconds where 405 were
measured in mixed precision, and 970 for 1,066 in TF32; and one of the standard ResNet-18 of CIFAR-10 38 where
the README of KellerJordan/cifar10-airbench says 43 in half precision (7 minutes for 32.3 PFLOP).

An H100 has no published training of this kind, neither of Inception V3 nor by torch's own kernels in that
order of memory. For that ResNet-50 it counts 249 microseconds an image there, a share of 0.10 of the peak;
between the 143 of MLPerf Training 3.0 (mlcommons/training_results_v3.0, Dell XE9680, 8 H100: 56,000 images/s
by MXNet, normalization fused with all that is around it) and 358 (lambdal/deeplearning-benchmark, H100 SXM5:
2,790 images/s by NVIDIA's script for PyTorch in mixed precision), and near the 225 that the 405 are by the
ratio 1.8 of both generations in MLPerf."""

NORMALIZING = ("Cnn5", "InceptionV3", "ResNet18", "SmallInception", "Vgg")
"""Models whose convolutions are normalized before a ReLU, unless they say ``batch_norm=False``."""


def seconds(value: Experiment, card: GpuKind, trained: float, evaluated: float) -> float:
    """Seconds in which a GPU moves what a net reads and writes beside its products.

    Args:
        value: what is trained; card: the kind of GPU.
        trained, evaluated: images that go forward and backward, and forward alone.
    """
    passes = [CONVOLVED, BESIDE]
    if is_normalized(value.model):
        passes += [TOGETHER] if is_fused(value) else [NORMALIZED, RECTIFIED]
    else:
        passes.append(RECTIFIED)
    often = trained * sum(p.trained for p in passes) + evaluated * sum(p.evaluated for p in passes)
    values = convolved(value.model, value.data) * often
    return values * BYTES[value.precision] / (card.bandwidth * REACHED_BANDWIDTH)


def is_normalized(model: Model) -> bool:
    """Whether convolutions are normalized before a ReLU."""
    inner = innermost(model)
    return type(inner).__name__ in NORMALIZING and getattr(inner, "batch_norm", True)


def is_fused(value: Experiment) -> bool:
    """Whether normalization and ReLU would be one operation, if a GPU finds that equal and faster."""
    steps = value.optimizer.epochs * math.ceil(value.data.train_size / value.optimizer.batch)
    return steps >= fusing.LEAST_STEPS and is_normalized(value.model)


def convolved(model: Model, data: Dataset) -> float:
    """About how many values the convolutions of a net put out for an example.

    A model may count them itself (``InceptionV3.convolved``). Of others, a layer's weights and multiply-adds
    tell at how many places it is applied, and its channels are counted as if kernels were of 3 by 3 and, but
    for the first layer, as many channels came in as go out.
    """
    counted = getattr(innermost(model), "convolved", None)
    if counted is not None:
        return float(counted(data.shape))
    values, channels = 0.0, data.shape[0]
    for number, layer in enumerate(model.layers(data.shape, data.classes)):
        places = layer.multiply_adds / layer.parameters if layer.parameters else 0.0
        if places > 1:
            outputs = (
                layer.parameters / KERNEL / channels if number == 0 else math.sqrt(layer.parameters / KERNEL)
            )
            values += places * outputs
    return values


def wrapped(model: Any) -> list[Any]:
    """A model, what it wraps, and so on."""
    models = []
    while model is not None:
        models.append(model)
        model = getattr(model, "model", None)
    return models


def innermost(model: Any) -> Any:
    """A model without what is wrapped around it."""
    return wrapped(model)[-1]
