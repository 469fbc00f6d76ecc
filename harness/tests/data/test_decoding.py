"""How images are decoded, scaled and augmented."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

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


def test_values_are_scaled_to_minus_one_to_one() -> None:
    assert scaled(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == [-1.0, 1.0]
