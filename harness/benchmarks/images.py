"""Gaussian images with class labels: inputs that cost nothing to make again."""

from __future__ import annotations

import functools
from pathlib import Path

from harness.data.archives import Source
from harness.data.examples import Examples
from harness.data.labels import TrueLabels
from harness.data.split import ImageSet, Split, require_between, split_of
from harness.spec.contracts import Corruption
from harness.spec.streams import stream

CLASSES = 10


class BenchmarkImages(Examples, frozen=True):
    """Independent normal pixels and uniformly drawn classes, the same images for every replicate.

    A process draws them once, so that what is measured is training: as with a data set that lies in memory,
    replicates differ in their corrupted labels, initial weights and order.

    Args:
        n: training images; n_test: test images.
        shape: channels, height, width.
        labels: corruption of the training labels.

    Raises:
        ValueError: no images, or a shape that is none.
    """

    n: int
    n_test: int
    shape: tuple[int, ...]
    labels: Corruption = TrueLabels()

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between(self, "n", self.n, 1, 1_000_000)
        require_between(self, "n_test", self.n_test, 1, 1_000_000)
        if not self.shape or min(self.shape) < 1:
            raise ValueError(f"BenchmarkImages(shape={self.shape}): every side must be at least 1")

    @property
    def classes(self) -> int:
        """The number of classes."""
        return CLASSES

    @property
    def train_size(self) -> int:
        """The number of training images."""
        return self.n

    @property
    def test_size(self) -> int:
        """The number of test images."""
        return self.n_test

    def source(self, root: Path | None) -> Source:
        """Generated: no digest, no root needed."""
        return Source("Gaussian images", "")

    def split(self, root: Path | None, replicate: int) -> Split:
        """The images, with labels corrupted by the replicate's own stream."""
        return split_of(_images(self.n, self.n_test, self.shape), self.labels, CLASSES, replicate)


@functools.lru_cache(maxsize=1)
def _images(n: int, n_test: int, shape: tuple[int, ...]) -> ImageSet:
    import numpy as np

    generator = stream(0, "data")
    x_train, x_test = (generator.standard_normal((m, *shape), dtype=np.float32) for m in (n, n_test))
    y_train, y_test = (generator.integers(CLASSES, size=m) for m in (n, n_test))
    return ImageSet(x_train, y_train, x_test, y_test)
