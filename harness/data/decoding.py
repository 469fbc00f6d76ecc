"""Image files as a network sees them: decoded, cropped, perhaps changed, scaled to [-1, 1]."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data.archives import DataError
from harness.spec.streams import stream

if TYPE_CHECKING:
    import torch

CENTRE = 7 / 8  # share of the shorter side that is kept of an image that is not augmented
AREA, ASPECT = (0.08, 1.0), (3 / 4, 4 / 3)
COLOUR = {"brightness": 0.125, "contrast": 0.5, "saturation": 0.5}


def decoded(path: Path, size: int, draw: int | None = None) -> torch.Tensor:
    """An image as uint8 [3, size, size].

    Args:
        path: its file.
        size: the side it is brought to.
        draw: seed of its augmentation; None for the centre of the image as it is.

    Raises:
        DataError: the file cannot be decoded.
    """
    from PIL import Image
    from torchvision.transforms import functional

    try:
        with Image.open(path) as opened:
            image = opened.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        cause = getattr(error, "strerror", None) or type(error).__name__
        raise DataError(f"{path.parent.name}/{path.name} cannot be decoded ({cause}): replace it") from None
    if draw is not None:
        image = _drawn(_augmentation(size), image, draw)
    else:
        image = functional.center_crop(functional.resize(image, round(size / CENTRE)), [size, size])
    pixels: torch.Tensor = functional.pil_to_tensor(image)
    return pixels


def draw_of(replicate: int, epoch: int, row: int) -> int:
    """The seed of an image's augmentation: it depends on these alone, whoever decodes it."""
    return int(stream(replicate, "augmentation", epoch, row).integers(2**62))


def scaled(pixels: torch.Tensor) -> torch.Tensor:
    """uint8 values as float32 in [-1, 1]."""
    return pixels.float() / 127.5 - 1


@functools.cache
def _augmentation(size: int) -> Any:
    from torchvision import transforms

    return transforms.Compose(
        [
            transforms.RandomResizedCrop(size, scale=AREA, ratio=ASPECT),
            transforms.RandomHorizontalFlip(),
            transforms.ColorJitter(**COLOUR),
        ]
    )


def _drawn(transform: Callable[[Any], Any], image: Any, seed: int) -> Any:
    """Change an image by a transform that draws from torch's own generator, which is put back afterwards."""
    import torch

    state = torch.get_rng_state()
    torch.default_generator.manual_seed(seed)
    try:
        return transform(image)
    finally:
        torch.set_rng_state(state)
