"""``store carry``: after a change that changes no number nothing is trained again; after another, all."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import pytest

from harness.lab.store import Record, Store
from harness.tests.suites import run, run_harness, write

CLAIMS = """
import own

@claim(PAPER, "1", says="s", reported="words", adapted=SMALL)
@trained(x=Simulation(own.spread, {"scale": 2.0}))
@control(x=Simulation(own.spread, {"scale": 0.0}), says="nothing")
def test_spread(x, check):
    check(below(x.final("x"), 9.0, because="more than four deviations"))
"""
OWN = "def spread(generator, scale):\n    return {'x': scale * generator.normal()}\n"


@pytest.fixture
def suite(tmp_path: Path, warm: None) -> Path:
    """A checkout with a commit, and a store with what its claim reads at the quick tier."""
    write(tmp_path / "claims", CLAIMS)
    for name in ("conftest.py", "pyproject.toml"):
        (tmp_path / "claims" / name).rename(tmp_path / name)
    (tmp_path / "own.py").write_text(OWN)
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    assert "trained 10 runs" in run_harness(tmp_path, "train", "quick").text
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    (folder / ".gitignore").write_text("store/\n__pycache__/\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "a state")


def missing(folder: Path) -> str:
    text = run(folder, "claims", "--plan", "-m", "quick").text
    return next(row for row in text.splitlines() if row.startswith("plan: ")).split()[1]


def test_a_refactor_loses_nothing(suite: Path) -> None:
    assert missing(suite) == "0"
    (suite / "own.py").write_text(
        "def spread(generator, scale):\n    return {'x': scaled(scale, generator)}\n\n"
        "def scaled(scale, generator):\n    return scale * generator.normal()\n"
    )
    assert missing(suite) == "10"
    dry = run_harness(suite, "store", "carry", "--from", "HEAD", "--dry-run")
    assert "10 records of commit" in dry.text, dry.text
    assert missing(suite) == "10"
    done = run_harness(suite, "store", "carry", "--from", "HEAD", "--seed", "1")
    assert done.status == 0, done.text
    done.says("to prove: 1 runs", "10 records carried, 0 not")
    assert missing(suite) == "0"
    report = run(suite, "claims", "-m", "quick", "--report", "rep").report
    carried = {r.carried for r in report.claims[0].runs}
    assert carried == set(report.provenance.carried)
    assert all("equal to the records to the bit" in says for says in report.provenance.carried.values())
    assert not git_trees(suite)


def git_trees(folder: Path) -> list[str]:
    """Further checkouts that git knows of."""
    done = subprocess.run(["git", "worktree", "list"], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()[1:]


def test_other_numbers_are_not_carried(suite: Path) -> None:
    (suite / "own.py").write_text(OWN.replace("scale *", "1.5 * scale *"))
    done = run_harness(suite, "store", "carry", "--from", "HEAD", "--seed", "2", "--sample", "4")
    assert done.status == 1, done.text
    done.says("not carried (Simulation, spread): ", "0 records carried, 10 not")
    assert missing(suite) == "10"


def test_records_of_another_machine_are_carried_if_both_codes_agree_here(suite: Path) -> None:
    """The records are as if rounded elsewhere, but the earlier commit's code computes here what ours does."""
    for file in (suite / "store" / "v1").glob("[0-9a-f][0-9a-f]/*/record.json"):
        falsified(file)
    (suite / "own.py").write_text(OWN.replace("scale * generator.normal()", "generator.normal() * scale"))
    done = run_harness(suite, "store", "carry", "--from", "HEAD")
    assert done.status == 0, done.text
    done.says("10 records carried, 0 not")
    says = [r.provenance["carried_by"] for r in records(suite) if "carried_by" in r.provenance]
    assert len(says) == 10
    assert all("equal to what commit" in each for each in says)


def records(folder: Path) -> list[Record]:
    store = Store(folder / "store")
    return [r for r in map(store.read, store.keys()) if r is not None]


def falsified(file: Path) -> None:
    """The same record with another last digit, sealed anew."""
    store = Store(file.parents[3])
    record = store.read(file.parent.name)
    assert record is not None
    if record.outcome == "solved":
        finals = {name: (value or 0.0) + 1e-9 for name, value in record.finals.items()}
        store.publish(msgspec.structs.replace(record, finals=finals))


def test_unknown_commits_and_files_are_refused_in_one_line(suite: Path) -> None:
    for origin in ("0123456789", "nowhere.gz"):
        done = run_harness(suite, "store", "carry", "--from", origin)
        assert done.status == 1
        assert "Traceback" not in done.text
        assert "no such commit" in done.text
    assert not git_trees(suite)
