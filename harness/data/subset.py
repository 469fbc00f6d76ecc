"""Some classes of a data set, as the student extension trains on four of CIFAR-10's ten."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.data.examples import AroundData
from harness.data.labels import TrueLabels
from harness.data.split import ImageSet, Split, require_between, require_corruptions, split_of
from harness.spec.contracts import Corruption
from harness.spec.streams import stream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CAR_FROG_HORSE_SHIP = (1, 6, 7, 8)
"""Labels of these classes in CIFAR-10."""


class Subset(AroundData, frozen=True):
    """The images of some classes of a data set, relabeled 0, 1, ... in the order given.

    The data set must be one in which every class has the same number of images in each part, and all its
    images are asked for, so that sizes are known before it is read: MNIST is not, CIFAR-10 is.

    Args:
        data: a whole data set with true labels.
        kept: labels of the classes that are kept.
        n: training images of them; None for all. Each replicate draws its own.
        labels: corruption of the training labels, among the kept classes.

    Raises:
        ValueError: a class that is not there or there twice, fewer than two, too many images, or a data set
            with corrupted labels or only a part of the images.
    """

    kept: tuple[int, ...] = CAR_FROG_HORSE_SHIP
    n: int | None = None
    labels: Corruption = TrueLabels()

    def __post_init__(self) -> None:
        super().__post_init__()
        known = len(set(self.kept)) == len(self.kept) and all(0 <= k < self.data.classes for k in self.kept)
        if len(self.kept) < 2 or not known:
            raise ValueError(f"Subset(kept={self.kept}): two or more different classes of the data set")
        if not self.data.true_labels:
            raise ValueError("Subset: labels are corrupted here, after the classes are chosen (labels=...)")
        if not self.data.whole:
            raise ValueError("Subset: classes are chosen from whole data sets; n=... says how many images")
        require_corruptions(self, "labels")
        require_between(self, "n", self.n, 1, self._share(self.data.train_size))

    @property
    def classes(self) -> int:
        return len(self.kept)

    @property
    def train_size(self) -> int:
        return self.n or self._share(self.data.train_size)

    @property
    def test_size(self) -> int:
        return self._share(self.data.test_size)

    @property
    def true_labels(self) -> bool:
        return self.labels.keeps_labels

    def split(self, root: Path | None, replicate: int) -> Split:
        """The kept images in the replicate's own order, the first ``n`` for training, labels corrupted.

        Raises:
            DataError: as ``source``.
            ValueError: the classes are not of equal size, so that the sizes said beforehand are wrong.
        """
        whole = self.data.split(root, replicate)
        x_train, y_train = self._chosen(whole.x_train, whole.y_train)
        x_test, y_test = self._chosen(whole.x_test, whole.y_test)
        if len(y_train) < self.train_size or len(y_test) != self.test_size:
            raise ValueError(f"Subset: the classes of {type(self.data).__name__} are not of equal size")
        rows = stream(replicate, "data", len(self.kept)).permutation(len(y_train))[: self.train_size]
        images = ImageSet(x_train[rows], y_train[rows], x_test, y_test)
        return split_of(images, self.labels, self.classes, replicate)

    def _chosen(
        self, images: NDArray[np.float32], labels: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The images of the kept classes and their new labels."""
        import numpy as np

        new = np.full(self.data.classes, -1, np.int64)
        new[list(self.kept)] = np.arange(len(self.kept))
        renamed = new[labels]
        return images[renamed >= 0], renamed[renamed >= 0]

    def _share(self, images: int) -> int:
        return images * len(self.kept) // self.data.classes
