"""What others wrote comes in with bounds: no hang, no traceback, no memory eaten."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from pathlib import Path

import msgspec
import pytest

from harness.evidence.schema import Report
from harness.spec.untrusted import cause_of, contents, decoded, unpacked

MIB = 2**20


class Pair(msgspec.Struct):
    """A small struct to decode."""

    a: int
    b: list[str] = []


def test_contents_are_the_bytes_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"abc")
    link = tmp_path / "link"
    link.symlink_to(file)
    assert contents(file) == contents(link) == b"abc"
    assert contents(file, most=3) == b"abc"


@pytest.mark.timeout(20)
def test_what_never_ends_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(OSError, match=r"not a regular file|Is a directory"):
            contents(path)


def test_a_file_too_large_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    with open(file, "wb") as handle:
        handle.truncate(3 * MIB)
    with pytest.raises(OSError, match="larger than 2 MiB"):
        contents(file, most=2 * MIB)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"a": 1, "unknown": [', b'{"a": 1, "unknown": {"b": '])
def test_deep_nesting_is_one_line(opening: bytes) -> None:
    deep = opening[:-1] + opening[-1:] * 100_000 if opening[-1:] in b"[" else opening * 100_000
    for kind in (Pair, Report, list):
        with pytest.raises(ValueError, match=r"^[^\n]+$"):
            decoded(deep, kind)


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", b'{"a": "\xff"}', b'{"a": 1e999}', b'{"a": NaN}', b"\x00"]
)
def test_what_is_no_json_is_one_line(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        decoded(data, Pair)
    assert decoded(b'{"a": 1}', Pair) == Pair(1)


def test_a_bomb_is_refused_in_little_memory() -> None:
    bomb = gzip.compress(bytes(64 * MIB))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="unpacked it is larger than 1 MiB"):
            unpacked(bomb, most=MIB)
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()


def test_what_is_no_gzip_is_one_line() -> None:
    packed = gzip.compress(b"text" * 100)
    assert unpacked(packed) == b"text" * 100
    for data in (
        b"plain",
        packed[:-9],
        packed[:20],
        packed[:30] + b"\xff" + packed[31:],
        packed + b"trailing",
    ):
        with pytest.raises(ValueError, match=r"^[^\n]+$"):
            unpacked(data)


@pytest.mark.parametrize(
    "error, said",
    [
        (OSError(28, "No space left on device", "there"), "there: No space left on device"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("of one's own"), "of one's own"),
        (ValueError("first\nsecond"), "first"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_an_error_is_one_line(error: Exception, said: str) -> None:
    assert cause_of(error) == said
