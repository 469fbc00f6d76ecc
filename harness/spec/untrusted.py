"""What others wrote, read with bounds: regular files of a limited size, JSON, gzip that does not explode.

Every file that somebody else may have written comes in by these three. Whatever it holds, they raise
``OSError`` or ``ValueError`` with one line and use little more memory than the limit.
"""

from __future__ import annotations

import errno
import gzip
import io
import os
import stat
import zlib
from pathlib import Path
from typing import TypeVar

import msgspec

Kind = TypeVar("Kind")

MOST = 2**30
"""Bytes: no file that is read whole is larger, nor what comes out of a packed one."""


def contents(path: Path, most: int | None = None) -> bytes:
    """All bytes of a regular file; a pipe or device, which may never end, is not even waited for.

    Raises:
        OSError: it cannot be read, is no regular file, or is larger than ``most`` bytes (``MOST``).
    """
    most = MOST if most is None else most
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    with open(handle, "rb") as file:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        data = file.read(min(most, state.st_size or most) + 1)  # read() takes all that it is allowed at once
    if len(data) > most:
        raise OSError(errno.EFBIG, f"larger than {_mebibytes(most)}", str(path))
    return data


def decoded(data: bytes | str | msgspec.Raw, kind: type[Kind]) -> Kind:
    """JSON as a value of a type.

    Raises:
        ValueError: it is none, or nested deeper than Python's stack; one line.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None
    except UnicodeDecodeError:
        raise ValueError("JSON is not UTF-8") from None
    except MemoryError:
        raise ValueError("JSON is too large for this machine's memory") from None


def unpacked(data: bytes, most: int | None = None) -> bytes:
    """What gzip packed, up to ``most`` bytes of it (``MOST``).

    Raises:
        ValueError: not gzip, cut short, damaged, or larger than ``most``; one line.
    """
    most = MOST if most is None else most
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            plain = file.read(most + 1)
    except EOFError:
        raise ValueError("it is cut short") from None
    except (OSError, zlib.error) as error:  # BadGzipFile is an OSError
        raise ValueError(str(error)) from None
    except MemoryError:
        raise ValueError("unpacked it is too large for this machine's memory") from None
    if len(plain) > most:
        raise ValueError(f"unpacked it is larger than {_mebibytes(most)}")
    return plain


def cause_of(error: BaseException) -> str:
    """What an error says, in one line; of an operating system's error the file and the cause."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:,.0f} MiB"
