"""Downloads a collection into the data root, by torchvision."""

from __future__ import annotations

from pathlib import Path

from harness.data import sources
from harness.data.archives import ARCHIVES, DataError, Source

CLASSES = {"mnist": "MNIST", "cifar10": "CIFAR10", "cifar100": "CIFAR100"}


def get(name: str, root: Path) -> Source:
    """Download what is missing, verify it, and say what is there now.

    Args:
        name: ``mnist``, ``cifar10`` or ``cifar100``.
        root: the data root; made if need be.

    Raises:
        DataError: an unknown name, no connection, no space, in one line.
    """
    if name not in ARCHIVES:
        raise DataError(f"unknown collection {name!r}: one of {', '.join(ARCHIVES)}")
    if not (root / f"{name}.npz").exists() and not _present(name, root):  # an npz would hide the download
        _download(name, root)
    return sources.source(ARCHIVES[name], root)


def _present(name: str, root: Path) -> bool:
    try:
        sources.source(ARCHIVES[name], root)
    except DataError:
        return False
    return True


def _download(name: str, root: Path) -> None:
    from torchvision import datasets

    try:
        root.mkdir(parents=True, exist_ok=True)
        getattr(datasets, CLASSES[name])(str(root), download=True)
    except Exception as error:  # whatever goes wrong in a download is told in one line
        reason = getattr(error, "strerror", None) or next(iter(str(error).splitlines()), "").rstrip(": ")
        raise DataError(
            f"{ARCHIVES[name].name} could not be downloaded ({reason or type(error).__name__}): check the "
            "connection and the data root, or put the files there by hand"
        ) from None
