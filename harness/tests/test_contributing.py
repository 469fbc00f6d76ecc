"""CONTRIBUTING.md: ten recipes whose files, tests and commands are there, and an example that runs."""

from __future__ import annotations

import importlib
import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.tests.suites import ROOT, Session, run, write

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
RECIPES = dict(re.findall(r"^## \d+\. (.+)\n((?:(?!## ).*\n)*)", TEXT, re.MULTILINE))
PARTS = ("**File:**", "**Try it:**", "**Test:**", "**The pull request carries**")


def session(folder: Path, *arguments: str) -> Session:
    return run(folder, "claims", "-m", "quick", "--report", "rep", *arguments)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory, warm_sessions: None) -> Session:
    """A session of someone who did what the first recipe says."""
    folder = write(tmp_path_factory.mktemp("reader"), "", name="unused.py", head="")
    (folder / "claims").mkdir()
    (folder / "claims" / "test_width.py").write_text(EXAMPLE)
    return session(folder)


def test_the_example_runs_and_is_reproduced(followed: Session) -> None:
    assert followed.verdicts == {"width_shortens_memorizing": "reproduced"}, followed.text
    assert followed.status == 0
    assert {figure.figure for c in followed.report.claims for figure in c.figures} == {"Width"}


def test_another_margin_is_judged_without_training(followed: Session) -> None:
    assert EXAMPLE.count("1.2, because") == 1
    (followed.folder / "claims" / "test_width.py").write_text(EXAMPLE.replace("1.2, because", "3.0, because"))
    moved = session(followed.folder, "-k", "width")
    assert moved.status == 1
    assert moved.verdicts["width_shortens_memorizing"] != "reproduced"
    assert moved.report.provenance.trained_runs == 0


def test_the_example_is_written_as_claims_are() -> None:
    """Whoever copies it into claims/ is not told by ruff that it is wrong."""
    for arguments in (["check"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *arguments, "--stdin-filename", "claims/test_width.py", "-"]
        done = subprocess.run(command, cwd=ROOT, input=EXAMPLE, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_ten_recipes_of_four_parts() -> None:
    assert len(RECIPES) == 10
    absent = {(name, part) for name, text in RECIPES.items() for part in PARTS if part not in text}
    assert absent == set()
    links = re.findall(r"^\| \d+ \| \[(.+)\]\(#\d+-(.+)\) \|", TEXT, re.MULTILINE)
    names = [name.lower() for name in RECIPES]
    assert [name for name, _ in links] == names
    assert [anchor.replace("-", " ") for _, anchor in links] == names


@pytest.mark.parametrize("named", sorted(set(re.findall(r"-m harness check (harness\S+:\w+)", TEXT))))
def test_what_is_checked_in_a_recipe_keeps_its_contract(named: str) -> None:
    assert main(["check", named]) == 0


def test_modules_that_are_run_exist() -> None:
    modules = set(re.findall(r"python -m (harness\.[\w.]+\w)", TEXT))
    assert {"harness.report.readme", "harness.tests.citation", "harness.benchmarks"} <= modules
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []
    heads = re.findall(r"^\[testenv:(.+)\]$", (ROOT / "tox.ini").read_text(encoding="utf-8"), re.MULTILINE)
    environments = {name for head in heads for name in head.strip("{}").split(",")}
    assert set(re.findall(r"tox -e (\w+)", TEXT)) <= environments


def test_the_schema_is_written_by_the_command_of_its_recipe() -> None:
    (command,) = re.findall(r'^ +python (-c "import sys; .*") \\$', TEXT, re.MULTILINE)
    done = subprocess.run([sys.executable, *shlex.split(command)], cwd=ROOT, capture_output=True, check=True)
    assert done.stdout == (ROOT / "harness" / "report" / "report.schema.json").read_bytes()


def test_names_in_the_recipes_are_those_of_the_code() -> None:
    """A base class, method or function that a recipe names is defined where it says."""
    places = {
        "Architecture": "harness.models.architecture",
        "LabelChange": "harness.data.labels",
        "InputChange": "harness.data.inputs",
        "ImageChange": "harness.data.augmentation",
        "Examples": "harness.data.examples",
        "Replica": "harness.fleet.replica",
        "Kernel": "harness.spec.contracts",
        "Solved": "harness",
        "Probing": "harness",
        "examined": "harness.lab.conformance",
        "run_harness": "harness.tests.suites",
        "COMMANDS": "harness.__main__",
    }
    assert [name for name in places if f"`{name}" not in TEXT] == []
    assert [n for n, place in places.items() if not hasattr(importlib.import_module(place), n)] == []
