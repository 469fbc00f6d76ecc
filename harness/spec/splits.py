"""Data when they are used: the arrays of one replicate, and what their source may be called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Images = NDArray[np.float32]
    Labels = NDArray[np.int64]


class Source(NamedTuple):
    """Where images come from.

    Attributes:
        name: what they may honestly be called in a report.
        digest: SHA-256 (hex) of their content; empty for embedded and generated data.
    """

    name: str
    digest: str


@dataclass(frozen=True)
class Split:
    """The arrays of one replicate. Images may be shared with other splits: never write into them.

    Attributes:
        x_train: float32 [n, *shape].
        y_train: int64 [n], after corruption.
        y_true: int64 [n], before.
        corrupted: bool [n], where the two differ.
        x_test: float32 [m, *shape].
        y_test: int64 [m], never corrupted.
        classes: number of classes.
        redraw: for labels that change every epoch, the labels of an epoch; else None.
        augment: for images that change every epoch, those of an epoch, float32 [n, *shape]; else None.
            ``x_train`` then holds those of no epoch: the images as test images are treated.
    """

    x_train: Images
    y_train: Labels
    y_true: Labels
    corrupted: NDArray[np.bool_]
    x_test: Images
    y_test: Labels
    classes: int
    redraw: Callable[[int], Labels] | None = None
    augment: Callable[[int], Images] | None = None
