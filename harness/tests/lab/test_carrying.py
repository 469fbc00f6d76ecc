"""Carrying: what a sample must show before records get the names of now, and what they say afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.lab.carrying import (
    CARRIED_BY,
    CARRIED_FROM,
    Candidate,
    Comparison,
    Earlier,
    again,
    candidates,
    carry,
    differs,
    epochs_within,
    proof_of,
    proved,
    renamed,
    sampled,
)
from harness.lab.lab import Lab
from harness.lab.names import Addressed, Names, specification
from harness.lab.store import Record, Store
from harness.spec import Runnable, digest
from harness.tests.simulated import SMALL, Norm, at, drawn, named, record

ONE, OTHER = named(drawn, shift=1.0), named(drawn, shift=2.0)
VALUES: tuple[Runnable, ...] = (ONE, OTHER, SMALL.but(probes=(Norm(),)))
THEN = "f" * 40


def as_then(folder: Path, replicates: int = 2) -> tuple[Lab, Earlier, Store]:
    """A lab, and a store with the records of another commit: the same numbers under other addresses."""
    lab = Lab(at(folder))
    lab.ensure(run for value in VALUES for run in lab.runs(value, replicates))
    then = Store(folder / "then")
    names: dict[str, Addressed] = {}
    for key in lab.store.keys():  # noqa: SIM118 - not a dict
        kept = lab.store.read(key)
        assert kept is not None
        address = digest(["then", kept.address])
        other = digest({"address": address, "replicate": kept.replicate})
        then.publish(
            msgspec.structs.replace(kept, key=other, address=address),
            lab.store.weights(key) if kept.files else None,
        )
    for value in VALUES:
        for run in lab.runs(value, 1):
            now = lab.names.named(run.value)
            names[specification(run.value)] = Addressed(digest(["then", now.address]), now.sources)
    return lab, Earlier(commit=THEN, names=names, fields={}), then


def test_candidates_are_the_same_cells_under_another_name(tmp_path: Path) -> None:
    lab, earlier, then = as_then(tmp_path)
    fresh = Store(tmp_path / "now")
    moved = candidates(VALUES, lab.names, earlier, then, fresh)
    assert {c.run.key for c in moved} == set(lab.store.keys())
    assert all(c.run.key != c.record.key and c.run.replicate == c.record.replicate for c in moved)
    assert candidates(VALUES, lab.names, earlier, then, lab.store) == []  # it has them all


def test_other_data_is_no_candidate(tmp_path: Path) -> None:
    lab, earlier, then = as_then(tmp_path)
    names = {name: Addressed(one.address, (("another", "12"),)) for name, one in earlier.names.items()}
    elsewhere = msgspec.structs.replace(earlier, names=names)
    assert candidates(VALUES, lab.names, elsewhere, then, Store(tmp_path / "now")) == []


def test_kinds_are_classes_functions_and_kernels(tmp_path: Path) -> None:
    lab, earlier, then = as_then(tmp_path)
    kinds = sampled(candidates(VALUES, lab.names, earlier, then, Store(tmp_path / "now")), 1, seed=0)
    assert [kind for kind in kinds if "drawn" in kind] == ["Simulation, drawn"]  # one, whatever the shift
    assert any(kind.startswith("Digits, Experiment, Mlp, Norm, Probing, Sgd") for kind in kinds)
    assert len(kinds) == 3
    assert all(len(sample) == 1 for sample in kinds.values())


def test_samples_follow_their_seed(tmp_path: Path) -> None:
    cells = [candidate(replicate=i) for i in range(50)]
    drawn_keys = [[c.record.replicate for c in sampled(cells, 3, seed)[cells[0].kind]] for seed in (1, 1, 2)]
    assert drawn_keys[0] == drawn_keys[1] != drawn_keys[2]
    assert len(sampled(cells[:2], 3, 1)[cells[0].kind]) == 2


def candidate(value: Runnable = SMALL, replicate: int = 0, **changes: Any) -> Candidate:
    run = Names(Path()).run(value, replicate)
    return Candidate(run=run, record=record(key="0" * 64, **{"replicate": replicate, **changes}))


def test_of_a_long_training_the_first_epochs_are_enough() -> None:
    long = candidate(seconds=1000.0, epochs=50)
    assert epochs_within(long, 60) == 3
    assert epochs_within(long, 1) == 1
    assert epochs_within(long, 2000) is None
    assert epochs_within(candidate(ONE, seconds=1000.0), 60) is None
    assert again(long, 3) == SMALL.but(optimizer__epochs=3)
    assert again(long, None) == SMALL


@pytest.mark.parametrize(
    "changes, epochs, expected",
    [
        ({}, None, ""),
        ({"seconds": 9.0, "provenance": {}, "peak_bytes": 7}, None, ""),
        ({"finals": {"train_error": 0.25, "test_error": 0.0}}, None, "finals"),
        ({"curves": {"train_error": (0.5, None, 0.2500000000001)}}, None, "curves"),
        ({"outcome": "fitted"}, None, "outcome"),
        ({"curves": {"train_error": (0.5, None)}, "finals": {}}, 2, ""),
        ({"curves": {"train_error": (0.6, None)}}, 2, "train_error"),
        ({"curves": {"train_error": ()}}, 2, "train_error"),
        ({"curves": {}}, 2, "the curves' names"),
    ],
)
def test_what_counts_as_equal(changes: dict[str, Any], epochs: int | None, expected: str) -> None:
    assert differs(record(), record(**changes), epochs) == expected


def test_one_run_that_is_not_equal_or_fails_proves_nothing() -> None:
    one = candidate()
    same = Comparison(one, None, record(), record())
    assert proved("kind", [same, same], "a machine", "the records").holds
    for computed in (None, record(finals={})):
        proof = proved("kind", [same, Comparison(one, None, record(), computed)], "a machine", "the records")
        assert not proof.holds
        assert "a machine" in proof.says


def test_carried_records_say_from_where_and_how(tmp_path: Path) -> None:
    lab, earlier, then = as_then(tmp_path)
    target = Store(tmp_path / "now")
    moved = candidates(VALUES, lab.names, earlier, then, target)
    proofs = {c.kind: proved(c.kind, [Comparison(c, None, c.record, c.record)], "here", "it") for c in moved}
    lost = next(c.kind for c in moved if "drawn" in c.kind)
    proofs[lost] = msgspec.structs.replace(proofs[lost], holds=False)
    count = carry(moved, proofs, THEN, then, target)
    assert count == sum(c.kind != lost for c in moved) == len(target.keys())
    for key in target.keys():  # noqa: SIM118 - not a dict
        carried, before = target.read(key), lab.store.read(key)
        assert carried is not None
        assert before is not None
        assert differs(before, carried) == ""
        assert carried.provenance[CARRIED_FROM] == THEN
        assert "computed again on here, equal to it to the bit" in carried.provenance[CARRIED_BY]
        name, says = proof_of(carried) or ("", "")
        assert len(name) == 8
        assert says.startswith(f"from commit {THEN}: replicate ")
        assert proof_of(before) is None
    trained = lab.runs(SMALL, 1)[0].key
    ours, theirs = target.weights(trained), lab.store.weights(trained)
    assert ours is not None
    assert theirs is not None
    assert all((ours[name] == theirs[name]).all() for name in theirs)


def test_what_is_carried_twice_keeps_its_first_commit_and_both_proofs() -> None:
    one = candidate()
    proof = proved("kind", [Comparison(one, None, one.record, one.record)], "here", "it")
    once = renamed(one, THEN, proof)
    twice = renamed(Candidate(run=one.run, record=once), "e" * 40, proof)
    assert twice.provenance[CARRIED_FROM] == THEN
    assert twice.provenance[CARRIED_BY].count(" | ") == 1


def test_a_record_of_this_run_stays_what_it_is() -> None:
    kept: Record = renamed(candidate(), THEN, proved("kind", [], "here", "it"))
    assert kept.what == record().what
    assert kept.finals == record().finals
