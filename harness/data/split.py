"""What a network is trained and tested on, and how a data set's labels are corrupted into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.data.labels import RedrawnLabels
from harness.spec import Value
from harness.spec.streams import stream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ImageSet(NamedTuple):
    """Preprocessed images and true labels of one data set (and replicate, where it matters)."""

    x_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]


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
    """

    x_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    y_true: NDArray[np.int64]
    corrupted: NDArray[np.bool_]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]
    classes: int
    redraw: Callable[[int], NDArray[np.int64]] | None = None


def split_of(images: ImageSet, labels: Any, classes: int, replicate: int) -> Split:
    """The split of a replicate: its images, and its labels corrupted by its own stream."""
    corrupted = labels.apply(images.y_train, classes, stream(replicate, "labels"))
    return Split(
        x_train=images.x_train,
        y_train=corrupted,
        y_true=images.y_train,
        corrupted=corrupted != images.y_train,
        x_test=images.x_test,
        y_test=images.y_test,
        classes=classes,
        redraw=_redrawing(images, labels, classes, replicate) if isinstance(labels, RedrawnLabels) else None,
    )


def _redrawing(
    images: ImageSet, labels: RedrawnLabels, classes: int, replicate: int
) -> Callable[[int], NDArray[np.int64]]:
    def redraw(epoch: int) -> NDArray[np.int64]:
        return labels.apply(images.y_train, classes, stream(replicate, "labels", epoch))

    return redraw


def require_between(value: object, name: str, given: int | None, low: int, high: int) -> None:
    """Refuse a number of images that the data set cannot give; None means all.

    Raises:
        ValueError: out of range.
    """
    if given is not None and not low <= given <= high:
        raise ValueError(f"{type(value).__name__}({name}={given}): must be between {low:,} and {high:,}")


def require_corruptions(data: Any) -> None:
    """Refuse what corrupts nothing, such as a class that was not called.

    Raises:
        TypeError: ``labels`` or ``inputs`` is not a corruption.
    """
    for name in ("labels", "inputs"):
        given = getattr(data, name)
        if not (isinstance(given, Value) and hasattr(given, "apply")):
            raise TypeError(f"{type(data).__name__}({name}={given!r}): not a corruption")
