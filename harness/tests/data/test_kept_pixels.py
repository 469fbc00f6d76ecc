"""Images decoded once: bit by bit what decoding gives, or decoded anew; refused where there is no room."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

from harness.data import decoding, digests, kept_pixels
from harness.data.decoding import draw_of, shorter_side
from harness.data.image_folder import ImageFiles, ImageFolder
from harness.data.kept_pixels import KeptPixels, mean_bytes
from harness.fleet.optimizers import Sgd
from harness.lab import places, undecoded
from harness.lab.environment import verified_environment
from harness.lab.lab import Lab
from harness.models import Linear
from harness.spec import Experiment
from harness.suite import opening
from harness.tests.folders import TINY, write_folder

FIT = Experiment(TINY, Linear(), Sgd(lr=0.1, epochs=1))


class Disk(NamedTuple):
    """What the standard library says of a disk, as far as it is read."""

    free: int


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "cache_file", lambda: tmp_path / "cache" / "digests.json")
    monkeypatch.setattr(digests, "_remembered", {})
    monkeypatch.delenv(kept_pixels.VARIABLE, raising=False)
    kept_pixels.kept.cache_clear()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "data")


def files(root: Path, data: ImageFolder = TINY) -> ImageFiles:
    made: Any = data.split(root, 0).x_train
    assert isinstance(made, ImageFiles)
    return made


def everything(images: ImageFiles) -> list[torch.Tensor]:
    """Each image as it is, and augmented."""
    return [images.pixels(i, draw) for i in range(len(images)) for draw in (None, draw_of(0, 1, i))]


def anew(root: Path, monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """The same where nothing is kept."""
    with monkeypatch.context() as patch:
        patch.setenv(kept_pixels.VARIABLE, "0")
        return everything(files(root))


def equal(first: list[torch.Tensor], second: list[torch.Tensor]) -> bool:
    return len(first) == len(second) and all(map(torch.equal, first, second))


def undecodable(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on whatever would decode a file fails, as in another process that has nothing open."""
    kept_pixels.kept.cache_clear()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(decoding, "brought", refuse)


def test_what_is_kept_is_bit_by_bit_what_decoding_gives(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = anew(root, monkeypatch)
    assert not (root / "decoded").exists()
    assert equal(everything(files(root)), expected)
    undecodable(monkeypatch)
    assert equal(everything(files(root)), expected)


def test_each_image_is_decoded_once_whoever_asks(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []
    once = decoding.brought

    def counted(path: Path, *arguments: Any, **named: Any) -> Any:
        decoded.append(path.name)
        return once(path, *arguments, **named)

    monkeypatch.setattr(decoding, "brought", counted)
    everything(files(root))
    everything(files(root, TINY.but(augmented=True)))
    assert len(decoded) == 24
    everything(files(root, TINY.but(size=17)))  # another size is decoded for itself
    assert len(decoded) == 48


@pytest.mark.parametrize("how", ["a bit", "no pixels", "a hole", "half an entry", "another size", "huge"])
def test_what_was_left_half_written_is_decoded_anew(
    root: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    expected = anew(root, monkeypatch)
    images = files(root)
    everything(images)
    kept = images.kept
    assert kept is not None
    pixels, index = bytearray(kept.pixels.read_bytes()), bytearray(kept.index.read_bytes())
    if how == "a bit":
        pixels[2 * kept.slot + 5] ^= 1
    elif how == "no pixels":
        del pixels[:]
    elif how == "a hole":  # the index reached the disk before power was lost, the pixels did not
        pixels[3 * kept.slot : 4 * kept.slot] = bytes(kept.slot)
    elif how == "half an entry":
        del index[-7:]
    elif how == "another size":
        index[16:20] = (9999).to_bytes(4, "little")
    else:
        index[0:8] = b"\xff" * 8
    kept.pixels.write_bytes(pixels)
    kept.index.write_bytes(index)
    kept_pixels.kept.cache_clear()
    assert equal(everything(files(root)), expected)
    undecodable(monkeypatch)
    assert equal(everything(files(root)), expected)  # and mended


def test_an_image_of_another_row_is_not_taken_for_it(tmp_path: Path) -> None:
    kept = KeptPixels(tmp_path / "kept", "train", 2, 7)
    image = np.arange(8 * 9 * 3, dtype=np.uint8).reshape(8, 9, 3)
    kept.put(0, image)
    whole = kept.get(0)
    assert whole is not None
    assert np.array_equal(whole, image)
    assert kept.get(1) is None
    pixels, index = kept.pixels.read_bytes(), kept.index.read_bytes()
    kept.pixels.write_bytes(pixels.ljust(kept.slot, b"\0") + pixels)
    kept.index.write_bytes(index + index)
    assert KeptPixels(tmp_path / "kept", "train", 2, 7).get(1) is None


def test_many_fill_at_once_and_all_is_whole(tmp_path: Path) -> None:
    images = [np.random.default_rng(i).integers(256, size=(8, 9, 3), dtype=np.uint8) for i in range(32)]
    those_who_fill = [KeptPixels(tmp_path / "kept", "train", 32, 7) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda kept: [kept.put(i, image) for i, image in enumerate(images)], those_who_fill))
    last = KeptPixels(tmp_path / "kept", "train", 32, 7)
    assert last.missing() == 0
    assert all(np.array_equal(last.get(i), image) for i, image in enumerate(images))  # type: ignore[arg-type]


def test_other_contents_and_decoders_have_another_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = files(root).decoded
    assert first is not None
    assert first.parent == root / "decoded"
    assert files(root, TINY.but(augmented=True)).decoded == first
    (root / "tiny/val/cat/cat_0.JPEG").rename(root / "tiny/val/cat/cat_8.JPEG")
    second = files(root).decoded
    monkeypatch.setattr(Image, "__version__", "0.0")
    monkeypatch.setattr("PIL.__version__", "0.0")
    assert len({first, second, files(root).decoded, files(root, TINY.but(size=17)).decoded}) == 4


def test_what_is_too_long_is_not_kept_and_seen_all_the_same(root: Path) -> None:
    path = root / "tiny/train/ant/ant_1.png"
    Image.fromarray(np.random.default_rng(0).integers(256, size=(20, 90, 3), dtype=np.uint8)).save(path)
    images = files(root)
    everything(images)
    kept = images.kept
    assert kept is not None
    assert kept.missing() == 0  # of what could be kept
    assert kept.get(1) is None
    assert images.pixels(1).shape == (3, 16, 16)


@pytest.mark.parametrize("cause", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_disk_that_takes_no_more_is_said_once_and_nothing_is_lost(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], cause: int
) -> None:
    expected = anew(root, monkeypatch)

    def full(*_: object) -> int:
        raise OSError(cause, os.strerror(cause))

    monkeypatch.setattr(os, "pwrite", full)
    assert equal(everything(files(root)), expected)
    kept_pixels.kept.cache_clear()  # another process
    assert equal(everything(files(root)), expected)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert os.strerror(cause) in said[0]
    assert "HARNESS_DECODED=DIR" in said[0]


def test_a_large_data_set_is_announced_once_by_who_begins(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kept_pixels, "ANNOUNCED", 0)
    for _ in range(2):
        everything(files(root))
        kept_pixels.kept.cache_clear()
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("decoding 24 images once, about 0 GB, into ")


def test_where_they_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept_pixels.place_of(tmp_path) == tmp_path / "decoded"
    monkeypatch.setattr(os, "access", lambda *_: False)
    read_only = kept_pixels.place_of(tmp_path)
    assert read_only is not None
    assert "overclaim" in read_only.parts
    (tmp_path / "decoded").mkdir()  # somebody else has filled it
    assert kept_pixels.place_of(tmp_path) == tmp_path / "decoded"
    monkeypatch.setenv(kept_pixels.VARIABLE, str(tmp_path / "large"))
    assert kept_pixels.place_of(tmp_path) == tmp_path / "large"
    monkeypatch.setenv(kept_pixels.VARIABLE, "0")
    assert kept_pixels.place_of(tmp_path) is None
    verified_environment({kept_pixels.VARIABLE: "/somewhere"})


def test_sizes_are_those_of_the_images_where_they_are_there(root: Path) -> None:
    there = TINY.undecoded(root)
    assert there is not None
    assert (there.images, there.bytes) == (36, 36 * 4096)
    everything(files(root))
    rest = TINY.undecoded(root)
    assert rest is not None
    assert rest.images == 12
    absent = TINY.but(folder="absent").undecoded(root)
    assert absent is not None
    assert absent.images == 36
    assert TINY.but(blank=True).undecoded(root) is None
    assert mean_bytes(299, []) == 471_040  # 342 by 456 pixels
    assert mean_bytes(299, [(500, 500), (0, 0), (100, 900)]) == 352_256
    assert shorter_side(299) == 342


def planning(root: Path, device: str = "cpu") -> tuple[Lab, Any]:
    place = places.place(store=root / "store", data_root=root, device=device, planned=True)
    lab = Lab(place)
    return lab, lab.plan(lab.runs(FIT, 2))


def test_a_plan_says_what_is_decoded_and_refuses_what_has_no_room(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, plan = planning(root)
    (line,) = plan.decoding
    assert line.startswith("images: 36 of tiny are decoded once, about 0.0 GB in ")
    assert line in opening.planned(plan, 1, {})
    assert not lab.failures
    monkeypatch.setattr("shutil.disk_usage", lambda _: Disk(10))
    lab, plan = planning(root)
    assert plan.missing == 0
    (why,) = set(lab.failures.values())
    assert "give another place with HARNESS_DECODED=DIR, or HARNESS_DECODED=0" in why
    assert "\n" not in why
    lab, plan = planning(root, "h100x8")  # whose disk is another
    assert (plan.missing, list(lab.failures)) == (2, [])
    monkeypatch.setenv(kept_pixels.VARIABLE, "0")
    lab, plan = planning(root)
    assert (plan.missing, plan.decoding) == (2, ())


def test_a_place_that_is_no_folder_is_refused_and_a_disk_that_does_not_answer_is_not(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "file").write_text("")
    monkeypatch.setenv(kept_pixels.VARIABLE, str(root / "file"))
    lab, plan = planning(root)
    assert plan.missing == 0
    (why,) = set(lab.failures.values())
    assert why.startswith(
        "decoded images cannot be written into file: give another place with HARNESS_DECODED=DIR"
    )
    monkeypatch.setenv(kept_pixels.VARIABLE, str(root / "new" / "folder"))

    def silent(_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("shutil.disk_usage", silent)
    assert planning(root)[1].missing == 2


def test_cores_are_those_of_the_machine_that_decodes() -> None:
    assert undecoded.cores("h100x8") == 96
    assert undecoded.cores("cpu") >= 1


def test_a_training_is_the_same_with_and_without(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.fleet.ranks import Streamed
    from harness.fleet.replica import built

    experiment = FIT.but(data__augmented=True, optimizer__batch=8)

    def rows() -> list[dict[str, float]]:
        split = experiment.data.split(root, 0)
        run = Streamed(built(experiment, 0, split), experiment, 0, split, "cpu")
        return [run.epoch(0), run.epoch(1)]

    first, second = rows(), rows()
    monkeypatch.setenv(kept_pixels.VARIABLE, "0")
    assert first == second == rows()
