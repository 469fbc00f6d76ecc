"""Little suites of claims on disk, and pytest sessions over them in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy.fft  # noqa: F401  # a session inside this process may need both, which cannot be imported twice
import pytest

import harness
from harness.evidence.schema import Report, decode
from harness.tests import zygote

ROOT = Path(harness.__file__).parents[1]

CONFTEST = """
import sys

import harness.lab.provenance

harness.lab.provenance.cores = lambda: 1  # no processes of the session's own: they take a second to start

pytest_plugins = ["harness.suite.plugin"]


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        print("imported torch:", "torch" in sys.modules, "numpy:", "numpy" in sys.modules)
"""

PYPROJECT = """
[tool.pytest]
strict = true
addopts = ["-ra", "-p", "no:cacheprovider", "-p", "no:benchmark", "-p", "no:timeout"]
"""

COMPANY = {
    "pytest_cov": "pytest-cov",
    "pytest_forked": "pytest-forked",
    "pytest_html": "pytest-html",
    "pytest_instafail": "pytest-instafail",
    "pytest_randomly": "pytest-randomly",
    "pytest_repeat": "pytest-repeat",
    "pytest_rerunfailures": "pytest-rerunfailures",
    "pytest_sugar": "pytest-sugar",
    "pytest_timeout": "pytest-timeout",
}
"""pytest plugins that people have beside ours: module -> package."""

HEAD = '''"""Numbers are large, which is a thesis."""

import os
import signal
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import Anew, Paper, Simulation, Tiers, below, claim, control, above, trained

PAPER = Paper(key="X2020", authors="A and B", title="T", venue="V", year=2020, url="https://x.org")
SMALL = {"quick": "small"}


def draw(generator, centre, seconds):
    time.sleep(seconds)
    with open("draws", "a") as file:
        file.write(f"{centre}\\n")
    return {"x": centre + 0.1 * generator.normal(), "curve": [1.0, 2.0]}


def fails(generator):
    raise ValueError("no convergence\\nin many lines")


def about(centre, seconds=0.0):
    return Simulation(draw, {"centre": centre, "seconds": seconds})


def large(x, check):
    check(above(x.final("x"), 0.5, because="half of what was reported"))


NULL = about(0.0)
'''


def write(folder: Path, body: str, name: str = "test_tiny.py", head: str = HEAD) -> Path:
    """A suite of one file in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / name).write_text(head + body)
    return folder


def environment(folder: Path, **more: str) -> dict[str, str]:
    """This process's, with everything the harness keeps inside ``folder``, and no trace of an outer xdist."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("PYTEST_", "HARNESS_"))}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "HARNESS_STORE": str(folder / "store"),
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "150",
        **more,
    }


def write_claims(folder: Path, text: str) -> Path:
    """A checkout whose ``claims`` folder has one file of claims, for ``python -m harness``."""
    write(folder, "")
    (folder / "test_tiny.py").unlink()
    write(folder / "claims", text)
    for name in ("conftest.py", "pyproject.toml"):
        (folder / "claims" / name).unlink()
    return folder


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What a pytest session printed and left."""

    status: int
    text: str
    folder: Path

    @property
    def report(self) -> Report:
        return decode((self.folder / "rep" / "report.json").read_bytes())

    @property
    def verdicts(self) -> dict[str, str]:
        return {c.id.partition("::test_")[2]: c.verdict.value for c in self.report.claims}

    @property
    def letters(self) -> str:
        """The letters of the progress line, sorted."""
        rows = [row for row in self.text.splitlines() if row.rstrip().endswith("%]")]
        return "".join(sorted("".join(row.partition("[")[0].rpartition(" ")[0].split()[-1] for row in rows)))

    @property
    def json(self) -> Any:
        """What a command with ``--json`` printed, without the suite's own last line."""
        return json.loads(self.text[self.text.index("{") : self.text.rindex("}") + 1])

    def says(self, *texts: str) -> None:
        for text in texts:
            assert text in self.text, f"{text!r} is not in:\n{self.text}"

    def refused(self, *texts: str) -> None:
        """One line of error with these words, and no traceback."""
        errors = [row for row in self.text.splitlines() if "ERROR" in row or "rror:" in row]
        assert self.status in (2, 4), self.text
        assert len(errors) == 1, self.text
        assert not [t for t in texts if t not in errors[0]], errors[0]
        assert "Traceback" not in self.text
        assert "INTERNAL" not in self.text


def run(folder: Path, *arguments: str, **env: str) -> Session:
    """``python -m pytest`` in ``folder``."""
    return _finished(folder, "pytest", arguments, env)


def run_harness(folder: Path, *arguments: str, **env: str) -> Session:
    """``python -m harness`` in ``folder``."""
    return _finished(folder, "harness", arguments, env)


def _finished(folder: Path, module: str, arguments: tuple[str, ...], env: Mapping[str, str]) -> Session:
    """A session of a process of its own, a copy of one that has imported what all need where that will do."""
    if not any(name.startswith(zygote.AT_START) for name in env):
        with tempfile.NamedTemporaryFile(prefix="printed-") as file:
            status = zygote.run(module, arguments, folder, environment(folder, **env), Path(file.name))
            return Session(status=status, text=Path(file.name).read_text(), folder=folder)
    done = subprocess.run(
        [sys.executable, "-B", "-m", module, *arguments],
        cwd=folder,
        env=environment(folder, **env),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return Session(status=done.returncode, text=done.stdout, folder=folder)


def inside(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Session:
    """The same within this process, which saves the start of Python; for what imports nothing large."""
    from harness.lab import provenance

    monkeypatch.setattr(provenance, "cores", lambda: 1)
    for name in [n for n in os.environ if n.startswith(("PYTEST_", "HARNESS_"))]:
        if name != "PYTEST_CURRENT_TEST":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HARNESS_STORE", str(pytester.path / "store"))
    monkeypatch.setenv("COLUMNS", "150")
    done = pytester.runpytest_inprocess(*arguments)
    return Session(status=int(done.ret), text=done.stdout.str() + done.stderr.str(), folder=pytester.path)


def without_times(value: Any) -> Any:
    """A report as plain data without what may differ between two sessions."""
    changing = ("seconds", "started", "finished", "wall_seconds", "trained_seconds", "command")
    if isinstance(value, dict):
        return {n: without_times(v) for n, v in value.items() if n not in changing}
    if isinstance(value, (list, tuple)):
        return [without_times(v) for v in value]
    return value
