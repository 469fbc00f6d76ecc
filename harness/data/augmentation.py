"""Training images changed anew in every epoch (Zhang et al. 2017, Section 3 and appendix A).

``Augmented`` wraps a data set: the labels stay attached to the image they were drawn for, while its
pixels are drawn anew. Test images are only brought to the same shape. Images are float32
[n, channels, height, width] with values in [0, 1]; standardising comes last.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING

from harness.data.blocks import blocks
from harness.data.examples import AroundData
from harness.data.preprocessing import CHUNK, _standardise
from harness.data.split import Split
from harness.spec import Value
from harness.spec.contracts import Augmentation
from harness.spec.streams import stream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Images = NDArray[np.float32]


CROPPED_AT_ONCE = 1000
"""Images whose padded copies are held at once: few enough to stay in a cache, many enough for one index."""
CACHED = 2**16
"""Pixels that are standardised at once, if they are of more images than ``CHUNK``."""


class ImageChange(Value, frozen=True):
    """An augmentation that keeps the shape and has no part in testing; a class of one's own adds ``apply``.

    What ``apply`` gets and gives is written in ``harness.spec.contracts.Augmentation``.
    """

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Unchanged."""
        return shape

    def settle(self, images: Images) -> Images:
        """Unchanged."""
        return images


class RandomCrop(Value, frozen=True):
    """A square part at a random place; of a test image, the centre.

    Args:
        side: of the part that is kept.
        padding: zeros around the image beforehand, so that ``side`` may be the image's own.
    """

    side: int
    padding: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.side < 1 or self.padding < 0:
            raise ValueError(f"RandomCrop({self.side}, padding={self.padding}): no such part of an image")

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of what is kept of an image of this shape.

        Raises:
            ValueError: the image is smaller than the part.
        """
        if min(shape[1:]) + 2 * self.padding < self.side:
            raise ValueError(f"RandomCrop({self.side}): images of {shape[1]}x{shape[2]} pixels are smaller")
        return (shape[0], self.side, self.side)

    def apply(self, images: Images, generator: np.random.Generator) -> Images:
        """Another part of each image."""
        import numpy as np

        room = np.array(images.shape[2:]) + 2 * self.padding - self.side + 1
        places = generator.integers(0, room, size=(len(images), 2))
        return self._parts(images, places)

    def settle(self, images: Images) -> Images:
        """The centre of each image."""
        import numpy as np

        centre = (np.array(images.shape[2:]) + 2 * self.padding - self.side) // 2
        return self._parts(images, np.broadcast_to(centre, (len(images), 2)))

    def _parts(self, images: Images, places: NDArray[np.int64]) -> Images:
        """The parts [n, channels, side, side] that begin at rows and columns ``places`` [n, 2]."""
        import numpy as np

        chosen = np.empty((*images.shape[:2], self.side, self.side), np.float32)
        for rows in blocks(len(images), CROPPED_AT_ONCE):
            chosen[rows] = lines_of(self._framed(images[rows]), self.side, places[rows])
        return chosen

    def _framed(self, images: Images) -> Images:
        """Images with zeros around them, one after the other in memory."""
        import numpy as np

        if not self.padding:
            return np.ascontiguousarray(images)
        count, channels, height, width = images.shape
        pad = self.padding
        framed = np.zeros((count, channels, height + 2 * pad, width + 2 * pad), np.float32)
        framed[:, :, pad : pad + height, pad : pad + width] = images
        return framed


class RandomFlip(ImageChange, frozen=True):
    """Left and right exchanged, for half of the images."""

    def apply(self, images: Images, generator: np.random.Generator) -> Images:
        """Each image or its mirror image."""
        import numpy as np

        turned = generator.random(len(images)) < 0.5
        return np.where(turned[:, None, None, None], images[..., ::-1], images)


class RandomRotation(ImageChange, frozen=True):
    """Turned about the centre by up to so many degrees, bilinear, zeros from outside."""

    degrees: float = 25.0

    def apply(self, images: Images, generator: np.random.Generator) -> Images:
        """Each image turned by its own angle."""
        import numpy as np

        angles = np.deg2rad(generator.uniform(-self.degrees, self.degrees, len(images)))
        turned = np.empty_like(images)
        for rows in blocks(len(images), CHUNK):
            turned[rows] = rotated(images[rows], angles[rows])
        return turned


class ColourJitter(ImageChange, frozen=True):
    """Brightness and contrast scaled, each by a factor from 1 - strength to 1 + strength."""

    strength: float = 0.4

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.strength <= 1:
            raise ValueError(f"ColourJitter({self.strength}): the strength must be between 0 and 1")

    def apply(self, images: Images, generator: np.random.Generator) -> Images:
        """Each image with its own brightness and contrast, cut off at 0 and 1."""
        import numpy as np

        low, high = 1 - self.strength, 1 + self.strength
        brightness, contrast = (
            generator.uniform(low, high, (len(images), 1, 1, 1)).astype(np.float32) for _ in range(2)
        )
        bright = images * brightness
        mean = bright.mean(axis=(1, 2, 3), keepdims=True)
        jittered: Images = np.clip((bright - mean) * contrast + mean, 0, 1)
        return jittered


def lines_of(images: Images, side: int, places: NDArray[np.int64]) -> Images:
    """Square parts [n, channels, side, side] of images in C order, at rows and columns ``places`` [n, 2].

    A part is taken by whole lines of ``side`` pixels: an index for each, and not for each pixel.
    """
    import numpy as np

    count, channels, height, width = images.shape
    lines = np.ndarray(
        images.size - side + 1, f"V{images.itemsize * side}", images, strides=(images.itemsize,)
    )
    first = (np.arange(count) * channels * height + places[:, 0]) * width + places[:, 1]
    further = np.arange(channels)[:, None] * height * width + np.arange(side) * width
    taken = lines[first[:, None, None] + further]
    return taken.view(images.dtype).reshape(count, channels, side, side)


def rotated(images: Images, angles: NDArray[np.float64]) -> Images:
    """Images turned about their centres by ``angles`` [n] in radians, bilinear, zeros from outside."""
    import numpy as np

    n, _, height, width = images.shape
    y, x = np.mgrid[:height, :width] - np.array([(height - 1) / 2, (width - 1) / 2])[:, None, None]
    cos, sin = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    rows, columns = cos * y + sin * x + (height - 1) / 2, cos * x - sin * y + (width - 1) / 2
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    framed = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    which = np.arange(n)[:, None, None]
    turned = np.zeros((n, height, width, images.shape[1]), np.float32)
    for down in (0, 1):
        for right in (0, 1):
            share = (1 - abs(rows - top - down)) * (1 - abs(columns - left - right))
            i, j = (np.clip(top + down, -1, height) + 1), (np.clip(left + right, -1, width) + 1)
            turned += share[..., None].astype(np.float32) * framed[which, :, i, j]
    return np.ascontiguousarray(turned.transpose(0, 3, 1, 2))


class Augmented(AroundData, frozen=True):
    """A data set with augmentations, applied in this order in every epoch, then standardised.

    Args:
        data: the data set with its corruptions, not standardised itself (``whiten=False``) and, where it
            crops, whole (``crop=None``).
        augmentations: ``RandomCrop(28)``, ``RandomFlip()``, ``ColourJitter()``, ``RandomRotation()``.
        whiten: standardise each image after them.

    Raises:
        ValueError: the data are standardised before their pixels are changed.
    """

    augmentations: tuple[Augmentation, ...] = (RandomCrop(28),)
    whiten: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.data.standardized:
            name = type(self.data).__name__
            raise ValueError(f"Augmented({name}(...)): give {name}(whiten=False), standardising comes last")
        self.shape  # noqa: B018 - refuses images that are too small

    @property
    def shape(self) -> tuple[int, ...]:
        shape = self.data.shape
        for augmentation in self.augmentations:
            shape = augmentation.shape(shape)
        return shape

    @property
    def standardized(self) -> bool:
        return self.whiten

    def split(self, root: Path | None, replicate: int) -> Split:
        """The data set's split of a replicate; its training images of an epoch by ``augment``."""
        inner = self.data.split(root, replicate)

        def augment(epoch: int) -> Images:
            images, generator = inner.x_train, stream(replicate, "augmentation", epoch)
            for augmentation in self.augmentations:
                images = augmentation.apply(images, generator)
            return self._finished(images)

        x_train, x_test = self._settled(inner.x_train), self._settled(inner.x_test)
        return dataclasses.replace(inner, x_train=x_train, x_test=x_test, augment=augment)

    def _settled(self, images: Images) -> Images:
        for augmentation in self.augmentations:
            images = augmentation.settle(images)
        return self._finished(images)

    def _finished(self, images: Images) -> Images:
        import numpy as np

        finished = np.array(images, np.float32, order="C")
        together = max(CHUNK, CACHED // max(1, math.prod(self.shape)))
        for rows in blocks(len(finished) if self.whiten else 0, together):
            _standardise(finished[rows])
        return finished
