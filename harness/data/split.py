"""What a network is trained and tested on, and how a data set's labels are corrupted into it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from harness.spec import Value
from harness.spec.contracts import Corruption
from harness.spec.splits import Split
from harness.spec.streams import stream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ImageSet", "Split", "require_between", "require_corruptions", "split_of"]


class ImageSet(NamedTuple):
    """Preprocessed images and true labels of one data set (and replicate, where it matters)."""

    x_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]


def split_of(images: ImageSet, labels: Corruption, classes: int, replicate: int) -> Split:
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
        redraw=_redrawing(images, labels, classes, replicate) if labels.per_epoch else None,
    )


def _redrawing(
    images: ImageSet, labels: Corruption, classes: int, replicate: int
) -> Callable[[int], NDArray[np.int64]]:
    def redraw(epoch: int) -> NDArray[np.int64]:
        return labels.apply(images.y_train, classes, stream(replicate, "labels", epoch))

    return redraw


def require_between(value: object, name: str, number: int | None, low: int, high: int) -> None:
    """Refuse a number of images that the data set cannot give; None means all.

    Raises:
        ValueError: out of range.
    """
    if number is not None and not low <= number <= high:
        raise ValueError(f"{type(value).__name__}({name}={number}): must be between {low:,} and {high:,}")


def require_corruptions(data: Value, *names: str) -> None:
    """Refuse what corrupts nothing, such as a class that was not called.

    Raises:
        TypeError: a field of these names is not a corruption.
    """
    for name in names:
        value = getattr(data, name)
        if not (isinstance(value, Value) and callable(getattr(value, "apply", None))):
            raise TypeError(f"{type(data).__name__}({name}={value!r}): not a corruption")
