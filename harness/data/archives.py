"""The published image collections: their shapes, their files, and the checksums of the originals."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from harness.spec.splits import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ARCHIVES", "CIFAR10", "CIFAR100", "KNOWN", "MNIST", "Archive", "Arrays", "DataError", "Source"]


class DataError(ValueError):
    """Data that cannot be used, in one line: what is wrong and what would mend it."""


class Arrays(NamedTuple):
    """A collection as stored: images uint8 [n, height, width, channels], labels uint8 [n]."""

    x_train: NDArray[np.uint8]
    y_train: NDArray[np.uint8]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.uint8]


class Archive(NamedTuple):
    """One collection and how torchvision lays it out under a root.

    Attributes:
        key: name of its npz file and on the command line.
        name: what it is called when its content is the original's.
        sizes: training and test images.
        image: (height, width, channels).
        folder: torchvision's, relative to the root.
        algorithm: of the checksums.
        train: (file, checksum) of the training files, in order.
        test: the same for the test files.
        label: the entry of a pickled batch that holds the labels.
    """

    key: str
    name: str
    sizes: tuple[int, int]
    image: tuple[int, int, int]
    classes: int
    folder: str
    algorithm: str
    train: tuple[tuple[str, str], ...]
    test: tuple[tuple[str, str], ...]
    label: str = "labels"

    @property
    def remedy(self) -> str:
        """What a person can do about missing or damaged files."""
        return f"run `python -m harness data get {self.key}` or give --data-root"


MNIST = Archive(
    "mnist", "MNIST", (60_000, 10_000), (28, 28, 1), 10, "MNIST/raw", "sha256",
    (("train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
     ("train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5")),
    (("t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
     ("t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2")),
)  # fmt: skip

CIFAR10 = Archive(
    "cifar10", "CIFAR-10", (50_000, 10_000), (32, 32, 3), 10, "cifar-10-batches-py", "md5",
    (("data_batch_1", "c99cafc152244af753f735de768cd75f"),
     ("data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"),
     ("data_batch_3", "54ebc095f3ab1f0389bbae665268c751"),
     ("data_batch_4", "634d18415352ddfa80567beed471001a"),
     ("data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb")),
    (("test_batch", "40351d587109b95175f43aff81a1287e"),),
)  # fmt: skip

CIFAR100 = Archive(
    "cifar100", "CIFAR-100", (50_000, 10_000), (32, 32, 3), 100, "cifar-100-python", "md5",
    (("train", "16019d7e3df5f24257cddd939b257f8d"),),
    (("test", "f0ef6b0ae62326f3e7ffdfab6717acfc"),),
    label="fine_labels",
)  # fmt: skip

ARCHIVES = {archive.key: archive for archive in (MNIST, CIFAR10, CIFAR100)}

# SHA-256 of the bytes of x_train, y_train, x_test, y_test (uint8, C order): what the content is called
KNOWN: dict[tuple[str, ...], str] = {
    ("741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
     "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
     "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
     "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5"): "MNIST",
    ("86f5d04cec053f2b10c1307c973faf9deb6acf3a28611026681133b8abc68790",
     "741d364c93cfbab39cefe8aa0d712b9b29a59bdc0e1b6c1785f8a6a295dfc91e",
     "5fce8f6a84d7de12f276662376ce80f5f19c236502ddae2e16c3f187c0386c13",
     "f24756e9fc27107597cd054b9df7247b4e5ab61780d1e5d55e7b1015307573de"): "CIFAR-10 (JPEG-decoded)",
}  # fmt: skip
