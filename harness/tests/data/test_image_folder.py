"""Folders of images: files, labels, names, addresses, and what is refused in one line."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.datasets import ImageFolder as TorchvisionFolder

from harness.__main__ import main
from harness.data import (
    DataError,
    RandomLabels,
    RedrawnLabels,
    digests,
    image_folder,
    kept_pixels,
    manifests,
)
from harness.data.decoding import decoded, draw_of
from harness.data.image_folder import ImageFolder
from harness.fleet.optimizers import Sgd
from harness.fleet.streamed import SMALLEST_PART, batches
from harness.lab.names import Names
from harness.models import Linear
from harness.models.inception_v3 import InceptionV3
from harness.spec import Experiment
from harness.spec.streams import stream
from harness.tests.folders import CLASSES, TINY, write_folder


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "cache_file", lambda: tmp_path / "cache" / "digests.json")
    monkeypatch.setattr(digests, "_remembered", {})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "data")


def test_files_and_labels_are_those_of_torchvision(root: Path) -> None:
    (root / "tiny/train/ant/more").mkdir()
    (root / "tiny/train/ant/ant_0.JPEG").rename(root / "tiny/train/ant/more/0.jpeg")
    (root / "tiny/train/bee/notes.txt").write_text("no image")
    split = TINY.split(root, 0)
    for files, labels, part in ((split.x_train, split.y_train, "train"), (split.x_test, split.y_test, "val")):
        samples = TorchvisionFolder(str(root / "tiny" / part)).samples
        paths = [str(files.path(i)) for i in range(len(files))]  # type: ignore[attr-defined]
        assert list(zip(paths, labels.tolist(), strict=True)) == samples
    assert split.x_train.shape == (24, 3, 16, 16)


def test_the_data_root_itself_may_be_the_folder(root: Path) -> None:
    assert TINY.source(root / "tiny").digest == TINY.source(root).digest


def test_the_digest_is_that_of_names_and_contents(root: Path) -> None:
    first = TINY.source(root)
    assert first.name == "tiny (24 + 12 files)"
    assert len(first.digest) == 64
    one = root / "tiny/train/ant/ant_0.JPEG"
    another_process()
    one.write_bytes(one.read_bytes() + b"0")
    larger = TINY.source(root)
    one.rename(one.with_name("ant_9.JPEG"))
    assert len({first.digest, larger.digest, TINY.source(root).digest}) == 3


def another_process() -> None:
    """Forget what this process has in memory."""
    image_folder._recent.cache_clear()


def swapped(one: Path, other: Path) -> None:
    """The contents of two images of equal size swapped in place, with all time stamps kept."""
    states, contents = [file.stat() for file in (one, other)], [file.read_bytes() for file in (one, other)]
    size = max(len(content) for content in contents)
    for file, content, state in zip((one, other), reversed(contents), states, strict=True):
        file.write_bytes(content.ljust(size, b"\0"))
        os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))


def of_equal_size(root: Path) -> tuple[Path, Path]:
    """Two images of two classes, which are of equal size from now on."""
    pair = root / "tiny/train/ant/ant_0.JPEG", root / "tiny/train/bee/bee_0.JPEG"
    swapped(*pair)
    swapped(*pair)
    return pair


def test_contents_swapped_in_place_are_another_data_set(root: Path) -> None:
    pair = of_equal_size(root)
    first = TINY.source(root).digest
    swapped(*pair)
    another_process()
    assert TINY.source(root).digest != first
    swapped(*pair)
    another_process()
    assert TINY.source(root).digest == first


def test_an_image_that_changes_after_the_naming_is_not_trained_on(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = of_equal_size(root)
    split = TINY.split(root, 0)
    assert split.content == TINY.source(root).digest
    monkeypatch.setenv(kept_pixels.VARIABLE, "0")
    assert TINY.split(root, 0).x_train.pixels(0).shape == (3, 16, 16)  # type: ignore[attr-defined]
    swapped(*pair)
    with pytest.raises(
        DataError, match=r"^ant/ant_0\.JPEG changed after the run was named by it: run again$"
    ):
        split.x_train.pixels(0)  # type: ignore[attr-defined]


def test_files_are_hashed_once_and_again_when_they_were_touched(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    once = manifests._hash

    def counted(path: Path) -> bytes:
        hashed.append(path.name)
        return once(path)

    monkeypatch.setattr(manifests, "_hash", counted)
    first = TINY.source(root).digest
    assert len(hashed) == 36
    hashed.clear()
    another_process()
    assert (TINY.source(root).digest, hashed) == (first, [])
    touched = root / "tiny/train/bee/bee_1.png"
    os.utime(touched)
    (root / "tiny/val/cat/cat_1.png").rename(root / "tiny/val/cat/cat_8.png")
    another_process()
    assert TINY.source(root).digest != first
    assert sorted(hashed) == ["bee_1.png", "cat_8.png"]


@pytest.mark.parametrize("content", [b"", b"PK", b"{}", b"\0" * 400])
def test_a_damaged_manifest_is_made_anew(root: Path, content: bytes) -> None:
    first = TINY.source(root).digest
    files = list(digests.cache_file().with_name("manifests").iterdir())
    assert len(files) == 2
    for file in files:
        file.write_bytes(content)
    another_process()
    assert TINY.source(root).digest == first


def test_a_manifest_of_other_shapes_is_made_anew(root: Path) -> None:
    first = TINY.source(root).digest
    for file in digests.cache_file().with_name("manifests").iterdir():
        with np.load(file) as kept:
            arrays = dict(kept)
        np.savez(file, **{**arrays, "hashes": arrays["hashes"][:, :16]})
    another_process()
    assert TINY.source(root).digest == first


def refused(data: ImageFolder, root: Path | None, *texts: str) -> None:
    for ask in (data.source, lambda root: data.split(root, 0)):
        with pytest.raises(DataError) as error:
            ask(root)
        message = str(error.value)
        assert len(message.splitlines()) == 1
        assert not [text for text in texts if text not in message], message
        assert root is None or str(root) not in message


def test_missing_and_partial_folders_are_one_line(root: Path) -> None:
    refused(TINY, None, "tiny: no data root", "tiny/train/CLASS/IMAGE", "--data-root")
    refused(TINY.but(folder="other"), root, "other/train and other/val not in the data root")
    refused(TINY.but(train_size=25), root, "tiny/train has 24 images in 3 class folders, not 25 in 3")
    refused(TINY.but(classes=4), root, "tiny/train has 24 images in 3 class folders, not 24 in 4")
    (root / "tiny/train/ant/ant_3.png").unlink()
    refused(TINY, root, "tiny/train has 23 images in 3 class folders, not 24 in 3")


def test_validation_images_must_lie_in_the_same_classes(root: Path) -> None:
    val = root / "tiny/val"
    (val / "cat").rename(val / "dog")
    refused(TINY, root, "the class", "is not in both train and val")
    for image in list(val.glob("*/*")):
        shutil.move(image, val / image.name)
    for folder in [entry for entry in val.iterdir() if entry.is_dir()]:
        folder.rmdir()
    refused(TINY, root, "tiny/val has 0 images in 0 class folders, not 12 in 3")
    shutil.rmtree(val)
    refused(TINY, root, "tiny/val not in the data root")


@pytest.mark.timeout(20)
def test_walks_end_and_what_links_lead_to_twice_is_refused(root: Path, tmp_path: Path) -> None:
    ant = root / "tiny/train/ant"
    outside = tmp_path / "outside"
    shutil.move(ant, outside)
    ant.symlink_to(outside)  # a class that lies elsewhere is none the worse
    assert TINY.source(root).name
    for name in ("up", "down", "again"):
        (outside / name).symlink_to(root / "tiny/train")
        refused(TINY.but(size=17), root, "a link leads to", "a second time")
    for name in ("up", "down", "again"):
        (outside / name).unlink()
    chain = tmp_path / "chain"
    for depth in range(30):  # two links at each of 30 steps: more than 10**9 ways
        (chain / str(depth)).mkdir(parents=True)
    for depth in range(29):
        for name in ("left", "right"):
            (chain / str(depth) / name).symlink_to(chain / str(depth + 1))
    (outside / "maze").symlink_to(chain / "0")
    refused(TINY, root, "a link leads to", "a second time")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("what", ["pipe", "dead link", "a link to itself"])
def test_what_is_no_file_is_refused(root: Path, what: str) -> None:
    image = root / "tiny/train/ant/ant_1.png"
    image.unlink()
    if what == "pipe":
        os.mkfifo(image)
    else:
        image.symlink_to(image if what == "a link to itself" else root / "nothing")
    cause = "Too many levels of symbolic links" if "itself" in what else "ant_1.png is not a regular file"
    refused(TINY, root, f"tiny cannot be read ({cause})")


def test_copies_of_one_image_are_said_to_be(root: Path) -> None:
    (first, *others) = sorted((root / "tiny/train").glob("*/*"))
    for other in others:
        shutil.copy(first, other)
    refused(TINY, root, "tiny/train is degenerate: 16 of its files", "are one and the same image")
    others[-1].write_bytes(first.read_bytes() + b"\0")
    (others[0].parent / "new").mkdir()  # a folder has changed, so it is looked at again
    refused(TINY, root, "tiny/train is degenerate")


def test_without_torchvision_one_line_says_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"^tiny is read by torchvision: python -m pip install torchvision$"):
        TINY.source(root)


@pytest.mark.parametrize("field", ["classes", "train_size", "test_size", "size", "measured"])
def test_sizes_are_positive(field: str) -> None:
    with pytest.raises(ValueError, match=rf"ImageFolder\({field}=0\): must be positive"):
        TINY.but(**{field: 0})


def test_commands_know_imagenet(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "list", "imagenet", "--data-root", str(root)]) == 1
    assert "imagenet/train and imagenet/val not in the data root" in capsys.readouterr().out
    assert main(["data", "get", "imagenet", "--data-root", str(root)]) == 1
    assert "put ILSVRC2012_devkit_t12.tar.gz" in capsys.readouterr().err
    assert main(["data", "verify", "imagenet", "--data-root", str(root)]) == 1
    assert "no digest of its contents is known" in capsys.readouterr().out


def test_random_labels_are_the_replicates_own_and_stay_with_their_images(root: Path) -> None:
    random = TINY.but(labels=RandomLabels(1.0))
    true, first, again, other = (
        d.split(root, r) for d, r in ((TINY, 3), (random, 3), (random, 3), (random, 4))
    )
    assert np.array_equal(first.y_train, RandomLabels(1.0).apply(true.y_train, 3, stream(3, "labels")))
    assert np.array_equal(first.y_train, again.y_train)
    assert not np.array_equal(first.y_train, other.y_train)
    assert np.array_equal(first.y_true, true.y_train)
    assert np.array_equal(first.corrupted, first.y_train != true.y_train)
    assert np.array_equal(first.y_test, true.y_train[[0] * 4 + [8] * 4 + [16] * 4])
    assert np.array_equal(first.x_train.names, other.x_train.names)  # type: ignore[attr-defined]
    assert np.array_equal(first.y_train, random.but(augmented=True).split(root, 3).y_train)
    redraw = TINY.but(labels=RedrawnLabels()).split(root, 3).redraw
    assert redraw is not None
    assert not np.array_equal(redraw(0), redraw(1))


def test_each_replicate_measures_other_images(root: Path) -> None:
    rows = [TINY.but(measured=10).split(root, replicate).measured for replicate in (0, 0, 1)]
    assert [len(set(r.tolist())) for r in rows] == [10, 10, 10]
    assert np.array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0], rows[2])
    assert sorted(TINY.but(measured=None).split(root, 0).measured) == list(range(24))


def test_augmentation_depends_on_replicate_epoch_and_image_alone(root: Path) -> None:
    files = TINY.split(root, 0).x_train
    keys = [(0, 0, 1), (0, 0, 2), (0, 1, 1), (1, 0, 1)]
    state = torch.get_rng_state()
    first = [files.pixels(1, draw_of(*key)) for key in keys]  # type: ignore[attr-defined]
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(5)
    again = [files.pixels(1, draw_of(*key)) for key in reversed(keys)]  # type: ignore[attr-defined]
    assert all(torch.equal(a, b) for a, b in zip(first, reversed(again), strict=True))
    assert not any(torch.equal(first[0], other) for other in first[1:])
    assert not torch.equal(first[0], files.pixels(1))  # type: ignore[attr-defined]


def test_a_damaged_image_is_named_in_one_line(root: Path) -> None:
    one = root / "tiny/train/ant/ant_0.JPEG"
    for content in (b"no image", one.read_bytes()[:300]):
        one.write_bytes(content)
        with pytest.raises(DataError, match=r"^ant/ant_0.JPEG cannot be decoded \(\w+\): replace it$"):
            decoded(one, 16)


def test_the_code_that_decodes_is_part_of_the_address(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.spec import fingerprint as fingerprints
    from harness.spec.modules import module_of as read

    seen: list[str] = []
    monkeypatch.setattr(fingerprints, "module_of", lambda name: seen.append(name) or read(name))  # type: ignore[func-returns-value]
    fingerprints.forget()
    fingerprints.fingerprint(Experiment(TINY, InceptionV3(), Sgd(lr=0.1, epochs=1)))
    assert {"harness.data.image_folder", "harness.data.decoding", "harness.models.inception_v3"} <= set(seen)
    assert "harness.models._inception_v3_nets" in seen


def test_another_folder_is_another_address(root: Path) -> None:
    experiment = Experiment(TINY, Linear(), Sgd(lr=0.1, epochs=1))
    first = Names(root).run(experiment, 0)
    (root / "tiny/val/cat/cat_0.JPEG").rename(root / "tiny/val/cat/cat_8.JPEG")
    assert Names(root).run(experiment, 0).key != first.key
    assert first.source == "tiny (24 + 12 files)"


@settings(derandomize=True, deadline=None, database=None)
@given(n=st.integers(1, 5000), size=st.integers(1, 600))
def test_batches_cover_all_and_none_is_much_shorter(n: int, size: int) -> None:
    sizes = batches(n, size)
    assert [0, *(end for _, end in sizes)] == [*(begin for begin, _ in sizes), n]
    lengths = [end - begin for begin, end in sizes]
    assert all(length == size for length in lengths[:-1])
    assert lengths[-1] < size + size / SMALLEST_PART
    assert len(sizes) == 1 or SMALLEST_PART * lengths[-1] >= size


def test_classes_are_named_as_the_folders() -> None:
    assert len(CLASSES) == TINY.classes
