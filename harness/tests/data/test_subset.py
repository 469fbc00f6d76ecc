"""Some classes of a data set: in their order, drawn by replicate, corrupted among themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from harness.data import RandomLabels, WrongLabels
from harness.data.examples import Examples
from harness.data.labels import TrueLabels
from harness.data.split import ImageSet, Split, split_of
from harness.data.subset import CAR_FROG_HORSE_SHIP, Subset
from harness.spec.contracts import Corruption
from harness.spec.splits import Source


class Balanced(Examples, frozen=True):
    """Ten training and four test images of each of five classes; their one pixel is the class."""

    shape: ClassVar[tuple[int, ...]] = (1, 1, 1)
    classes: ClassVar[int] = 5
    train_size: ClassVar[int] = 50
    test_size: ClassVar[int] = 20

    labels: Corruption = TrueLabels()
    n: int | None = None
    extra: int = 0

    @property
    def whole(self) -> bool:
        return self.n is None

    @property
    def true_labels(self) -> bool:
        return self.labels.keeps_labels

    def source(self, root: Path | None) -> Source:
        return Source("balanced", "")

    def split(self, root: Path | None, replicate: int) -> Split:
        def part(each: int) -> tuple[Any, Any]:
            y = np.concatenate([np.repeat(np.arange(5), each), np.full(self.extra, 2)])
            return y.astype(np.float32).reshape(-1, 1, 1, 1), y

        return split_of(ImageSet(*part(10), *part(4)), TrueLabels(), 5, replicate)


def test_a_subset_has_its_classes_only_in_the_order_given() -> None:
    data = Subset(Balanced(), kept=(3, 1))
    assert (data.train_size, data.test_size, data.classes, data.shape) == (20, 8, 2, (1, 1, 1))
    split = data.split(None, 0)
    for x, y, size in ((split.x_train, split.y_true, 10), (split.x_test, split.y_test, 4)):
        assert np.array_equal(np.where(y == 0, 3, 1), x.ravel())
        assert np.bincount(y).tolist() == [size, size]


def test_replicates_draw_their_own_nested_images() -> None:
    whole, part = (Subset(Balanced(), kept=(0, 2, 4), n=n) for n in (None, 7))
    assert np.array_equal(part.split(None, 1).x_train, whole.split(None, 1).x_train[:7])
    assert not np.array_equal(whole.split(None, 1).x_train, whole.split(None, 2).x_train)


def test_labels_are_corrupted_among_the_kept_classes() -> None:
    split = Subset(Balanced(), kept=(0, 2, 4), labels=WrongLabels(1.0)).split(None, 0)
    assert set(split.y_train.tolist()) == {0, 1, 2}
    assert (split.y_train != split.y_true).all()


def test_subsets_that_cannot_be_are_refused() -> None:
    for wrong in ((0,), (0, 0), (0, 5)):
        with pytest.raises(ValueError, match="two or more different classes"):
            Subset(Balanced(), kept=wrong)
    with pytest.raises(ValueError, match="between 1 and 20"):
        Subset(Balanced(), kept=(0, 1), n=21)
    with pytest.raises(ValueError, match="corrupted here"):
        Subset(Balanced(labels=RandomLabels(0.5)), kept=(0, 1))
    with pytest.raises(ValueError, match="whole data sets"):
        Subset(Balanced(n=10), kept=(0, 1))
    with pytest.raises(ValueError, match="not of equal size"):
        Subset(Balanced(extra=3), kept=(2, 3)).split(None, 0)


def test_changes_reach_the_data_set_within() -> None:
    data = Subset(Balanced(), kept=(0, 1))
    assert data.but(extra=1).data == Balanced(extra=1)
    assert data.but(n=3).data == Balanced()


def test_the_classes_are_those_of_the_extension() -> None:
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    assert [names[label] for label in CAR_FROG_HORSE_SHIP] == ["automobile", "frog", "horse", "ship"]
