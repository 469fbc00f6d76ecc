"""A probe of the smallest margin by which any net classifies its training images, over its weights' size.

Lyu and Li 2020 divide it by |w|^L for a net whose scores grow by the L-th power when all weights grow (ReLU
layers without biases); Soudry et al. 2018 is L = 1. Bounds by norms divide it by the product of the layers'
spectral norms, which bounds how much a score can change with its input (Bartlett, Foster, Telgarsky 2017).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.analytic.eigenvalues import largest_eigenvalue
from harness.analytic.weighed_loss import OfTheTraining, rows_at_once
from harness.data.blocks import blocks

if TYPE_CHECKING:
    import torch
    from torch import nn

    from harness.data.split import Split
    from harness.spec.informed import HowTrained

NORMS = ("length", "spectral")
TOLERANCE, PRODUCTS = 1e-6, 5000
"""To which a convolution's largest singular value, squared, is sought, and with how many products at most."""


class Margin(OfTheTraining, frozen=True):
    """The smallest margin over the training images: the label's score less the largest other one.

    Results: ``margin``, below zero where an image is misclassified; ``norm``; ``normalized``, the one over
    the other. Of an image with labels as they are trained on, in float64.

    Args:
        norm: "length", the length of all weights to the power of the number of layers of weights; of nets
            with biases or batch normalization scores do not grow by that power, and it says little.
            "spectral", the product of the layers' largest singular values, as maps of their inputs:
            convolutions on maps of their size, batch normalization as it is in evaluation. Sums of branches,
            as in residual nets, and pooling by overlapping maxima are not bounded by it.

    Raises:
        ValueError: another norm.
    """

    norm: str = "length"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.norm not in NORMS:
            raise ValueError(f"Margin(norm={self.norm!r}): must be one of {', '.join(NORMS)}")

    def measure_trained(self, model: nn.Module, split: Split, training: HowTrained) -> dict[str, float]:
        """The margin and the size of the weights.

        Raises:
            TypeError: a layer of weights is none of those that ``Margin`` knows.
            ValueError: a convolution's largest singular value was not reached.
        """
        net = model.double().eval()
        layers = weighted_layers(net)
        if self.norm == "length":
            length = math.sqrt(sum(float(p.detach().square().sum()) for p in net.parameters()))
            size = length ** sum(is_affine(layer) for layer in layers)
        else:
            size = math.prod(spectral_norms(net, layers, split, training))
        margin = smallest_margin(net, split)
        return {"margin": margin, "norm": size, "normalized": margin / size if size else math.nan}


def smallest_margin(net: nn.Module, split: Split) -> float:
    """The smallest margin over the training images; NaN where a score is not a number."""
    import torch

    device, smallest = next(net.parameters()).device, []
    with torch.inference_mode():
        for rows in blocks(len(split.y_train), rows_at_once(net, split)):
            scores = net(torch.from_numpy(split.x_train[rows]).to(device).double())
            labels = torch.from_numpy(split.y_train[rows]).to(device)[:, None]
            true = scores.gather(1, labels)
            others = scores.scatter(1, labels, -math.inf).amax(1, keepdim=True)
            smallest.append((true - others).min())
        return float(torch.stack(smallest).min())


def is_affine(layer: nn.Module) -> bool:
    """Whether a layer is dense or a convolution, rather than a normalization."""
    from torch import nn

    return isinstance(layer, nn.Linear | nn.Conv2d)


def weighted_layers(net: nn.Module) -> list[nn.Module]:
    """The layers that are no plain function of their input: dense, convolutions, batch normalization.

    Raises:
        TypeError: a module with parameters of its own is none of these.
    """
    from torch import nn

    known = (nn.Linear, nn.Conv2d, nn.modules.batchnorm._BatchNorm)
    layers = []
    for module in net.modules():
        if type(module) in (nn.Linear, nn.Conv2d) or isinstance(module, known[2]):
            layers.append(module)
        elif next(module.parameters(recurse=False), None) is not None:
            name = type(module).__name__
            raise TypeError(f"Margin knows dense layers, convolutions and batch normalization, not {name}")
    return layers


def spectral_norms(
    net: nn.Module, layers: list[nn.Module], split: Split, training: HowTrained
) -> list[float]:
    """The largest singular value of each layer, as a map of inputs of the shape that it gets."""
    import torch

    shapes: dict[nn.Module, torch.Size] = {}
    hooks = [
        layer.register_forward_pre_hook(lambda module, inputs: shapes.update({module: inputs[0].shape[1:]}))
        for layer in layers
    ]
    device = next(net.parameters()).device
    try:
        with torch.no_grad():
            net(torch.from_numpy(split.x_train[:1]).to(device).double())
    finally:
        for hook in hooks:
            hook.remove()
    return [_spectral_norm(layer, shapes[layer], training) for layer in layers if layer in shapes]


def _spectral_norm(layer: nn.Module, shape: torch.Size, training: HowTrained) -> float:
    """The largest singular value of one layer."""
    import torch
    from torch import nn

    if isinstance(layer, nn.Linear):
        return float(torch.linalg.matrix_norm(layer.weight.detach(), ord=2))
    if isinstance(layer, nn.modules.batchnorm._BatchNorm):
        assert layer.running_var is not None
        gains = 1 / (layer.running_var + layer.eps).sqrt()
        return float((gains if layer.weight is None else gains * layer.weight.detach()).abs().max())
    assert isinstance(layer, nn.Conv2d)
    weight = layer.weight.detach()

    def squared(vector: torch.Tensor) -> torch.Tensor:
        x = vector.view(1, *shape).requires_grad_()
        out = layer._conv_forward(x, weight, None)
        (back,) = torch.autograd.grad(out, x, out.detach())
        return back.flatten()

    start = torch.from_numpy(training.generator().standard_normal(math.prod(shape))).to(weight.device)
    best = largest_eigenvalue(squared, start, TOLERANCE, PRODUCTS)
    return math.sqrt(best.value)
