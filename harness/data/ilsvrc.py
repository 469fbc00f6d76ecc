"""What ILSVRC 2012 holds, as public lists tell, so that nothing else is called ImageNet.

No digest of an image of it could be confirmed from a public text. What could: its classes, how many images it
has, and the names of its files, of the validation images with the class of each. Two copies are compared by
the digests of a few images that every record has (``ImageFiles.sampled``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

IMAGES = {"train": 1_281_167, "val": 50_000}
CLASSES_SHA256 = "385e0240499426c022b773be1ae4da780f057b89c9694c7f47199f62746b6edd"
"""Of the 1,000 WordNet ids, sorted, a line each without an end of the last: imagenet_synsets.txt of timm
1.0.31 and imagenet2012/labels.txt of tensorflow-datasets 4.9.10, which agree."""
VALIDATION_SHA256 = "dc1395be7727d421ee079b005ea91fccada3ffd3409c4d8f61f043e6fb62c04f"
"""Likewise of the paths of the 50,000 validation images, n01440764/ILSVRC2012_val_00000293.JPEG and so on, of
which imagenet2012/validation_labels.txt of tensorflow-datasets 4.9.10 tells the classes, 50 images each."""
TRAINING = re.compile(rb"(n\d{8})/\1_\d+\.JPEG")
"""The path of a training image."""


def difference(classes: Sequence[str], train: Sequence[bytes], val: Sequence[bytes]) -> str:
    """The first thing by which a folder differs from ILSVRC 2012; "" where all that is known of it agrees.

    Args:
        classes: names of the class folders, sorted.
        train, val: paths of the images below each part.
    """
    if _digest(name.encode() for name in classes) != CLASSES_SHA256:
        return "classes"
    if (len(train), len(val)) != tuple(IMAGES.values()):
        return "numbers of images"
    if _digest(sorted(val)) != VALIDATION_SHA256:
        return "validation images"
    if not all(map(TRAINING.fullmatch, train)):
        return "names of training images"
    return ""


def _digest(lines: Iterable[bytes]) -> str:
    return hashlib.sha256(b"\n".join(lines)).hexdigest()
