"""Wording: numbers, sources and runs as people read them."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.evidence.outcome import Evidence
from harness.evidence.statistics import above, all_reach, judge
from harness.report import markdown, markup, wording
from harness.report.contents import gather
from harness.spec.verdict import Verdict
from harness.tests import reports
from harness.tests.report.site import whole
from harness.tests.samples import WHY, exhaustive, measured


@exhaustive
@given(st.lists(st.floats(-99, 99), min_size=5, max_size=8), st.floats(-99, 99))
def test_rounding_never_makes_an_interval_touch_its_bound(values: list[float], bound: float) -> None:
    check = judge(above(measured(values, 0.5), bound, because=WHY), 0.035)
    low, high = check.low or 0.0, check.high or 0.0
    if min(abs(low - bound), abs(high - bound)) < 1e-5:
        return
    shown = [float(end.replace("−", "-").replace(",", "")) for end in wording.interval(check).split(" to ")]
    assert (shown[0] > bound) == (low > bound)
    assert (shown[1] > bound) == (high > bound)


def test_runs_are_listed_by_experiment() -> None:
    runs = [reports.run_read("aa", 1.0, replicate=r) for r in (0, 1, 2, 5)] + [reports.run_read("bb", 3.0)]
    first, second = wording.runs(runs)
    assert (first.replicates, first.seconds, first.kernel) == ("0–2, 5", 4.0, "plain")
    assert (second.address, second.replicates) == ("bb", "0")


def test_carried_runs_are_counted_and_the_page_lists_their_proofs() -> None:
    runs = [reports.run_read("aa", 1.0, replicate=r) for r in (0, 1)]
    runs = [runs[0], msgspec.structs.replace(runs[1], carried="12ab34cd")]
    carried = {"12ab34cd": "from commit abc: replicate 0 of Net(<3>), equal to the records to the bit"}
    report = reports.report(reports.claim(runs=tuple(runs), control_runs=()))
    assert "carried" not in wording.provenance(report)
    seen = msgspec.structs.replace(report.provenance, carried=carried)
    report = msgspec.structs.replace(report, provenance=seen)
    (line,) = wording.provenance(report)["carried"]
    assert line.startswith("1 of 2 runs have records of earlier code, carried by 1 proof: ")
    assert "carried, proof 12ab34cd" in "".join(group.kernel for group in wording.runs(runs))
    page = whole(gather([report]))
    assert "<code>12ab34cd</code> from commit abc: replicate 0 of Net(&lt;3&gt;)" in page
    assert line in markdown.render(gather([report]))


@pytest.mark.parametrize(
    "authors, year, shown",
    [
        ("Chiyuan Zhang, Samy Bengio, Moritz Hardt, Ben Recht", 2017, "Zhang et al. (2017)"),
        ("Mikhail Belkin, Daniel Hsu, Ji Xu", 2019, "Belkin, Hsu and Xu (2019)"),
        ("Chiyuan Zhang, Samy Bengio", None, "Zhang and Bengio"),
        ("Alicia Curth, Mihaela van der Schaar", 2023, "Curth and van der Schaar (2023)"),
        ("River et al.", 2017, "River et al. (2017)"),
        ("", 2017, "KEY"),
    ],
)
def test_sources_are_cited_shortly(authors: str, year: int | None, shown: str) -> None:
    paper = msgspec.structs.replace(reports.PAPERS[0], key="KEY", authors=authors, year=year)
    assert wording.short(paper) == shown


def test_an_estimate_that_is_a_rate_is_shown_as_counts() -> None:
    check: Evidence = judge(all_reach(measured([0.0] * 4 + [1.0]), 0.0), 0.035)
    assert wording.estimate(check) == "4 of 5"
    assert wording.bound(check) == "rate above 0.5"


FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=50)


@given(st.text(max_size=20))
@FIXED
def test_plain_markdown_is_one_line_without_live_signs(text: str) -> None:
    written = markup.plain(text)
    assert "\n" not in written
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]]", written)
    assert not re.search(r"[<>|$@]", written)


@pytest.mark.parametrize(
    "value, shown",
    [
        (0.0, "0"),
        (-0.125, "−0.125"),
        (1234.0, "1,234"),
        (123456.7, "123,457"),
        (1e-5, "1e−5"),
        (2.5e9, "2.5e9"),
    ],
)
def test_numbers_read_well(value: float, shown: str) -> None:
    assert wording.number(value) == shown


@pytest.mark.parametrize(
    "changes, interval, bound",
    [
        ({}, "0.251 to 0.373", "above 0.1"),
        ({"low": None, "lower_bound": None, "upper_bound": 0.5}, "up to 0.373", "below 0.5"),
        ({"high": None}, "from 0.251", "above 0.1"),
        ({"level": 0.0, "lower_bound": None, "upper_bound": 0.5}, "0.251 to 0.373", "at most 0.5"),
        ({"lower_bound": 0.1, "upper_bound": 0.5}, "0.251 to 0.373", "0.1 to 0.5"),
        (
            {"estimate": 1.054, "low": 0.054, "high": 2.054, "lower_bound": 0.05},
            "0.054 to 2.054",
            "above 0.05",
        ),
    ],
)
def test_intervals_and_bounds_are_said_by_their_sides(changes: Any, interval: str, bound: str) -> None:
    check = reports.evidence(**changes)
    assert (wording.interval(check), wording.bound(check)) == (interval, bound)


@pytest.mark.parametrize(
    "seconds, shown",
    [(0.25, "0.25 s"), (90.0, "90.0 s"), (600.0, "10 min"), (7000.0, "117 min"), (3 * 3600.0, "3.0 h")],
)
def test_times_have_the_unit_that_suits_them(seconds: float, shown: str) -> None:
    assert wording.duration(seconds) == shown


def test_levels_are_in_percent_and_p_values_have_two_digits() -> None:
    assert wording.level(reports.evidence(level=0.032)) == "3.2 %"
    assert wording.level(reports.evidence(level=0.0)) == "exact"
    assert [wording.p(value) for value in (None, 1e-9, 0.01234, 1.0)] == ["–", "< 1e−6", "0.012", "1"]


def test_runs_that_diverged_are_among_the_values() -> None:
    assert wording.values(reports.evidence()) == "0.31, 0.28, diverged, 0.35, 0.31"


def test_an_expected_refutation_is_said_to_be_one_and_a_control_what_it_tells() -> None:
    assert wording.expectation(reports.refutation()).startswith("expected: the source itself")
    assert wording.expectation(reports.claim()) == ""
    surprise = reports.claim(verdict=Verdict.REFUTED, unexpected=True)
    assert wording.expectation(surprise).startswith("unexpected: reproduced was expected")
    assert wording.control_says(False, True) == "it discriminates"
    assert wording.control_says(False, False) == "it does not discriminate"


def test_provenance_says_what_was_trained_and_whether_the_tree_was_changed() -> None:
    said = wording.provenance(reports.report())
    assert said["commit"] == ("0123456789abcdef (with uncommitted changes)",)
    assert said["runs"] == ("85 trained in 4 min, 12 reused",)
