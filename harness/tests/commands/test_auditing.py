"""``report audit``: what follows from its records passes, and what cannot be audited is one line."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness.__main__ import main
from harness.commands import auditing, trees
from harness.commands.exporting import NAME
from harness.evidence.schema import decode
from harness.spec.verdict import Verdict
from harness.tests.commands.strangers import audit, in_a_process, lines, of, rewrite
from harness.tests.commands.test_carrying import commit, git_trees

# -- what follows -------------------------------------------------------------------------------------


def test_an_honest_report_follows(
    stranger: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "ran", in_a_process)
    assert main(["report", "audit", str(stranger)]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == "the report follows from these records"
    assert "judged again by that commit's code (which is here)" in said
    assert "20 records" in said
    assert "badge.json, report.md, report.html, pages" in said
    done = audit(stranger)
    assert done.follows
    assert (done.claims, done.unselected, done.records) == (3, 0, 20)
    assert done.numbers > 100


def test_programs_read_it_as_json(stranger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(stranger, lambda content: of(content, "large").update(verdict="refuted"))
    assert main(["report", "audit", str(stranger), "--json"]) == 1
    done = json.loads(capsys.readouterr().out)
    assert done["follows"] is False
    assert done["findings"][0]["says"] == "verdict is 'refuted' in the report, 'reproduced' by the records"


def test_a_report_of_an_earlier_commit_is_judged_by_its_code(
    stranger: Path, judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = tmp_path / "later"
    shutil.copytree(judged, later)
    claims = later / "claims/test_tiny.py"
    claims.write_text(
        claims.read_text().replace("centre + 0.1", "centre + 0.2").replace("0.5, be", "0.6, be")
    )
    monkeypatch.chdir(later)
    dirty = audit(stranger)
    assert dirty.follows
    assert dirty.by == "that commit's code"
    commit(later)
    assert audit(stranger).follows
    assert not git_trees(later)
    here = audit(stranger, here=True)
    assert not here.follows
    assert "other code, or other data" in lines(here)
    assert "verdict is 'reproduced' in the report, 'not run' by the records" in lines(here)


def test_a_sample_is_computed_again(stranger: Path, judged: Path) -> None:
    done = audit(stranger, again=4)
    assert (done.follows, done.again) == (True, 4)


# -- what cannot be audited ---------------------------------------------------------------------------


def refused(stranger: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["report", "audit", str(stranger), *options]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    "named, says",
    [
        ("ab" * 20, "commit abababababab is not in this checkout: fetch it"),
        ("--help", "'--help' is no commit"),
        ("HEAD", "'HEAD' is no commit"),
        ("", "'' is no commit: nothing says by which code it was judged"),
    ],
)
def test_a_commit_that_is_not_known_is_one_line(
    stranger: Path, capsys: pytest.CaptureFixture[str], named: str, says: str
) -> None:
    rewrite(stranger, lambda content: content["provenance"].update(commit=named))
    assert says in refused(stranger, capsys)
    assert audit(stranger, here=True).follows


def test_code_that_was_only_fetched_is_not_run(
    stranger: Path, judged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = [
        "git",
        "-c",
        "user.name=n",
        "-c",
        "user.email=e@example.org",
        "commit-tree",
        "-m",
        "x",
        "HEAD^{tree}",
    ]
    other = subprocess.run(tree, cwd=judged, check=True, capture_output=True, text=True).stdout.strip()
    rewrite(stranger, lambda content: content["provenance"].update(commit=other))
    assert "is not in the history of what is checked out here" in refused(stranger, capsys)


def test_missing_damaged_and_huge_files_are_one_line(
    stranger: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    records = (stranger / NAME).read_bytes()
    (stranger / NAME).write_bytes(records[:-40])
    assert "is damaged" in refused(stranger, capsys)
    (stranger / NAME).unlink()
    assert "its records are needed beside it, or by --records FILE" in refused(stranger, capsys)
    elsewhere = stranger.parent / "elsewhere.gz"
    elsewhere.write_bytes(records)
    assert audit(stranger, records=elsewhere).follows
    monkeypatch.setattr(auditing, "MOST", 1000)
    assert "larger than" in refused(stranger, capsys)


def test_a_fresh_judgement_ships_no_records(stranger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(stranger, lambda content: content["provenance"].update(first_replicate=3000), rendered=False)
    assert "replicates 3000 and up were judged, whose records are never shipped" in refused(stranger, capsys)


def test_a_report_of_no_tier_has_nothing_to_judge(stranger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(stranger, lambda content: content.update(tiers=["gold"]), rendered=False)
    assert "the report is of no tier" in refused(stranger, capsys)


def test_signs_that_terminals_obey_are_not_printed(
    stranger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite(
        stranger,
        lambda content: of(content, "large").update(says="\x1b[2J\u202e" + "x" * 9999),
        rendered=False,
    )
    assert main(["report", "audit", str(stranger)]) == 1
    said = capsys.readouterr().out
    assert all(sign.isprintable() or sign == "\n" for sign in said)
    assert max(map(len, said.splitlines())) < 400


def test_a_selection_says_what_it_leaves_out(stranger: Path) -> None:
    def select(content: dict[str, Any]) -> None:
        content["claims"] = [of(content, "large")]
        for item in content["collected"]:
            item["selected"] = item["id"].endswith("test_large")

    rewrite(stranger, select)
    done = audit(stranger)
    assert done.unselected == 2
    assert any(note.startswith("2 items of its tiers are left out of the report") for note in done.notes)
    assert "records that nothing in the report reads" in lines(done)
    assert Verdict.REPRODUCED is decode((stranger / "report.json").read_bytes()).claims[0].verdict
