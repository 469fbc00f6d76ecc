"""Images that stay on disk: folders of classes, as ImageNet's, decoded one by one when they are needed.

Layout (torchvision's ImageNet and ImageFolder): ``<data root>/<folder>/train/<class>/<image>`` and the same
under ``val``; the data root itself may be that folder. The digest is that of the names and contents of all
files (``manifests``), and each file is held against its own when it is decoded. That is done once, where
there is room for what comes of it (``kept_pixels``).
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import functools
import hashlib
import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from harness.data import decoding, digests, ilsvrc, kept_pixels
from harness.data.archives import DataError, Source
from harness.data.examples import Examples
from harness.data.labels import TrueLabels
from harness.data.manifests import hashes_of
from harness.data.split import ImageSet, Split, require_corruptions, split_of
from harness.spec.contracts import Corruption
from harness.spec.streams import stream

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

STREAMED = 1
"""Version of the arithmetic of ``harness.fleet.streamed``; standing in this file, it is part of addresses."""
PARTS = ("train", "val")
SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
SAMPLED = 8
"""Images whose digests a record has."""
LOOKED_AT = 16
"""Files that are read to tell a data set from copies of one image."""


class Scanned(NamedTuple):
    """What lies in one part of a folder, in the order of classes and names.

    Attributes:
        names: bytes [n], paths below the part.
        labels: int64 [n], numbers of the classes.
        classes: names of the classes, sorted.
        hashes: uint8 [n, 32], SHA-256 of each file.
    """

    names: NDArray[np.bytes_]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    hashes: NDArray[np.uint8]


class FolderContent(NamedTuple):
    """What a folder holds: its two parts, and the digest of names and contents of all their files."""

    train: Scanned
    test: Scanned
    digest: str


@dataclasses.dataclass(frozen=True)
class ImageFiles:
    """Images on disk: where they are, their SHA-256 (uint8 [n, 32]), and the shape they are brought to.

    The shape is [n, channels, height, width]. Where ``decoded`` is a folder, what was decoded is kept there.
    """

    folder: Path
    names: NDArray[np.bytes_]
    hashes: NDArray[np.uint8]
    shape: tuple[int, ...]
    decoded: Path | None = None

    def __len__(self) -> int:
        return len(self.names)

    def path(self, row: int) -> Path:
        """Where an image lies."""
        return self.folder / os.fsdecode(self.names[row])

    def pixels(self, row: int, draw: int | None = None) -> torch.Tensor:
        """An image as a network sees it: uint8 [3, size, size]; ``draw`` is the seed of its augmentation.

        Raises:
            DataError: it is not kept, and its file cannot be decoded, or is another by now.
        """
        size = self.shape[-1]
        kept = self.kept
        image = kept.get(row) if kept else None
        if image is None:
            image = decoding.brought(self.path(row), size, sha256=self.hashes[row].tobytes())
            if kept:
                kept.put(row, image)
        return decoding.seen(image, size, draw)

    def sampled(self) -> str:
        """Names of a few images, spread over all, and how the SHA-256 of each begins."""
        rows = range(0, len(self), max(1, len(self) // SAMPLED))[:SAMPLED]
        return ", ".join(
            f"{os.fsdecode(self.names[row])} {self.hashes[row].tobytes().hex()[:16]}" for row in rows
        )

    @property
    def kept(self) -> kept_pixels.KeptPixels | None:
        """What was decoded of them, if it is kept."""
        if self.decoded is None:
            return None
        return kept_pixels.kept(self.decoded, self.folder.name, len(self), self.shape[-1])


@dataclasses.dataclass(frozen=True)
class StreamedSplit(Split):
    """A split whose ``x_train`` and ``x_test`` are ``ImageFiles``.

    Attributes:
        data, root, replicate: what it was made from, so that another process can make it again.
        content: the digest of what the folder holds.
        measured: int64 [k], rows of the training images on which training errors are measured.
    """

    data: ImageFolder = None  # type: ignore[assignment]  # a dataclass's later fields need defaults
    root: Path | None = None
    replicate: int = 0
    content: str = ""
    measured: NDArray[np.int64] = None  # type: ignore[assignment]


class ImageFolder(Examples, frozen=True):
    """Coloured images of any size in folders of classes, too many to be held in memory.

    An image's shorter side is brought to 8/7 of ``size``, which is decoded once (``kept_pixels``). Without
    augmentation its centre is seen. With it a part of 8 to 100 % of the area, of aspect 3/4 to 4/3, is
    brought to ``size``, mirrored for half of the images, and changed in colour: drawn anew for each image and
    epoch. Values are scaled to [-1, 1].

    Args:
        folder: its name under the data root.
        classes, train_size, test_size: what must be there; a partial copy is refused.
        size: side of the square that a network sees.
        labels: corruption of the training labels, by the replicate's own stream; each stays with its image.
        augmented: change the training images in every epoch.
        blank: show the same grey image instead of each, so that no two labels can be told apart.
        measured: training images, drawn for each replicate, on which training errors are measured after
            every epoch; None for all.

    Raises:
        ValueError: a number below one, or more to be measured than there are.
    """

    streamed: ClassVar[bool] = True

    folder: str
    classes: int
    train_size: int
    test_size: int
    size: int = 299
    labels: Corruption = TrueLabels()
    augmented: bool = False
    blank: bool = False
    measured: int | None = 50_000

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("classes", "train_size", "test_size", "size", "measured"):
            if not (getattr(self, name) is None or getattr(self, name) > 0):
                raise ValueError(f"{type(self).__name__}({name}={getattr(self, name)}): must be positive")
        require_corruptions(self, "labels")

    @property
    def shape(self) -> tuple[int, ...]:
        return (3, self.size, self.size)

    @property
    def true_labels(self) -> bool:
        return self.labels.keeps_labels

    def source(self, root: Path | None) -> Source:
        """What the folder may be called, and the digest of the names and contents of its files.

        Raises:
            DataError: missing, partial, of other classes, or torchvision is not there to read it.
        """
        if importlib.util.find_spec("torchvision") is None:
            raise DataError(f"{self.folder} is read by torchvision: python -m pip install torchvision")
        content = self._content(self._top(root))
        return Source(self._name(content), content.digest)

    def split(self, root: Path | None, replicate: int) -> StreamedSplit:
        """Paths and the replicate's labels; no image is read.

        Raises:
            DataError: as ``source``.
        """
        train, test, content = self._content(self._top(root))
        images: Any = self._images(root)
        true = ImageSet(images[0], train.labels, images[1], test.labels)
        plain = split_of(true, self.labels, self.classes, replicate)
        rows = stream(replicate, "data").permutation(self.train_size)[: self.measured]
        fields = {field.name: getattr(plain, field.name) for field in dataclasses.fields(Split)}
        made = StreamedSplit(**fields, data=self, root=root, replicate=replicate, measured=rows)
        return dataclasses.replace(made, content=content)

    def undecoded(self, root: Path | None) -> kept_pixels.Extent | None:
        """What of the images is still to be decoded and kept; None where nothing is kept.

        Of images that are not there all are, in the sides of photographs.
        """
        place = kept_pixels.place_of(root)
        if place is None or self.blank:
            return None
        sampled: list[tuple[int, int]] = []
        images, folder = self.train_size + self.test_size, place / self.folder
        with contextlib.suppress(DataError):
            parts = self._images(root)
            folder = parts[0].decoded or folder
            images = sum(part.kept.missing() for part in parts if part.kept)
            step = max(1, self.train_size // kept_pixels.SAMPLED)
            rows = range(0, self.train_size, step) if images else ()
            sampled = [decoding.sides(parts[0].path(row)) for row in rows]
        size = images * kept_pixels.mean_bytes(self.size, sampled)
        return kept_pixels.Extent(images, size, folder, kept_pixels.free_bytes(folder))

    def _images(self, root: Path | None) -> list[ImageFiles]:
        """The files of both parts, and where they are kept when they are decoded."""
        top = self._top(root)
        train, test, content = self._content(top)
        place = None if self.blank else kept_pixels.place_of(root)
        decoded = place and kept_pixels.folder_of(place, self.folder, content, self.size)
        return [
            ImageFiles(top / part, files.names, files.hashes, (len(files.names), *self.shape), decoded)
            for part, files in zip(PARTS, (train, test), strict=True)
        ]

    def _top(self, root: Path | None) -> Path:
        """The folder that holds train and val."""
        if root is None:
            raise DataError(f"{self.folder}: no data root; {self._remedy}")
        for top in (root / self.folder, root):
            if all((top / part).is_dir() for part in PARTS):
                return top
        there = [f"{self.folder}/{part}" for part in PARTS if not (root / self.folder / part).is_dir()]
        raise DataError(f"{' and '.join(there)} not in the data root: {self._remedy}")

    @property
    def _remedy(self) -> str:
        return (
            f"unpack it there as {self.folder}/train/CLASS/IMAGE and {self.folder}/val/CLASS/IMAGE, "
            "or give --data-root"
        )

    def _signature(self, top: Path) -> str:
        """Changes when a folder does: when a file is added, removed or renamed."""
        expected = repr((self.classes, self.train_size, self.test_size))
        try:
            folders = [Path(e.path) for part in PARTS for e in os.scandir(top / part) if e.is_dir()]
            return digests.signature(sorted(folders), expected)
        except OSError as error:
            raise self._unreadable(error) from None

    def _content(self, top: Path) -> FolderContent:
        """Both parts, if they are complete."""
        try:
            content = _recent(top, self._signature(top))
        except OSError as error:
            raise self._unreadable(error) from None
        train, test, _ = content
        for part, files, size in zip(PARTS, (train, test), (self.train_size, self.test_size), strict=True):
            if (len(files.names), len(files.classes)) != (size, self.classes):
                raise DataError(
                    f"{self.folder}/{part} has {len(files.names):,} images in {len(files.classes):,} class "
                    f"folders, not {size:,} in {self.classes:,}: {self._remedy}"
                )
        if _is_one_image(train):
            raise DataError(
                f"{self.folder}/{PARTS[0]} is degenerate: {LOOKED_AT} of its files, looked at over all "
                f"classes, are one and the same image; {self._remedy}"
            )
        if train.classes != test.classes:
            (other, *_) = set(train.classes) ^ set(test.classes)
            raise DataError(f"{self.folder}: the class {other} is not in both train and val; {self._remedy}")
        return content

    def _unreadable(self, error: OSError) -> DataError:
        return DataError(f"{self.folder} cannot be read ({error.strerror}): {self._remedy}")

    def _name(self, content: FolderContent) -> str:
        return f"{self.folder} ({self.train_size:,} + {self.test_size:,} files)"


class ImageNet(ImageFolder, frozen=True):
    """ImageNet of the challenge of 2012: 1,281,167 and 50,000 images of 1,000 classes.

    Brought there by hand: its licence allows no download without an account.
    """

    folder: str = "imagenet"
    classes: int = 1000
    train_size: int = ilsvrc.IMAGES["train"]
    test_size: int = ilsvrc.IMAGES["val"]

    def _name(self, content: FolderContent) -> str:
        """ImageNet where all that is known of it agrees; of anything else, in what it is another."""
        train, test, _ = content
        unlike = ilsvrc.difference(train.classes, train.names.tolist(), test.names.tolist())
        if not unlike:
            return "ImageNet (ILSVRC 2012 by classes, counts and names of files)"
        counts = f"{len(train.names):,} + {len(test.names):,} files"
        return (
            f"an image folder of {len(train.classes):,} classes ({counts}), by its {unlike} not ILSVRC 2012"
        )


def scanned(folder: Path) -> Scanned:
    """The images below ``folder``, as torchvision's ImageFolder orders them: by class, folder and name.

    Raises:
        OSError: a folder cannot be read.
    """
    import numpy as np

    classes = tuple(sorted(entry.name for entry in os.scandir(folder) if entry.is_dir()))
    names: list[bytes] = []
    labels: list[int] = []
    entered: set[tuple[int, int]] = set()
    for label, name in enumerate(classes):
        for path in _images(folder / name, entered):
            names.append(os.fsencode(path.relative_to(folder)))
            labels.append(label)
    listed = np.array(names, np.bytes_)
    return Scanned(listed, np.array(labels, np.int64), classes, hashes_of(folder, listed))


def _images(folder: Path, entered: set[tuple[int, int]]) -> list[Path]:
    """Files with an image's suffix in a folder and those below it; links are followed.

    Args:
        entered: device and number of the folders walked before; each is walked once, so that a walk ends.

    Raises:
        OSError: a folder cannot be read or is reached twice by links, or an image is no regular file.
    """
    walked: list[tuple[str, list[str]]] = []
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        state = current.stat()
        if (state.st_dev, state.st_ino) in entered:
            raise OSError(errno.ELOOP, f"a link leads to {current.name} a second time", str(current))
        entered.add((state.st_dev, state.st_ino))
        files = []
        for entry in os.scandir(current):
            if entry.is_dir():
                waiting.append(Path(entry.path))
            elif _is_image(entry.name):
                if not entry.is_file():
                    raise OSError(errno.EINVAL, f"{entry.name} is not a regular file", entry.path)
                files.append(entry.name)
        walked.append((str(current), sorted(files)))
    return [Path(parent, name) for parent, files in sorted(walked) for name in files]


def _is_one_image(files: Scanned) -> bool:
    """Are the files of a part, of which a few are looked at, plainly copies of one?"""
    count = len(files.names)
    if count < LOOKED_AT:
        return False
    rows = [count * i // LOOKED_AT for i in range(LOOKED_AT)]
    return bool((files.hashes[rows] == files.hashes[0]).all())


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


@functools.lru_cache(maxsize=1)
def _recent(top: Path, signature: str) -> FolderContent:
    """The last folder's files, kept because each replicate and each corruption asks for them."""
    train, test = (scanned(top / part) for part in PARTS)
    return FolderContent(train, test, digests.combined([_digest_of(train), _digest_of(test)]))


def _digest_of(part: Scanned) -> str:
    """SHA-256 (hex) of names and contents."""
    digest = hashlib.sha256(b"\n".join(part.names.tolist()))
    digest.update(part.hashes.tobytes())
    return digest.hexdigest()
