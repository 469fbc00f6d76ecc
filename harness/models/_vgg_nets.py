"""The module of the VGG nets, its layers by name."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from torch import nn
from torch.nn.utils import skip_init

from harness.models import _nets


def vgg(
    generator: np.random.Generator,
    stages: Sequence[Sequence[int]],
    widths: Sequence[int],
    batch_norm: bool,
    variance: float,
) -> nn.Sequential:
    """Stages of convolutions (channels that enter, then those of each), then dense layers (their widths)."""
    net: OrderedDict[str, nn.Module] = OrderedDict()
    place = 0
    for i, stage in enumerate(stages, start=1):
        for inputs, outputs in pairwise(stage):
            place += 1
            conv = skip_init(nn.Conv2d, inputs, outputs, 3, padding=1, bias=not batch_norm)
            net[f"conv{place}"] = _drawn(conv, variance / (9 * inputs), generator)
            if batch_norm:
                net[f"norm{place}"] = nn.BatchNorm2d(outputs)
            net[f"relu{place}"] = nn.ReLU()
        net[f"pool{i}"] = nn.MaxPool2d(2)
    net["flat"] = nn.Flatten()
    for i, (inputs, outputs) in enumerate(pairwise(widths), start=1):
        if i > 1:
            net[f"active{i - 1}"] = nn.ReLU()
        net[f"dense{i}"] = _drawn(skip_init(nn.Linear, inputs, outputs), variance / inputs, generator)
    return nn.Sequential(net)


def _drawn(
    layer: nn.Conv2d | nn.Linear, variance: float, generator: np.random.Generator
) -> nn.Conv2d | nn.Linear:
    """Normal weights of this variance, no biases."""
    _nets.normal_(layer.weight, variance**0.5, generator)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
