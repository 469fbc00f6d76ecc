"""The table of costs is made from records, and foretells the tier it is made of."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import msgspec
import pytest

from harness.commands import costing
from harness.lab import prices
from harness.lab.durations import estimate, expected
from harness.lab.prices import Costs
from harness.lab.shipped import Shipped
from harness.tests.suites import ROOT


def test_the_quick_tier_is_foretold_within_a_factor_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    timed = list(costing.timed(Shipped(ROOT / "reports/quick/records.jsonl.gz")))
    here = msgspec.structs.replace(prices.shipped(), probe=prices.probed())  # a machine as fast as theirs
    seconds = expected([run for run, _ in timed], {}, shipped=here)
    told = sum(len(each) * seconds.get(run.kind, estimate(run.value)) for run, each in timed)
    took = sum(sum(each) for _, each in timed)
    assert took / 2 < told < 2 * took
    assert sum(len(each) * estimate(run.value) for run, each in timed) > 2 * took  # by arithmetic alone


@pytest.mark.usefixtures("forgotten")
def test_the_table_is_made_of_the_means_of_what_the_claims_read(
    judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(judged)
    monkeypatch.setattr(prices, "FILE", tmp_path / "costs.json")
    assert costing.main([str(judged / "rep")]) == 0
    table = msgspec.json.decode((tmp_path / "costs.json").read_bytes(), type=Costs)
    assert len(table.kinds) == 4
    assert list(table.alike) == ["draw"]
    run, seconds = next(iter(costing.timed(Shipped(judged / "rep" / "records.jsonl.gz"))))
    assert table.of(run.kind) == pytest.approx(sum(seconds) / len(seconds), rel=0.01)
    first = (tmp_path / "costs.json").read_bytes()
    options = argparse.Namespace(folders=[judged / "rep"], store=judged / "store")
    beside = msgspec.json.decode(costing.costed(options), type=Costs)
    assert beside.kinds == table.kinds
    assert capsys.readouterr().out == f"costs.json: {len(first):,} bytes\n"


def test_what_holds_no_records_is_one_line(
    judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(judged)
    shutil.copy(judged / "rep/report.json", tmp_path)
    assert costing.main([str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "records.jsonl.gz cannot be read: No such file" in line
    with pytest.raises(SystemExit, match="2"):
        costing.main([])
