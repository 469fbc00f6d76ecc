"""Noise and adversarial examples as regularizers: what enters another model is changed while it trains.

Arpit et al. 2017, Section 5: input Gaussian noise, and adversarial training on critical samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.models.architecture import AroundModel

if TYPE_CHECKING:
    import numpy as np
    from torch import nn


class NoisyInputs(AroundModel, frozen=True):
    """Another model whose inputs get normal noise while it trains, anew in every step.

    Args:
        model: the model.
        deviation: of the noise, in units of the preprocessed images.

    Raises:
        ValueError: the deviation is not positive.
    """

    deviation: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.deviation > 0:
            raise ValueError(f"NoisyInputs(deviation={self.deviation}): must be positive")

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The model's module, from ``generator`` alone, with noise on what enters it."""
        from harness.models._noisy_input_nets import GaussianNoise

        module = self.model.build(shape, classes, generator)
        GaussianNoise(self.deviation).before(module)
        return module


class AdversarialInputs(AroundModel, frozen=True):
    """Another model that trains on adversarial examples for a share of the examples of every step.

    An adversarial example is a corner of the box around an image: one step by the sign of the gradient of
    the loss of the net's own prediction, from a random point of the box (Arpit et al. search the box in
    several steps of the same kind, with noise). Normalization by batches would count them as examples.

    Args:
        model: the model.
        radius: of the box (l-infinity), in units of the preprocessed images.
        share: probability with which an example is exchanged, as the paper's weighting factor.

    Raises:
        ValueError: a radius that is not positive, or a share outside (0, 1].
    """

    radius: float = 0.1
    share: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.radius > 0 and 0 < self.share <= 1):
            raise ValueError(
                f"AdversarialInputs(radius={self.radius}, share={self.share}): a positive radius and a share "
                "above 0 and up to 1"
            )

    def cost(self, shape: tuple[int, ...], classes: int) -> float:
        """Three passes where the other model makes one."""
        return 3 * self.model.cost(shape, classes)

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The model's module, from ``generator`` alone, with adversarial examples among what enters it."""
        from harness.models._noisy_input_nets import StepAway

        module = self.model.build(shape, classes, generator)
        StepAway(self.radius, self.share).before(module)
        return module
