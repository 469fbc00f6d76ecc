"""What must be decoded before it can be trained on: said, and refused where the disk has no room for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from harness.data import kept_pixels
from harness.data.archives import DataError
from harness.data.image_folder import ImageFolder
from harness.fleet import cgroups
from harness.lab import gpu_kinds

DECODE_SECONDS = 2.5e-3
"""Seconds of a core to decode a JPEG of 500 by 375 pixels and 88 kB, and to keep it with its shorter side at
342: measured on an AMD EPYC, the disk not waited for."""
CORES_A_GPU = 12
"""Cores that prepare images for a GPU: 96 for eight, as machines with eight of them have. Assumed."""


def told(values: Iterable[Any], root: Path, device: str) -> Iterator[str]:
    """A line for each data set of which images are still to be decoded: how many, how large, how long.

    Args:
        values: what is to be computed; root: the data root; device: where it is.
    """
    for data in _folders(values):
        extent = data.undecoded(root)
        if extent and extent.images:
            count = cores(device)
            minutes = extent.images * DECODE_SECONDS / count / 60
            yield (
                f"images: {extent.images:,} of {data.folder} are decoded once, about "
                f"{extent.bytes / 1e9:,.1f} GB in {extent.folder.parent}; {max(1, minutes):,.0f} min on "
                f"{count} core{'s' * (count > 1)} or what the disk takes, on the way"
            )


def refused(value: Any, root: Path, device: str) -> str:
    """Why what a run must have decoded cannot be kept, in one line; "" where it can, or is kept elsewhere."""
    if gpu_kinds.asked(device):
        return ""
    try:
        for data in _folders([value]):
            if extent := data.undecoded(root):
                kept_pixels.require_room(extent)
    except DataError as error:
        return str(error)
    return ""


def cores(device: str) -> int:
    """Cores that decode: of this machine, or of one with GPUs that are planned for."""
    asked = gpu_kinds.asked(device)
    return CORES_A_GPU * asked.count if asked else cgroups.whole_cores()


def _folders(values: Iterable[Any]) -> list[ImageFolder]:
    """The data sets of images on disk, one of those whose images are the same."""
    sets: dict[tuple[str, int, int, int], ImageFolder] = {}
    for data in (getattr(value, "data", None) for value in values):
        if isinstance(data, ImageFolder) and not data.blank:
            sets.setdefault((data.folder, data.size, data.train_size, data.test_size), data)
    return list(sets.values())
