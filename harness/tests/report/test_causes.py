"""Why two reports say otherwise of a claim."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from harness.evidence.schema import ClaimReport, Report, RunRead
from harness.report import diff
from harness.report.causes import cause
from harness.spec.verdict import Verdict
from harness.tests import reports
from harness.tests.reports import control, evidence, report

replace = msgspec.structs.replace


def run(
    address: str = "ab", replicate: int = 0, what: str = "Mlp on digits", kernel: str = "native"
) -> RunRead:
    return RunRead(name="x", replicate=replicate, address=address, what=what, seconds=1.0, kernel=kernel)


def claim(*runs: RunRead, **changes: Any) -> ClaimReport:
    return reports.claim(figures=(), runs=runs or (run(),), **changes)


def told(a: ClaimReport, b: ClaimReport, **provenance: Any) -> str:
    before, after = report(a), report(b)
    return cause(a, b, before, replace(after, provenance=replace(after.provenance, **provenance)))


def test_the_same_runs_under_another_margin() -> None:
    moved = claim(checks=(evidence(lower_bound=0.4),))
    assert told(claim(), moved) == "same runs, another margin: above 0.1 → above 0.4"


def test_the_same_runs_with_other_checks_or_another_control() -> None:
    assert told(claim(), claim(checks=(evidence(), evidence()))) == "same runs, other checks: 1 → 2"
    related = claim(checks=(evidence(relation="below"),))
    assert told(claim(), related) == "same runs, another relation: above → below"
    fewer = told(claim(), claim(controls=()))
    assert fewer.startswith("same runs, another control")
    assert told(claim(), claim(controls=(control(says="a tree"),))) == "same runs, another control"


def test_more_replicates_of_the_same_runs() -> None:
    assert told(claim(), claim(run(), run(replicate=1))) == "same runs, more replicates: 1 → 2 runs"
    assert told(claim(run(), run(replicate=1)), claim()) == "same runs, fewer replicates: 2 → 1 runs"


def test_other_code_of_the_same_experiment() -> None:
    said = told(claim(), claim(run("cd")), commit="fedcba9876543210")
    assert said == "other code of the same experiments: 0123456789ab → fedcba987654"


def test_other_data_of_the_same_experiment() -> None:
    said = told(claim(), claim(run("cd")), data={"CIFAR-10": "sha256 other"})
    assert said == "other data: CIFAR-10"


def test_another_experiment_of_the_same_name() -> None:
    said = told(claim(), claim(run("cd", what="Linear on digits")))
    assert said == "another experiment: no longer Mlp on digits, now Linear on digits"
    both = claim(run("cd", what="Linear on digits"), checks=(evidence(lower_bound=0.4),))
    assert told(claim(), both).endswith("; another margin: above 0.1 → above 0.4")


def test_a_long_experiment_is_shown_where_it_differs() -> None:
    long = "Experiment(" + "x" * 300 + ", width="
    said = told(claim(run(what=f"{long}8)")), claim(run("cd", what=f"{long}16)")))
    assert said.startswith("another experiment: no longer …xxx")
    assert "width=8), now …" in said
    assert said.endswith("width=16)")
    only = told(claim(run(), run("cd", what="Linear")), claim())
    assert only == "another experiment: no longer Linear"


OTHER = evidence(estimate=0.5, values=(0.5,))


def test_the_same_runs_by_another_machine_or_kernel() -> None:
    said = told(claim(), claim(checks=(OTHER,)), processor="Another CPU", versions={"torch": "2.7"})
    assert said == (
        "same runs, other machine: processor Example CPU → Another CPU; torch 2.6 → 2.7; python 3.11.7 → none"
    )
    kernels = told(claim(), claim(run(kernel="reference"), checks=(OTHER,)))
    assert kernels == "same runs, other machine: kernel native → reference"
    assert told(claim(), claim(checks=(OTHER,))) == "same runs, other numbers: they were computed again"


def test_what_is_the_same_in_all_of_that_was_judged_by_other_rules() -> None:
    assert told(claim(), claim()) == "same runs, numbers and margins: judged by other rules"


def test_other_replicates_and_what_was_not_judged() -> None:
    assert told(claim(), claim(), first_replicate=3000).startswith("other replicates")
    assert told(claim(), claim(verdict=Verdict.ERROR)) == "not judged in both: nothing to compare"


@pytest.mark.parametrize(
    "provenance, says",
    [
        ({"commit": "fedcba9876543210"}, "other code of an exact claim: 0123456789ab → fedcba987654"),
        (
            {"versions": {"python": "3.11.7", "torch": "2.6", "hypothesis": "7"}},
            "other examples: hypothesis none → 7",
        ),
        ({}, "the same exact claim: it does not come out alike twice"),
    ],
)
def test_exact_claims_have_code_and_examples(provenance: dict[str, Any], says: str) -> None:
    exact = reports.claim(figures=(), runs=(), checks=(evidence(relation="exact", estimate=None),))
    assert told(exact, exact, **provenance) == says


def test_every_flip_says_it_in_text_markdown_and_json() -> None:
    before: Report = report(claim())
    after = report(claim(checks=(evidence(Verdict.REFUTED, lower_bound=0.4),), verdict=Verdict.REFUTED))
    difference = diff.compare(before, after)
    says = "same runs, another margin: above 0.1 → above 0.4"
    assert difference.flips[0].cause == says
    assert f"      {says}\n" in diff.text(difference)
    assert "same runs, another margin" in diff.markdown(difference)
