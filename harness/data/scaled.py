"""Published collections at a lower resolution whose pixels stay in [0, 1], as augmentations need them.

``Augmented(ScaledMnist(square=2), (RandomCrop(14, padding=1),))`` moves images of 14x14 pixels about before
they are standardised, one by one. Compared with it, ``AveragedMnist(square=2, whiten=True)`` are the same
images, standardised likewise and never moved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.data.averaged import AveragedCifar10, AveragedImages, AveragedMnist, ChannelMoments

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ScaledImages(AveragedImages, frozen=True):
    """Means over squares of stored pixels, divided by their largest value and not standardised.

    The arguments are those of ``AveragedImages``; a replicate draws the same images and labels as there.

    Raises:
        ValueError: images that are to be standardised one by one (``whiten``): that is what
            ``AveragedImages`` does, or ``Augmented`` around this.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.whiten:
            name = type(self).__name__
            raise ValueError(
                f"{name}(whiten=True): pixels of {name} stay in [0, 1]; leave whiten out, or take "
                f"{name.replace('Scaled', 'Averaged')}(whiten=True)"
            )

    @property
    def standardized(self) -> bool:
        return False

    def _moments(self, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> ChannelMoments:
        """Moments by which nothing is changed: a mean of zero and a deviation of one."""
        import numpy as np

        channels = images.shape[3]
        return ChannelMoments(np.zeros(channels), np.ones(channels))


class ScaledMnist(ScaledImages, AveragedMnist, frozen=True):
    """MNIST in [0, 1] at a lower resolution: ``square=2`` gives 14x14 pixels, ``crop=24, square=3`` 8x8."""


class ScaledCifar10(ScaledImages, AveragedCifar10, frozen=True):
    """CIFAR-10 in [0, 1] at a lower resolution: ``square=2`` gives 16x16 pixels in three colours."""
