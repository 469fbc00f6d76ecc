"""The report's entry of an item: each field from the declaration or the judgement that it names."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pytest

from harness.judging.ladder import Judgement
from harness.spec.claim import Paper, claim
from harness.spec.said import Unprinted
from harness.spec.verdict import Verdict
from harness.suite.entries import claim_id, command_of, entry
from harness.tests import reports
from harness.tests.suites import run, write

PAPER = Paper(key="K", authors="A", title="T", venue="V", year=2020, url="")


def item(tier: str = "quick") -> Any:
    """A collected function as far as an entry reads one."""

    @claim(
        PAPER,
        "Section 1",
        says="It holds.",
        reported="words",
        adapted={"quick": "digits for images", "standard": "none"},
        expected={"standard": ("inconclusive or refuted", "chance decides")},
    )
    def test_it() -> None: ...

    return types.SimpleNamespace(
        function=test_it,
        name=f"test_it[{tier}-8]",
        originalname="test_it",
        nodeid=f"claims/test_family.py::test_it[{tier}-8]",
        callspec=types.SimpleNamespace(params={"tier": tier, "width": 8}, id=f"{tier}-8"),
        module=types.SimpleNamespace(__doc__="A thesis.\n\nMore.", __name__="claims.test_family"),
        iter_markers=lambda name: iter(()),
        config=types.SimpleNamespace(getoption=lambda name: 0),
        path=Path("/nowhere/test_family.py"),
    )


def judged(verdict: Verdict) -> Judgement:
    runs = tuple(reports.run_read(address, 1.0) for address in ("aa", "bb"))
    return Judgement(
        verdict=verdict,
        reason="because",
        checks=(reports.evidence(),),
        controls=(),
        figures=(),
        runs=runs[:1],
        control_runs=runs[1:],
    )


@pytest.mark.parametrize(
    "tier, verdict, unexpected",
    [
        ("quick", Verdict.REPRODUCED, False),
        ("quick", Verdict.INCONCLUSIVE, True),
        ("quick", Verdict.REFUTED, True),
        ("quick", Verdict.ERROR, True),
        ("quick", Verdict.NOT_RUN, False),
        ("standard", Verdict.REPRODUCED, True),
        ("standard", Verdict.INCONCLUSIVE, False),
        ("standard", Verdict.REFUTED, False),
    ],
)
def test_a_verdict_is_unexpected_where_its_tier_does_not_declare_it(
    tier: str, verdict: Verdict, unexpected: bool
) -> None:
    made = entry(item(tier), judged(verdict))
    assert (made.verdict, made.unexpected) == (verdict, unexpected)


def test_an_entry_has_its_tiers_adaptation_and_its_own_and_its_controls_runs() -> None:
    quick, standard = (entry(item(tier), judged(Verdict.REPRODUCED)) for tier in ("quick", "standard"))
    assert (quick.adapted, standard.adapted) == ("digits for images", "none")
    assert [run.address for run in quick.runs] == ["aa"]
    assert [run.address for run in quick.control_runs] == ["bb"]
    assert (quick.reported, quick.unprinted) == ({}, Unprinted.WORDS)
    assert (quick.params, quick.family, quick.thesis) == ({"width": 8}, "family", "A thesis.")
    assert quick.id == standard.id == "claims/test_family.py::test_it[8]"


@pytest.mark.parametrize("root", ["", "mine/own/"])
def test_a_claim_of_ones_own_is_named_from_its_folder_on_whatever_pytests_root(root: str) -> None:
    """The root of a repository without settings depends on the paths among the options."""
    collected = item()
    collected.path = Path("/mine/own/claims/test_family.py")
    collected.nodeid = f"{root}{collected.nodeid}"
    assert claim_id(collected) == "claims/test_family.py::test_it[8]"
    assert command_of(collected) == 'python -m pytest "claims/test_family.py::test_it[quick-8]"'


GIVING_BACK = """
from hypothesis import assume


@claim(PAPER, "S", says="some", reported="words", adapted=SMALL)
@trained(world=0)
@control(says="one off", world=1)
@given(n=st.integers(0, 10**6))
def test_some(world, n):
    assume(n % 3 == 0)
    with open(f"held{world}", "a") as file:
        file.write("x")
    assert n + world == n
"""


def test_examples_that_a_body_gives_back_are_not_counted(tmp_path: Path) -> None:
    (claim,) = run(write(tmp_path, GIVING_BACK), "--report", "rep").report.claims
    held = len((tmp_path / "held0").read_text())
    assert held > 50
    assert (claim.checks[0].n, claim.checks[0].statement) == (
        held,
        f"no counterexample among {held} examples",
    )
