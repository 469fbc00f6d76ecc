"""A lab records the curves that somebody reads, and trains again only for one that nobody foresaw."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from harness.lab.carrying import differs
from harness.lab.lab import Failed, Lab
from harness.lab.records import Record
from harness.lab.shipped import UNSHIPPED
from harness.spec import From, Probing
from harness.spec.watched import EVERYTHING, NOTHING, Watched
from harness.tests.simulated import SMALL, Norm, at

TEST = Watched(train=False, test=True)
CURVES = {"train_loss", "train_error", "test_error"}


def sparing(folder: Path, watched: Watched = NOTHING, **place: object) -> Lab:
    """A lab that was told which curves are read of ``SMALL``."""
    lab = Lab(msgspec.structs.replace(at(folder), **place))
    lab.sparing = True
    lab.watch(lab.runs(SMALL, 1), watched)
    return lab


def first(lab: Lab) -> Record:
    return lab.results("x", SMALL, 2).records[0]


@pytest.mark.parametrize(
    "watched, curves", [(NOTHING, {"train_loss"}), (TEST, {"train_loss", "test_error"}), (EVERYTHING, CURVES)]
)
def test_only_curves_that_are_read_are_recorded(tmp_path: Path, watched: Watched, curves: set[str]) -> None:
    record = first(sparing(tmp_path, watched))
    assert record.curves.keys() == curves
    assert record.finals.keys() == CURVES
    assert record.epochs == 3


def test_a_lab_that_was_told_nothing_records_all(tmp_path: Path) -> None:
    lab = Lab(at(tmp_path))
    lab.watch(lab.runs(SMALL, 1), NOTHING)
    assert first(lab).curves.keys() == CURVES


def test_what_a_chain_starts_from_is_read_by_nobody(tmp_path: Path) -> None:
    lab = Lab(at(tmp_path))
    lab.sparing = True
    child = SMALL.but(start=From(SMALL))
    lab.watch(lab.runs(child, 1), EVERYTHING)
    assert lab.results("x", child, 1).records[0].curves.keys() == CURVES
    parent = lab.store.peek(lab.runs(SMALL, 1)[0].key)
    assert parent is not None
    assert parent.curves.keys() == {"train_loss"}


def test_claims_of_one_session_train_once_for_all_that_they_read(tmp_path: Path) -> None:
    lab = sparing(tmp_path, TEST)
    lab.watch(lab.runs(SMALL, 1), Watched(train=True, test=False))
    assert first(lab).curves.keys() == CURVES
    assert len(lab.computed) == 2


def test_a_curve_that_is_read_later_is_planned_before_anything_trains(tmp_path: Path) -> None:
    first(sparing(tmp_path))
    again = sparing(tmp_path, TEST)
    assert again.plan(again.runs(SMALL, 2)).missing == 2
    assert first(again).curves.keys() == {"train_loss", "test_error"}
    for watched in (NOTHING, TEST):
        lab = sparing(tmp_path, watched)
        assert lab.plan(lab.runs(SMALL, 2)).missing == 0
    untold = Lab(at(tmp_path))
    assert untold.plan(untold.runs(SMALL, 2)).missing == 0


def test_a_curve_that_nobody_foresaw_is_there_all_the_same(tmp_path: Path) -> None:
    lab, plain = sparing(tmp_path / "a"), Lab(at(tmp_path / "b"))
    results, whole = lab.results("x", SMALL, 2), plain.results("x", SMALL, 2)
    assert results.records[0].curves.keys() == {"train_loss"}
    steps = [results.epochs_to("test_error", 0.5), whole.epochs_to("test_error", 0.5)]
    assert steps[0].values.tolist() == steps[1].values.tolist()
    assert np.array_equal(results.curve("train_error"), whole.curve("train_error"))
    assert results.records[0].finals == whole.records[0].finals
    assert results.records[1].curves == whole.records[1].curves
    assert first(lab).curves.keys() == CURVES
    assert len(lab.computed) == 2


def test_replicates_without_the_curve_are_not_read_as_if_they_had_none(tmp_path: Path) -> None:
    """Those of an earlier session may have it and further ones not."""
    Lab(at(tmp_path)).results("x", SMALL, 1)
    results = sparing(tmp_path).results("x", SMALL, 2)
    assert [len(record.curves) for record in results.records] == [3, 1]
    assert np.isfinite(results.curve("test_error")).all()


def test_a_probe_of_it_goes_on(tmp_path: Path) -> None:
    lab = sparing(tmp_path)
    probed = SMALL.but(probes=(Norm(),))
    results = lab.results("x", probed, 1)
    assert results.curve("test_error").shape == (1, 3)
    assert lab.results("p", Probing(SMALL, Norm()), 1).records[0].finals == {
        name: value for name, value in results.records[0].finals.items() if name not in CURVES
    }


def test_shipped_records_have_no_more_than_they_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = sparing(tmp_path)
    results = lab.results("x", SMALL, 1)
    monkeypatch.setattr(lab, "computes", False)
    monkeypatch.setattr(lab, "unread", UNSHIPPED)
    with pytest.raises(Failed, match=UNSHIPPED[:20]):
        results.curve("test_error")


def test_a_checkpoint_without_the_curve_is_begun_anew(tmp_path: Path) -> None:
    lab = sparing(tmp_path, TEST)
    key = lab.runs(SMALL, 1)[0].key
    lab.store.checkpoint(key, {"epoch": 2, "curves": {"train_loss": [2.0, 1.0]}, "seconds": 1e6}, {})
    record = first(lab)
    assert len(record.curves["test_error"]) == 3
    assert record.seconds < 1e5


def test_carrying_compares_the_curves_that_are_kept(tmp_path: Path) -> None:
    kept, computed = first(sparing(tmp_path / "a")), first(Lab(at(tmp_path / "b")))
    assert differs(kept, computed) == ""
    shorter = msgspec.structs.replace(
        computed, curves={name: values[:2] for name, values in computed.curves.items()}
    )
    assert differs(kept, shorter, 2) == ""
    assert differs(kept, msgspec.structs.replace(computed, curves=kept.curves)) == ""
    losses = msgspec.structs.replace(computed, curves={**computed.curves, "train_loss": (9.0, 9.0, 9.0)})
    assert differs(kept, losses) == "curves"
    assert differs(computed, kept) == "curves"
    assert differs(computed, kept, 3) == "the curves' names"
