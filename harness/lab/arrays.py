"""Named arrays in a file, bound to the digest of its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.lab import durable

if TYPE_CHECKING:
    import numpy as np


def saved(file: Path, arrays: Mapping[str, np.ndarray]) -> str:
    """Write arrays to the disk; the SHA-256 (hex) of the file.

    Raises:
        OSError: the file cannot be written.
    """
    import numpy as np
    from safetensors.numpy import save

    # in C order: save() writes the memory of a transposed or strided array as if it were
    data = save({name: np.asarray(array, order="C") for name, array in arrays.items()})
    durable.write(file, data)
    return hashlib.sha256(data).hexdigest()


def loaded(file: Path, digest: str) -> dict[str, np.ndarray] | None:
    """The arrays in the bytes of this SHA-256; None where the file has others, or they hold no arrays."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        data = durable.plain_bytes(file, most=file.lstat().st_size)
        if hashlib.sha256(data).hexdigest() == digest:
            return dict(load(data))
    except (OSError, ValueError, TypeError, KeyError, SafetensorError):
        pass
    return None
