"""Mistakes in preparing data that published reproductions of Zhang et al. 2017 made, as values.

Each is what was done there, small enough to be trained beside what should have been done.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from harness.data.augmentation import RandomCrop
from harness.data.blocks import blocks
from harness.data.examples import AroundData
from harness.data.inputs import InputChange
from harness.data.labels import RedrawnLabels
from harness.data.preprocessing import CHUNK, _standardise
from harness.data.split import Split
from harness.spec.contracts import Corruption
from harness.spec.streams import stream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.data.inputs import Images


class DividedAgain(InputChange, frozen=True):
    """Images in [0, 1] divided by ``divisor`` once more, and then standardised one by one.

    Standardising divides by the deviation or by 1 / sqrt(values), whichever is larger. An image in [0, 1]
    has a deviation of at most 1/2; divided by 255 once more, of at most 0.002, below the floor of 0.0206 of
    3x28x28 values. So every image keeps a deviation of a few hundredths where it should have one (EPFL
    reproduction, the data set class of its main notebook). A divisor of 1 does it right.

    Args:
        divisor: by which values in [0, 1], of a data set with ``whiten=False``, are divided.

    Raises:
        ValueError: the divisor is not positive.
    """

    drawn: ClassVar[bool] = False

    divisor: float = 255.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.divisor > 0:
            raise ValueError(f"DividedAgain(divisor={self.divisor}): must be positive")

    def apply(
        self, train: Images, test: Images, generator: np.random.Generator, *, in_place: bool = False
    ) -> tuple[Images, Images]:
        """Standardised images; ``in_place`` writes them over those passed in."""
        return self._prepared(train, in_place), self._prepared(test, in_place)

    def _prepared(self, images: Images, in_place: bool) -> Images:
        import numpy as np

        prepared = np.divide(images, np.float32(self.divisor), out=images if in_place else None)
        for rows in blocks(len(prepared), CHUNK):
            _standardise(prepared[rows])
        return prepared


class ReshuffledLabels(RedrawnLabels, frozen=True):
    """The labels themselves, permuted among all images anew in every epoch.

    So every class keeps its share, as where a loop shuffles the labels inside each batch that it draws.
    """

    def apply(
        self, labels: NDArray[np.int64], classes: int, generator: np.random.Generator
    ) -> NDArray[np.int64]:
        """The labels of one epoch [n]."""
        return generator.permutation(labels)


class CentreCrop(RandomCrop, frozen=True):
    """The centre of each image, in training as in testing: the arm that a random crop is compared with."""

    def apply(self, images: Images, generator: np.random.Generator) -> Images:
        """The same part of each image in every epoch."""
        return self.settle(images)


class CorruptedTest(AroundData, frozen=True):
    """A data set whose test labels are corrupted too, where only training labels should be.

    Args:
        data: the data set, with its own corruption of the training labels.
        labels: corruption of the test labels, drawn for each replicate.
    """

    labels: Corruption

    def split(self, root: Path | None, replicate: int) -> Split:
        """The data set's split of a replicate, with other test labels."""
        inner = self.data.split(root, replicate)
        drawn = self.labels.apply(inner.y_test, self.classes, stream(replicate, "labels", 0))
        return dataclasses.replace(inner, y_test=drawn)
