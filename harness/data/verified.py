"""A split held against what its data set declares, before anything is trained on it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data import digests, sources
from harness.data.archives import KNOWN, Archive, DataError
from harness.data.soundness import degeneracy, require_readable
from harness.data.stored import ReadContent, StoredImages, content_of, let_go
from harness.spec import abbreviated
from harness.spec.contracts import Dataset, Sourced
from harness.spec.splits import Source, Split

if TYPE_CHECKING:
    from numpy.typing import NDArray

Named = Sequence[tuple[Sourced, str]]
"""Values that read files, each with the digest by which runs that read it are named."""


def named_source(value: Sourced, root: Path | None) -> Source:
    """What a value says of its files, by which its runs are named.

    Of collections the digest is computed anew where a file was written to, its size and time stamp kept.

    Raises:
        DataError: missing, damaged, of another shape or plainly degenerate, in one line.
    """
    return sound_source(value.archive, root) if isinstance(value, StoredImages) else value.source(root)


def sound_source(archive: Archive, root: Path | None) -> Source:
    """Name and digest of a collection whose files are what they seem.

    Raises:
        DataError: missing, damaged, of another shape or plainly degenerate, in one line.
    """
    require_readable(archive, root)
    file = sources.find(archive, root)
    with contextlib.suppress(OSError):  # what cannot be examined is said by whoever reads it
        digests.confirm(file.signature, file.files)
    source = sources.source(archive, root)
    if not file.verified and source.name not in KNOWN.values():
        (why,) = digests.remembered(f"degenerate {source.digest}", lambda: (degeneracy(file.read()),))
        if why:
            raise DataError(f"{file.files[0].name} is degenerate ({why}): delete it, {archive.remedy}")
    return source


def verified_split(data: Dataset, root: Path | None, replicate: int, named: Named = ()) -> Split:
    """The split of a replicate, which holds what the data set declares and is of the content that is named.

    Args:
        data: the data set.
        root: the data root.
        replicate: the replicate.
        named: the data set and those within it that read files, each with the digest by which runs that
            read it are named.

    Raises:
        DataError: it does not, or its files are missing, damaged or others by now; one line that names
            the data set.
    """
    before = _contents(named, root)
    split = data.split(root, replicate)
    if before != _contents(named, root) or any(digest != _digest(v, root) for v, digest in named if digest):
        for content in before:
            digests.forget(content.signature)
        says = "its files changed after its runs were named by them: run again"
        raise DataError(f"{abbreviated(data)}: {says}")
    wrong = discrepancy(data, split)
    if wrong:
        raise DataError(f"{abbreviated(data)}: {wrong}")
    return split


def _contents(named: Named, root: Path | None) -> list[ReadContent]:
    """What the collections among these hold; arrays in memory that are not as named are read anew."""
    collections = [(value, digest) for value, digest in named if isinstance(value, StoredImages)]
    if any(content_of(value.archive, root).digest != digest for value, digest in collections):
        let_go()
    return [content_of(value.archive, root) for value, _ in collections]


def _digest(value: Sourced, root: Path | None) -> str:
    """The digest of what a value reads: of a collection, of the arrays in memory."""
    if isinstance(value, StoredImages):
        return content_of(value.archive, root).digest
    return value.source(root).digest


def discrepancy(data: Dataset, split: Split) -> str:
    """The first difference of a split from its data set's declaration; empty where there is none.

    Sizes, shapes, types and the range of labels are looked at, and whether all numbers are finite. Of images
    that stay on disk only the sizes are.
    """
    if not isinstance(split, Split):
        return f"its split is no Split but a {type(split).__name__}"
    if split.classes != data.classes:
        return f"its split has {split.classes} classes, and it declares {data.classes}"
    for part, size in (("train", data.train_size), ("test", data.test_size)):
        images, labels = getattr(split, f"x_{part}"), getattr(split, f"y_{part}")
        wrong = _of_images(f"x_{part}", images, (size, *data.shape), data.streamed)
        wrong = wrong or _of_labels(f"y_{part}", labels, size, data.classes)
        if wrong:
            return wrong
    wrong = _of_labels("y_true", split.y_true, data.train_size, data.classes)
    return wrong or _of_array("corrupted", split.corrupted, "bool", (data.train_size,))


def of_epoch(data: Dataset, split: Split, epoch: int) -> str:
    """The first difference of a split's images and labels of an epoch from the declaration, likewise."""
    wrong = ""
    if split.augment is not None:
        images = split.augment(epoch)
        wrong = _of_images(f"augment({epoch})", images, (data.train_size, *data.shape), streamed=False)
    if split.redraw is not None and not wrong:
        wrong = _of_labels(f"redraw({epoch})", split.redraw(epoch), data.train_size, data.classes)
    return wrong


def _of_images(name: str, images: Any, shape: tuple[int, ...], streamed: bool) -> str:
    if streamed:
        actual = tuple(images.shape)
        return "" if actual == shape else f"{name} of its split is {actual}, and it declares {shape}"
    wrong = _of_array(name, images, "float32", shape)
    return wrong or ("" if _all_finite(images) else f"{name} of its split has numbers that are not finite")


def _of_labels(name: str, labels: Any, size: int, classes: int) -> str:
    wrong = _of_array(name, labels, "int64", (size,))
    if wrong or not size:
        return wrong
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        return f"{name} of its split has labels from {low} to {high}, and it declares {classes} classes"
    return ""


def _of_array(name: str, array: Any, kind: str, shape: tuple[int, ...]) -> str:
    import numpy as np

    if not isinstance(array, np.ndarray):
        return f"{name} of its split is no array but a {type(array).__name__}"
    if array.dtype == kind and array.shape == shape:
        return ""
    return f"{name} of its split is {array.dtype} {array.shape}, and it declares {kind} {shape}"


def _all_finite(images: NDArray[Any]) -> bool:
    """Whether all numbers are finite; as a rule the sum tells, in a fraction of the time of asking each."""
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(images.sum()) or np.isfinite(images).all())
