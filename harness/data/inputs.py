"""Corruptions of images (Zhang et al. 2017, Section 2), applied after preprocessing.

The paper does not say on which side of preprocessing they act. Permutations commute with scaling and
with per-image standardisation; only Gaussian noise differs, and after preprocessing its moments match
what the network would have seen. Images are float32 [n, channels, height, width].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from harness.data.blocks import blocks
from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Images = NDArray[np.float32]

CHUNK = 200  # images handled at once, so that temporary arrays stay small beside a whole data set


class InputChange(Value, frozen=True):
    """A corruption of images that draws for each replicate; a class of one's own adds ``apply``.

    What ``apply`` gets and gives is written in ``harness.spec.contracts.InputCorruption``.
    """

    drawn: ClassVar[bool] = True


class TrueInputs(InputChange, frozen=True):
    """Images as they are."""

    drawn: ClassVar[bool] = False

    def apply(
        self, train: Images, test: Images, generator: np.random.Generator, *, in_place: bool = False
    ) -> tuple[Images, Images]:
        """The images themselves."""
        return train, test


class ShuffledPixels(InputChange, frozen=True):
    """One permutation of the pixel positions, the same for all images, train and test, and channels."""

    def apply(
        self, train: Images, test: Images, generator: np.random.Generator, *, in_place: bool = False
    ) -> tuple[Images, Images]:
        """Permuted images; ``in_place`` writes them over those passed in."""
        order = generator.permutation(_pixels(train))
        return _permuted(train, order, in_place), _permuted(test, order, in_place)


class RandomPixels(InputChange, frozen=True):
    """Another permutation of the pixel positions for every image, the same for its channels.

    Test images are permuted too, each by its own; what a permutation keeps, the distribution of
    colours, can still be learnt, so a test error somewhat below chance is right.
    """

    def apply(
        self, train: Images, test: Images, generator: np.random.Generator, *, in_place: bool = False
    ) -> tuple[Images, Images]:
        """Permuted images; ``in_place`` writes them over those passed in."""
        return _scrambled(train, generator, in_place), _scrambled(test, generator, in_place)


class GaussianInputs(InputChange, frozen=True):
    """Training images replaced by noise with the mean and variance, per channel, of the real ones.

    Test images stay real: the noise carries nothing about its labels, and a network trained on it
    is asked whether it says anything about images (it must be at chance).
    """

    def apply(
        self, train: Images, test: Images, generator: np.random.Generator, *, in_place: bool = False
    ) -> tuple[Images, Images]:
        """Noise for the training images; ``in_place`` writes it over them."""
        import numpy as np

        moments = [_moments(train, channel) for channel in range(train.shape[1])]
        mean, deviation = (np.array(m, np.float32)[:, None, None] for m in zip(*moments, strict=True))
        noise = train if in_place else np.empty_like(train)
        for rows in _chunks(len(train)):
            draws = generator.standard_normal(train[rows].shape, dtype=np.float32)
            noise[rows] = draws * deviation + mean
        return noise, test


def _pixels(images: Images) -> int:
    return int(images.shape[2] * images.shape[3])


def _chunks(n: int) -> Iterator[slice]:
    """The rows of n images, as many at a time as are in memory at once."""
    return blocks(n, CHUNK)


def _permuted(images: Images, order: NDArray[np.int64], in_place: bool) -> Images:
    import numpy as np

    out = images if in_place else np.empty_like(images)
    for rows in _chunks(len(images)):
        flat = images[rows].reshape(*images[rows].shape[:2], -1)
        out[rows] = flat[:, :, order].reshape(images[rows].shape)
    return out


def _scrambled(images: Images, generator: np.random.Generator, in_place: bool) -> Images:
    import numpy as np

    out = images if in_place else np.empty_like(images)
    for rows in _chunks(len(images)):
        flat = images[rows].reshape(*images[rows].shape[:2], -1)
        keys = generator.random((len(flat), flat.shape[2]), dtype=np.float32)
        order = keys.argsort(axis=1, kind="stable")
        out[rows] = np.take_along_axis(flat, order[:, None, :], axis=2).reshape(images[rows].shape)
    return out


def _moments(images: Images, channel: int) -> tuple[float, float]:
    """Mean and standard deviation of one channel, accumulated in float64 over chunks."""
    import numpy as np

    total = squares = 0.0
    for rows in _chunks(len(images)):
        values = images[rows, channel].astype(np.float64)
        total += float(values.sum())
        squares += float(np.square(values).sum())
    count = len(images) * _pixels(images)
    mean = total / count
    return mean, max(squares / count - mean * mean, 0.0) ** 0.5
