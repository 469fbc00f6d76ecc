"""Small folders of images in ImageNet's layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from harness.data.image_folder import ImageFolder

CLASSES = ("ant", "bee", "cat")
TINY = ImageFolder("tiny", classes=3, train_size=24, test_size=12, size=16)


def write_folder(root: Path, name: str = "tiny", train: int = 8, val: int = 4) -> Path:
    """``root`` with a folder of so many images (20x24 pixels) of each class, half of them PNG, half JPEG."""
    for part, count in (("train", train), ("val", val)):
        for label, kind in enumerate(CLASSES):
            folder = root / name / part / kind
            folder.mkdir(parents=True)
            for number in range(count):
                blocks = np.random.default_rng([label, number]).integers(256, size=(5, 6, 3), dtype=np.uint8)
                image = Image.fromarray(blocks.repeat(4, axis=0).repeat(4, axis=1))
                image.save(folder / f"{kind}_{number}.{('JPEG', 'png')[number % 2]}")
    return root
