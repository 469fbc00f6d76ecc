"""Images of no meaning in the place of data sets that are not here: they show that code works, no more."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from unittest import mock

from harness.data import kept_pixels, manifests
from harness.data.archives import ARCHIVES, Archive, Arrays
from harness.data.image_folder import PARTS, ImageFolder

SIDES = 96, 88
"""Width and height of an image file that is made up."""


@contextlib.contextmanager
def stand_in(root: Path, folders: Iterable[ImageFolder]) -> Iterator[Path]:
    """A data root that has all of another one, but these folders made up; there as long as this lasts.

    Args:
        root: the other data root, of which nothing is changed.
        folders: each is written with the numbers of images and classes that it asks for.
    """
    with contextlib.ExitStack() as stack:
        other = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        asked = {data.folder: data for data in folders}
        for entry in sorted(root.iterdir()) if root.is_dir() else ():
            if entry.name not in (*asked, kept_pixels.FOLDER):
                (other / entry.name).symlink_to(entry.resolve())
        for name, data in asked.items():
            _write_folder(other / name, data)
            for part in PARTS:
                stack.callback(manifests.forget, other / name / part)
        if os.environ.get(kept_pixels.VARIABLE, "") != kept_pixels.NOWHERE:
            stack.enter_context(mock.patch.dict(os.environ, {kept_pixels.VARIABLE: str(other / "kept")}))
        yield other


def _write_folder(folder: Path, data: ImageFolder) -> None:
    """Images of random pixels in folders of classes, as they are read."""
    import numpy as np

    generator = np.random.default_rng(0)
    wide, high = SIDES
    for part, count in zip(PARTS, (data.train_size, data.test_size), strict=True):
        for i in range(count):
            place = folder / part / f"class{i % data.classes:04}"
            place.mkdir(parents=True, exist_ok=True)
            pixels = generator.integers(256, size=(high, wide, 3), dtype=np.uint8)
            (place / f"{i}.ppm").write_bytes(b"P6 %d %d 255\n" % SIDES + pixels.tobytes())


def make_up(root: Path, archives: Iterable[Archive] | None = None) -> None:
    """Write collections of images into a data root, of the published shapes, numbers and classes.

    That is up to 184 MB each, in the system's folder for what is temporary; none is called by its name.
    """
    import numpy as np

    root.mkdir(parents=True, exist_ok=True)
    for archive in ARCHIVES.values() if archives is None else archives:
        np.savez(root / f"{archive.key}.npz", **_arrays(archive)._asdict())


def _arrays(archive: Archive) -> Arrays:
    """Random pixels, and labels of all classes equally often."""
    import numpy as np

    generator = np.random.default_rng(0)

    def images(n: int) -> np.ndarray:
        return generator.integers(256, size=(n, *archive.image), dtype=np.uint8)

    def labels(n: int) -> np.ndarray:
        return (np.arange(n) % archive.classes).astype(np.uint8)

    train, test = archive.sizes
    return Arrays(images(train), labels(train), images(test), labels(test))
