"""What is installed: claims of one's own are judged from a wheel, in a repository without the checkout."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from harness.data import DataError
from harness.evidence.schema import Report, decode
from harness.report import wording
from harness.tests.suites import ROOT, Session, environment

OWN = (ROOT / "docs" / "OWN_CLAIMS.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^As `([\w/.]+)`[^\n]*:\n\n```python\n(.*?)```", OWN, re.MULTILINE | re.DOTALL))
BUILD = "from setuptools import build_meta; build_meta.build_wheel('out')"
COMMANDS = (["list"], ["plan"], ["train"], ["doctor"])
"""Commands of the harness that are tried in the repository, one after another."""
DRIVER = """
import json, sys
import harness.lab.provenance
harness.lab.provenance.cores = lambda: 1  # no processes of the session's own: they take a second to start
from harness.__main__ import main
for command in json.loads(sys.argv[1]):
    print("status of", command[0], main(command), flush=True)
import pytest
print("judged:", int(pytest.main(["claims", "-m", "quick", "--report", "reports/quick"])))
print(harness.__file__)
"""
"""One process does it all, which saves the start of Python and torch for each."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of site-packages into which the wheel of this checkout is installed."""
    source = tmp_path_factory.mktemp("source")
    for name in ("harness", "claims"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    subprocess.run([sys.executable, "-c", BUILD], cwd=source, check=True, capture_output=True, timeout=100)
    (wheel,) = (source / "out").glob("*.whl")
    folder = tmp_path_factory.mktemp("environment") / "site-packages"
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def python(site: Path, folder: Path, *arguments: str) -> Session:
    """Python in a folder, with what is installed in place of the checkout."""
    environ = environment(folder, PYTHONPATH=str(site), HARNESS_DATA=str(folder))
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installation is compiled once, not by every process
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environ, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=100, check=False,
    )  # fmt: skip
    return Session(status=done.returncode, text=done.stdout, folder=folder)


def git(folder: Path, *arguments: str) -> str:
    """What git says in a folder, whoever's settings there are."""
    who = ("-c", "user.name=us", "-c", "user.email=us@example.org", "-c", "commit.gpgsign=false")
    command = ["git", *who, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository that docs/OWN_CLAIMS.md describes, with data that its claim is true of, committed."""
    import numpy as np

    folder = tmp_path_factory.mktemp("repository")
    (folder / "claims").mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    generator = np.random.Generator(np.random.Philox(0))
    y = generator.integers(10, size=1200)
    x = 5.0 * np.eye(64)[y] + generator.normal(size=(1200, 64))
    np.savez(folder / "mine.npz", x=x.reshape(1200, 1, 8, 8).astype(np.float32), y=y)
    git(folder, "init", "--quiet")
    git(folder, "add", "claims", "conftest.py")
    git(folder, "commit", "--quiet", "--message", "Our claims")
    return folder


@pytest.fixture(scope="module")
def worked(site: Path, repository: Path) -> Session:
    """Someone lists, plans, trains, examines and judges their own claims."""
    return python(site, repository, "-c", DRIVER, json.dumps(COMMANDS))


def report_of(session: Session) -> Report:
    return decode((session.folder / "reports" / "quick" / "report.json").read_bytes())


def test_data_of_the_template_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    template = ModuleType("template")
    monkeypatch.setitem(sys.modules, "template", template)
    exec(FILES["claims/ours.py"], template.__dict__)
    with pytest.raises(DataError, match=r"mine\.npz is not in the data root: put it there"):
        template.Mine().source(tmp_path)


def test_the_template_is_three_files() -> None:
    assert list(FILES) == ["conftest.py", "claims/ours.py", "claims/test_largest_pieces.py"]
    assert len(FILES["conftest.py"].splitlines()) == 1


def test_claims_of_ones_own_are_listed_planned_trained_and_judged(worked: Session, site: Path) -> None:
    assert worked.text.rstrip().splitlines()[-1] == str(site / "harness" / "__init__.py")
    for command in COMMANDS:
        worked.says(f"status of {command[0]} 0")
    worked.says("judged: 0", "plan: 10 runs to train", "trained 10 runs", "none to train")
    (claim,) = report_of(worked).claims
    assert claim.verdict.value == "reproduced"
    assert claim.id == "claims/test_largest_pieces.py::test_largest_pieces_classify"
    assert [paper.key for paper in report_of(worked).papers] == ["OURS2026"]
    assert len(report_of(worked).provenance.data["mine"]) == 64


def test_a_report_names_the_commit_of_the_claims_and_the_version_of_what_judged_them(
    worked: Session, repository: Path
) -> None:
    seen = report_of(worked).provenance
    assert seen.commit == git(repository, "rev-parse", "HEAD")
    assert not seen.dirty, "only the report and data were added"
    assert re.fullmatch(r"\d+\.\d+\.\d+", seen.versions["overclaim"])


def test_installed_claims_are_judged_without_a_checkout(site: Path, repository: Path, tmp_path: Path) -> None:
    """They are no part of the repository in which they are judged here."""
    where = repository / "elsewhere"
    where.mkdir()
    named = "claims.test_finite_sample_expressivity::test_the_network_has_2n_plus_d_weights"
    done = python(
        site, where, "-m", "pytest", "-p", "harness.suite.plugin", "--pyargs", named, "--report", "rep",
    )  # fmt: skip
    assert done.status == 0, done.text
    seen = done.report.provenance
    assert (seen.commit, seen.dirty) == ("", False)
    assert wording.code(seen) == f"unknown, overclaim {seen.versions['overclaim']}"
    (claim,) = done.report.claims
    assert claim.command == f'python -m pytest -p harness.suite.plugin --pyargs "{named}[quick]"'


def test_without_the_plugin_or_claims_it_is_said_how(site: Path, tmp_path: Path) -> None:
    lost = python(site, tmp_path, "-m", "pytest", "--pyargs", "claims", "-m", "quick")
    assert lost.status == 2
    lost.says("a plugin that is not loaded: python -m pytest -p harness.suite.plugin --pyargs claims")
    assert "deselected" not in lost.text
    doctor = python(site, tmp_path, "-m", "harness", "doctor")
    assert doctor.status == 1
    doctor.says("processor", "in the way of quick and standard and full", "--pyargs claims -m quick")


def test_a_wheel_has_what_runs_and_no_tests(site: Path) -> None:
    there = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    ours = (path for room in ("harness", "claims") for path in (ROOT / room).rglob("*.*") if path.is_file())
    needed = [
        path.relative_to(ROOT).as_posix()
        for path in ours
        if path.suffix in (".py", ".cpp", ".h", ".css", ".jinja", ".json", ".typed")
    ]
    assert len(needed) > 300
    absent = [name for name in needed if name not in there]
    assert [name for name in absent if not name.startswith("harness/tests/")] == []
    assert [name for name in there if name.startswith("harness/tests/")] == []
