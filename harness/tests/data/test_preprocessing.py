"""Preprocessing: the papers' formula, its floor, and its memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.preprocessing import CHUNK, prepare
from harness.tests.deterministic import derandomized


@derandomized
@given(st.integers(1, 2 * CHUNK + 1), st.integers(1, 9), st.integers(1, 3), st.integers(0, 99))
def test_preprocessing_follows_the_papers_formula(n: int, side: int, channels: int, seed: int) -> None:
    images = np.random.default_rng(seed).integers(256, size=(n, 9, 9, channels), dtype=np.uint8)
    kept, prepared = images.copy(), prepare(images, crop=side)
    start = (9 - side) // 2
    scaled = images[:, start : start + side, start : start + side].transpose(0, 3, 1, 2) / 255
    axes, floor = (1, 2, 3), scaled[0].size ** -0.5
    mean, deviation = scaled.mean(axis=axes, keepdims=True), scaled.std(axis=axes, keepdims=True)
    assert np.allclose(prepared, (scaled - mean) / np.maximum(deviation, floor), atol=1e-4)
    assert prepared.dtype == np.float32
    assert prepared.flags.c_contiguous
    assert np.array_equal(images, kept)
    assert np.allclose(prepare(images, crop=side, whiten=False), scaled, atol=1e-6)


def test_faint_images_are_divided_by_the_floor_not_by_their_deviation() -> None:
    faint = np.zeros((2, 28, 28, 3), np.uint8)
    faint[1, :14] = 1  # deviation 0.5 / 255, as after dividing twice: below 1 / sqrt(2352)
    prepared = prepare(faint)
    assert not prepared[0].any()
    assert prepared[1].std() == pytest.approx(0.5 / 255 * 2352**0.5, rel=1e-4)


def test_preprocessing_needs_little_beyond_its_result() -> None:
    images = np.zeros((3000, 32, 32, 3), np.uint8)
    tracemalloc.start()
    prepared = prepare(images, crop=28)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.2 * prepared.nbytes
