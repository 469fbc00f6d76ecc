"""Files of npz that others wrote: read as numpy reads them, else refused in one line."""

from __future__ import annotations

import contextlib
import io
import os
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.data.npz import npz_arrays, require_arrays

ARRAYS: dict[str, Any] = {
    "x": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    "y": np.array([1, 2], np.int64),
}


def npy(array: Any) -> bytes:
    target = io.BytesIO()
    np.save(target, array, allow_pickle=True)
    return target.getvalue()


def lying(text: str) -> bytes:
    """An npy file of 4 bytes whose header says something else."""
    header = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"1234"


def zipped(**members: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(f"{name}.npy", content)
    return target.getvalue()


def twice() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        packed.writestr("x.npy", npy(ARRAYS["x"]))
        with pytest.warns(UserWarning, match="Duplicate"):
            packed.writestr("x.npy", npy(ARRAYS["y"]))
    return target.getvalue()


def packed_by(method: int) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as packed:
        packed.writestr("x.npy", npy(ARRAYS["x"]))
    return target.getvalue()


def flagged(flag: int, method: int | None = None) -> bytes:
    """A zip file whose entry says that it is encrypted, or packed by a method that nobody knows."""
    data = bytearray(packed_by(zipfile.ZIP_STORED))
    for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.index(sign) + at
        data[place] |= flag
        if method is not None:
            data[place + 2] = method
    return bytes(data)


HUGE = "{'descr': '|u1', 'fortran_order': False, 'shape': (999999999999,), }"
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "an empty file"),
    "text": (lambda: b"words\n", "something else"),
    "page": (lambda: b"<!DOCTYPE html>\n<html>", "something else"),
    "npy": (lambda: npy(ARRAYS["x"]), "a single npy array"),
    "pickle": (lambda: b"\x80\x04\x95", "something else"),
    "half": (lambda: zipped(x=npy(ARRAYS["x"]))[:60], "damaged|no npz"),
    "twice": (twice, "holds x twice"),
    "encrypted": (lambda: flagged(1), "x is encrypted"),
    "unknown packing": (lambda: flagged(0, 97), "packed in a way"),
    "other packing": (lambda: packed_by(zipfile.ZIP_LZMA), "packed in a way"),
    "objects": (lambda: zipped(x=npy(np.array([{}], object))), "Python objects"),
    "no array": (lambda: zipped(x=b"words"), "x is no array"),
    "huge": (lambda: zipped(x=lying(HUGE)), "x says that it is"),
    "negative": (lambda: zipped(x=lying(HUGE.replace("999999999999", "-4"))), "x says that it is"),
    "short": (lambda: zipped(x=npy(ARRAYS["y"])[:-3]), "x says that it is"),
    "longer": (lambda: zipped(x=npy(ARRAYS["y"]) + b"more"), "x says that it is"),
    "deep header": (lambda: zipped(x=lying("(" * 110)), "x is no array"),
    "code in header": (lambda: zipped(x=lying("__import__('os').getpid()")), "x is no array"),
    "long header": (
        lambda: zipped(x=b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + b"{" * 99),
        "x is no array",
    ),
}


def test_arrays_are_those_that_numpy_reads(tmp_path: Path) -> None:
    several = {
        **ARRAYS,
        "columns": np.asfortranarray(ARRAYS["x"]),
        "none": np.zeros((0, 3)),
        "one": np.float32(2),
    }
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **several)
        read = npz_arrays(tmp_path / "a.npz")
        assert list(read) == list(several)
        with np.load(tmp_path / "a.npz") as stored:
            for name, array in read.items():
                assert array.dtype == stored[name].dtype
                assert array.shape == stored[name].shape
                assert np.array_equal(array, stored[name])
        assert list(npz_arrays(tmp_path / "a.npz", ["y", "absent"])) == ["y"]


@pytest.mark.parametrize("kind", HOSTILE)
def test_anything_else_is_refused_in_one_line(tmp_path: Path, kind: str) -> None:
    content, says = HOSTILE[kind]
    (tmp_path / "a.npz").write_bytes(content())
    with pytest.raises(ValueError, match=says) as refused:
        npz_arrays(tmp_path / "a.npz")
    assert "\n" not in str(refused.value)
    assert "allow_pickle" not in str(refused.value)
    assert str(tmp_path) not in str(refused.value)


def hidden(name: str) -> bytes:
    """A file of x and y whose directory says nothing of one of them; "" leaves none out."""
    whole = zipped(**{each: npy(array) for each, array in ARRAYS.items()})
    first, second = (at.start() for at in re.finditer(b"PK\x01\x02", whole))
    end = whole.index(b"PK\x05\x06")
    left_out = {"x": range(first, second), "y": range(second, end)}.get(name, range(0))
    entries = bytes(
        byte for place, byte in enumerate(whole[:end]) if place >= first and place not in left_out
    )
    count = entries.count(b"PK\x01\x02")
    tail = whole[end : end + 8] + struct.pack("<HHII", count, count, len(entries), first) + whole[end + 20 :]
    return whole[:first] + entries + tail


@pytest.mark.parametrize("name", ["x", "y"])
def test_what_the_directory_leaves_out_is_noticed_by_whoever_asks_for_others(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "a.npz").write_bytes(hidden(""))
    asked = {"x": "y", "y": "x"}[name]
    assert list(npz_arrays(tmp_path / "a.npz", [asked])) == [asked]
    (tmp_path / "a.npz").write_bytes(hidden(name))
    with zipfile.ZipFile(tmp_path / "a.npz") as packed:  # Python's own reader does not notice
        assert packed.namelist() == [f"{asked}.npy"]
    with pytest.raises(ValueError, match="damaged: its directory leaves out what lies before"):
        npz_arrays(tmp_path / "a.npz", [asked])
    with pytest.raises(ValueError, match="damaged"):
        require_arrays(tmp_path / "a.npz", [asked])


def test_an_array_that_the_directory_calls_otherwise_is_noticed(tmp_path: Path) -> None:
    whole = bytearray(zipped(**{each: npy(array) for each, array in ARRAYS.items()}))
    whole[whole.rindex(b"y.npy")] = ord("z")
    (tmp_path / "a.npz").write_bytes(whole)
    with pytest.raises(ValueError, match="damaged"):
        npz_arrays(tmp_path / "a.npz", ["x"])


def test_a_file_whose_sizes_follow_its_arrays_is_read(tmp_path: Path) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

    target = Pipe()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, array in ARRAYS.items():
            packed.writestr(f"{name}.npy", npy(array))
    (tmp_path / "a.npz").write_bytes(target.getvalue())
    assert list(npz_arrays(tmp_path / "a.npz")) == list(ARRAYS)


@pytest.mark.parametrize("seed", range(4))
def test_no_flipped_bit_hides_an_array(tmp_path: Path, seed: int) -> None:
    generator = np.random.default_rng(seed)
    whole = zipped(**{name: npy(array) for name, array in ARRAYS.items()})
    directory = whole.index(b"PK\x01\x02")
    for _ in range(200):
        data = bytearray(whole)
        data[int(generator.integers(directory, len(data)))] ^= 1 << int(generator.integers(8))
        (tmp_path / "a.npz").write_bytes(data)
        with contextlib.suppress(ValueError):
            assert list(npz_arrays(tmp_path / "a.npz", ["x"])) == ["x"]
            assert list(npz_arrays(tmp_path / "a.npz")) == list(ARRAYS)


@pytest.mark.timeout(20)
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="not a regular file"):
        npz_arrays(tmp_path / "a.npz")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.data.npz.MOST", 2**20)
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(2**20, np.uint8), y=np.zeros(2, np.uint8))
    with pytest.raises(ValueError, match="larger than"):
        npz_arrays(tmp_path / "a.npz")
    assert npz_arrays(tmp_path / "a.npz", ["y"])["y"].tolist() == [0, 0]


@pytest.mark.parametrize("seed", range(4))
def test_flipped_and_cut_files_are_read_right_or_refused(tmp_path: Path, seed: int) -> None:
    generator = np.random.default_rng(seed)
    whole = zipped(**{name: npy(array) for name, array in ARRAYS.items()})
    for _ in range(100):
        data = bytearray(whole)
        data[int(generator.integers(len(data)))] ^= 1 << int(generator.integers(8))
        (tmp_path / "a.npz").write_bytes(data[: int(generator.integers(len(data) // 2, 2 * len(data)))])
        with contextlib.suppress(ValueError):
            for name, array in npz_arrays(tmp_path / "a.npz").items():
                assert name not in ARRAYS or np.array_equal(array, ARRAYS[name])
