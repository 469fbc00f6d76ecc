"""The mutants fit the code as it is: who changes what one of them patches changes the mutant, too."""

from __future__ import annotations

from collections import Counter

import pytest

from harness.tests.house import ROOT
from harness.tests.mutants.every import MUTANTS
from harness.tests.mutants.mutant import KINDS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_can_be_planted_once(mutant: Mutant) -> None:
    text = (ROOT / mutant.file).read_text(encoding="utf-8")
    planted = mutant.planted(text)
    assert planted != text
    if mutant.file.endswith(".py"):
        compile(planted, mutant.file, "exec")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_names_tests_that_there_are(mutant: Mutant) -> None:
    assert mutant.tests
    assert [test for test in mutant.tests if not (ROOT / "harness" / "tests" / test).is_file()] == []
    assert [c for c in mutant.claims if not (ROOT / "claims" / c.partition("::")[0]).is_file()] == []


def test_mutants_are_many_of_every_kind_each_with_its_own_name() -> None:
    assert len(MUTANTS) >= 110
    assert [name for name, times in Counter(mutant.name for mutant in MUTANTS).items() if times > 1] == []
    assert Counter(mutant.kind for mutant in MUTANTS).keys() == set(KINDS)
    assert min(Counter(mutant.kind for mutant in MUTANTS).values()) >= 3


def test_a_patch_that_does_not_fit_is_refused() -> None:
    mutant = Mutant("a name", "data", "harness/x.py", "a + b", "a - b", ("test_x.py",))
    assert mutant.planted("c = a + b\n") == "c = a - b\n"
    for text in ("c = a * b\n", "c = a + b\nd = a + b\n"):
        with pytest.raises(ValueError, match=r"^a name: the text to replace is [02] times in harness/x.py"):
            mutant.planted(text)
