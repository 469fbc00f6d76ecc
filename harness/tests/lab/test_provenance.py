"""What is said of where numbers come from: the score of planted mistakes, and records of other versions."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import pytest

from harness.lab import provenance
from harness.lab.provenance import Planted
from harness.lab.store import Store
from harness.tests.suites import run, write

SCORE = Planted(
    commit="0123456789abcdef",
    planted=1234,
    killed_by_tests=1230,
    killed_by_claims=3,
    kinds={"seeds": 1000, "labels": 234},
    survivors={"one seed for all": "seeds"},
)


def test_the_score_is_read_from_the_reports(tmp_path: Path) -> None:
    assert provenance.mutants(tmp_path) == ""
    file = provenance.planted_at(tmp_path)
    file.parent.mkdir()
    file.write_bytes(msgspec.json.encode(SCORE))
    assert provenance.mutants(tmp_path) == (
        "1,234 mistakes of 2 kinds, planted one at a time into commit 0123456789ab: 1,230 noticed by tests, "
        "3 by claims alone, 1 by neither"
    )
    file.write_text("{}")
    assert provenance.mutants(tmp_path) == ""


HERE = {"python": "3.11.7", "numpy": "2.3.1", "torch": "2.9.0+cpu"}


@pytest.mark.parametrize(
    ("records", "says"),
    [
        ([], ""),
        ([{}, {"device": "cpu"}, HERE, {"numpy": "2.3.9", "torch": "2.9.1"}], ""),
        (
            [HERE, {"numpy": "1.26.4"}, {"numpy": "1.26.0"}, {"numpy": "2.3.1", "torch": "2.8.0"}],
            "records of other versions were read: 2 with numpy 1.26; 1 with numpy 2.3, torch 2.8 "
            "(here numpy 2.3, torch 2.9): --fresh computes them anew",
        ),
    ],
)
def test_records_of_other_versions_are_told(
    records: list[dict[str, str]], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "versions", lambda: HERE)
    assert provenance.otherwise_computed(records) == says


GOOD = """
@claim(PAPER, "S1", says="x is large", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_large(x, check):
    large(x, check)
"""


def test_a_session_says_whose_numbers_it_read(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    assert "note:" not in run(tmp_path).text
    store = Store(tmp_path / "store")
    key = store.keys()[0]
    record = store.read(key)
    assert record is not None
    store.publish(msgspec.structs.replace(record, provenance={**record.provenance, "numpy": "1.0.0"}))
    run(tmp_path).says("note: records of other versions were read: 1 with numpy 1.0 (here ")


def repository(folder: Path) -> Path:
    """A repository of one commit, of a module, that ignores the folder ``vendored`` within it."""
    (folder / "vendored").mkdir(parents=True)
    (folder / ".gitignore").write_text("vendored/\n")
    (folder / "module.py").write_text("x = 1\n")
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "One"]):
        who = ["-c", "user.name=us", "-c", "user.email=us@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *arguments], cwd=folder, check=True)
    return folder


def test_a_commit_is_of_what_the_repository_tracks(tmp_path: Path) -> None:
    ours = repository(tmp_path / "ours")
    head, dirty = provenance.commit(ours)
    assert (len(head), dirty) == (40, False)
    (ours / "reports").mkdir()
    (ours / "reports" / "report.json").write_text("{}")
    assert provenance.commit(ours / "reports") == (head, False), "a report is no code"
    (ours / "module.py").write_text("x = 2\n")
    assert provenance.commit(ours) == (head, True)
    assert provenance.commit(ours / "vendored") == ("", False)
    installed = ours / "lib" / "site-packages"
    installed.mkdir(parents=True)
    assert provenance.commit(installed) == ("", False)


def test_the_harness_of_another_repository_is_named_with_its_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "versions", lambda: {"overclaim": "1.2.3"})
    ours, theirs = (repository(tmp_path / name) for name in ("ours", "theirs"))
    monkeypatch.setattr(provenance, "HARNESS", theirs)
    (theirs / "module.py").write_text("x = 3\n")
    assert provenance.release(theirs) == "1.2.3"
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=b", "commit", "-qam", "Two"], cwd=theirs, check=True
    )
    assert provenance.release(ours) == f"1.2.3 at {provenance.commit(theirs)[0][:12]}"
    assert provenance.release(ours, provenance.commit(ours)[0]) == provenance.release(ours)
    assert provenance.release(theirs, provenance.commit(theirs)[0]) == "1.2.3"
    monkeypatch.setattr(provenance, "HARNESS", theirs / "vendored")
    assert provenance.release(ours) == "1.2.3"
