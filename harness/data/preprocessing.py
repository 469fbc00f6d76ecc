"""Stored bytes as a network sees them (Zhang et al. 2017, appendix A)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.data.blocks import blocks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHUNK = 200  # images handled at once: their temporary arrays fit into a processor's cache


def prepare(
    images: NDArray[np.uint8], *, highest: int = 255, crop: int | None = None, whiten: bool = True
) -> NDArray[np.float32]:
    """Images scaled to [0, 1] once, cropped at the centre, and standardised one by one.

    Standardised is (x - mean) / max(deviation, 1 / sqrt(values)) over all values of the image, for
    3x28x28 with the floor 1 / sqrt(2352); the floor keeps a constant image from being divided by zero.

    Args:
        images: uint8 [n, height, width, channels].
        highest: the largest value a pixel can have.
        crop: side of the centre that is kept; None keeps all.
        whiten: standardise, or only scale.

    Returns:
        float32 [n, channels, side, side].
    """
    import numpy as np

    side = images.shape[1] if crop is None else crop
    top, left = (images.shape[1] - side) // 2, (images.shape[2] - side) // 2
    cropped = images[:, top : top + side, left : left + side]
    prepared = np.empty((len(images), images.shape[3], side, side), np.float32)
    for rows in blocks(len(images), CHUNK):
        np.divide(cropped[rows].transpose(0, 3, 1, 2), np.float32(highest), out=prepared[rows])
        if whiten:
            _standardise(prepared[rows])
    return prepared


def _standardise(images: NDArray[np.float32]) -> None:
    """Standardise each image in place, by its own mean and deviation."""
    import numpy as np

    flat = images.reshape(len(images), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    deviation = np.sqrt(np.square(flat).mean(axis=1, keepdims=True))
    flat /= np.maximum(deviation, np.float32(flat.shape[1] ** -0.5))
