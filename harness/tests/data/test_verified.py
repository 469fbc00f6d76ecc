"""A split is held against what its data set declares, before anything is trained on it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from harness import From, Sgd, Solved
from harness.analytic.contradictions import Contradictions
from harness.data import (
    Augmented,
    Cifar10,
    DataError,
    Digits,
    GeneratedImages,
    RandomCrop,
    RedrawnLabels,
    digests,
    stored,
)
from harness.data.archives import Arrays, Source
from harness.data.preprocessing import prepare
from harness.data.split import ImageSet
from harness.data.verified import discrepancy, of_epoch, verified_split
from harness.lab.lab import Failed, Lab
from harness.lab.names import digests_of
from harness.lab.places import Place
from harness.models import Mlp
from harness.spec import Experiment, Value
from harness.spec.streams import stream
from harness.tests.lab.faulty import Dots, Fewer, NotFinite
from harness.tests.simulated import Norm, at
from harness.tests.tiny import TINY, arrays_of, write_npz

DOTS = Dots()
SPLIT = DOTS.split(None, 0)


@pytest.mark.parametrize(
    "change, line",
    [
        ({}, ""),
        ({"classes": 3}, "its split has 3 classes, and it declares 2"),
        (
            {"x_train": SPLIT.x_train[:, 0]},
            "x_train of its split is float32 (20, 1, 1), and it declares float32 (20, 1, 1, 1)",
        ),
        ({"x_test": SPLIT.x_test.tolist()}, "x_test of its split is no array but a list"),
        (
            {"y_train": SPLIT.y_train.astype(np.int32)},
            "y_train of its split is int32 (20,), and it declares int64 (20,)",
        ),
        (
            {"y_true": SPLIT.y_true - 1},
            "y_true of its split has labels from -1 to 0, and it declares 2 classes",
        ),
        (
            {"corrupted": SPLIT.corrupted[1:]},
            "corrupted of its split is bool (19,), and it declares bool (20,)",
        ),
        (
            {"x_train": np.full_like(SPLIT.x_train, np.inf)},
            "x_train of its split has numbers that are not finite",
        ),
        ({"x_train": np.full_like(SPLIT.x_train, 3e38)}, ""),
        (
            {"x_test": SPLIT.x_test[1:], "y_test": SPLIT.y_test[1:]},
            f"x_test of its split is float32 ({DOTS.test_size - 1}, 1, 1, 1), "
            f"and it declares float32 ({DOTS.test_size}, 1, 1, 1)",
        ),
    ],
)  # fmt: skip
def test_the_first_difference_is_told(change: dict[str, Any], line: str) -> None:
    assert discrepancy(DOTS, dataclasses.replace(SPLIT, **change)) == line


def test_what_an_epoch_draws_is_held_against_it_too() -> None:
    data = Augmented(GeneratedImages(n=6, n_test=2, whiten=False, labels=RedrawnLabels()), (RandomCrop(20),))
    split = data.split(None, 0)
    assert of_epoch(data, split, 3) == ""
    larger = dataclasses.replace(split, augment=lambda epoch: np.zeros((6, 3, 28, 28), np.float32))
    assert of_epoch(data, larger, 3).startswith("augment(3) of its split is float32 (6, 3, 28, 28)")
    third = dataclasses.replace(split, redraw=lambda epoch: np.full(6, 10))
    assert (
        of_epoch(data, third, 3)
        == "redraw(3) of its split has labels from 10 to 10, and it declares 10 classes"
    )


def test_the_data_set_is_named() -> None:
    assert len(verified_split(Digits(n=50), None, 0).y_train) == 50
    with pytest.raises(DataError, match=r"^NotFinite\(n=7\): x_test of its split has numbers"):
        verified_split(NotFinite(n=7), None, 0)


@pytest.mark.parametrize("other", [None, [], (1, 2), object])
def test_what_is_no_split_is_named(other: Any) -> None:
    kind = type(other).__name__
    assert discrepancy(Digits(n=50), other) == f"its split is no Split but a {kind}"


def test_stored_files_are_held_against_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cifar10, "archive", TINY)
    write_npz(tmp_path)
    data = Cifar10(n=30, n_test=10)
    assert len(verified_split(data, tmp_path, 0).y_train) == 30
    monkeypatch.setattr(Cifar10, "classes", 5)
    with pytest.raises(DataError, match=r"^Cifar10\(n=30, n_test=10\): y_train"):
        verified_split(data, tmp_path, 0)


@pytest.mark.parametrize(
    "value",
    [Experiment(Fewer(), Mlp(4), Sgd(lr=0.1, epochs=1)), Solved(Fewer(), Contradictions())],
    ids=["trained", "solved"],
)
def test_nothing_is_computed_on_another_split(value: Any, tmp_path: Path) -> None:
    with pytest.raises(
        Failed, match=r"^DataError: Fewer\(\): x_train of its split is float32 \(20, 1, 1, 1\)"
    ):
        Lab(at(tmp_path)).results("x", value, 1)


# -- the content that the address names ---------------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root with a small collection, and a cache of digests of its own."""
    monkeypatch.setattr(digests, "cache_file", lambda: tmp_path / "digests.json")
    monkeypatch.setattr(Cifar10, "archive", TINY)
    another_process(monkeypatch)
    return write_npz(tmp_path / "data")


def another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what this process has in memory."""
    monkeypatch.setattr(digests, "_remembered", {})
    monkeypatch.setattr(stored, "_recent_sets", stored.Recent[ImageSet](most=2))
    monkeypatch.setattr(stored, "_recent_arrays", stored.Recent[Arrays](most=1))


def swapped(root: Path, seed: int = 1) -> None:
    """Another content in place of the first, of equal size and with its time stamps."""
    file = root / f"{TINY.key}.npz"
    before = file.stat()
    write_npz(root, **arrays_of(TINY, seed=seed))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = file.stat()
    assert (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)


def lab_at(root: Path) -> Lab:
    return Lab(Place(store=root.parent / "store", data_root=root))


class Mean(Value, frozen=True):
    """A solver: the mean of all pixels, and the sum of all labels."""

    def solve(self, split: Any, generator: np.random.Generator) -> dict[str, float]:
        return {"x": float(split.x_train.mean()), "y": float(split.y_train.sum())}


DATA = Cifar10(n_test=10, whiten=False)
AROUND = Augmented(DATA, (RandomCrop(24),))
SOLVED = Solved(DATA, Mean())
TRAINED = Experiment(DATA, Mlp(4), Sgd(lr=0.1, epochs=1))
CHANGED = r": its files changed after its runs were named by them: run again$"


def mean_of(seed: int) -> float:
    arrays = arrays_of(TINY, seed=seed)
    images = prepare(arrays["x_train"], crop=28, whiten=False)
    return float(images[stream(0, "data").permutation(len(images))].mean())


@pytest.mark.parametrize("process", ["the same process", "another process"])
def test_content_swapped_between_sessions_is_named_anew_whatever_sizes_and_time_stamps_say(
    process: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = lab_at(root).results("x", SOLVED, 1)
    swapped(root)
    if process == "another process":
        another_process(monkeypatch)
    again = lab_at(root)
    (run,) = again.runs(SOLVED, 1)
    assert run.key != first.runs[0].key
    assert again.results("x", SOLVED, 1).final("x").values[0] == pytest.approx(mean_of(1))
    swapped(root, seed=0)
    another_process(monkeypatch)
    assert lab_at(root).runs(SOLVED, 1)[0].key == first.runs[0].key


@pytest.mark.parametrize(
    "value", [SOLVED, TRAINED, TRAINED.but(probes=(Norm(),)), Solved(AROUND, Mean())],
    ids=["solved", "trained", "probed", "around"],
)  # fmt: skip
@pytest.mark.parametrize("later", [False, True], ids=["stamps kept", "stamps new"])
def test_content_swapped_before_it_is_read_is_not_trained_on(
    value: Any, later: bool, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = lab_at(root)
    named = lab.runs(value, 1)
    swapped(root)
    if later:
        os.utime(root / f"{TINY.key}.npz")
    another_process(monkeypatch)  # as a crew's
    with pytest.raises(Failed, match=CHANGED):
        lab.results("x", value, 1)
    assert lab.store.keys() == []
    again = lab_at(root)
    assert again.results("x", value, 1).runs[0].key != named[0].key  # named by what is there now


def test_what_changes_while_a_split_is_made_is_not_trained_on(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = lab_at(root).runs(SOLVED, 1)
    once = Cifar10.split

    def racing(data: Cifar10, *arguments: Any) -> Any:
        swapped(root)
        os.utime(root / f"{TINY.key}.npz", ns=(1, 1))
        return once(data, *arguments)

    monkeypatch.setattr(Cifar10, "split", racing)
    with pytest.raises(DataError, match=CHANGED):
        verified_split(DATA, root, 0, digests_of(run, DATA))


def test_a_cache_of_digests_that_lies_names_no_training(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    true = lab_at(root).runs(SOLVED, 1)[0].key
    file = digests.cache_file()
    entries = json.loads(file.read_text())
    lies = {key: ["0" * 64] * 4 if len(each) == 4 else each for key, each in entries.items()}
    file.write_text(json.dumps(lies))
    another_process(monkeypatch)
    lying = lab_at(root)
    assert lying.runs(SOLVED, 1)[0].key != true
    with pytest.raises(Failed, match=CHANGED):
        lying.results("x", SOLVED, 1)
    assert lab_at(root).results("x", SOLVED, 1).runs[0].key == true


def test_equal_content_keeps_its_name_and_is_hashed_once_for_all_runs(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = lab_at(root)
    before = [run.key for run in lab.runs(SOLVED, 3)]
    os.utime(root / f"{TINY.key}.npz")  # touched
    another_process(monkeypatch)
    hashed = Mock(wraps=digests.of_array)
    monkeypatch.setattr(digests, "of_array", hashed)
    again = lab_at(root)
    assert [run.key for run in again.runs(SOLVED, 3)] == before
    assert hashed.call_count == 4  # its name
    again.results("x", SOLVED, 3)
    assert hashed.call_count == 8  # and what was read
    assert again.store.keys() == sorted(before)


class Own(Dots, frozen=True):
    """A data set of one's own, whose content is in a file."""

    def source(self, root: Path | None) -> Source:
        assert root is not None
        return Source("own", hashlib.sha256((root / "own").read_bytes()).hexdigest())


def test_data_of_ones_own_is_held_to_its_name_too(root: Path) -> None:
    (root / "own").write_text("first")
    value = Solved(Own(), Mean())
    lab = lab_at(root)
    (run,) = lab.runs(value, 1)
    (root / "own").write_text("other")
    with pytest.raises(Failed, match=r"^DataError: Own\(\)" + CHANGED):
        lab.results("x", value, 1)
    (root / "own").write_text("first")
    assert lab_at(root).results("x", value, 1).runs[0].key == run.key


def test_runs_carry_the_digests_of_their_own_data_alone(root: Path) -> None:
    chain = TRAINED.but(data=Cifar10(n=30), start=From(TRAINED))
    (run,) = lab_at(root).runs(chain, 1)
    assert len(run.digests) == 2  # its own and its parent's
    assert [value for value, _ in digests_of(run, chain.data)] == [chain.data]
    around = Solved(AROUND, Mean())
    (run,) = lab_at(root).runs(around, 1)
    assert {type(value) for value, _ in digests_of(run, around.data)} == {Augmented, Cifar10}
