"""Several copies of every training image, each with other pixels missing, so that more labels can be drawn.

Source: Liu, Papailiopoulos and Achlioptas 2020, by their code: random labels of copies in which a tenth of
the values is zero.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.data.examples import AroundData
from harness.data.labels import RandomLabels
from harness.data.split import ImageSet, Split, require_between, require_corruptions, split_of
from harness.spec.contracts import Corruption
from harness.spec.streams import stream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class MaskedCopies(AroundData, frozen=True):
    """The training images of a data set, each several times, with a share of the pixels of a copy at zero.

    Every copy draws its own pixels, the channels of one apart, and its own label. Zero is what the net gets:
    black, or the mean of an image that the data set standardises. Test images stay as they are.

    Args:
        data: a data set with true labels.
        copies: of every training image.
        share: of a copy's values that are zero, from 0 to below 1.
        labels: corruption of the copies' labels.

    Raises:
        ValueError: too few or too many copies, a share out of range, or a data set with corrupted labels.
    """

    copies: int = 5
    share: float = 0.1
    labels: Corruption = RandomLabels()

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between(self, "copies", self.copies, 1, 1000)
        require_corruptions(self, "labels")
        if not 0 <= self.share < 1:
            raise ValueError(f"MaskedCopies(share={self.share}): must be at least 0 and below 1")
        if not self.data.true_labels:
            raise ValueError("MaskedCopies: labels are corrupted here, copy by copy (labels=...)")

    @property
    def train_size(self) -> int:
        return self.copies * self.data.train_size

    @property
    def true_labels(self) -> bool:
        return self.labels.keeps_labels

    def split(self, root: Path | None, replicate: int) -> Split:
        """All first copies, then all second ones, and so on; labels corrupted.

        Raises:
            DataError: as ``source``.
        """
        import numpy as np

        whole = self.data.split(root, replicate)
        generator = stream(replicate, "noise", self.copies)
        masked = [self._masked(whole.x_train, generator) for _ in range(self.copies)]
        labels = np.tile(whole.y_train, self.copies)
        images = ImageSet(np.concatenate(masked), labels, whole.x_test, whole.y_test)
        return split_of(images, self.labels, self.classes, replicate)

    def _masked(self, images: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.float32]:
        """The images [n, ...] with ``share`` of the values of each, rounded down, at zero."""
        import numpy as np

        flat = images.reshape(len(images), -1).copy()
        missing = int(flat.shape[1] * self.share)
        drawn = np.argsort(generator.random(flat.shape, dtype=np.float32), axis=1, kind="stable")
        np.put_along_axis(flat, drawn[:, :missing], 0, axis=1)
        return flat.reshape(images.shape)
