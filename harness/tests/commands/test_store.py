"""``python -m harness store``: lists, verifies, and leaves torn records where they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from harness.__main__ import main
from harness.lab.store import RECORD, WEIGHTS, Store
from harness.tests.simulated import record
from harness.tests.suites import run_harness


def test_the_store_lists_verifies_and_forgets(suite: Path) -> None:
    run_harness(suite, "train", "--processes", "1")
    store = Store(suite / "store")
    strange = record(key="ef" * 32, what="an experiment of last year")
    store.publish(strange, {"w": np.ones(1000)})
    listed = run_harness(suite, "store", "ls", "--json").json
    assert (listed["records"], listed["unreadable"]) == (20, 0)
    tiers = {held["what"]: held["tiers"] for held in listed["specifications"]}
    assert tiers.pop(strange.what) == []
    assert set(map(tuple, tiers.values())) == {("quick",)}
    said = run_harness(suite, "store", "gc")
    said.says("nothing to remove")  # younger than a day
    dry = run_harness(suite, "store", "gc", "--all", "--dry-run", "--json").json
    assert (dry["dry_run"], dry["removed"]["record"]["count"]) == (True, 1)
    assert dry["removed"]["record"]["bytes"] > 8000
    assert len(store.keys()) == 20
    run_harness(suite, "store", "gc", "--all").says("removed  1  record")
    assert len(store.keys()) == 19
    assert strange.key not in store.keys()  # noqa: SIM118 - not a dict


def test_verify_finds_a_changed_weight(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path)
    for key in ("ab" * 32, "cd" * 32, "ef" * 32):
        store.publish(record(key=key), {"w": np.ones(10)})
    arguments = ["store", "verify", "--store", str(tmp_path)]
    assert main(arguments) == 0
    assert capsys.readouterr().out == "3 records, 0 torn\n"
    weights = store.path("cd" * 32) / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    (store.path("ef" * 32) / RECORD).write_text("{")
    assert main([*arguments, "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"records": 3, "torn": ["cd" * 32, "ef" * 32]}
    assert main(arguments) == 0
    assert len(list((store.root / "aside").iterdir())) == 2


def test_listing_leaves_torn_records_where_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "store")
    store.publish(record())
    (store.path("ab" * 32) / RECORD).write_text("{")
    monkeypatch.chdir(tmp_path)  # no checkout: which claims read a record is left out
    assert main(["store", "ls", "--store", "store"]) == 0
    assert "1 more cannot be read: python -m harness store verify" in capsys.readouterr().out
    assert store.keys() == ["ab" * 32]
