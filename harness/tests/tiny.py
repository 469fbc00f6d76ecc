"""Collections of a few random images in the layouts of the published ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from harness.data import archives
from harness.data.archives import Archive

TINY = archives.CIFAR10._replace(sizes=(60, 20))
TINY_MNIST = archives.MNIST._replace(sizes=(30, 10))


def arrays_of(archive: Archive, seed: int = 0) -> dict[str, Any]:
    generator = np.random.default_rng(seed)
    arrays: dict[str, Any] = {}
    for part, size in zip(("train", "test"), archive.sizes, strict=True):
        arrays[f"x_{part}"] = generator.integers(256, size=(size, *archive.image), dtype=np.uint8)
        arrays[f"y_{part}"] = generator.integers(archive.classes, size=size, dtype=np.uint8)
    return arrays


def write_npz(root: Path, archive: Archive = TINY, **changed: Any) -> Path:
    root.mkdir(exist_ok=True)
    arrays = {name: a for name, a in {**arrays_of(archive), **changed}.items() if a is not None}
    np.savez(root / f"{archive.key}.npz", **arrays)
    return root
