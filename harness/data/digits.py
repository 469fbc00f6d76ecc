"""Real handwritten digits that come with scikit-learn: 1,797 images of 8x8 pixels, 17 levels."""

from __future__ import annotations

import functools
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from harness.data.archives import Source
from harness.data.examples import Examples
from harness.data.inputs import TrueInputs
from harness.data.labels import TrueLabels
from harness.data.preprocessing import prepare
from harness.data.split import ImageSet, Split, require_between, require_corruptions, split_of
from harness.spec.contracts import Corruption, InputCorruption
from harness.spec.streams import stream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TOTAL = 1797
HIGHEST = 16
FILE = ("datasets", "data", "digits.csv.gz")  # in scikit-learn's package, where versions 0.18 to 1.9 have it


class Digits(Examples, frozen=True):
    """``n`` training images drawn for each replicate; all others are its test images.

    Args:
        n: training images, 1 to 1,796.
        labels: corruption of the training labels.
        inputs: corruption of the images.
        whiten: standardise each image after dividing by 16, as is done for natural images.
    """

    n: int = 1000
    labels: Corruption = TrueLabels()
    inputs: InputCorruption = TrueInputs()
    whiten: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between(self, "n", self.n, 1, TOTAL - 1)
        require_corruptions(self, "labels", "inputs")

    @property
    def shape(self) -> tuple[int, ...]:
        return (1, 8, 8)

    @property
    def classes(self) -> int:
        return 10

    @property
    def train_size(self) -> int:
        return self.n

    @property
    def test_size(self) -> int:
        return TOTAL - self.n

    @property
    def standardized(self) -> bool:
        return self.whiten

    @property
    def true_labels(self) -> bool:
        return self.labels.keeps_labels

    def source(self, root: Path | None) -> Source:
        """Embedded: the same everywhere, no digest, no root needed."""
        return Source("digits (scikit-learn)", "")

    def split(self, root: Path | None, replicate: int) -> Split:
        """The replicate's own draw of training images."""
        images, labels = _images()
        order = stream(replicate, "data").permutation(TOTAL)
        train, test = order[: self.n], order[self.n :]
        x_train, x_test = (
            prepare(images[rows], highest=HIGHEST, whiten=self.whiten) for rows in (train, test)
        )
        x_train, x_test = self.inputs.apply(x_train, x_test, stream(replicate, "noise"), in_place=True)
        images_of = ImageSet(x_train, labels[train], x_test, labels[test])
        return split_of(images_of, self.labels, self.classes, replicate)


@functools.lru_cache(maxsize=1)
def _images() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The images [1797, 8, 8, 1] and their labels, from scikit-learn's file: to import it takes a second."""
    import numpy as np

    package = find_spec("sklearn")
    folders = (package.submodule_search_locations if package else None) or []
    files = [file for folder in folders if (file := Path(folder, *FILE)).is_file()]
    if files:
        rows = np.loadtxt(files[0], delimiter=",", dtype=np.int64)
        return rows[:, :-1].reshape(-1, 8, 8, 1).astype(np.uint8), rows[:, -1].copy()
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images.astype(np.uint8)[..., None], digits.target.astype(np.int64)
