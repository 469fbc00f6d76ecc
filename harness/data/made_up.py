"""Images of no meaning in the place of data sets that are not here: they show that code works, no more."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.data.archives import ARCHIVES, Archive, Arrays


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
