"""Images of files decoded once: their pixels in one file, which all who train read and fill as they need.

A folder's part has a file of slots, one for each image, in which only what is written takes room, and an
index of 16 bytes an image: height, width, a checksum, and a mark. An image is written before its entry, so
of what a process or a machine left half written the checksum does not fit, and the image is decoded anew.
Whoever needs an image that is not there decodes and keeps it; two who do so at once write the same bytes. The
folder's name has a digest of all that decides on the pixels, so that no other data set or decoder reads them.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import os
import shutil
import statistics
import struct
import sys
import weakref
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from harness.data.archives import DataError
from harness.data.decoding import DECODING, decoders, shorter_side

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VARIABLE = "HARNESS_DECODED"
"""The folder in which decoded images are kept; "0" decodes each image anew in each epoch."""
NOWHERE = "0"
FOLDER = "decoded"
LONGEST = 2
"""How many times as long as high (or the reverse) an image may be to be kept. What is longer, a panorama say,
is decoded anew each time, so that slots need not be longer for all."""
USUAL = 4 / 3
"""Longer side by shorter side of a photograph, for images whose files are not there to be looked at."""
BLOCK = 4096
"""Bytes of a slot are a multiple of this, so that no page is of two images."""
ENTRY = struct.Struct("<4I")
"""Height, width, checksum, mark."""
MARK, TOO_LONG = 0x4F50, 0x4F51
"""Marks of an image that is there, and of one that never will be."""
SAMPLED = 64
"""Files whose sides are looked at to say how large all of them will be."""
UNKNOWN = 2**62
"""Bytes where the system does not say how many are free: no limit."""
ANNOUNCED = 2**33
"""Bytes, 8 GiB, from which on it is said that images will be decoded and kept."""


class Extent(NamedTuple):
    """What of a data set's images is still to be decoded and kept.

    Attributes:
        images: how many; bytes: what they will take.
        folder: where; free: bytes that its disk has left.
    """

    images: int
    bytes: int
    folder: Path
    free: int


class KeptPixels:
    """The pixels of a part's images, as far as somebody has decoded them.

    Args:
        folder: where they are kept; made when the first is written.
        part: the name of the part.
        count: how many images it has; size: of the square that a network sees.
    """

    def __init__(self, folder: Path, part: str, count: int, size: int) -> None:
        self.folder, self.count, self.short = folder, count, shorter_side(size)
        self.slot = slot_of(self.short)
        self.pixels, self.index = folder / f"{part}.pixels", folder / f"{part}.index"
        self._open: tuple[int, int] | None = None
        self._failed = ""

    def get(self, row: int) -> NDArray[np.uint8] | None:
        """An image, uint8 [height, width, 3]; None if it is not there, or not whole."""
        import numpy as np

        files = self._opened(write=False)
        if files is None:
            return None
        try:
            entry = os.pread(files[1], ENTRY.size, row * ENTRY.size)
            if len(entry) < ENTRY.size:
                return None
            height, width, checksum, mark = ENTRY.unpack(entry)
            if mark != MARK or not self._fits(height, width):
                return None
            pixels = os.pread(files[0], 3 * height * width, row * self.slot)
        except OSError:  # a disk that cannot be read is no reason to stop: the image's own file is there
            return None
        if len(pixels) != 3 * height * width or _checksum(row, height, width, pixels) != checksum:
            return None
        return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)

    def put(self, row: int, image: NDArray[np.uint8]) -> None:
        """Keep an image, uint8 [height, width, 3]; where the disk takes it no more, that is said, once."""
        height, width, _ = image.shape
        if self._failed:
            return
        pixels, mark = (image.tobytes(), MARK) if self._fits(height, width) else (b"", TOO_LONG)
        entry = ENTRY.pack(height, width, _checksum(row, height, width, pixels), mark)
        try:
            files = self._opened(write=True)
            if files is None:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            _write(files[0], pixels, row * self.slot)
            _write(files[1], entry, row * ENTRY.size)
        except OSError as error:
            self._failed = error.strerror or type(error).__name__
            text = f"decoded images are kept no longer ({self._failed}): all others are decoded in each epoch"
            self._say("stopped", f"{text}; give another disk with {VARIABLE}=DIR")

    def missing(self) -> int:
        """How many images are not there, and could be."""
        import numpy as np

        try:
            entries = np.fromfile(self.index, "<u4", 4 * self.count)
        except OSError:
            return self.count
        marks = entries[: len(entries) // 4 * 4].reshape(-1, 4)[:, 3]
        return self.count - int(np.isin(marks, (MARK, TOO_LONG)).sum())

    def _announce(self) -> None:
        """Say what will be decoded and kept, if it is much."""
        size = self.count * mean_bytes_of(self.short, USUAL)
        if size > ANNOUNCED:
            text = f"decoding {self.count:,} images once, about {size / 1e9:,.0f} GB, into {self.folder}"
            self._say(f"{self.pixels.stem}.begun", text)

    def _say(self, name: str, text: str) -> None:
        """Say something that many processes find out, once: who makes the file of this name says it."""
        with contextlib.suppress(OSError):
            os.close(os.open(self.folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
            print(text, file=sys.stderr, flush=True)

    def _fits(self, height: int, width: int) -> bool:
        return min(height, width) == self.short and 3 * height * width <= self.slot

    def _opened(self, *, write: bool) -> tuple[int, int] | None:
        """Descriptors of pixels and index; None if they are not there and nothing is to be written.

        They pass to processes forked from this one, and have no position that these would share.
        """
        if self._open is None and (write or self.index.exists()):
            flags = os.O_RDWR | os.O_CREAT
            if write:
                self.folder.mkdir(parents=True, exist_ok=True)
            elif not os.access(self.index, os.W_OK):
                flags = os.O_RDONLY
            with contextlib.nullcontext() if write else contextlib.suppress(OSError):
                if write and not self.index.exists():
                    self._announce()
                pixels = os.open(self.pixels, flags, 0o644)
                weakref.finalize(self, os.close, pixels)
                self._open = pixels, os.open(self.index, flags, 0o644)
                weakref.finalize(self, os.close, self._open[1])
        return self._open


def slot_of(short: int) -> int:
    """Bytes of a slot for images of a shorter side."""
    return -(-3 * LONGEST * short * short // BLOCK) * BLOCK


def _checksum(row: int, height: int, width: int, pixels: bytes) -> int:
    return zlib.crc32(pixels, zlib.crc32(struct.pack("<3I", row, height, width)))


def _write(file: int, data: bytes, offset: int) -> None:
    """Write all of it.

    Raises:
        OSError: the disk does not take it.
    """
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written


@functools.lru_cache(maxsize=8)
def kept(folder: Path, part: str, count: int, size: int) -> KeptPixels:
    """The pixels kept there, whose files are opened once in this process."""
    return KeptPixels(folder, part, count, size)


def place_of(root: Path | None) -> Path | None:
    """Where decoded images are kept: as asked for, else in the data root, else in the user's cache.

    Returns:
        The folder; None where nothing is to be kept.
    """
    asked = os.environ.get(VARIABLE, "")
    if asked == NOWHERE:
        return None
    if asked:
        return Path(asked).absolute()
    if root is not None and ((root / FOLDER).is_dir() or os.access(root, os.W_OK)):
        return root / FOLDER
    import platformdirs

    return platformdirs.user_cache_path("overclaim") / FOLDER


def folder_of(place: Path, name: str, content: str, size: int) -> Path:
    """The folder of a data set's pixels: named by its content, their size, and what decodes them."""
    short = shorter_side(size)
    what = "\n".join((content, str(short), str(LONGEST), str(DECODING), *decoders()))
    return place / f"{name}-{short}px-{hashlib.sha256(what.encode()).hexdigest()[:32]}"


def mean_bytes(size: int, samples: list[tuple[int, int]]) -> int:
    """Bytes that an image takes as a rule: its shorter side as kept, its sides in the ratio of samples.

    Args:
        size: of the square that a network sees; samples: width and height of some images.
    """
    ratios = [max(each) / min(each) for each in samples if min(each) > 0]
    kept_ratios = [ratio for ratio in ratios if ratio <= LONGEST]
    return mean_bytes_of(shorter_side(size), statistics.fmean(kept_ratios) if kept_ratios else USUAL)


def mean_bytes_of(short: int, ratio: float) -> int:
    """Bytes of an image of a shorter side, and of this ratio of its sides."""
    return -(-int(3 * ratio * short * short) // BLOCK) * BLOCK


def free_bytes(folder: Path) -> int:
    """Bytes that the disk of a folder, which need not be there, has left; no limit where it does not tell."""
    try:
        return shutil.disk_usage(_nearest(folder)).free
    except OSError:
        return UNKNOWN


def require_room(extent: Extent) -> None:
    """Refuse to begin what the disk does not hold.

    Raises:
        DataError: nothing can be written there, or there is less room than is needed (one line).
    """
    if not extent.images:
        return
    remedy = f"place with {VARIABLE}=DIR, or {VARIABLE}={NOWHERE} to decode them anew in each epoch"
    nearest = _nearest(extent.folder)
    if not (nearest.is_dir() and os.access(nearest, os.W_OK)):
        raise DataError(
            f"decoded images cannot be written into {nearest.name or nearest}: give another {remedy}"
        )
    if extent.bytes > extent.free:
        raise DataError(
            f"decoded once, its images take {extent.bytes / 1e9:,.1f} GB, and {extent.free / 1e9:,.1f} are "
            f"free in {nearest.name or nearest}: give another {remedy}"
        )


def _nearest(folder: Path) -> Path:
    """The folder, or the first above it that is there."""
    return next(parent for parent in (folder, *folder.parents) if os.path.exists(parent))
