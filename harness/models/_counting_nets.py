"""Layers of a module that is there, counted by one forward pass of blank examples."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from harness.spec.contracts import LayerCount, Model

BATCH = 2  # batch normalization needs more than one example


def counted(model: Model, shape: tuple[int, ...], classes: int) -> list[LayerCount]:
    """Every part of the model's module that has parameters of its own, in the module's order.

    A matrix or kernel counts as many multiply-adds as it has numbers, times the places of the output at
    which a convolution or a dense layer applies it. Of other parts one place is assumed.
    """
    module = model.build(shape, classes, np.random.Generator(np.random.Philox(0)))
    places: dict[nn.Module, int] = {}

    def note(part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        channels = getattr(part, "out_channels", None) or getattr(part, "out_features", None)
        if isinstance(part, nn.modules.conv._ConvNd | nn.Linear) and channels:
            places[part] = output.numel() // (BATCH * int(channels))

    hooks = [part.register_forward_hook(note) for part in module.modules()]
    with torch.no_grad():
        module.eval()(torch.zeros((BATCH, *shape)))
    for hook in hooks:
        hook.remove()
    layers, seen = [], set[int]()
    for part in module.modules():
        parameters = [p for p in part.parameters(recurse=False) if p.requires_grad and id(p) not in seen]
        seen.update(map(id, parameters))
        if parameters:
            weights = sum(math.prod(p.shape) for p in parameters if p.dim() > 1)
            layers.append(LayerCount(sum(p.numel() for p in parameters), weights * places.get(part, 1)))
    return layers
