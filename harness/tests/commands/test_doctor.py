"""``python -m harness doctor``: each tier and what is in its way, and a store that cannot be made."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from harness import commands
from harness.commands.doctor import Diagnosis, normalization, storage, told
from harness.commands.machine import examined
from harness.fleet._pretended import pretended
from harness.lab.store import Store
from harness.tests.simulated import record
from harness.tests.suites import run_harness


def test_the_doctor_tells_each_tier_and_what_is_in_its_way_without_torch(suite: Path) -> None:
    (suite / "sitecustomize.py").write_text("import sys\nsys.modules['torch'] = None  # cannot be imported\n")
    path = f"{suite}{os.pathsep}{Path(commands.__file__).parents[2]}"
    done = run_harness(suite, "doctor", "--data-root", ".", PYTHONPATH=path)
    assert done.status == 0, done.text
    done.says("tier quick ", "ready: 2 items, 19 runs to train", "in the way of full ", "data get cifar10")
    assert not (suite / "store").exists()
    told = run_harness(suite, "doctor", "full", "--json", "--data-root", ".")
    assert told.status == 1
    diagnosis = told.json
    assert [tier["tier"] for tier in diagnosis["tiers"]] == ["quick", "standard", "full"]
    assert [bool(tier["problems"]) for tier in diagnosis["tiers"]] == [False, False, True]
    assert diagnosis["machine"]["cores"] >= 1
    assert diagnosis["store"]["free"] > 0


def test_a_gpu_is_asked_how_it_normalizes() -> None:
    assert normalization("cpu") == normalization("h100x8") == ""  # of none that is at hand
    with pretended():
        said = normalization("cuda")
    assert "torch cannot compile for this GPU" in said
    diagnosed = Diagnosis(machine=examined(), store=storage(Path()), data=(), tiers=(), normalization=said)
    assert any(line.startswith("normalization") and said in line for line in told(diagnosed))


def test_a_store_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    store = storage(tmp_path / "a" / "b")
    assert (store.records, store.problem) == (0, "")
    assert store.free > 0
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").write_text("in the way")
    assert "holds no records" in storage(tmp_path / "file").problem
    Store(tmp_path / "c").publish(record(), {"w": np.ones(1000)})
    held = storage(tmp_path / "c")
    assert held.records == 1
    assert 8000 < held.bytes < 12000
