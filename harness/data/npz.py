"""Reads npz files that others wrote: arrays of numbers of the size that the file holds, and nothing else."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from numpy.typing import NDArray

Result = TypeVar("Result")
MOST = 8 * 2**30
"""Bytes that the arrays of one file may take: sixteen times those of CIFAR-10 as float32."""
HEADER = 10_000
"""Characters of an array's description at most, as numpy allows."""
DAMAGED = (
    OSError, EOFError, KeyError, IndexError, struct.error, zlib.error, NotImplementedError, RuntimeError,
    MemoryError, OverflowError,
)  # fmt: skip
"""What Python's zipfile raises for files that are damaged on purpose, besides its own error."""
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
LOCAL = struct.Struct("<26xHH")
"""The head of a member where it lies: at its end, how long the name and the further fields after it are."""
DESCRIBED_LATER = 0x08
"""The flag of a member that is followed by its sizes, because they were not known before it."""
DESCRIPTORS = (12, 16, 20, 24)
"""Bytes that follow such a member: checksum and two sizes of 4 or 8 bytes, perhaps after a sign of 4."""


def npz_arrays(path: Path, names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
    """The arrays of an npz file, or those of these names that it has; no code in it is ever run.

    Raises:
        ValueError: it is none, damaged, ambiguous, not of numbers, or says of itself what it does not hold;
            one line without the file's name.
        OSError: it cannot be read.
    """
    return _opened(path, lambda packed: _read(packed, names))


def require_arrays(path: Path, names: Collection[str]) -> None:
    """Refuse a file of which ``npz_arrays`` would refuse an array of these names; no number is read.

    Raises:
        ValueError, OSError: as there.
    """

    def look(packed: zipfile.ZipFile) -> None:
        for name, info in _chosen(packed, names).items():
            with packed.open(info) as file:
                _verified_header(file, info, name)

    _opened(path, look)


def _opened(path: Path, do: Callable[[zipfile.ZipFile], Result]) -> Result:
    """What is done with an opened npz file; whatever is damaged in it is one line."""
    if path.exists() and not path.is_file():
        raise ValueError("not a regular file")
    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as packed:
                _require_accounted(packed, file)
                return do(packed)
        except zipfile.BadZipFile as error:
            raise ValueError(_unlike(file, error)) from None
        except DAMAGED as error:
            raise ValueError(f"damaged: {next(iter(str(error).splitlines()), '') or 'cut short'}") from None


def _require_accounted(packed: zipfile.ZipFile, file: IO[bytes]) -> None:
    """Refuse a file whose directory does not account for every byte before it, by the names that lie there.

    A damaged directory leaves arrays out, or calls them otherwise, and says nothing: whoever asks for others
    would not notice.

    Raises:
        ValueError, DAMAGED: there is a gap, an overlap, or another name.
    """
    end = 0
    gaps: tuple[int, ...] = (0,)
    for name, info in sorted(_members(packed).items(), key=lambda member: member[1].header_offset):
        with packed.open(info):  # which compares its name with the one that lies there
            file.seek(info.header_offset)
            name_length, further = LOCAL.unpack(file.read(LOCAL.size))
        if info.header_offset - end not in gaps:
            raise ValueError(f"damaged: its directory leaves out what lies before {name}")
        end = info.header_offset + LOCAL.size + name_length + further + info.compress_size
        gaps = DESCRIPTORS if info.flag_bits & DESCRIBED_LATER else (0,)
    if packed.start_dir - end not in gaps:
        raise ValueError("damaged: its directory leaves out what lies before it")


def _unlike(file: IO[bytes], error: Exception) -> str:
    """What a file is that is no npz file."""
    file.seek(0)
    start = file.read(6)
    if start[:2] == b"PK":
        return f"damaged: {error}"
    kind = "a single npy array" if start == b"\x93NUMPY" else "something else" if start else "an empty file"
    return f"it is no npz file, but {kind}"


def _chosen(packed: zipfile.ZipFile, names: Collection[str] | None) -> dict[str, zipfile.ZipInfo]:
    chosen = {name: i for name, i in _members(packed).items() if names is None or name in names}
    if sum(info.file_size for info in chosen.values()) > MOST:
        raise ValueError(f"its arrays are larger than {MOST / 2**30:.0f} GiB")
    return chosen


def _read(packed: zipfile.ZipFile, names: Collection[str] | None) -> dict[str, NDArray[Any]]:
    return {name: _array(packed, info, name) for name, info in _chosen(packed, names).items()}


def _members(packed: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Array -> its place in the file."""
    members: dict[str, zipfile.ZipInfo] = {}
    for info in packed.infolist():
        name = info.filename.removesuffix(".npy")
        if name in members:
            raise ValueError(f"it holds {name} twice")
        if info.flag_bits & 1:
            raise ValueError(f"{name} is encrypted")
        if info.compress_type not in PACKED:
            raise ValueError(f"{name} is packed in a way that numpy does not use")
        members[name] = info
    return members


def _array(packed: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> NDArray[Any]:
    import numpy as np

    with packed.open(info) as file:
        shape, fortran, dtype, size = _verified_header(file, info, name)
        data = file.read(size + 1)
        if len(data) != size:
            raise ValueError(f"{name} is cut short")
    array = np.frombuffer(data, dtype)
    return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)


def _verified_header(
    file: IO[bytes], info: zipfile.ZipInfo, name: str
) -> tuple[tuple[int, ...], bool, Any, int]:
    """What ``_described`` says and how many bytes that takes, which are there."""
    shape, fortran, dtype = _described(file, name)
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects, which could run code, and no numbers")
    size = dtype.itemsize
    for side in shape:
        size *= side
    if min(shape, default=0) < 0 or size != info.file_size - file.tell():
        raise ValueError(f"{name} says that it is {dtype} {shape}, and it has other bytes")
    return shape, fortran, dtype, size


def _described(file: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, Any]:
    """The shape, whether columns come first, and the type of an array, as its header says."""
    from numpy.lib import format as npy

    try:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(file, max_header_size=HEADER)
    except Exception:  # a header is Python's notation, and reading it raises whatever its tokenizer does
        raise ValueError(f"{name} is no array of numpy's") from None
    return tuple(shape), bool(fortran), dtype
