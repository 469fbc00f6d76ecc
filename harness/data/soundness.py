"""Whether files of a published collection are what they seem, before a reader opens them, and hold data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.data.archives import Archive, Arrays, DataError
from harness.data.npz import require_arrays
from harness.spec.untrusted import MOST

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PACKED = {"cifar10": "cifar-10-python.tar.gz", "cifar100": "cifar-100-python.tar.gz"}
"""The archives that are downloaded by hand and left as they are."""
FEW = 50
"""Images from which on a collection with one label, or of one image, is none by chance."""


def require_readable(archive: Archive, root: Path | None) -> None:
    """Look at the files of a collection from outside: kinds, sizes, and what npz files say of their arrays.

    Raises:
        DataError: one is no regular file, lies about its size, is damaged or packed (one line).
    """
    if root is None or not root.is_dir():
        return  # which is said by whoever looks for the files
    npz, folder = root / f"{archive.key}.npz", root / archive.folder
    raw = [folder / name for name, _ in (*archive.train, *archive.test)]
    try:
        if npz.exists() or npz.is_symlink():
            require_arrays(npz, Arrays._fields)
            return
        for path in filter(Path.exists, raw):
            if not path.is_file() or path.stat().st_size > MOST:
                raise ValueError("not a regular file of its size")
    except (ValueError, OSError) as error:
        path = npz if npz.exists() or npz.is_symlink() else path
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path.name} cannot be read ({reason}): delete it, {archive.remedy}") from None
    packed = [Path(f"{path}.gz") for path in raw] + [root / PACKED.get(archive.key, f"{archive.key}.zip")]
    if not any(map(Path.exists, raw)) and (left := next(filter(Path.exists, packed), None)):
        raise DataError(f"{left.name} is still packed: unpack it where it lies, or {archive.remedy}")


def degeneracy(arrays: Arrays) -> str:
    """What makes a copy of a collection plainly no data, in words; empty if nothing does."""
    import numpy as np

    for part in ("train", "test"):
        images, labels = getattr(arrays, f"x_{part}"), getattr(arrays, f"y_{part}")
        if len(images) < FEW:
            continue
        if labels.min() == labels.max():
            return f"all labels of y_{part} are {int(labels[0])}"
        if _are_equal(images):
            return f"all images of x_{part} are one and the same"
    short = min(len(arrays.x_train), len(arrays.x_test))
    if short >= FEW and np.array_equal(arrays.x_train[:short], arrays.x_test[:short]):
        return "x_test repeats the images of x_train"
    return ""


def _are_equal(images: NDArray[np.uint8]) -> bool:
    return bool((images[1] == images[0]).all() and (images == images[0]).all())
