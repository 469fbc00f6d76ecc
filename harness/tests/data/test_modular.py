"""Tables of modular addition: their arithmetic, their shares, and answers permuted without a rule."""

from __future__ import annotations

import numpy as np
import pytest

from harness.data.modular import ModularTable


def test_the_table_is_split_without_rest_and_adds() -> None:
    data = ModularTable(p=7, share=0.3)
    split = data.split(None, 2)
    x = np.vstack([split.x_train, split.x_test])
    y = np.concatenate([split.y_train, split.y_test])
    assert (len(split.x_train), len(split.x_test)) == (data.train_size, data.test_size) == (15, 34)
    assert data.shape == x.shape[1:]
    a, b = x[:, :7].argmax(axis=1), x[:, 7:].argmax(axis=1)
    assert len({*zip(a.tolist(), b.tolist(), strict=True)}) == 49
    assert (y == (a + b) % 7).all()
    assert (x.sum(axis=1) == 2).all()


def test_each_replicate_knows_another_part() -> None:
    one, other = (ModularTable(p=7).split(None, r).x_train for r in (0, 1))
    assert not (one == other).all()


def test_permuted_answers_are_as_many_and_no_sums() -> None:
    split = ModularTable(p=11, permuted=True).split(None, 0)
    y = np.concatenate([split.y_train, split.y_test])
    x = np.vstack([split.x_train, split.x_test])
    assert np.bincount(y).tolist() == [11] * 11
    sums = (x[:, :11].argmax(axis=1) + x[:, 11:].argmax(axis=1)) % 11
    assert np.mean(sums == y) < 0.3
    assert not ModularTable(permuted=True).true_labels


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, 0.001])
def test_a_share_that_leaves_nothing_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="must leave entries on both sides"):
        ModularTable(p=7, share=share)


def test_a_modulus_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="p"):
        ModularTable(p=1)
