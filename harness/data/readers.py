"""Readers of the three layouts: npz, MNIST's idx files, CIFAR's pickled batches. None needs torch."""

from __future__ import annotations

import hashlib
import io
import pickle
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data.archives import Archive, Arrays, DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UNREADABLE = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, pickle.UnpicklingError)
# all that an array of numbers needs in a pickle; anything else could run code
HARMLESS = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}


def read_npz(archive: Archive, path: Path) -> Arrays:
    """The four arrays of an npz file.

    Raises:
        DataError: unreadable, an array missing, or one of another shape or type.
    """
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as stored:
            missing = [name for name in Arrays._fields if name not in stored]
            if not missing:
                return _checked(archive, Arrays(*(stored[name] for name in Arrays._fields)), path.name)
    except UNREADABLE as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path.name} cannot be read ({_reason(error)}): delete it, {archive.remedy}"
        ) from None
    raise DataError(f"{path.name} has no array {missing[0]}: delete it, {archive.remedy}")


def read_idx(archive: Archive, folder: Path) -> Arrays:
    """MNIST's four raw files, each verified by its checksum.

    Raises:
        DataError: a file is missing or is not the original.
    """
    import numpy as np

    def part(files: tuple[tuple[str, str], ...]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        images, labels = (verified(archive, folder / name, checksum) for name, checksum in files)
        pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, *archive.image)
        return pixels, np.frombuffer(labels, np.uint8, offset=8)

    return Arrays(*part(archive.train), *part(archive.test))


def read_batches(archive: Archive, folder: Path) -> Arrays:
    """CIFAR's pickled batches, unpickled only from bytes whose checksum has passed.

    Raises:
        DataError: a file is missing or is not the original.
    """
    import numpy as np

    def part(files: tuple[tuple[str, str], ...]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        batches = [unpickled(verified(archive, folder / name, checksum)) for name, checksum in files]
        height, width, channels = archive.image
        planes = np.concatenate([np.asarray(batch["data"], np.uint8) for batch in batches])
        images = planes.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
        labels = np.concatenate([np.asarray(batch[archive.label], np.uint8) for batch in batches])
        return np.ascontiguousarray(images), labels

    return _checked(archive, Arrays(*part(archive.train), *part(archive.test)), archive.folder)


def verified(archive: Archive, path: Path, checksum: str) -> bytes:
    """The bytes of a file, if they are the original's.

    Raises:
        DataError: missing, unreadable or with another checksum.
    """
    shown = f"{archive.folder}/{path.name}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{shown} cannot be read ({_reason(error)}): {archive.remedy}") from None
    if hashlib.new(archive.algorithm, content, usedforsecurity=False).hexdigest() != checksum:
        raise DataError(
            f"{shown} is not the original ({archive.algorithm} differs): delete it, {archive.remedy}"
        )
    return content


class _Restricted(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in HARMLESS:
            raise DataError(f"a pickled batch asks for {module}.{name}, which no array needs")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def unpickled(content: bytes) -> Any:
    """A pickled batch of arrays, lists and strings.

    Raises:
        DataError: it asks for anything else.
    """
    return _Restricted(io.BytesIO(content), encoding="latin1").load()


def _checked(archive: Archive, arrays: Arrays, where: str) -> Arrays:
    """Labels flattened to uint8, images with a channel axis, everything of the published shape."""
    import numpy as np

    def refuse(cause: str) -> DataError:
        return DataError(f"{where}: {cause}; delete it, {archive.remedy}")

    read: dict[str, Any] = {}
    for part, size in zip(("train", "test"), archive.sizes, strict=True):
        images, labels = getattr(arrays, f"x_{part}"), getattr(arrays, f"y_{part}")
        expected = (size, *archive.image)
        if images.shape == expected[:3] and archive.image[2] == 1:
            images = images[..., None]
        if images.shape != expected or images.dtype != np.uint8:
            raise refuse(f"x_{part} is {images.dtype} {images.shape}, not uint8 {expected}")
        if labels.shape not in ((size,), (size, 1)) or labels.dtype.kind not in "iu":
            raise refuse(f"y_{part} is {labels.dtype} {labels.shape}, not integers ({size},)")
        if labels.min() < 0 or labels.max() >= archive.classes:
            raise refuse(f"y_{part} has labels outside 0 to {archive.classes - 1}")
        read[f"x_{part}"] = np.ascontiguousarray(images)
        read[f"y_{part}"] = labels.reshape(-1).astype(np.uint8)
    return Arrays(**read)


def _reason(error: BaseException) -> str:
    """The first line of an error without any path in it."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return next(iter(str(error).splitlines()), "") or type(error).__name__
