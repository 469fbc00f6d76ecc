"""The same networks as ``harness.models``, written as in a tutorial: nothing rearranged for speed."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from harness.models import EpflAlexNet, Mlp, SmallAlexNet, SmallInception, StudentCnn
from harness.spec.contracts import Model


class Perceptron(nn.Module):
    """Flatten, then linear layers with ReLU between them."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        for layer in self.layers[:-1]:
            x = layer(x).relu()
        return self.layers[-1](x)


class TextbookLeNet(nn.Module):
    """Twice (5x5 convolution, ReLU, 2x2 max-pool), then three linear layers."""

    def __init__(self, inputs: int, second: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(inputs, 6, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, second, 5), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.classifier = Perceptron(widths)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))


class AlexNet(nn.Module):
    """Twice (5x5 convolution, ReLU, 3x3 max-pool of stride 2, response norm), then three linear layers."""

    def __init__(self, inputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(inputs, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1),
            nn.LocalResponseNorm(9, alpha=0.001, beta=0.75, k=1.0),
            nn.Conv2d(64, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1),
            nn.LocalResponseNorm(9, alpha=0.001, beta=0.75, k=1.0),
        )  # fmt: skip
        self.classifier = Perceptron(widths)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))


class NormedAlexNet(nn.Module):
    """Twice (5x5 convolution, batch norm, ReLU, 3x3 max-pool, response norm), then three linear layers."""

    def __init__(self, inputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(inputs, 64, 5, padding=2), nn.BatchNorm2d(64, eps=1e-3, affine=False), nn.ReLU(),
            nn.MaxPool2d(3), nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0),
            nn.Conv2d(64, 256, 5, padding=2), nn.BatchNorm2d(256, eps=1e-3, affine=False), nn.ReLU(),
            nn.MaxPool2d(3), nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0),
        )  # fmt: skip
        self.classifier = Perceptron(widths)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))


class ConvNormReLU(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.convolution(x)).relu()


class InceptionModule(nn.Module):
    """1x1 beside 3x3 convolutions."""

    def __init__(self, inputs: int, ones: int, threes: int) -> None:
        super().__init__()
        self.ones, self.threes = ConvNormReLU(inputs, ones, 1), ConvNormReLU(inputs, threes, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.ones(x), self.threes(x)], 1)


class Downsample(nn.Module):
    """3x3 convolutions of stride 2 beside a max-pool."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution, self.pool = ConvNormReLU(inputs, outputs, 3, 2), nn.MaxPool2d(3, 2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.convolution(x), self.pool(x)], 1)


class Inception(nn.Module):
    """The small Inception of Zhang et al. 2017, Figure 3."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            ConvNormReLU(inputs, 96, 3),
            InceptionModule(96, 32, 32), InceptionModule(64, 32, 48), Downsample(80, 80),
            InceptionModule(160, 112, 48), InceptionModule(160, 96, 64), InceptionModule(160, 80, 80),
            InceptionModule(160, 48, 96), Downsample(144, 96),
            InceptionModule(240, 176, 160), InceptionModule(336, 176, 160),
        )  # fmt: skip
        self.last = nn.Linear(336, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.body(x).mean((2, 3)))


def textbook(model: Model, shape: tuple[int, ...], classes: int) -> nn.Module:
    """The tutorial's version of one of our models, with torch's own initial weights.

    Raises:
        ValueError: it has not the number of parameters of ours, or there is none for this model.
    """
    net = _net(model, shape, classes)
    counted, ours = sum(p.numel() for p in net.parameters()), model.size(shape, classes)
    if counted != ours:
        raise ValueError(f"textbook {type(model).__name__} has {counted:,} parameters, ours {ours:,}")
    return net


def _net(model: Model, shape: tuple[int, ...], classes: int) -> nn.Module:
    """The textbook net of one of our models, whatever its size.

    Raises:
        ValueError: there is none for this model.
    """
    if isinstance(model, Mlp) and not model.batch_norm:
        return Perceptron(model.widths(shape, classes))
    if isinstance(model, StudentCnn):
        return TextbookLeNet(shape[0], model.second, model.dense_widths(shape, classes))
    if isinstance(model, SmallAlexNet):
        return AlexNet(shape[0], model.dense_widths(shape, classes))
    if isinstance(model, EpflAlexNet):
        return NormedAlexNet(shape[0], model.dense_widths(shape, classes))
    if isinstance(model, SmallInception) and model.batch_norm:
        return Inception(shape[0], classes)
    raise ValueError(f"no textbook version of {model!r}")
