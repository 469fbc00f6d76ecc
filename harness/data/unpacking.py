"""Unpacks the archives of ImageNet, which only people with an account can download."""

from __future__ import annotations

from pathlib import Path

from harness.data.archives import DataError
from harness.data.image_folder import PARTS

ARCHIVES = ("ILSVRC2012_devkit_t12.tar.gz", "ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar")


def unpack_imagenet(folder: Path) -> None:
    """Make ``train`` and ``val`` from the challenge's three archives in ``folder``, by torchvision.

    torchvision checks each archive's MD5, and sorts the validation images into their classes. A part that
    is there already is left as it is.

    Raises:
        DataError: an archive is missing or damaged, or the disk is full, in one line.
    """
    parts = [part for part in PARTS if not (folder / part).is_dir()]
    missing = [name for name in ARCHIVES if not (folder / name).is_file()]
    if parts and missing:
        raise DataError(
            f"imagenet cannot be downloaded without an account: put {', '.join(missing)} from image-net.org "
            "into the folder imagenet of the data root, and run this again"
        )
    for part in parts:
        try:
            from torchvision import datasets

            datasets.ImageNet(str(folder), split=part)
        except Exception as error:  # whatever goes wrong is told in one line
            reason = next(iter(str(error).splitlines()), "") or type(error).__name__
            raise DataError(f"imagenet could not be unpacked: {reason}") from None
