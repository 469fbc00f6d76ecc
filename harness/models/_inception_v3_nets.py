"""torchvision's Inception V3 with weights from a numpy generator."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from harness.models._nets import normal_, uniform_

DEVIATION = 0.1


def inception_v3(classes: int, generator: np.random.Generator) -> nn.Module:
    """The module, made without drawing from torch's global generator.

    Raises:
        ModuleNotFoundError: torchvision is not installed.
    """
    try:
        from torchvision.models import Inception3
    except ModuleNotFoundError:
        raise ModuleNotFoundError("InceptionV3 is torchvision's: python -m pip install torchvision") from None
    with torch.device("meta"):
        net: nn.Module = Inception3(num_classes=classes, aux_logits=False, init_weights=False, dropout=0.0)
    net.to_empty(device="cpu")
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.reset_parameters()  # constants; draws nothing
        elif isinstance(layer, nn.Conv2d | nn.Linear):
            normal_(layer.weight, DEVIATION, generator)
            if layer.bias is not None:
                uniform_(layer.bias, 1 / math.sqrt(layer.weight.shape[1]), generator)
    return net
