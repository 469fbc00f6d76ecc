"""Generated images: their parts, replicates and difficulty."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.data import (
    GeneratedImages,
)
from harness.data.generated import _textures, rendered
from harness.tests.deterministic import derandomized


@derandomized
@given(st.integers(1, 600), st.integers(1, 600), st.integers(0, 9), st.sampled_from([8, 11]))
def test_generated_images_come_first_whatever_their_number(
    n: int, more: int, replicate: int, size: int
) -> None:
    few = GeneratedImages(n=n, n_test=3, size=size).split(None, replicate)
    many = GeneratedImages(n=n + more, n_test=3, size=size).split(None, replicate)
    assert few.x_train.shape == (n, 3, size, size)
    assert np.array_equal(few.x_train, many.x_train[:n])
    assert np.array_equal(few.y_train, many.y_train[:n])
    assert np.array_equal(few.x_test, many.x_test)


def test_generated_replicates_and_parts_differ() -> None:
    one, two = (GeneratedImages(n=20, n_test=20, size=8).split(None, r) for r in (0, 1))
    assert not np.array_equal(one.x_train, two.x_train)
    assert not np.array_equal(one.x_train, one.x_test)


def test_textures_turn_by_18_degrees_from_class_to_class() -> None:
    classes = np.arange(10).repeat(40)
    waves = _textures(classes, np.random.default_rng(3), 48, 0.0)
    spectrum = abs(np.fft.fft2(waves - waves.mean(axis=(1, 2), keepdims=True)))
    rows, columns = np.unravel_index(spectrum.reshape(len(waves), -1).argmax(axis=1), (48, 48))
    y, x = (np.where(k > 24, k - 48, k) for k in (rows, columns))
    doubled = np.exp(2j * np.arctan2(y, x)).reshape(10, 40).mean(axis=1)  # a wave has no sense of direction
    off = np.angle(doubled * np.exp(-2j * np.deg2rad(18 * np.arange(10)))) / 2
    assert np.rad2deg(abs(off)).max() < 4


def test_generated_images_of_difficulty_one_say_nothing_about_their_class() -> None:
    def drawn(classes: Any, difficulty: float) -> Any:
        return rendered(classes, np.random.default_rng(5), 16, difficulty)

    labels, others = np.arange(50) % 10, (np.arange(50) + 3) % 10
    assert np.array_equal(drawn(labels, 1.0), drawn(others, 1.0))
    assert not np.array_equal(drawn(labels, 0.9), drawn(others, 0.9))
