"""``python -m harness``: its command line, listing, data, reports. The rest is in test_commands.py."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from harness.__main__ import COMMANDS, main
from harness.spec.verdict import Verdict
from harness.tests.reports import claim, report
from harness.tests.suites import environment, run_harness, write

CLAIMS = """
@claim(PAPER, "S1", says="x is large", adapted={"quick": "small", "standard": "none"},
       expected={"standard": ("refuted", "known")})
@trained(x=Tiers(quick=about(1.0), standard=about(1.5)))
@control(says="no shift", x=NULL)
@pytest.mark.parametrize("width", [2, pytest.param(3, marks=pytest.mark.tiers("quick"))])
def test_large(x, check, width):
    large(x, check)

@claim(PAPER, "S2", says="x is small", adapted=SMALL)
@trained(x=about(1.0))
def test_small(x, check):
    large(x, check)

def test_no_claim():
    pass
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write(tmp_path_factory.mktemp("suite"), "")
    (folder / "test_tiny.py").unlink()
    write(folder / "claims", CLAIMS)
    (folder / "claims" / "conftest.py").unlink()
    (folder / "claims" / "pyproject.toml").unlink()
    return folder


def test_list_names_every_claim_once(suite: Path) -> None:
    found = run_harness(suite, "list")
    assert found.status == 0
    ids = [row for row in found.text.splitlines() if row.startswith("claims")]
    assert ids == [f"claims/test_tiny.py::test_{name}" for name in ("large[2]", "large[3]", "small")]
    found.says("X2020, S1: x is large", "standard expected refuted; adapted: none", "control: no shift")
    assert "no_claim" not in found.text
    assert "test_large[standard-2]" in found.text
    assert "test_large[standard-3]" not in found.text


def test_list_as_json_of_what_matches(suite: Path) -> None:
    found = run_harness(suite, "list", "--json", "-k", "small")
    entries = json.loads(found.text.partition("imported torch: False")[0])
    assert [e["id"] for e in entries] == ["claims/test_tiny.py::test_small"]
    assert entries[0]["expected"] == {"quick": "reproduced"}
    assert (
        json.loads(run_harness(suite, "list", "--json", "-k", "nothing").text.partition("imported")[0]) == []
    )


def test_list_elsewhere_or_with_a_broken_file_is_one_line(suite: Path, tmp_path: Path) -> None:
    found = run_harness(tmp_path, "list")
    assert (found.status, len(found.text.splitlines())) == (1, 1)
    found.says("no folder claims/ here", "checkout")
    bad = run_harness(suite, "list", "-k", "and and")
    assert bad.status == 2
    assert "Traceback" not in bad.text
    write(tmp_path, "\n1 / 0\n")
    (tmp_path / "claims").mkdir()
    (tmp_path / "test_tiny.py").rename(tmp_path / "claims" / "test_tiny.py")
    broken = run_harness(tmp_path, "list")
    assert broken.status == 2
    broken.says("ZeroDivisionError", "test_tiny.py")


def test_data_list_says_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "mnist.npz", x_train=np.zeros(3))
    assert main(["data", "list", "--data-root", str(tmp_path)]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == ["mnist", "cifar10", "cifar100"]
    assert all("python -m harness data get" in row for row in rows)
    assert main(["data", "list", "mnist", "--data-root", str(tmp_path)]) == 1
    assert main(["data", "list", "svhn"]) == 1
    assert "unknown data set 'svhn': one of mnist, cifar10, cifar100" in capsys.readouterr().err


def test_report_renders_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "report.json").write_bytes(msgspec.json.encode(report()))
    assert main(["report", str(tmp_path)]) == 0
    first = (tmp_path / "report.html").read_bytes()
    assert main(["report", str(tmp_path), "--out", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "report.html").read_bytes() == first
    (tmp_path / "report.json").write_text("{}")
    assert main(["report", str(tmp_path)]) == 1
    assert main(["report", str(tmp_path / "nowhere")]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert all("report.json" in row or "nowhere" in row for row in errors)


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        assert ended(name, "--help") == 0
        shown = capsys.readouterr().out
        assert f"examples:\n  python -m harness {name} " in shown, shown
    assert ended("--help") == 0
    shown = capsys.readouterr().out
    assert all(f"    {name} " in shown for name in COMMANDS)
    assert "exit status:" in shown


@pytest.mark.parametrize(
    "arguments",
    [
        (), ("lists",), ("plan", "quickly"), ("train", "--processes", "0"), ("train", "--processes", "x"),
        ("report",), ("report", "a", "--diff", "a", "b"), ("store",), ("store", "gc", "fast"),
        ("data",), ("data", "digest"), ("doctor", "large"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_wrong_command_line_is_status_2(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(*arguments) == 2
    assert "python -m harness" in capsys.readouterr().err


def ended(*arguments: str) -> object:
    """The status with which the command line itself ends the program."""
    with pytest.raises(SystemExit) as ending:
        main(list(arguments))
    return ending.value.code


def test_an_interrupt_is_status_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.commands.doctor.diagnosis", interrupted)
    assert main(["doctor"]) == 130
    assert capsys.readouterr().err == "python -m harness doctor: interrupted\n"


def test_a_reader_that_has_seen_enough_is_no_error(suite: Path) -> None:
    command = [sys.executable, "-m", "harness", "list"]
    with subprocess.Popen(
        command, cwd=suite, env=environment(suite), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as listing:
        assert listing.stdout is not None
        assert listing.stderr is not None
        listing.stdout.close()
        assert listing.stderr.read() == b""
    assert listing.returncode == 0


def test_two_reports_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("harness.report.diff")
    flipped = claim(verdict=Verdict.REFUTED, unexpected=True)
    for name, one in (("a", claim()), ("b", flipped)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_bytes(msgspec.json.encode(report(one)))
    a, b = str(tmp_path / "a"), str(tmp_path / "b" / "report.json")
    assert main(["report", "--diff", a, a]) == 0
    capsys.readouterr()
    assert main(["report", "--diff", a, b]) == 1
    assert "random_labels_are_fit" in capsys.readouterr().out
    assert main(["report", "--diff", a, b, "--json"]) == 1
    assert isinstance(json.loads(capsys.readouterr().out), dict)
    assert main(["report", "--diff", a, str(tmp_path / "c")]) == 1
