"""Checkouts on which commands are tested: with claims of which nothing is trained, and with a report."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.commands import auditing, trees
from harness.evidence.schema import Report
from harness.tests.commands import strangers
from harness.tests.commands.test_carrying import git, git_trees
from harness.tests.suites import run, run_harness, write_claims

CLAIMS = """
from harness import Experiment, Sgd
from harness.data import Cifar10, Digits
from harness.models import Mlp

@claim(PAPER, "S1", says="x is large", reported="words", adapted={"quick": "small", "full": "none"})
@trained(x=Tiers(quick=about(1.0), full=Experiment(Cifar10(n=100), Mlp(8), Sgd(lr=0.1, epochs=2))))
@control(says="no shift", x=Tiers(quick=NULL, full=about(3.0)))
def test_large(x, check):
    large(x, check)

@claim(PAPER, "S2", says="x is larger", reported="words", adapted=SMALL, replicates=7)
@trained(x=about(2.0))
@control(says="no shift", x=NULL)
def test_larger(x, check):
    large(x, check)

@claim(PAPER, "S3", says="cannot be computed", reported="words", adapted={"standard": "none"})
@trained(x=Simulation(fails))
def test_fails(x, check):
    large(x, check)
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A folder with these claims, of which nothing is trained."""
    return write_claims(tmp_path, CLAIMS)


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of one commit, and a report of it with its records and everything rendered, in ``rep``."""
    folder = write_claims(tmp_path_factory.mktemp("judged"), strangers.CLAIMS)
    (folder / ".gitignore").write_text("store/\nrep/\ndraws\n__pycache__/\n")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "a state")
    assert run(folder, "claims", "-m", "quick", "--report", "rep").status == 0
    done = run_harness(folder, "store", "export", "rep")
    assert done.status == 0, done.text
    return folder


@pytest.fixture(scope="session")
def memory() -> dict[bytes, Any]:
    """What sessions over the same records came to: most tampering leaves these as they are."""
    return {}


@pytest.fixture
def stranger(
    judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: dict[bytes, Any]
) -> Iterator[Path]:
    """A copy of the report, to be audited in the checkout; what was judged once is not judged twice."""
    for name in [name for name in os.environ if name.startswith("HARNESS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(judged)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    for owner, name in ((trees, "names"), (auditing, "rejudged")):
        plainly = getattr(owner, name)

        def once(*arguments: Any, _plainly: Any = plainly, **more: Any) -> Any:
            told = [a.tiers if isinstance(a, Report) else a for a in arguments]
            key = _plainly.__name__.encode() + msgspec.json.encode(
                [str(t) if isinstance(t, Path) else t for t in told]
            )
            if key not in memory:
                memory[key] = _plainly(*arguments, **more)
            return memory[key]

        monkeypatch.setattr(owner, name, once)
    monkeypatch.setattr(trees, "ran", strangers.forked)
    shutil.copytree(judged / "rep", tmp_path / "stranger")
    yield tmp_path / "stranger"
    assert not git_trees(judged)


@pytest.fixture
def forgotten(tmp_path: Path, judged: Path) -> Iterator[None]:
    """Forget afterwards what was imported from a checkout: other tests have files of the same names."""
    yield
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith((str(judged), str(tmp_path))):
            del sys.modules[name]
