"""MNIST, CIFAR-10 and CIFAR-100 from files under the data root."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

from harness.data import archives, digests, sources
from harness.data.archives import Archive, Arrays, Source
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


class StoredImages(Examples, frozen=True):
    """A published collection. Each replicate draws its own subset when not all images are asked for.

    Subsets are nested: the first 1,000 images of a replicate are among its first 2,000.

    Args:
        n: training images; None for all.
        labels: corruption of the training labels.
        inputs: corruption of the images.
        crop: side of the centre that is kept (28 in Zhang et al. 2017); None keeps all.
        whiten: standardise each image (Zhang et al. 2017); False only divides by 255.
        n_test: test images; None for all.
    """

    archive: ClassVar[Archive]

    n: int | None = None
    labels: Corruption = TrueLabels()
    inputs: InputCorruption = TrueInputs()
    crop: int | None = 28
    whiten: bool = True
    n_test: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between(self, "n", self.n, 1, self.archive.sizes[0])
        require_between(self, "n_test", self.n_test, 1, self.archive.sizes[1])
        require_between(self, "crop", self.crop, 1, self.archive.image[0])
        require_corruptions(self, "labels", "inputs")

    @property
    def shape(self) -> tuple[int, ...]:
        height, width, channels = self.archive.image
        return (channels, self.crop or height, self.crop or width)

    @property
    def classes(self) -> int:
        return self.archive.classes

    @property
    def train_size(self) -> int:
        return self.n or self.archive.sizes[0]

    @property
    def test_size(self) -> int:
        return self.n_test or self.archive.sizes[1]

    @property
    def standardized(self) -> bool:
        return self.whiten

    @property
    def whole(self) -> bool:
        return self.n is None and self.n_test is None

    @property
    def true_labels(self) -> bool:
        return self.labels.keeps_labels

    def source(self, root: Path | None) -> Source:
        """What the files under ``root`` are.

        Raises:
            DataError: missing, damaged or of another shape, in one line.
        """
        return sources.source(self.archive, root)

    def split(self, root: Path | None, replicate: int) -> Split:
        """The replicate's subset, corrupted; images are shared with splits that differ in labels only.

        Raises:
            DataError: as ``source``.
        """
        file = sources.find(self.archive, root)
        images_only = self.but(labels=TrueLabels())
        mine = replicate if self._is_drawn() else None
        key = (images_only, file.signature, mine)
        images = _recent_sets.get(key, lambda: images_only._image_set(file, replicate))
        return split_of(images, self.labels, self.classes, replicate)

    def _is_drawn(self) -> bool:
        """Whether replicates see different images."""
        return (
            self.train_size < self.archive.sizes[0]
            or self.test_size < self.archive.sizes[1]
            or self.inputs.drawn
        )

    def _image_set(self, file: sources.Found, replicate: int) -> ImageSet:
        arrays = _recent_arrays.get(file.signature, file.read)
        generator = stream(replicate, "data")
        x_train, y_train = self._part(arrays.x_train, arrays.y_train, self.train_size, generator)
        x_test, y_test = self._part(arrays.x_test, arrays.y_test, self.test_size, generator)
        noise = stream(replicate, "noise")
        x_train, x_test = self.inputs.apply(x_train, x_test, noise, in_place=True)
        return ImageSet(x_train, y_train, x_test, y_test)

    def _part(
        self, images: NDArray[np.uint8], labels: NDArray[np.uint8], n: int, generator: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """``n`` preprocessed images and their labels; the draw happens even when all are taken."""
        rows = generator.permutation(len(images))[:n]
        if n < len(images):
            images, labels = images[rows], labels[rows]
        return prepare(images, crop=self.crop, whiten=self.whiten), labels.astype("int64")


class Cifar10(StoredImages, frozen=True):
    """CIFAR-10: 50,000 and 10,000 colour images of 32x32 pixels, ten classes."""

    archive: ClassVar[Archive] = archives.CIFAR10


class Cifar100(StoredImages, frozen=True):
    """CIFAR-100: as CIFAR-10, with 100 classes."""

    archive: ClassVar[Archive] = archives.CIFAR100


class Mnist(StoredImages, frozen=True):
    """MNIST: 60,000 and 10,000 grey images of 28x28 pixels, ten digits."""

    archive: ClassVar[Archive] = archives.MNIST


Kept = TypeVar("Kept", ImageSet, Arrays)


class Recent(Generic[Kept]):
    """The last few results, groups of arrays; old ones go before a new one is made.

    Beyond ``most_bytes`` all go, so of whole data sets there is one in memory at a time (unless a
    caller holds another).
    """

    def __init__(self, most: int, most_bytes: int = 256 * 2**20) -> None:
        self.most, self.most_bytes = most, most_bytes
        self.lock = threading.Lock()
        self.kept: OrderedDict[Hashable, Kept] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Kept]) -> Kept:
        """The result for ``key``, made if it is not among the kept."""
        with self.lock:
            if key not in self.kept:
                self._make_room()
                self.kept[key] = make()
            self.kept.move_to_end(key)
            return self.kept[key]

    def _make_room(self) -> None:
        while self.kept and (len(self.kept) >= self.most or self._bytes() > self.most_bytes):
            self.kept.popitem(last=False)

    def _bytes(self) -> int:
        return sum(array.nbytes for arrays in self.kept.values() for array in arrays)


class ReadContent(NamedTuple):
    """What a collection holds: the digest of the arrays as they were read, and their files' signature."""

    digest: str
    signature: str


def content_of(archive: Archive, root: Path | None) -> ReadContent:
    """The content that splits are made of: the digest of the very arrays in memory, read now if need be.

    Raises:
        DataError: missing, damaged or of another shape.
    """
    file = sources.find(archive, root)
    arrays = _recent_arrays.get(file.signature, file.read)
    held, digest = _hashed.get(file.signature, (lambda: None, ""))
    if held() is not arrays.x_train:
        digest = digests.combined([digests.of_array(array) for array in arrays])
        _hashed.clear()
        _hashed[file.signature] = (weakref.ref(arrays.x_train), digest)
    return ReadContent(digest, file.signature)


def arrays_of(file: sources.Found) -> Arrays:
    """The arrays of a collection, read if they are not in memory."""
    return _recent_arrays.get(file.signature, file.read)


def let_go() -> None:
    """Keep nothing of what was read in memory: the next split is of what the files hold then."""
    for recent in (_recent_sets, _recent_arrays):
        with recent.lock:
            recent.kept.clear()


# signature -> the training images whose collection was hashed, while they live, and its digest
_hashed: dict[str, tuple[Callable[[], Any], str]] = {}
_recent_sets = Recent[ImageSet](most=2)
_recent_arrays = Recent[Arrays](most=1)
