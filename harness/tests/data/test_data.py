"""What the splits of data sets hold."""

from __future__ import annotations

import functools
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import (
    Cifar10,
    Cifar100,
    Digits,
    GaussianInputs,
    GeneratedImages,
    Mnist,
    RandomLabels,
    ShuffledPixels,
)
from harness.data.archives import Archive
from harness.data.generated import rendered
from harness.data.preprocessing import CHUNK, prepare
from harness.data.stored import Recent, StoredImages
from harness.spec import canonical
from harness.tests.deterministic import derandomized
from harness.tests.tiny import TINY, arrays_of, write_npz


class TinyImages(StoredImages, frozen=True):
    """The code of CIFAR-10 on a collection of 80 images."""

    archive: ClassVar[Archive] = TINY


# Embedded and generated data


@derandomized
@given(st.integers(1, 1796), st.integers(0, 30))
def test_digits_are_divided_into_training_and_test_images(n: int, replicate: int) -> None:
    data = Digits(n=n)
    split = data.split(None, replicate)
    assert split.x_train.shape == (data.train_size, *data.shape) == (n, 1, 8, 8)
    assert split.x_test.shape == (data.test_size, *data.shape)
    assert split.x_train.dtype == split.x_test.dtype == np.float32
    every = np.bincount(np.concatenate([split.y_train, split.y_test]), minlength=10)
    assert every.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_digits_are_whitened_or_scaled_and_drawn_by_replicate() -> None:
    white, raw, other = (
        d.split(None, r) for d, r in ((Digits(), 1), (Digits(whiten=False), 1), (Digits(), 2))
    )
    assert np.allclose(white.x_train.mean(axis=(1, 2, 3)), 0, atol=1e-5)
    assert np.allclose(white.x_train.std(axis=(1, 2, 3)), 1, atol=1e-4)
    assert (raw.x_train.min(), raw.x_train.max()) == (0, 1)
    assert np.array_equal(raw.y_train, white.y_train)
    assert not np.array_equal(white.y_train, other.y_train)
    assert Digits().source(None).digest == ""


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


def test_generated_images_of_difficulty_one_say_nothing_about_their_class() -> None:
    def drawn(classes: Any, difficulty: float) -> Any:
        return rendered(classes, np.random.default_rng(5), 16, difficulty)

    some, others = np.arange(50) % 10, (np.arange(50) + 3) % 10
    assert np.array_equal(drawn(some, 1.0), drawn(others, 1.0))
    assert not np.array_equal(drawn(some, 0.9), drawn(others, 0.9))


@pytest.mark.parametrize(
    "kind, fields",
    [
        (Digits, {"n": 0}),
        (Digits, {"n": 1797}),
        (GeneratedImages, {"difficulty": 1.5}),
        (GeneratedImages, {"size": 4}),
        (Cifar10, {"n": 50_001}),
        (Cifar10, {"n_test": 0}),
        (Cifar10, {"crop": 33}),
        (Mnist, {"crop": 29}),
    ],
)
def test_impossible_numbers_are_refused(kind: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be between"):
        kind(**fields)


def test_shapes_and_sizes_are_known_without_files() -> None:
    assert (Cifar10().shape, Cifar10().train_size, Cifar10().test_size) == ((3, 28, 28), 50_000, 10_000)
    assert (Cifar10(crop=None).shape, Cifar100().classes) == ((3, 32, 32), 100)
    assert (Mnist(n=100).shape, Mnist(n=100).train_size) == ((1, 28, 28), 100)
    assert GeneratedImages(size=16).shape == (3, 16, 16)


def test_values_have_a_canonical_form_with_their_corruptions() -> None:
    plain = canonical(Cifar10(labels=RandomLabels(0.5), inputs=ShuffledPixels()))
    assert plain["labels"] == {"value": "RandomLabels", "fraction": 0.5}
    assert canonical(Cifar10()) != canonical(Cifar100())


# Preprocessing


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


# Splits of stored collections


def test_splits_that_differ_in_labels_or_replicate_share_their_images(tmp_path: Path) -> None:
    root, data = write_npz(tmp_path / "root"), TinyImages()
    one, two = data.split(root, 0), data.but(labels=RandomLabels()).split(root, 1)
    assert one.x_train is two.x_train
    assert np.array_equal(one.y_true, arrays_of(TINY)["y_train"])
    assert two.corrupted.any()
    assert not one.corrupted.any()
    assert one.x_train.shape == (60, *data.shape)


def test_input_corruptions_do_not_reach_the_images_of_others(tmp_path: Path) -> None:
    root = write_npz(tmp_path / "root")
    before = TinyImages().split(root, 0)
    kept = before.x_train.copy()
    noise = TinyImages(inputs=GaussianInputs()).split(root, 0)
    assert np.array_equal(before.x_train, kept)
    assert not np.array_equal(noise.x_train, kept)
    assert np.array_equal(noise.x_test, before.x_test)


def test_subsets_are_the_replicates_own_and_nested(tmp_path: Path) -> None:
    root = write_npz(tmp_path / "root")
    few, many, other = (TinyImages(n=n, n_test=5).split(root, r) for n, r in ((10, 0), (40, 0), (10, 1)))
    assert np.array_equal(few.x_train, many.x_train[:10])
    assert np.array_equal(few.x_test, many.x_test)
    assert not np.array_equal(few.x_train, other.x_train)
    everything = TinyImages().split(root, 0)
    assert {row.tobytes() for row in few.x_train} <= {row.tobytes() for row in everything.x_train}


def test_a_changed_file_gives_changed_images(tmp_path: Path) -> None:
    root = write_npz(tmp_path / "root")
    before = TinyImages().split(root, 0).x_train
    write_npz(root, **arrays_of(TINY, seed=1), extra=np.zeros(3))
    assert not np.array_equal(before, TinyImages().split(root, 0).x_train)


@derandomized
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 40)), max_size=30))
def test_memory_keeps_few_and_makes_room_before_making(requests: list[tuple[int, int]]) -> None:
    recent = Recent(most=2, most_bytes=50)

    def make(size: int) -> tuple[Any, ...]:
        assert len(recent.kept) <= 1
        assert recent._bytes() <= 50
        return (np.zeros(size, np.uint8),)

    for key, size in requests:
        known = recent.kept.get(key)
        made = recent.get(key, functools.partial(make, size))
        assert known is None or made is known


def test_importing_the_vocabulary_needs_neither_numpy_nor_torch() -> None:
    code = "import sys, harness.data; sys.exit(bool({'numpy', 'torch', 'sklearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
