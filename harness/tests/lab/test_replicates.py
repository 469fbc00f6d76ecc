"""Which replicates a fresh judgement may begin with, and that a lab reads those and no others."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.lab.lab import Lab
from harness.lab.replicates import FRESH, MOST, RESERVE, refused
from harness.lab.store import StoreError
from harness.spec import From
from harness.tests.lab.test_shipped import shipped
from harness.tests.simulated import SMALL, Norm, at, drawn, named


@pytest.mark.parametrize("first", [0, RESERVE, FRESH, 4321, MOST - 1])
def test_from_here_on_nothing_was_read(first: int) -> None:
    assert refused(first) == ""


@pytest.mark.parametrize("first", [-1, 1, 99, 100, 1000, 1999])
def test_what_was_read_is_refused_with_why(first: int) -> None:
    why = "verdicts have read replicates 0 to 99, and settings were chosen on 1000 to 1999: begin at 3000"
    assert refused(first).startswith(why)
    assert "2000 to 2999 are kept" in refused(first)


def test_a_number_that_no_record_holds_is_refused() -> None:
    assert refused(MOST) == "replicates begin below 1,000,000,000"


def test_a_lab_reads_the_replicates_from_its_first_on(tmp_path: Path) -> None:
    value = named(drawn)
    ordinary, fresh = Lab(at(tmp_path)), Lab(at(tmp_path), first=3000)
    before = ordinary.results("x", value, 5)
    assert fresh.plan(fresh.runs(value, 5)).missing == 5
    after = fresh.results("x", value, 5)
    assert [run.replicate for run in before.runs] == [0, 1, 2, 3, 4]
    assert [run.replicate for run in after.runs] == [3000, 3001, 3002, 3003, 3004]
    assert [record.replicate for record in after.records] == [3000, 3001, 3002, 3003, 3004]
    assert {run.address for run in after.runs} == {run.address for run in before.runs}
    assert not set(before.final("x").values) & set(after.final("x").values)
    again = Lab(at(tmp_path))
    assert again.results("x", value, 5).final("x").values.tolist() == before.final("x").values.tolist()
    assert (len(ordinary.store.keys()), again.computed) == (10, {})


def test_parents_and_probes_are_of_the_same_replicates(tmp_path: Path) -> None:
    start = SMALL.but(optimizer__epochs=1)
    value = SMALL.but(optimizer__epochs=1, start=From(start), probes=(Norm(),))
    lab = Lab(at(tmp_path), first=3000)
    results = lab.results("fit", value, 2)
    assert [record.replicate for record in results.records] == [3000, 3001]
    assert [run.parents[0].replicate for run in results.runs] == [3000, 3001]
    assert len(results.final("norm").values) == len(set(results.final("norm").values)) == 2


def test_shipped_records_are_of_the_ordinary_replicates(tmp_path: Path) -> None:
    place = msgspec.structs.replace(at(tmp_path), store=shipped(tmp_path))
    with pytest.raises(StoreError, match=r"^records\.jsonl\.gz has records of replicates 0 and up: leave it"):
        Lab(place, first=3000)
