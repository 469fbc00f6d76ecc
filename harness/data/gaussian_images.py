"""Images of Gaussian noise in any number, for questions about capacity alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.data.archives import Source
from harness.data.blocks import blocks
from harness.data.examples import Examples
from harness.data.labels import TrueLabels
from harness.data.split import ImageSet, Split, require_between, require_corruptions, split_of
from harness.spec.contracts import Corruption
from harness.spec.streams import stream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CLASSES = 10
BLOCK = 250  # images drawn from one stream
TRAIN, TEST = 3, 4  # parts of the stream


class GaussianImages(Examples, frozen=True):
    """Independent standard normal values, each image with a class drawn uniformly and without regard to it.

    There is no real image beneath, so n is limited by memory alone: 500,000 images of 3x28x28 pixels take
    4.7 GB (EPFL reproduction of Zhang et al. 2017, Section II-B). Mean and deviation are those of a
    standardised image. Each replicate draws its own; the first 1,000 are the same for any n.

    Args:
        n: training images.
        size: side in pixels.
        channels: of each pixel.
        labels: corruption of the labels, random as they are; one that redraws them, say.
        n_test: test images; no network is better than chance on them.

    Raises:
        ValueError: a number out of range.
    """

    n: int = 1000
    size: int = 28
    channels: int = 3
    labels: Corruption = TrueLabels()
    n_test: int = 1000

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, most in (("n", 10_000_000), ("n_test", 10_000_000), ("size", 256), ("channels", 64)):
            require_between(self, name, getattr(self, name), 1, most)
        require_corruptions(self, "labels")

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.channels, self.size, self.size)

    @property
    def classes(self) -> int:
        return CLASSES

    @property
    def train_size(self) -> int:
        return self.n

    @property
    def test_size(self) -> int:
        return self.n_test

    @property
    def true_labels(self) -> bool:
        return self.labels.keeps_labels

    def source(self, root: Path | None) -> Source:
        """Generated: no digest, no root needed."""
        return Source("Gaussian images", "")

    def split(self, root: Path | None, replicate: int) -> Split:
        """The replicate's own images, float32 [n, channels, size, size]."""
        x_train, y_train = self._part(replicate, TRAIN, self.n)
        x_test, y_test = self._part(replicate, TEST, self.n_test)
        return split_of(ImageSet(x_train, y_train, x_test, y_test), self.labels, CLASSES, replicate)

    def _part(self, replicate: int, part: int, n: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Images block by block, each from its own stream: what comes first does not depend on n."""
        import numpy as np

        images = np.empty((n, *self.shape), np.float32)
        labels = np.empty(n, np.int64)
        for number, rows in enumerate(blocks(n, BLOCK)):
            generator = stream(replicate, "data", part, number)
            labels[rows] = generator.integers(CLASSES, size=BLOCK)[: rows.stop - rows.start]
            generator.standard_normal(dtype=np.float32, out=images[rows])
        return images, labels
