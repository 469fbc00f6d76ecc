"""Everything a person can get wrong: one line that names cause and fix, exit status 2 or 4, no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.report.render import REPORT_FILES
from harness.tests.suites import Session, inside, run, write

pytest_plugins = ["pytester"]

GOOD = """
@claim(PAPER, "S1", says="x is large", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_large(x, check):
    large(x, check)
"""

SILENT = GOOD.replace('reported="words", ', "")
UNKNOWN_TIER = GOOD.replace("adapted=SMALL", 'adapted={"huge": "none"}')
NEEDS_DATA = """
from harness import Solved, Value
from harness.data import Cifar10, Digits


class Mean(Value, frozen=True):
    def solve(self, split, generator):
        return {"x": float(split.x_train.mean())}


@claim(PAPER, "S1", says="pictures are not black",
       reported="words", adapted={"quick": "none", "standard": "none"})
@trained(x=Tiers(quick=Solved(Digits(n=100), Mean()), standard=Solved(Cifar10(n=20), Mean())))
@control(says="no shift", x=NULL)
def test_bright(x, check):
    check(above(x.final("x"), -100.0, because="anything"))
"""

ARGUMENTS = {
    ("-m", "nonsense"): "nonsense",
    ("-m", "quick and"): "Wrong expression passed to '-m'",
    ("-k", "and and"): "Wrong expression passed to '-k'",
    ("--device", "nonsense"): "--device nonsense: use cpu, cuda or cuda:0",
    ("--device", "cuda:x"): "--device cuda:x: use cpu",
    ("--data-root", "nowhere"): "--data-root nowhere: no such directory; put data sets there or leave it out",
    ("--store", "file", "test_tiny.py"): "file holds no records: give a directory, or a file written by",
    ("--store=/proc/store",): "cannot write to the store /proc/store",
    ("nofile.py",): "file or directory not found: nofile.py",
    ("test_tiny.py::test_nothing",): "not found: ",
}


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Any:
    def start(body: str, *arguments: str) -> Session:
        write(pytester.path, body)
        (pytester.path / "file").write_text("")
        return inside(pytester, monkeypatch, *arguments)

    return start


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=" ".join)
def test_arguments(arguments: tuple[str, ...], session: Any) -> None:
    session(GOOD, *arguments).refused(ARGUMENTS[arguments])


@pytest.mark.parametrize(
    "body, told",
    [
        (UNKNOWN_TIER, "unknown tier 'huge': one of quick, standard, full"),
        (SILENT, "a statement says what its source prints: reported={name: number}; or reported='theorem'"),
    ],
    ids=["tier", "silent"],
)
def test_a_file_that_does_not_import_is_named(body: str, told: str, session: Any) -> None:
    done = session(body)
    assert done.status == 2
    done.says(told, "ERROR test_tiny.py")


@pytest.mark.parametrize("count", [0, 2])
def test_a_gpu_that_is_not_there(count: int, session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = SimpleNamespace(is_available=lambda: count > 0, device_count=lambda: count)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(__version__="2.9", cuda=cuda))
    sees = "2 GPUs" if count else "no GPU"
    session(GOOD, "--device", "cuda:2").refused(f"torch 2.9 sees {sees} here; use another or --device cpu")


@pytest.mark.parametrize("name", ["HARNESS_STORE", "HARNESS_DATA"])
def test_environment(name: str, tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    (tmp_path / "file").write_text("")
    what = (
        "file holds no records: give a directory"
        if name == "HARNESS_STORE"
        else "HARNESS_DATA file: no such directory"
    )
    run(tmp_path, **{name: "file"}).refused(what)


WORKERS = {
    ("test_tiny.py::test_nothing",): (GOOD, "not found: test_tiny.py::test_nothing"),
    ("-m", "standard", "--data-root", "."): (NEEDS_DATA, "python -m harness data get cifar10"),
}


BEFORE_WORKERS = {
    ("-m", "nonsense"): "nonsense",
    ("-k", "and and"): "Wrong expression passed to '-k'",
    ("nofile.py",): "file or directory not found: nofile.py",
    ("--store", "file", "test_tiny.py"): "file holds no records: give a directory",
    ("--device", "nonsense"): "--device nonsense",
}


@pytest.mark.parametrize("arguments", BEFORE_WORKERS, ids=" ".join)
def test_workers_are_not_started_for_a_mistyped_line(arguments: tuple[str, ...], session: Any) -> None:
    done = session(GOOD, "-n", "2", *arguments)
    done.refused(BEFORE_WORKERS[arguments])
    assert "bringing up" not in done.text


@pytest.mark.parametrize("arguments", WORKERS, ids=" ".join)
def test_workers_say_the_same(arguments: tuple[str, ...], tmp_path: Path) -> None:
    body, what = WORKERS[arguments]
    write(tmp_path, body)
    run(tmp_path, "-n", "2", *arguments).refused(what)


def test_data_that_is_missing_or_damaged(
    session: Any, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(pytester.path / "cache"))
    named = ("-m", "standard", "--data-root", ".")
    remedy = "run `python -m harness data get cifar10` or give --data-root, or leave such claims out with -k"
    session(NEEDS_DATA, *named).refused("test_bright[standard]", "neither cifar10.npz nor", remedy)
    file = pytester.path / "cifar10.npz"
    file.write_bytes(b"PK\x03\x04 not a zip")
    session(NEEDS_DATA, *named).refused("cifar10.npz cannot be read", remedy)
    square = np.zeros((20, 8, 8, 3), np.uint8)
    labels = np.zeros(20, np.uint8)
    np.savez(file, x_train=square, y_train=labels, x_test=square)
    session(NEEDS_DATA, *named).refused("y_test", remedy)
    np.savez(file, x_train=square, y_train=labels, x_test=square, y_test=labels)
    session(NEEDS_DATA, *named).refused("x_train", remedy)
    pictures = np.zeros((20, 32, 32, 3), np.float32)
    np.savez(file, x_train=pictures, y_train=labels, x_test=pictures, y_test=labels)
    session(NEEDS_DATA, *named).refused("x_train", remedy)


def test_the_report_says_what_data_were_read(tmp_path: Path) -> None:
    write(tmp_path, NEEDS_DATA)
    done = run(tmp_path, "--report", "rep")
    assert done.report.provenance.data == {"digits (scikit-learn)": "embedded or generated"}
    done.says("imported torch: False")


@pytest.mark.parametrize("place", ["file", "file/rep", "taken"])
@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_a_report_that_cannot_be_written_is_said_before_anything_is_computed(
    place: str, workers: tuple[str, ...], session: Any, pytester: pytest.Pytester
) -> None:
    (pytester.path / "taken" / "report.html").mkdir(parents=True)
    done = session(GOOD, "test_tiny.py", "--report", place, *workers)
    done.refused(f"--report {place}: cannot write there: ")
    assert "bringing up" not in done.text
    assert not (pytester.path / "draws").exists()


def test_a_report_names_the_commit_of_the_claims_and_not_of_where_the_store_lies(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "pyproject.toml").write_text("[tool.pytest]\n")
    committing = [
        "-c",
        "user.name=x",
        "-c",
        "user.email=x@y.z",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "other",
    ]
    for arguments in (["init", "-q"], committing):
        subprocess.run(["git", "-C", str(other), *arguments], check=True)
    write(tmp_path / "suite", GOOD)
    store = ("--store", str(other / "store"), "--report", "rep", "--rootdir", str(other))
    done = run(tmp_path / "suite", "test_tiny.py", *store)
    assert done.report.provenance.commit == ""
    done = run(other, str(tmp_path / "suite" / "test_tiny.py"), *store, "-c", str(other / "pyproject.toml"))
    assert "1 claims judged" in done.text
    assert done.report.provenance.commit == ""


def test_a_report_is_tried_only_where_one_is_written(session: Any, pytester: pytest.Pytester) -> None:
    assert session(GOOD, "test_tiny.py", "--report", "file", "--collect-only").status == 0
    assert session(GOOD, "test_tiny.py", "--report", "new").status == 0
    assert {path.name for path in (pytester.path / "new").iterdir()} == {*REPORT_FILES, "pages"}


def test_a_report_that_cannot_be_written_in_the_end_is_said(tmp_path: Path) -> None:
    body = "    os.makedirs('rep/report.json', exist_ok=True)\n    large("
    write(tmp_path, GOOD.replace("    large(", body))
    done = run(tmp_path, "test_tiny.py", "--report", "rep")
    assert done.status == 4, done.text
    done.says("ERROR: cannot write the report to rep", "1 claims judged: 1 reproduced")
    assert "Traceback" not in done.text


@pytest.mark.parametrize(
    "spoils",
    ["os.makedirs('rep/report.md', exist_ok=True)", "__import__('sys').modules['markupsafe'] = None"],
)
def test_what_was_judged_is_kept_though_no_page_of_it_can_be_rendered(tmp_path: Path, spoils: str) -> None:
    write(tmp_path, GOOD.replace("    large(", f"    {spoils}\n    large("))
    done = run(tmp_path, "test_tiny.py", "--report", "rep")
    assert done.status == 4, done.text
    done.says(
        "ERROR: cannot write the pages of the report to rep: ",
        "; report.json is there, and python -m harness report rep renders it",
        "1 claims judged: 1 reproduced",
    )
    assert "Traceback" not in done.text
    assert done.verdicts == {"large": "reproduced"}
