"""Named arrays in a file, bound to the digest of its bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.lab import durable

if TYPE_CHECKING:
    import numpy as np


def saved(file: Path, arrays: Mapping[str, np.ndarray], *, synced: bool = True) -> str:
    """Write arrays to the disk, synced or not; the SHA-256 (hex) of the file.

    Raises:
        OSError: the file cannot be written.
    """
    data = packed(arrays)
    durable.write(file, data, synced=synced)
    return hashlib.sha256(data).hexdigest()


def packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The bytes of a file of arrays."""
    import numpy as np
    from safetensors.numpy import save

    # in C order: save() writes the memory of a transposed or strided array as if it were
    return save({name: np.asarray(array, order="C") for name, array in arrays.items()})


def loaded(file: Path, digest: str) -> dict[str, np.ndarray] | None:
    """The arrays of a file as ``unpacked`` gives them; None also where it cannot be read."""
    try:
        return unpacked(durable.plain_bytes(file, most=file.lstat().st_size), digest)
    except (OSError, ValueError):
        return None


def unpacked(data: bytes, digest: str) -> dict[str, np.ndarray] | None:
    """The arrays in the bytes of this SHA-256, in their order there, first layer first.

    None where the bytes are others, or hold no arrays.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        if hashlib.sha256(data).hexdigest() == digest:
            arrays = load(data)
            return {name: arrays[name] for name in _in_order(data)}
    except (ValueError, TypeError, KeyError, SafetensorError):
        pass
    return None


def _in_order(data: bytes) -> list[str]:
    """The names of the arrays in a safetensors file by their offsets.

    ``safetensors.numpy.load`` gives them in another order at each call, and what transforms draw for each
    array depends on it. A file begins with the length of its header, eight bytes, and the header as JSON.
    """
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    return sorted(header, key=lambda name: (header[name]["data_offsets"], name))
