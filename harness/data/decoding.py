"""Image files as a network sees them: decoded, cropped, perhaps changed, scaled to [-1, 1]."""

from __future__ import annotations

import functools
import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data.archives import DataError
from harness.spec.streams import stream
from harness.spec.untrusted import contents

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

DECODING = 1
"""Version of what is kept of a decoded image: raised when the same file comes to other pixels."""
CENTRE = 7 / 8  # share of the shorter side that is seen of an image that is not augmented
AREA, ASPECT = (0.08, 1.0), (3 / 4, 4 / 3)
COLOUR = {"brightness": 0.125, "contrast": 0.5, "saturation": 0.5}


FORMATS = ("JPEG", "PNG", "PPM", "BMP", "TIFF", "WEBP")
"""What the suffixes of images stand for; a file of another kind (PostScript, say) is not even tried."""
SEVERAL = ("PNG", "TIFF", "WEBP")
"""Formats of which a file may hold several images of equal rank; a camera's second one (MPO) is a preview."""
EIGHT_BITS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")
BITS_PER_SAMPLE, PHOTOMETRIC = 258, 262
"""Tags of TIFF: bits of a number, and whether 0 is black (1) or white (0)."""
MOST_BYTES = 2**28
MOST_PIXELS = 89_478_485
"""Pixels beyond which Pillow, too, takes an image for a bomb: 256 MiB of colours."""


def decoded(path: Path, size: int, draw: int | None = None, sha256: bytes | None = None) -> torch.Tensor:
    """An image as uint8 [3, size, size].

    Args:
        path: its file.
        size: the side it is brought to.
        draw: seed of its augmentation; None for the centre of the image as it is.
        sha256: of the file's bytes; None where any will do.

    Raises:
        DataError: as ``brought``.
    """
    return seen(brought(path, size, sha256), size, draw)


def brought(path: Path, size: int, sha256: bytes | None = None) -> NDArray[np.uint8]:
    """An image of which the centre of ``size`` is 7/8 of the shorter side: uint8 [height, width, 3].

    Raises:
        DataError: the file has other bytes, it cannot be decoded, or what it holds cannot be told in three
            times 8 bits.
    """
    import numpy as np
    from torchvision.transforms import functional

    image = _read(path, sha256)
    shorter, longer = sorted(image.size)
    if longer / shorter * shorter_side(size) ** 2 > MOST_PIXELS:
        raise _undecodable(path, f"{image.width} x {image.height} pixels are too narrow")
    return np.asarray(functional.resize(image, shorter_side(size)))


def seen(image: NDArray[np.uint8], size: int, draw: int | None = None) -> torch.Tensor:
    """What a network sees of an image that was ``brought`` to its size: uint8 [3, size, size].

    Args:
        image: uint8 [height, width, 3]; size: the side of what is seen.
        draw: seed of its augmentation; None for its centre.
    """
    import torch

    if draw is None:
        top, left = (round((side - size) / 2) for side in image.shape[:2])  # as torchvision's center_crop
        centre = image[top : top + size, left : left + size].transpose(2, 0, 1)
        return torch.from_numpy(centre.copy())
    from PIL import Image
    from torchvision.transforms import functional

    pixels: torch.Tensor = functional.pil_to_tensor(_drawn(_augmentation(size), Image.fromarray(image), draw))
    return pixels


def shorter_side(size: int) -> int:
    """The shorter side of an image of whose centre a square of ``size`` is seen."""
    return round(size / CENTRE)


def decoders() -> tuple[str, ...]:
    """Name and version of what decodes and resizes: pixels differ between them, in the last bits."""
    import PIL
    from PIL import features

    parts = (f"{name} {features.version(name)}" for name in ("jpg", "libjpeg_turbo", "zlib", "webp"))
    return (f"Pillow {PIL.__version__}", *parts)


def sides(path: Path) -> tuple[int, int]:
    """Width and height of an image, of which no more is read than tells them; zeros where nothing does."""
    from PIL import Image

    try:
        with Image.open(path, formats=FORMATS) as opened:
            return opened.width, opened.height
    except Exception:  # what is wrong with a file is said when it is decoded
        return 0, 0


def _read(path: Path, sha256: bytes | None = None) -> Any:
    """The image of a file in mode RGB: its pixels as they are stored, whatever orientation it should have.

    Of 16 bits the upper 8 are kept, as image libraries do for colours. Transparency is left out: what counts
    are the colours stored, as for torchvision. Whatever a decoder raises for a damaged file is one line.
    """
    from PIL import Image

    try:
        data = contents(path, MOST_BYTES)
        if sha256 is not None and hashlib.sha256(data).digest() != sha256:
            file = f"{path.parent.name}/{path.name}"
            raise DataError(f"{file} changed after the run was named by it: run again")
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise _Unshown(f"{opened.width} x {opened.height} pixels are too many")
            return _in_colour(opened)
    except DataError:
        raise
    except _Unshown as error:
        raise _undecodable(path, str(error)) from None
    except Exception as error:
        cause = getattr(error, "strerror", None) or type(error).__name__
        raise _undecodable(path, cause) from None


class _Unshown(ValueError):
    """What an image holds is more than 8 bits of three colours can tell, or another thing."""


def _in_colour(image: Any) -> Any:
    """An opened image in mode RGB.

    Raises:
        _Unshown: it holds several images, or numbers whose black and white are not known.
    """
    if image.format in SEVERAL and _has_another(image):
        raise _Unshown("it holds several images")
    if image.mode in EIGHT_BITS:
        return image.convert("RGB")
    tags = getattr(image, "tag_v2", {})
    plain = tuple(tags.get(BITS_PER_SAMPLE, (16,))) == (16,) and tags.get(PHOTOMETRIC, 1) == 1
    grey = image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM"))
    if not (grey and plain):
        raise _Unshown(f"its pixels are of mode {image.mode}, which is not 8 or 16 bits of grey or colour")
    return _upper_bits(image).convert("RGB")


def _upper_bits(image: Any) -> Any:
    """A grey image of 16 bits as one of 8."""
    import numpy as np
    from PIL import Image

    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() >= 2**16:
        raise _Unshown("its pixels are of more than 16 bits")
    return Image.fromarray((values >> 8).astype(np.uint8))


def _has_another(image: Any) -> bool:
    """Does a file hold a second image? It is left at its first."""
    try:
        image.seek(1)
    except EOFError:
        return False
    finally:
        image.seek(0)
    return True


def _undecodable(path: Path, cause: str) -> DataError:
    return DataError(f"{path.parent.name}/{path.name} cannot be decoded ({cause}): replace it")


def draw_of(replicate: int, epoch: int, row: int) -> int:
    """The seed of an image's augmentation: it depends on these alone, whoever decodes it."""
    return int(stream(replicate, "augmentation", epoch, row).integers(2**62))


def scaled(pixels: torch.Tensor) -> torch.Tensor:
    """uint8 values as float32 in [-1, 1]."""
    return pixels.float() / 127.5 - 1


@functools.cache
def _augmentation(size: int) -> Any:
    from torchvision import transforms

    return transforms.Compose(
        [
            transforms.RandomResizedCrop(size, scale=AREA, ratio=ASPECT),
            transforms.RandomHorizontalFlip(),
            transforms.ColorJitter(**COLOUR),
        ]
    )


def _drawn(transform: Callable[[Any], Any], image: Any, seed: int) -> Any:
    """Change an image by a transform that draws from torch's own generator, which is put back afterwards."""
    import torch

    state = torch.get_rng_state()
    torch.default_generator.manual_seed(seed)
    try:
        return transform(image)
    finally:
        torch.set_rng_state(state)
