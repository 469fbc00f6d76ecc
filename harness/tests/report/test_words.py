"""What must hold, in words: every relation, and every statement of the committed reports."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from harness.evidence.measured import ratio
from harness.evidence.relations import (
    above,
    all_reach,
    argmax_in,
    below,
    equivalent,
    exists,
    matches,
    most_reach,
    ordered,
    slope,
)
from harness.evidence.statistics import judge
from harness.report import words
from harness.report.render import load
from harness.tests import reports
from harness.tests.samples import WHY, measured

COMMITTED = Path(__file__).parents[3] / "reports"
TRUE = measured([12.0, 13.0, 11.0, 12.0, 14.0]).named("epochs to train_error <= 0 (true)")
RANDOM = measured([40.0, 42.0, 41.0, 39.0, 44.0]).named("epochs to train_error <= 0 (random)")
NARROW, WIDE = (
    measured([v, v, v, v, v + 0.01]).named(f"test_error at {w}") for v, w in ((0.3, 8), (0.2, 64))
)


@pytest.mark.parametrize(
    "relation, said",
    [
        (below(ratio(RANDOM, TRUE), 10, because=WHY), "time to fit, random against true: below 10"),
        (above(RANDOM - TRUE, 5, because=WHY), "time to fit, random − true: above 5"),
        (above(TRUE, 5, because=WHY), "time to fit, true: above 5"),
        (equivalent(NARROW - WIDE, 0.5, because=WHY), "test error, at 8 − at 64: within ± 0.5"),
        (
            equivalent(ratio(RANDOM, TRUE), 4, because=WHY),
            "time to fit, random against true: within a factor 4 of 1",
        ),
        (
            matches(NARROW.named("test_error (net)"), 0.3, 0.015, because=WHY),
            "test error: 0.3 ± 0.015",
        ),
        (ordered([WIDE, NARROW], because=WHY)[0], "test error: at 8 above at 64"),
        (
            ordered([WIDE, NARROW, NARROW + 1.0], slack=0.02, because=WHY)[0],
            "test error: at 8 above at 64 by more than −0.02 (step 1 of 2)",
        ),
        (
            slope([8, 64], [NARROW, WIDE], -0.65, -0.35, log=True, because=WHY),
            "power of (test error at 8, test error at 64) over 8 to 64: −0.65 to −0.35",
        ),
        (
            argmax_in([1, 2, 3, 4], [WIDE, NARROW, WIDE, WIDE], 2, 2, because=WHY),
            re.compile(r".*: largest at 2, in most runs"),
        ),
        (most_reach(NARROW, 0.5), "test error at 8: at most 0.5, in most runs"),
        (all_reach(NARROW, 0.1, at="least"), "test error at 8: at least 0.1, in every run"),
        (exists(NARROW, 0.5), "test error at 8: at most 0.5, in some run"),
    ],
)
def test_a_relation_is_told_in_words(relation: Any, said: str | re.Pattern[str]) -> None:
    told = words.must_hold(judge(relation, 0.035))
    assert re.fullmatch(said, told) if isinstance(said, re.Pattern) else told == said


def test_what_no_relation_wrote_stays_as_it_is() -> None:
    odd = reports.evidence(statement="whatever_this is")
    assert words.must_hold(odd) == "whatever_this is"
    assert words.must_hold(reports.evidence(relation="exact", statement="both sides are equal")) == (
        "both sides are equal"
    )
    assert words.contrast("the same difference") == "the same difference"
    assert words.contrast("claim - control of log (train_loss (a) / train_loss (b))") == (
        "claim − control of training loss, a against b"
    )


def test_targets_of_rates_are_those_of_each_run() -> None:
    assert words.target(judge(most_reach(NARROW, 0.5), 0.035)) == (None, 0.5)
    assert words.target(judge(all_reach(NARROW, 0.1, at="least"), 0.035)) == (0.1, None)
    assert words.target(reports.evidence(lower_bound=0.1, upper_bound=0.4)) == (0.1, 0.4)


def test_no_statement_of_the_committed_reports_has_the_names_of_code() -> None:
    told = {
        words.must_hold(check)
        for report in load(sorted(path.parent for path in COMMITTED.glob("*/report.json")))
        for claim in report.claims
        for check in claim.checks
    }
    assert len(told) > 500
    assert [text for text in told if re.search(r"\w_\w|[<>]=|\(run\)|[a-z]\d* [<>] ", text)] == []
