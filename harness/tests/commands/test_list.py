"""``python -m harness list``: every claim once, as text or JSON."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.tests.suites import environment, run_harness, write, write_claims

CLAIMS = """
@claim(PAPER, "S1", says="x is large", reported="words", adapted={"quick": "small", "standard": "none"},
       expected={"standard": ("inconclusive or refuted", "known")})
@trained(x=Tiers(quick=about(1.0), standard=about(1.5)))
@control(says="no shift", x=NULL)
@pytest.mark.parametrize("width", [2, pytest.param(3, marks=pytest.mark.tiers("quick"))])
def test_large(x, check, width):
    large(x, check)

@claim(PAPER, "S2", says="x is small", reported="words", adapted=SMALL)
@trained(x=about(1.0))
def test_small(x, check):
    large(x, check)

def test_no_claim():
    pass
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with these claims, which no test changes."""
    return write_claims(tmp_path_factory.mktemp("suite"), CLAIMS)


def test_list_names_every_claim_once(suite: Path) -> None:
    done = run_harness(suite, "list")
    assert done.status == 0
    ids = [row for row in done.text.splitlines() if row.startswith("claims")]
    assert ids == [f"claims/test_tiny.py::test_{name}" for name in ("large[2]", "large[3]", "small")]
    done.says(
        "X2020, S1: x is large",
        "standard expected refuted or inconclusive (known); adapted: none",
        "control: no shift",
    )
    assert "no_claim" not in done.text
    assert "test_large[standard-2]" in done.text
    assert "test_large[standard-3]" not in done.text


def test_list_as_json_of_what_matches(suite: Path) -> None:
    done = run_harness(suite, "list", "--json", "-k", "small")
    entries = json.loads(done.text.partition("imported torch: False")[0])
    assert [e["id"] for e in entries] == ["claims/test_tiny.py::test_small"]
    assert (entries[0]["expected"], entries[0]["expected_because"]) == (
        {"quick": "reproduced"},
        {"quick": ""},
    )


def test_list_elsewhere_or_with_a_broken_file_is_one_line(suite: Path, tmp_path: Path) -> None:
    done = run_harness(tmp_path, "list")
    assert (done.status, len(done.text.splitlines())) == (1, 1)
    done.says("no folder claims/ here", "checkout")
    bad = run_harness(suite, "list", "-k", "and and")
    assert bad.status == 2
    assert "Traceback" not in bad.text
    write(tmp_path, "\n1 / 0\n")
    (tmp_path / "claims").mkdir()
    (tmp_path / "test_tiny.py").rename(tmp_path / "claims" / "test_tiny.py")
    broken = run_harness(tmp_path, "list")
    assert broken.status == 2
    broken.says("ZeroDivisionError", "test_tiny.py")


ODD: dict[str, tuple[str, str | bytes, str]] = {
    "a broken setting": (
        "pyproject.toml",
        "[tool.pytest",
        "no claim is in the folder claims/ here|TOML|toml",
    ),
    "a conftest that raises": ("conftest.py", "raise RuntimeError('of mine')", "RuntimeError: of mine"),
    "another conftest": ("claims/conftest.py", "raise RuntimeError('of mine')", "RuntimeError: of mine"),
    "no text": ("claims/test_a.py", b"\xff\xfe", "claims/test_a.py: SyntaxError"),
    "no such module": ("claims/test_a.py", "import nosuch", "No module named 'nosuch'"),
    "a file that leaves": ("claims/test_a.py", "import sys; sys.exit(3)", "SystemExit while it was imported"),
    "no claim": ("claims/test_a.py", "def test_a(): pass", "no claim is in the folder claims/ here"),
}


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_checkout_is_one_line(tmp_path: Path, kind: str) -> None:
    name, content, says = ODD[kind]
    write_claims(tmp_path, CLAIMS)
    (tmp_path / "claims/test_tiny.py").unlink()
    (tmp_path / "conftest.py").unlink()
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    done = run_harness(tmp_path, "list")
    assert done.status == 2
    (line,) = done.text.splitlines()
    assert re.search(says, line), line


def test_claims_are_listed_without_a_conftest(tmp_path: Path) -> None:
    write_claims(tmp_path, CLAIMS)
    (tmp_path / "conftest.py").unlink()
    run_harness(tmp_path, "list").says("claims/test_tiny.py::test_small")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to write to")
def test_a_full_disk_behind_the_output_is_one_line(suite: Path) -> None:
    command = [sys.executable, "-B", "-m", "harness", "list"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command,
            cwd=suite,
            env=environment(suite),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "python -m harness list: No space left on device\n")
