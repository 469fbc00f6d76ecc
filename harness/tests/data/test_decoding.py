"""How images are decoded, scaled and augmented."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harness.data import DataError
from harness.data.decoding import decoded, scaled


def test_the_centre_is_kept_at_eight_sevenths_of_the_size(tmp_path: Path) -> None:
    for inset, whole in ((0, True), (1, False)):
        pixels = np.zeros((32, 64, 3), np.uint8)
        # the centre of 28x28: of a shorter side of 32, seven eighths
        pixels[2 + inset : 30 - inset, 18 + inset : 46 - inset] = 255
        Image.fromarray(pixels).save(tmp_path / "one.png")
        assert bool((decoded(tmp_path / "one.png", 28) == 255).all()) is whole
    assert decoded(tmp_path / "one.png", 14).shape == (3, 14, 14)


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK", "P"])
def test_every_image_gets_three_channels(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (20, 30)).save(tmp_path / "one.tiff")
    assert decoded(tmp_path / "one.tiff", 16).shape == (3, 16, 16)


def test_half_of_the_augmented_images_are_mirrored(tmp_path: Path) -> None:
    pixels = np.zeros((32, 32, 3), np.uint8) + np.arange(0, 256, 8, dtype=np.uint8)[None, :, None]
    Image.fromarray(pixels).save(tmp_path / "one.png")
    images = [decoded(tmp_path / "one.png", 16, draw=draw).double() for draw in range(60)]
    mirrored = [bool(image[:, :, :8].mean() > image[:, :, 8:].mean()) for image in images]
    assert 15 < sum(mirrored) < 45


def test_values_are_scaled_to_minus_one_to_one() -> None:
    assert scaled(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == [-1.0, 1.0]


SIDE = 8
GREY = np.arange(SIDE * SIDE, dtype=np.uint8).reshape(SIDE, SIDE) * 4
COLOURS = np.stack([GREY, GREY[::-1], GREY.T], axis=-1)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def png(bits: int, colour: int, values: bytes, stride: int) -> bytes:
    """A PNG file written by hand, in any depth: ``values`` in rows of ``stride`` bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + values[i : i + stride] for i in range(0, len(values), stride))
    head = struct.pack(">IIBBBBB", SIDE, SIDE, bits, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def tiff(values: bytes, **tags: int) -> bytes:
    """A TIFF file written by hand, of grey numbers of 16 bits unless its tags say otherwise."""
    entries = {256: SIDE, 257: SIDE, 258: 16, 259: 1, 262: 1, 273: 0, 277: 1, 278: SIDE, 279: len(values)}
    entries |= {int(name.removeprefix("t")): value for name, value in tags.items()}
    entries[273] = 8 + 2 + 12 * len(entries) + 4
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(entries.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(4) + values


WIDE = GREY.astype(np.uint16) << 8 | 0x5A
HELD: dict[str, tuple[Callable[[], bytes], np.ndarray]] = {
    "one.png": (lambda: encoded(Image.fromarray(COLOURS), "PNG"), COLOURS),
    "grey.png": (lambda: encoded(Image.fromarray(GREY), "PNG"), GREY),
    "alpha.png": (lambda: encoded(Image.fromarray(np.dstack([COLOURS, GREY])), "PNG"), COLOURS),
    "grey and alpha.png": (
        lambda: encoded(Image.fromarray(np.dstack([GREY, GREY[::-1]]), "LA"), "PNG"),
        GREY,
    ),
    "palette.png": (lambda: encoded(Image.fromarray(COLOURS).quantize(256), "PNG"), COLOURS),
    "bits.png": (lambda: encoded(Image.fromarray(GREY > 99), "PNG"), (GREY > 99) * np.uint8(255)),
    "grey 16.png": (lambda: encoded(Image.fromarray(WIDE), "PNG"), GREY),
    "colour 16.png": (
        lambda: png(16, 2, (COLOURS.astype(np.uint16) << 8 | 0x5A).astype(">u2").tobytes(), 6 * SIDE),
        COLOURS,
    ),
    "grey 2.png": (
        lambda: png(
            2, 0, np.packbits(np.unpackbits((GREY // 64).reshape(-1, 1), axis=1)[:, 6:]).tobytes(), 2
        ),
        GREY // 64 * 85,
    ),
    "grey 16.tiff": (lambda: encoded(Image.fromarray(WIDE), "TIFF"), GREY),
    "by hand.tif": (lambda: tiff(WIDE.astype("<u2").tobytes()), GREY),
    "grey.tiff": (lambda: encoded(Image.fromarray(GREY), "TIFF"), GREY),
    "white is zero.tiff": (lambda: tiff(GREY.tobytes(), t258=8, t262=0), 255 - GREY),
    "packed.tiff": (lambda: encoded(Image.fromarray(COLOURS), "TIFF", compression="tiff_lzw"), COLOURS),
    "one.bmp": (lambda: encoded(Image.fromarray(COLOURS), "BMP"), COLOURS),
    "one.ppm": (lambda: encoded(Image.fromarray(COLOURS), "PPM"), COLOURS),
    "one.pgm": (lambda: encoded(Image.fromarray(GREY), "PPM"), GREY),
    "grey 16.pgm": (lambda: b"P5 8 8 65535\n" + WIDE.astype(">u2").tobytes(), GREY),
    "colour 16.ppm": (
        lambda: b"P6 8 8 65535\n" + (COLOURS.astype(np.uint16) * 257).astype(">u2").tobytes(),
        COLOURS,
    ),
    "small maximum.pgm": (lambda: b"P5 8 8 15\n" + (GREY // 16).tobytes(), GREY // 16 * 17),
    "one.webp": (lambda: encoded(Image.fromarray(COLOURS), "WEBP", lossless=True), COLOURS),
    "misnamed.jpeg": (lambda: encoded(Image.fromarray(COLOURS), "PNG"), COLOURS),
}


@pytest.mark.parametrize("name", HELD)
def test_pixels_are_what_the_file_holds(tmp_path: Path, name: str) -> None:
    content, expected = HELD[name]
    (tmp_path / name).write_bytes(content())
    # of a side of 8, seven are kept: the first seven rows and columns
    pixels = decoded(tmp_path / name, 7).numpy().transpose(1, 2, 0)
    whole = expected if expected.ndim == 3 else np.repeat(expected[..., None], 3, axis=-1)
    assert any(np.array_equal(pixels, whole[i : i + 7, i : i + 7]) for i in (0, 1))


def frames(kind: str, **options: object) -> bytes:
    others = [Image.fromarray(COLOURS[::-1].copy())]
    return encoded(Image.fromarray(COLOURS), kind, save_all=True, append_images=others, **options)


NARROW = np.zeros((1, 60_000), np.uint8)
UNSHOWN: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty.jpg": (lambda: b"", "cannot be decoded"),
    "page.jpg": (lambda: b"<!DOCTYPE html>", "cannot be decoded"),
    "script.png": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n", "cannot be decoded"),
    "another.png": (lambda: encoded(Image.fromarray(GREY), "GIF"), "cannot be decoded"),
    "cut.png": (lambda: encoded(Image.fromarray(COLOURS), "PNG")[:-40], "cannot be decoded"),
    "cut.jpg": (lambda: encoded(Image.fromarray(COLOURS), "JPEG")[:-60], "cannot be decoded"),
    "cut.bmp": (lambda: encoded(Image.fromarray(COLOURS), "BMP")[:-60], "cannot be decoded"),
    "cut.ppm": (lambda: encoded(Image.fromarray(COLOURS), "PPM")[:-60], "cannot be decoded"),
    "float.tiff": (lambda: encoded(Image.fromarray(GREY.astype(np.float32)), "TIFF"), "mode F"),
    "whole numbers.tiff": (lambda: encoded(Image.fromarray(GREY.astype(np.int32)), "TIFF"), "mode I"),
    "inverted 16.tiff": (lambda: tiff(WIDE.astype("<u2").tobytes(), t262=0), "mode I;16"),
    "twelve.tiff": (lambda: tiff(bytes(SIDE * SIDE * 3 // 2), t258=12), "mode I;16|cannot be decoded"),
    "lab.tiff": (lambda: encoded(Image.fromarray(COLOURS, "LAB"), "TIFF"), "mode LAB"),
    "several.tiff": (lambda: frames("TIFF"), "several images"),
    "several.png": (lambda: frames("PNG"), "several images"),
    "several.webp": (lambda: frames("WEBP", lossless=True), "several images"),
    "float.pgm": (lambda: b"Pf\n8 8\n-1.0\n" + GREY.astype("<f4").tobytes(), "mode F"),
    "narrow.png": (lambda: encoded(Image.fromarray(NARROW), "PNG"), "too narrow"),
    "huge.png": (
        lambda: (
            b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBBI", 13, b"IHDR", 2**30, 2**30, 8, 2, 0, 0, 0, 0)
        ),
        "cannot be decoded",
    ),
}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("name", UNSHOWN)
def test_what_cannot_be_shown_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    content, says = UNSHOWN[name]
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / name).write_bytes(content())
    with pytest.raises(DataError, match=says) as refused:
        decoded(folder / name, 299)
    assert str(refused.value).startswith(f"class/{name} cannot be decoded (")
    assert "\n" not in str(refused.value)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_an_image_too_large_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.data.decoding.MOST_PIXELS", 63)
    (tmp_path / "one.png").write_bytes(encoded(Image.fromarray(GREY), "PNG"))
    with pytest.raises(DataError, match="8 x 8 pixels are too many"):
        decoded(tmp_path / "one.png", 7)


@pytest.mark.timeout(20)
def test_a_pipe_in_place_of_an_image_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "one.png")
    with pytest.raises(DataError, match="not a regular file"):
        decoded(tmp_path / "one.png", 7)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "PPM", "WEBP"])
def test_a_flipped_byte_gives_pixels_or_one_line(tmp_path: Path, kind: str) -> None:
    generator = np.random.default_rng(0)
    whole = encoded(Image.fromarray(COLOURS), kind)
    for _ in range(60):
        data = bytearray(whole)
        data[int(generator.integers(len(data)))] ^= 1 << int(generator.integers(8))
        (tmp_path / "one.png").write_bytes(data)
        try:
            assert decoded(tmp_path / "one.png", 7).shape == (3, 7, 7)
        except DataError as error:
            refusal = str(error)
        else:
            refusal = ""
        assert "\n" not in refusal
