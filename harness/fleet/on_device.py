"""Images of an epoch made on a GPU, of the numbers that the host would have drawn for them.

What is drawn for an image (where it is cropped, whether it is flipped, by which angle it is turned) is a few
numbers of the run's own stream, the same as in ``harness.data.augmentation``; the pixels are computed on the
device. Crops and flips copy, and are equal to the bit; means are summed in another order, so what scales by
them is equal to rounding. Augmentations that have no row in ``CHANGES`` are made by the host.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from harness.data.augmentation import Augmented, ColourJitter, RandomCrop, RandomFlip, RandomRotation
from harness.data.blocks import blocks
from harness.spec.contracts import Augmentation, Dataset
from harness.spec.splits import Split
from harness.spec.streams import stream

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    Images = NDArray[np.float32]

CHANGED_AT_ONCE = 8192
"""Images whose intermediate results are on the device at once: a rotation of so many of 28 by 28 pixels takes
some 0.5 GiB of coordinates."""

Draws = tuple["NDArray[Any]", ...]


class OnDevice:
    """A split's ``augment`` that a kernel may have made on its own device.

    Args:
        augment: makes the images of an epoch on the host.
        images: what is augmented, float32 [n, channels, height, width]; may be shared, never written to.
        data: the augmentations and whether images are standardised after them.
        replicate: whose draws.
    """

    def __init__(
        self, augment: Callable[[int], Images], images: Images, data: Augmented, replicate: int
    ) -> None:
        self._augment, self.images = augment, images
        self._data, self._replicate = data, replicate

    def __call__(self, epoch: int) -> Images:
        """The images of an epoch, made on the host."""
        return self._augment(epoch)

    def into(self, made: torch.Tensor, images: torch.Tensor, epoch: int) -> None:
        """Write the images of an epoch.

        Args:
            made: float32 [n, *shape] on the device, in any memory order.
            images: ``self.images`` on the device.
            epoch: which one.
        """
        import torch

        draws = self._drawn(epoch)
        for rows in blocks(len(images), CHANGED_AT_ONCE):
            changed = images[rows]
            for augmentation, drawn in zip(self._data.augmentations, draws, strict=True):
                here = [torch.from_numpy(numbers[rows]).to(images.device) for numbers in drawn]
                changed = CHANGES[type(augmentation)].change(augmentation, changed, *here)
            made[rows] = standardised(changed) if self._data.whiten else changed

    def _drawn(self, epoch: int) -> list[Draws]:
        """What each augmentation draws for an epoch, in the order of the host."""
        generator, shape = stream(self._replicate, "augmentation", epoch), self.images.shape[1:]
        draws = []
        for augmentation in self._data.augmentations:
            draw = CHANGES[type(augmentation)].draw
            draws.append(draw(augmentation, len(self.images), tuple(shape), generator))
            shape = augmentation.shape(tuple(shape))
        return draws


def split(data: Dataset, verified: Callable[[Dataset], Split], replicate: int, device: str) -> Split:
    """A data set's split, whose epochs are made on a GPU where all of its augmentations can be.

    Args:
        data: the data set.
        verified: gives the split of a data set for the replicate, of this one and of the one in it.
        replicate: whose draws augmentations read.
        device: where the split is trained on.
    """
    drawn = verified(data)
    if not device.startswith("cuda") or drawn.augment is None or not is_possible(data):
        return drawn
    augment = OnDevice(drawn.augment, verified(data.data).x_train, data, replicate)
    return dataclasses.replace(drawn, augment=augment)


def is_possible(data: object) -> TypeGuard[Augmented]:
    """Whether all that a data set changes in epochs can be made on a device."""
    return type(data) is Augmented and all(type(each) in CHANGES for each in data.augmentations)


# -- what is drawn: the numbers of ``harness.data.augmentation``, in its order -------------------------------


def _places(crop: RandomCrop, n: int, shape: Sequence[int], generator: np.random.Generator) -> Draws:
    import numpy as np

    room = np.array(shape[1:]) + 2 * crop.padding - crop.side + 1
    return (generator.integers(0, room, size=(n, 2)),)


def _turned(flip: RandomFlip, n: int, shape: Sequence[int], generator: np.random.Generator) -> Draws:
    return (generator.random(n) < 0.5,)


def _angles(turn: RandomRotation, n: int, shape: Sequence[int], generator: np.random.Generator) -> Draws:
    import numpy as np

    angles = np.deg2rad(generator.uniform(-turn.degrees, turn.degrees, n))
    return np.cos(angles), np.sin(angles)


def _factors(jitter: ColourJitter, n: int, shape: Sequence[int], generator: np.random.Generator) -> Draws:
    import numpy as np

    low, high = 1 - jitter.strength, 1 + jitter.strength
    return tuple(generator.uniform(low, high, (n, 1, 1, 1)).astype(np.float32) for _ in range(2))


# -- pixels --------------------------------------------------------------------------------------------------


def _cropped(crop: RandomCrop, images: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Parts of images [n, channels, height, width] whose corners are at ``places`` [n, 2] when padded."""
    import torch

    height, width = images.shape[2:]
    within = torch.arange(crop.side, device=images.device) - crop.padding
    rows, columns = places[:, :1] + within, places[:, 1:] + within
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    index = rows.clamp(0, height - 1)[:, :, None] * width + columns.clamp(0, width - 1)[:, None, :]
    parts = _gathered(images, index)
    return parts if not crop.padding else torch.where(inside[:, None], parts, torch.zeros_like(parts))


def _gathered(images: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Pixels of images [n, channels, height, width] by their number ``index`` [n, rows, columns]."""
    n, channels = images.shape[:2]
    flat = index.reshape(n, 1, -1).expand(n, channels, -1)
    return images.reshape(n, channels, -1).gather(2, flat).reshape(n, channels, *index.shape[1:])


def _flipped(flip: RandomFlip, images: torch.Tensor, turned: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.where(turned[:, None, None, None], images.flip(3), images)


def _rotated(
    turn: RandomRotation, images: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor
) -> torch.Tensor:
    """Images turned about their centres, bilinear, zeros from outside, by angles [n] in float64."""
    import torch

    height, width = images.shape[2:]
    y, x = (
        torch.arange(size, device=images.device, dtype=torch.float64) - (size - 1) / 2
        for size in (height, width)
    )
    y, x = y[:, None], x[None, :]
    cos, sin = cosines[:, None, None], sines[:, None, None]
    rows, columns = cos * y + sin * x + (height - 1) / 2, cos * x - sin * y + (width - 1) / 2
    top, left = rows.floor(), columns.floor()
    framed = torch.nn.functional.pad(images, (1, 1, 1, 1))
    turned = torch.zeros_like(images)
    for down in (0, 1):
        for right in (0, 1):
            share = (1 - (rows - top - down).abs()) * (1 - (columns - left - right).abs())
            i = (top + down).clamp(-1, height).long() + 1
            j = (left + right).clamp(-1, width).long() + 1
            turned += share.float()[:, None] * _gathered(framed, i * (width + 2) + j)
    return turned


def _jittered(
    jitter: ColourJitter, images: torch.Tensor, brightness: torch.Tensor, contrast: torch.Tensor
) -> torch.Tensor:
    bright = images * brightness
    mean = bright.mean((1, 2, 3), keepdim=True)
    return ((bright - mean) * contrast + mean).clamp(0, 1)


def standardised(images: torch.Tensor) -> torch.Tensor:
    """Each image by its own mean and deviation, as ``harness.data.preprocessing.prepare`` does it."""
    flat = images.flatten(1)
    flat = flat - flat.mean(1, keepdim=True)
    deviation = flat.square().mean(1, keepdim=True).sqrt()
    floor = 1 / math.sqrt(flat.shape[1])
    return (flat / deviation.clamp(min=floor)).reshape(images.shape)


class DeviceChange(NamedTuple):
    """An augmentation as it is made on a device.

    Attributes:
        draw: (augmentation, images, their shape, generator) -> arrays [n, ...] of what is drawn.
        change: (augmentation, images, those arrays as tensors) -> the changed images.
    """

    draw: Callable[[Any, int, tuple[int, ...], np.random.Generator], Draws]
    change: Callable[..., torch.Tensor]


CHANGES: dict[type[Augmentation], DeviceChange] = {
    RandomCrop: DeviceChange(_places, _cropped),
    RandomFlip: DeviceChange(_turned, _flipped),
    ColourJitter: DeviceChange(_factors, _jittered),
    RandomRotation: DeviceChange(_angles, _rotated),
}
"""By the very class: a subclass of one's own may change images in any way."""
