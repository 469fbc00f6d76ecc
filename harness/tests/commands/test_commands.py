"""``python -m harness plan | train | store | data | doctor``: what they say, and what they leave."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import commands
from harness.__main__ import main
from harness.commands import machine, selection
from harness.commands.doctor import storage
from harness.data import Cifar10, DataError, archives, digests
from harness.data.archives import KNOWN
from harness.lab.lab import Lab
from harness.lab.names import specification
from harness.lab.store import RECORD, WEIGHTS, Store
from harness.tests.simulated import SMALL, at, drawn, named, raising, record
from harness.tests.suites import Session, run_harness, write
from harness.tests.tiny import TINY, arrays_of, write_npz

CLAIMS = """
from harness import Experiment, Sgd
from harness.data import Cifar10, Digits
from harness.models import Mlp

@claim(PAPER, "S1", says="x is large", adapted={"quick": "small", "full": "none"})
@trained(x=Tiers(quick=about(1.0), full=Experiment(Cifar10(n=100), Mlp(8), Sgd(lr=0.1, epochs=2))))
@control(says="no shift", x=Tiers(quick=NULL, full=about(3.0)))
def test_large(x, check):
    large(x, check)

@claim(PAPER, "S2", says="x is larger", adapted=SMALL, replicates=7)
@trained(x=about(2.0))
@control(says="no shift", x=NULL)
def test_larger(x, check):
    large(x, check)

@claim(PAPER, "S3", says="cannot be computed", adapted={"standard": "none"})
@trained(x=Simulation(fails))
def test_fails(x, check):
    large(x, check)
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    write(tmp_path, "")
    (tmp_path / "test_tiny.py").unlink()
    write(tmp_path / "claims", CLAIMS)
    (tmp_path / "claims" / "conftest.py").unlink()
    (tmp_path / "claims" / "pyproject.toml").unlink()
    return tmp_path


def plain(found: Session) -> Any:
    """What ``--json`` printed, without the suite's own last line."""
    return json.loads(found.text[found.text.index("{") : found.text.rindex("}") + 1])


def drawn_runs(suite: Path) -> int:
    return len((suite / "draws").read_text().splitlines())


# -- plan, train --------------------------------------------------------------------------------------


def test_what_is_planned_is_trained_once_and_then_there(suite: Path) -> None:
    first = plain(run_harness(suite, "plan", "--json"))
    assert (first["items"], first["missing"], first["present"], first["problems"]) == (2, 19, 0, [])
    assert sorted(s["runs"] for s in first["specifications"]) == [5, 7, 7]
    assert not (suite / "draws").exists()
    trained = run_harness(suite, "train", "--processes", "1")
    assert trained.status == 0, trained.text
    trained.says("tier quick: 2 items", "19 runs to train", "trained 19 runs", "0 failed")
    assert drawn_runs(suite) == 19
    again = run_harness(suite, "train", "-k", "larger")
    again.says("tier quick: 1 item", "0 runs to train, 14 in the store", "trained 0 runs")
    assert drawn_runs(suite) == 19


def test_what_lacks_its_data_is_planned_as_missing_and_not_trained(suite: Path) -> None:
    found = run_harness(suite, "plan", "full", "--data-root", ".")
    assert found.status == 1
    found.says("10 runs to train", "Cifar10(n=100)", "in the way: claims/test_tiny.py::test_large (full): ")
    found.says("python -m harness data get cifar10")
    refused = run_harness(suite, "train", "full", "--data-root", ".")
    assert refused.status == 1
    refused.says("cannot be trained: claims/test_tiny.py::test_large (full): ")
    assert not (suite / "draws").exists()


def test_a_run_that_fails_is_told_with_its_cause(suite: Path) -> None:
    found = run_harness(suite, "train", "standard", "--processes", "1")
    assert found.status == 1
    found.says("trained 0 runs", "5 failed: ValueError: no convergence (replicate 0 of Simulation(fails))")
    assert "Traceback" not in found.text


def test_mistyped_places_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = str(tmp_path / "nowhere")
    for arguments in (
        ["plan", "--data-root", nowhere],
        ["plan", "--device", "gpu"],
        ["train", "--store", f"{nowhere}/records.jsonl.gz"],
        ["store", "ls", "--store", nowhere],
    ):
        assert main(arguments) == 1
        error = capsys.readouterr().err
        assert error.startswith(f"python -m harness {arguments[0]}: ")
        assert len(error.splitlines()) == 1
    assert not (tmp_path / "nowhere").exists()


# -- store --------------------------------------------------------------------------------------------


def test_the_store_lists_verifies_and_forgets(suite: Path) -> None:
    run_harness(suite, "train", "--processes", "1")
    store = Store(suite / "store")
    strange = record(key="ef" * 32, what="an experiment of last year")
    store.publish(strange, {"w": np.ones(1000)})
    listed = plain(run_harness(suite, "store", "ls", "--json"))
    assert (listed["records"], listed["unreadable"]) == (20, 0)
    tiers = {held["what"]: held["tiers"] for held in listed["specifications"]}
    assert tiers.pop(strange.what) == []
    assert set(map(tuple, tiers.values())) == {("quick",)}
    said = run_harness(suite, "store", "gc")
    said.says("nothing to remove")  # younger than a day
    dry = plain(run_harness(suite, "store", "gc", "--all", "--dry-run", "--json"))
    assert (dry["dry_run"], dry["removed"]["record"]["count"]) == (True, 1)
    assert dry["removed"]["record"]["bytes"] > 8000
    assert len(store.keys()) == 20
    run_harness(suite, "store", "gc", "--all").says("removed  1  record")
    assert len(store.keys()) == 19
    assert strange.key not in store.keys()  # noqa: SIM118 - not a dict


def test_gc_keeps_what_it_cannot_tell_for_lack_of_data(suite: Path) -> None:
    store = Store(suite / "store")
    experiment = "Experiment(Cifar10(n=100), Mlp(width=8), Sgd(0.1, 2))"
    store.publish(record(what=experiment))
    store.publish(record(key="ef" * 32, what="of last year"))
    found = run_harness(suite, "store", "gc", "--all", "--data-root", ".")
    assert found.status == 0, found.text
    found.says(f"kept, because its data is not here to tell whether a claim reads it: {experiment}")
    assert store.keys() == ["ab" * 32]
    run_harness(suite, "store", "gc", "quick", "--all", "--data-root", ".")
    assert store.keys() == []  # only what the quick tier reads was asked to be kept


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


def test_what_is_old_and_unneeded(tmp_path: Path) -> None:
    store = Store(tmp_path)
    keys = needed, done, other = [f"{i}{i}" * 32 for i in range(3)]
    store.publish(record(key=done))
    store.publish(record(key=other))
    for key in keys:
        store.checkpoint(key, {}, {})
        (store.root / "locks" / f"{key}.lock").touch()
    store.set_aside(other)
    (store.root / "tmp" / "draft").mkdir()
    later = time.time() + 1
    found = {(u.kind, u.path.name[:64].removesuffix(".lock")) for u in store.unneeded({needed, done}, later)}
    of_other = {(kind, other) for kind in ("checkpoint", "lock", "set aside")}
    assert found == of_other | {("checkpoint", done), ("draft", "draft")}
    assert list(store.unneeded({needed, done}, later - 3600)) == []
    for unneeded in list(store.unneeded({needed, done}, later)):
        store.remove(unneeded)
    assert list(store.unneeded({needed, done}, later)) == []
    assert store.resume(needed) is not None
    assert store.has(done)


def test_a_held_lock_is_not_removed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with Store(tmp_path).claimed("ab" * 32):
        (lock,) = store.unneeded(set(), time.time() + 1)
        store.remove(lock)
        with store.claimed("ab" * 32) as mine:
            assert not mine


# -- data ---------------------------------------------------------------------------------------------


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root with a collection of a few images under the name cifar10."""
    monkeypatch.setitem(archives.ARCHIVES, "cifar10", TINY)
    monkeypatch.setattr(digests, "cache_file", lambda: tmp_path / "cache" / "digests.json")
    return write_npz(tmp_path / "data")


def test_verify_reads_what_list_only_remembers(
    tiny: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    each = tuple(digests.of_array(array) for array in arrays_of(TINY).values())
    order = [list(arrays_of(TINY)).index(name) for name in ("x_train", "y_train", "x_test", "y_test")]
    monkeypatch.setitem(KNOWN, tuple(each[i] for i in order), "tiny CIFAR-10")
    root = ["--data-root", str(tiny)]
    assert main(["data", "list", "cifar10", *root]) == main(["data", "verify", *root]) == 0
    assert capsys.readouterr().out.count("tiny CIFAR-10") == 2
    before = os.stat(tiny / "cifar10.npz")
    write_npz(tiny, TINY, y_test=1 - arrays_of(TINY)["y_test"] % 2)
    os.utime(tiny / "cifar10.npz", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert os.stat(tiny / "cifar10.npz").st_size == before.st_size
    assert main(["data", "list", "cifar10", *root]) == 0  # by name, size and time it is what it was
    assert main(["data", "verify", *root]) == 1
    assert "an unknown copy" in capsys.readouterr().out
    assert main(["data", "verify", "mnist", *root]) == 1


def test_digest_names_what_it_knows(
    tiny: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tiny / "cifar10.npz"
    assert main(["data", "digest", str(file)]) == 1
    said = capsys.readouterr()
    arrays = arrays_of(TINY)
    for name, array in arrays.items():
        assert (
            f"{name:<8} uint8 {'x'.join(map(str, array.shape))}, sha256 {digests.of_array(array)}" in said.out
        )
    assert "has the shape of CIFAR-10; its content is none whose digest is listed" in said.out
    assert "harness/data/archives.py" in said.err
    assert main(["data", "digest", "--json", str(file)]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    listed = tuple(found["arrays"][n].rpartition(" ")[2] for n in ("x_train", "y_train", "x_test", "y_test"))
    monkeypatch.setitem(KNOWN, listed, "tiny CIFAR-10")
    assert main(["data", "digest", str(tiny)]) == 0  # the folder it lies in
    assert "cifar10.npz: this is tiny CIFAR-10" in capsys.readouterr().out


def test_digest_of_anything_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "svhn.npz", x_train=np.zeros((2, 3)))
    assert main(["data", "digest", str(tmp_path / "svhn.npz")]) == 1
    assert "x_train  float64 2x3, sha256 " in capsys.readouterr().out
    (tmp_path / "notes.txt").write_text("no archive")
    (tmp_path / "empty").mkdir()
    for name in ("notes.txt", "empty", "nowhere"):
        assert main(["data", "digest", str(tmp_path / name)]) == 1
        error = capsys.readouterr().err
        assert name in error
        assert len(error.splitlines()) == 1


# -- doctor -------------------------------------------------------------------------------------------


def test_the_doctor_tells_each_tier_and_what_is_in_its_way_without_torch(suite: Path) -> None:
    (suite / "sitecustomize.py").write_text("import sys\nsys.modules['torch'] = None  # cannot be imported\n")
    path = f"{suite}{os.pathsep}{Path(commands.__file__).parents[2]}"
    found = run_harness(suite, "doctor", "--data-root", ".", PYTHONPATH=path)
    assert found.status == 0, found.text
    found.says("tier quick ", "ready: 2 items, 19 runs to train", "in the way of full ", "data get cifar10")
    assert not (suite / "store").exists()
    told = run_harness(suite, "doctor", "full", "--json", "--data-root", ".")
    assert told.status == 1
    diagnosis = plain(told)
    assert [tier["tier"] for tier in diagnosis["tiers"]] == ["quick", "standard", "full"]
    assert [bool(tier["problems"]) for tier in diagnosis["tiers"]] == [False, False, True]
    assert diagnosis["machine"]["cores"] >= 1
    assert diagnosis["store"]["free"] > 0


def test_flags_and_gpus_are_read_from_what_the_system_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(
        "processor : 0\nflags\t: fpu avx2 avx512f amx_bf16 sse\n\nflags : avx2\n"
    )
    assert machine.flags(tmp_path / "cpuinfo") == ("avx2", "avx512f", "amx_bf16")
    assert machine.flags(tmp_path / "nowhere") == ()
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho 'NVIDIA H200, 143771'\necho 'NVIDIA B, SXM, [N/A]'\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert [(g.name, g.memory_gib) for g in machine.gpus()] == [
        ("NVIDIA H200", 140.4),
        ("NVIDIA B, SXM", 0.0),
    ]
    smi.write_text("#!/bin/sh\nexit 9\n")
    monkeypatch.setattr("harness.lab.pinning.count_gpus", lambda: 2)
    assert [g.name for g in machine.gpus()] == ["NVIDIA GPU"] * 2


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


# -- what they share ----------------------------------------------------------------------------------


def test_missing_data_is_presumed_under_an_address_of_its_own(tmp_path: Path) -> None:
    lab = selection.lab(at(tmp_path))
    assert lab.names.named(SMALL) == Lab(at(tmp_path)).names.named(SMALL)
    missing = SMALL.but(data=Cifar10(n=100))
    with pytest.raises(DataError, match="cifar10"):
        Lab(at(tmp_path)).names.named(missing)
    assert lab.names.named(missing).address == specification(missing)
    assert list(lab.names.absent) == [specification(missing)]


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (98_762, "99 KB"), (2.5e9, "2.5 GB"), (4e15, "4000 TB")],
)
def test_bytes_for_people(count: float, text: str) -> None:
    assert commands.sized(count) == text


def test_a_table_has_columns() -> None:
    rows: Sequence[Sequence[Any]] = [("a", 1, "x"), ("bbb", 100, "y")]
    assert commands.table(rows, right="1") == ["a      1  x", "bbb  100  y"]


def test_a_count_starts_at_one() -> None:
    parser = argparse.ArgumentParser()
    selection.add_device(parser)
    assert parser.parse_args(["--processes", "3"]).processes == 3


def test_failures_are_told_once_each(tmp_path: Path) -> None:
    from harness.commands.train import failed

    lab = Lab(at(tmp_path))
    runs = [*lab.runs(named(raising), 3), *lab.runs(named(drawn), 2)]
    lab.ensure(runs)
    (line,) = failed(lab.failures, runs)
    assert line == "3 failed: OverflowError: the first line (replicate 0 of Simulation(raising))"
