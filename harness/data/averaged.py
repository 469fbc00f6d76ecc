"""Published collections at a lower resolution, standardised by channel, of all classes or of some.

A small net trains on such images in seconds, and they are real ones.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from harness.data import archives, sources
from harness.data.archives import Archive
from harness.data.blocks import blocks
from harness.data.preprocessing import CHUNK
from harness.data.split import ImageSet, require_between
from harness.data.stored import StoredImages, arrays_of
from harness.spec.streams import stream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HIGHEST = 255
"""The largest value of a stored pixel."""


class AveragedImages(StoredImages, frozen=True):
    """A collection whose pixels are means over squares of stored ones, less a mean and over a deviation.

    Mean and deviation are those of each channel over all training images of the kept classes, whichever of
    them a replicate draws. Each replicate draws its own nested subset, as of ``StoredImages``.

    Args:
        n: training images; None for all of the kept classes.
        labels: corruption of the training labels, among the kept classes.
        inputs: corruption of the images, after all that.
        crop: side of the centre that is kept before pixels are averaged; None keeps all.
        whiten: standardise each image by itself instead.
        n_test: test images; None for all of the kept classes.
        square: side of the squares over which pixels are averaged; it divides the side of the image.
        kept: labels of the classes that are kept, which become 0, 1, ... in this order; none means all.

    Raises:
        ValueError: squares that do not fill the image, a class that is not there or there twice, fewer than
            two, or more images than there are; for the last, MNIST's classes of unequal size tell when they
            are read (say ``n`` and ``n_test`` with them).
    """

    crop: int | None = None
    whiten: bool = False
    square: int = 2
    kept: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        name, side = type(self).__name__, self.crop or self.archive.image[0]
        if self.square < 1 or side % self.square:
            raise ValueError(f"{name}(square={self.square}): must divide the side of the image, {side}")
        known = len(set(self.kept)) == len(self.kept) and all(
            0 <= k < self.archive.classes for k in self.kept
        )
        if len(self.kept) == 1 or not known:
            raise ValueError(
                f"{name}(kept={self.kept}): two or more different classes of {self.archive.name}"
            )
        require_between(self, "n", self.n, 1, self._share(self.archive.sizes[0]))
        require_between(self, "n_test", self.n_test, 1, self._share(self.archive.sizes[1]))

    @property
    def shape(self) -> tuple[int, ...]:
        channels, height, width = super().shape
        return (channels, height // self.square, width // self.square)

    @property
    def classes(self) -> int:
        return len(self.kept) or self.archive.classes

    @property
    def train_size(self) -> int:
        return self.n or self._share(self.archive.sizes[0])

    @property
    def test_size(self) -> int:
        return self.n_test or self._share(self.archive.sizes[1])

    @property
    def standardized(self) -> bool:
        return True

    @property
    def whole(self) -> bool:
        return super().whole and not self.kept

    def _share(self, images: int) -> int:
        """The kept classes' share of so many images, where all classes have equally many."""
        return images * len(self.kept) // self.archive.classes if self.kept else images

    def _is_drawn(self) -> bool:
        """Whether replicates see different images."""
        return self.n is not None or self.n_test is not None or self.inputs.drawn

    def _image_set(self, file: sources.Found, replicate: int) -> ImageSet:
        arrays = arrays_of(file)
        generator = stream(replicate, "data")
        train = self._drawn(arrays.y_train, self.n, self.train_size, generator)
        test = self._drawn(arrays.y_test, self.n_test, self.test_size, generator)
        moments = None if self.whiten else self._moments(arrays.x_train, arrays.y_train)
        x_train, x_test = self._seen(arrays.x_train, train, moments), self._seen(arrays.x_test, test, moments)
        x_train, x_test = self.inputs.apply(x_train, x_test, stream(replicate, "noise"), in_place=True)
        y_train, y_test = self._renamed(arrays.y_train[train]), self._renamed(arrays.y_test[test])
        return ImageSet(x_train, y_train, x_test, y_test)

    def _drawn(
        self, labels: NDArray[np.uint8], asked: int | None, size: int, generator: np.random.Generator
    ) -> NDArray[np.int64]:
        """The rows of so many images of the kept classes; all of them come in their stored order."""
        rows = self._rows(labels)
        order = generator.permutation(len(rows))[:size]  # the draw happens even when all are taken
        if len(rows) < size or (asked is None and len(rows) != size):
            raise ValueError(
                f"{type(self).__name__}: the classes {self.kept} have {len(rows):,} images in one part, not "
                f"{size:,}; say n and n_test where classes are not of equal size"
            )
        return rows if asked is None else rows[order]

    def _rows(self, labels: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The rows of the kept classes."""
        import numpy as np

        return np.flatnonzero(np.isin(labels, self.kept)) if self.kept else np.arange(len(labels))

    def _renamed(self, labels: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Labels of kept classes by their place among the kept."""
        import numpy as np

        new = np.arange(self.archive.classes)
        new[list(self.kept)] = np.arange(len(self.kept))
        return new[labels]

    def _seen(
        self, images: NDArray[np.uint8], rows: NDArray[np.int64], moments: ChannelMoments | None
    ) -> NDArray[np.float32]:
        """These rows of stored images as a net sees them, float32 [n, channels, side, side]."""
        import numpy as np

        seen = np.empty((len(rows), *self.shape), np.float32)
        for part in blocks(len(rows), CHUNK):
            sums = sums_over_squares(images[rows[part]], self.crop, self.square)
            means = sums.astype(np.float64) / (HIGHEST * self.square**2)
            if moments is None:
                means -= means.mean((1, 2, 3), keepdims=True)
                floor = means[0].size ** -0.5  # of a constant image, as in preprocessing.prepare
                means /= np.maximum(means.std((1, 2, 3), keepdims=True), floor)
            else:
                means = (means - moments.mean) / moments.deviation
            seen[part] = means.transpose(0, 3, 1, 2)
        return seen

    def _moments(self, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> ChannelMoments:
        """Mean and deviation of each channel over the kept classes' training images, remembered."""
        key = (self.crop, self.square, self.kept)
        held, moments = _measured.get(key, ((lambda: None), None))
        if held() is not images or moments is None:
            moments = channel_moments(images, self._rows(labels), self.crop, self.square)
            _measured[key] = (weakref.ref(images), moments)
        return moments


class AveragedMnist(AveragedImages, frozen=True):
    """MNIST at a lower resolution: ``square=2`` gives 14x14 pixels, ``crop=24, square=3`` gives 8x8."""

    archive: ClassVar[Archive] = archives.MNIST


class AveragedCifar10(AveragedImages, frozen=True):
    """CIFAR-10 at a lower resolution: ``square=2`` gives 16x16 pixels in three colours."""

    archive: ClassVar[Archive] = archives.CIFAR10


class ChannelMoments(NamedTuple):
    """Mean and standard deviation of pixels in [0, 1] over images and positions, float64 [channels]."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]


def sums_over_squares(images: NDArray[np.uint8], crop: int | None, square: int) -> NDArray[np.int64]:
    """Sums of stored pixels over squares of the centre, int64 [n, side, side, channels].

    Args:
        images: uint8 [n, height, width, channels], as high as they are wide.
        crop: side of the centre that is kept; None keeps all.
        square: side of a square.
    """
    import numpy as np

    side = images.shape[1] if crop is None else crop
    begin = (images.shape[1] - side) // 2
    centre = images[:, begin : begin + side, begin : begin + side].astype(np.int64)
    across, (n, _, _, channels) = side // square, centre.shape
    return centre.reshape(n, across, square, across, square, channels).sum((2, 4))


def channel_moments(
    images: NDArray[np.uint8], rows: NDArray[np.int64], crop: int | None, square: int
) -> ChannelMoments:
    """Moments of averaged pixels over these rows; sums are of integers, so that their order is of no matter.

    A channel that is constant has a deviation of one: it becomes zero.
    """
    import numpy as np

    total = squares = np.zeros(images.shape[3], np.int64)
    for part in blocks(len(rows), CHUNK):
        sums = sums_over_squares(images[rows[part]], crop, square)
        total = total + sums.sum((0, 1, 2))
        squares = squares + np.square(sums).sum((0, 1, 2))
    side = (images.shape[1] if crop is None else crop) // square
    count, unit = len(rows) * side * side, HIGHEST * square**2
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0.0)) / unit
    return ChannelMoments(mean / unit, np.where(deviation > 0, deviation, 1.0))


_measured: dict[Any, tuple[Callable[[], Any], ChannelMoments | None]] = {}
"""Moments by what is averaged, with the training images that they are of, while these live."""
