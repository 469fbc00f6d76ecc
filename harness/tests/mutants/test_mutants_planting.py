"""Planting, tried on a tree of two files: what is noticed by whom, and what is no evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.tests.mutants import plant
from harness.tests.mutants.__main__ import score_of, table
from harness.tests.mutants.mutant import Mutant, into
from harness.tests.mutants.plant import BY_CLAIMS, BY_TESTS, SURVIVED, Fate, Planting, Unsound

CODE = """import time

ONE, TWO, THREE, NAP = 1, 2, 3, 0.0
time.sleep(NAP)
"""
FIRST = "from harness.code import ONE\n\n\ndef test_one() -> None:\n    assert ONE == 1\n"
OTHER = "from harness.code import TWO\n\n\ndef test_two() -> None:\n    assert TWO == 2\n"
CLAIM = (
    "import pytest\nfrom harness.code import THREE\n\n\n"
    "@pytest.mark.quick\ndef test_three() -> None:\n    assert THREE == 3\n"
)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of a module, two tests and a claim, in place of the checkout."""
    root = tmp_path / "checkout"
    files = {
        "harness/__init__.py": "",
        "harness/code.py": CODE,
        "harness/tests/test_first.py": FIRST,
        "harness/tests/test_other.py": OTHER,
        "claims/test_claim.py": CLAIM,
        "pytest.ini": "[pytest]\nmarkers =\n    quick: a tier\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.setattr(plant, "ROOT", root)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # which takes half of so little a session
    return root


def mutant(old: str, new: str) -> Mutant:
    return into("code.py", "test_first.py", claims=("test_claim.py",))("data", f"{old} is {new}", old, new)


def fates(tmp_path: Path, *mutants: Mutant) -> list[Fate]:
    told: list[Fate] = []
    ended = Planting(tmp_path / "planting", 1, told.append).fates(mutants)
    assert told == ended
    return ended


def test_what_is_noticed_first_by_other_tests_by_claims_or_by_nobody(tree: Path, tmp_path: Path) -> None:
    mutants = [
        mutant("= 1, 2, 3, 0.0", "= 9, 2, 3, 0.0"),
        mutant("= 1, 2, 3, 0.0", "= 1, 9, 3, 0.0"),
        mutant("= 1, 2, 3, 0.0", "= 1, 2, 9, 0.0"),
        mutant("NAP = 1, 2, 3, 0.0", "NAP = 1, 2, 3, 0.01"),
    ]
    ended = fates(tmp_path, *mutants)
    assert [(fate.outcome, fate.noticed) for fate in ended] == [
        (BY_TESTS, "test_first.py::test_one"),
        (BY_TESTS, "test_other.py::test_two"),
        (BY_CLAIMS, "test_claim.py::test_three"),
        (SURVIVED, ""),
    ]
    assert (tree / "harness" / "code.py").read_text() == CODE
    score = score_of(ended, "abc")
    assert (score.commit, score.planted, score.killed_by_tests, score.killed_by_claims) == ("abc", 4, 2, 1)
    assert score.survivors == {mutants[3].name: "data"}
    assert table(ended).splitlines()[1].split() == ["data", "4", "2", "1", "1"]


def test_what_takes_three_times_as_long_is_noticed(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plant, "PATIENCE", 0.01)
    (fate,) = fates(tmp_path, mutant("0.0", "600.0"))
    assert (fate.outcome, fate.noticed) == (BY_TESTS, "how long it took")


def test_tests_that_fail_anyway_are_no_evidence(tree: Path, tmp_path: Path) -> None:
    (tree / "harness" / "tests" / "test_first.py").write_text(FIRST.replace("== 1", "== 5"))
    with pytest.raises(Unsound, match=r"^test_first\.py::test_one fails without a mutant$"):
        fates(tmp_path, mutant("= 1,", "= 9,"))
