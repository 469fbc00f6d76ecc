"""Stored collections: what splits share, what subsets are, and what is kept in memory."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.data import (
    GaussianInputs,
    RandomLabels,
)
from harness.data.archives import Archive
from harness.data.preprocessing import prepare
from harness.data.stored import Recent, StoredImages
from harness.spec.streams import stream
from harness.tests.deterministic import derandomized
from harness.tests.tiny import TINY, arrays_of, write_npz


class TinyImages(StoredImages, frozen=True):
    """The code of CIFAR-10 on a collection of 80 images."""

    archive: ClassVar[Archive] = TINY


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


def test_images_keep_their_labels_and_their_part(tmp_path: Path) -> None:
    root, arrays = write_npz(tmp_path / "root"), arrays_of(TINY)
    few, everything = TinyImages(n=25, n_test=12).split(root, 2), TinyImages().split(root, 2)
    for part in ("train", "test"):
        assert np.array_equal(getattr(everything, f"y_{part}"), arrays[f"y_{part}"])
        assert np.array_equal(getattr(everything, f"x_{part}"), prepare(arrays[f"x_{part}"], crop=28))
        rows = [image.tobytes() for image in getattr(everything, f"x_{part}")]
        drawn = [rows.index(image.tobytes()) for image in getattr(few, f"x_{part}")]
        assert len(set(drawn)) == len(drawn)
        assert drawn != list(range(len(drawn)))
        assert np.array_equal(getattr(few, f"y_{part}"), arrays[f"y_{part}"][drawn])


def test_images_treated_otherwise_are_others(tmp_path: Path) -> None:
    root = write_npz(tmp_path / "root")
    whole, cropped, plain = (
        TinyImages(**how).split(root, 0).x_train for how in ({}, {"crop": 20}, {"whiten": False})
    )
    assert cropped.shape[2:] == (20, 20)
    assert not np.array_equal(whole, plain)


def test_replicates_change_their_images_by_streams_of_their_own(tmp_path: Path) -> None:
    root = write_npz(tmp_path / "root")
    plain = TinyImages().split(root, 0)
    for replicate in (0, 1):
        split = TinyImages(inputs=GaussianInputs()).split(root, replicate)
        expected = GaussianInputs().apply(plain.x_train, plain.x_test, stream(replicate, "noise"))
        np.testing.assert_allclose(split.x_train, expected[0], atol=1e-6)


def test_a_changed_file_gives_changed_images(tmp_path: Path) -> None:
    root = write_npz(tmp_path / "root")
    before = TinyImages().split(root, 0).x_train
    write_npz(root, **arrays_of(TINY, seed=1), extra=np.zeros(3))
    assert not np.array_equal(before, TinyImages().split(root, 0).x_train)


@derandomized
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 40)), max_size=30))
def test_memory_keeps_few_and_makes_room_before_making(requests: list[tuple[int, int]]) -> None:
    recent: Recent[Any] = Recent(most=2, most_bytes=50)

    def make(size: int) -> tuple[Any, ...]:
        assert len(recent.kept) <= 1
        assert recent._bytes() <= 50
        return (np.zeros(size, np.uint8),)

    for key, size in requests:
        known = recent.kept.get(key)
        made = recent.get(key, functools.partial(make, size))
        assert known is None or made is known
