"""Networks trained to reproduce one example: do they learn to reproduce everything, or this one alone?

Source: Zhang, Bengio, Hardt, Mozer and Singer 2020. What one example says is compatible with the identity and
with the constant function, and networks of more parameters than it has values can compute both; which of them
descent ends at is the bias of the architecture.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.analytic.scores import require_positive
from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    import torch

    from harness.data.split import Split
    from harness.spec.contracts import Dataset

DECAYS, TINY = (0.9, 0.999), 1e-8
"""Decays of Adam's moments, and what is added to the root of the second: its authors'."""
FITTED = 1e-4
"""The squared error on the example, over its square, at which training ends."""
MOST_STEPS = 2000
"""Ten times what any of these networks took."""
ABOUT_STEPS = 100
"""What most of them take, for estimates."""


class OneExample(Value, frozen=True):
    """A network without biases, of ReLU layers and a linear one, trained on one image as its own target.

    It is trained by Adam on the squared error, and asked for the images of the test set.

    Args:
        depth: layers of weights; the last is linear.
        width: units of each hidden layer, or channels.
        kernel: side of the convolutions, odd; None for fully connected layers.
        images: test images asked for.
        rate: Adam's learning rate; the default is its authors'.

    Raises:
        ValueError: a number that is not positive, or a kernel of even side.
    """

    depth: int
    width: int = 128
    kernel: int | None = None
    images: int = 200
    rate: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("depth", "width", "images", "rate"):
            require_positive(type(self).__name__, name, getattr(self, name))
        if self.kernel is not None and (self.kernel < 1 or self.kernel % 2 == 0):
            raise ValueError(f"OneExample(kernel={self.kernel}): an odd side, or None for dense layers")

    def cost(self, data: Dataset) -> float:
        """Multiply-adds of some hundred steps and of the answers."""
        positions = 1 if self.kernel is None else math.prod(data.shape[1:])
        area = 1 if self.kernel is None else self.kernel**2
        forward = positions * area * sum(a * b for a, b in itertools.pairwise(self._widths(data.shape)))
        return float(forward * (3 * ABOUT_STEPS + min(self.images, data.test_size)))

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, float]:
        """Train on the first training image; squared errors are over the square of what should be.

        Returns:
            ``identity_error``: of the answers, from the images asked for; ``constant_error``: of the answers,
            from the training image; ``apart``: of the training image, from the images asked for, which is
            the first of these errors of the constant function; ``training_error``, and ``steps``.
        """
        import torch

        whole = self.kernel is not None
        x, asked = (
            torch.from_numpy(images) if whole else torch.from_numpy(images).flatten(1)
            for images in (split.x_train[:1], split.x_test[: self.images])
        )
        weights = self._drawn(split.x_train.shape[1:], generator)
        steps, error = self._train(weights, x)
        with torch.no_grad():
            answers = torch.cat([self._answer(weights, image) for image in asked.split(1)])
        one = x.expand_as(asked)
        return {
            "identity_error": _relative(answers, asked),
            "constant_error": _relative(answers, one),
            "apart": _relative(one, asked),
            "training_error": error,
            "steps": float(steps),
        }

    def _widths(self, shape: Sequence[int]) -> list[int]:
        """Values or channels from the input up."""
        ends = shape[0] if self.kernel is not None else math.prod(shape)
        return [ends, *[self.width] * (self.depth - 1), ends]

    def _drawn(self, shape: Sequence[int], generator: np.random.Generator) -> list[torch.Tensor]:
        """Normal weights of variance 2 over the inputs, in the last layer 1: they keep the scale."""
        import numpy as np
        import torch

        sides = () if self.kernel is None else (self.kernel, self.kernel)
        weights = []
        for layer, (inputs, outputs) in enumerate(itertools.pairwise(self._widths(shape)), start=1):
            values = generator.standard_normal((outputs, inputs, *sides), dtype=np.float32)
            gain = 1 if layer == self.depth else 2
            values *= np.float32(math.sqrt(gain / (inputs * math.prod(sides))))
            weights.append(torch.from_numpy(values).requires_grad_())
        return weights

    def _answer(self, weights: Sequence[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """What the network says of images [m, ...], of their shape."""
        import torch.nn.functional as F

        for layer, weight in enumerate(weights, start=1):
            x = F.linear(x, weight) if self.kernel is None else F.conv2d(x, weight, padding="same")
            x = x if layer == self.depth else F.relu(x)
        return x

    def _train(self, weights: Sequence[torch.Tensor], x: torch.Tensor) -> tuple[int, float]:
        """Adam, written out, until the example is fitted: its steps, and the error that is left.

        It ends as well where no weight has a gradient, since no unit is active any more.
        """
        import torch

        size = x.square().sum()
        moments = [(torch.zeros_like(w), torch.zeros_like(w)) for w in weights]
        step, error = 0, math.inf
        while True:
            loss = (self._answer(weights, x) - x).square().sum() / size
            error = float(loss.detach())
            if not FITTED <= error < math.inf or step == MOST_STEPS:
                return step, error
            step += 1
            gradients = torch.autograd.grad(loss, list(weights))
            if not any(bool(gradient.any()) for gradient in gradients):
                return step - 1, error
            with torch.no_grad():
                for weight, gradient, pair in zip(weights, gradients, moments, strict=True):
                    weight -= self.rate * _adam(gradient, pair, step)


def _adam(gradient: torch.Tensor, moments: tuple[torch.Tensor, torch.Tensor], step: int) -> torch.Tensor:
    """Adam's step, counted from 1, in units of the learning rate; the moments change in place."""
    (first, second), (slow, slower) = moments, DECAYS
    first.lerp_(gradient, 1 - slow)
    second.lerp_(gradient.square(), 1 - slower)
    root = (second / (1 - slower**step)).sqrt() + TINY
    return first / (1 - slow**step) / root


def _relative(said: Any, right: Any) -> float:
    """The squared distance of what is said from what is right, over the square of the latter."""
    return float((said - right).square().sum().double() / right.square().sum().double())
