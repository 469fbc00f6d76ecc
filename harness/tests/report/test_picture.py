"""README's picture: a row for each headline, told apart by verdict, on an axis that holds all of it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from harness.evidence.schema import ClaimReport
from harness.report import readme
from harness.report.picture import EDGE, HEADLINES, SOURCE, WIDTH, picture
from harness.spec.verdict import Verdict
from harness.tests.reports import claim, control, evidence, report
from harness.tests.suites import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
SVG = "{http://www.w3.org/2000/svg}"


def headline(number: int = 0, tier: str = "quick", **changes: Any) -> ClaimReport:
    """A claim that is in the picture."""
    identity = f"claims/test_some.py::{HEADLINES[number].test}"
    return claim(**{"id": identity, "paper": SOURCE, "tier": tier, **changes})


def drawn(*claims: ClaimReport) -> ET.Element:
    return ET.fromstring(picture([report(*claims)]))


def words(root: ET.Element) -> list[str]:
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def test_a_row_says_what_is_drawn() -> None:
    check = evidence(estimate=0.2, low=0.1, high=0.35, lower_bound=None, upper_bound=0.5)
    beside = control(checks=(evidence(estimate=0.9),))
    told = words(drawn(headline(checks=(check,), controls=(beside,))))
    assert f"{HEADLINES[0].says}: {HEADLINES[0].measured}" in told
    assert "✓ reproduced 0.20 (0.10 to 0.35), below 0.5" in told
    assert "control 0.90" in told


def test_percents_are_percents() -> None:
    (number,) = (i for i, row in enumerate(HEADLINES) if row.measured == "test error in %")
    check = evidence(estimate=0.896, low=0.884, high=0.9077, lower_bound=0.85, upper_bound=0.95)
    told = words(drawn(headline(number, checks=(check,), controls=())))
    assert "✓ reproduced 89.6 (88.4 to 90.8), within 85 to 95" in told


@pytest.mark.parametrize("verdict", [Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.ERROR])
def test_what_does_not_come_out_as_said_is_shown_so(verdict: Verdict) -> None:
    (told,) = (
        text for text in words(drawn(headline(verdict=verdict, controls=()))) if verdict.symbol in text
    )
    assert told.startswith(f"{verdict.symbol} {verdict} ")


def test_all_of_a_row_lies_on_its_axis_and_where_it_holds_is_between_its_bounds() -> None:
    check = evidence(estimate=4.0, low=2.0, high=8.0, lower_bound=None, upper_bound=10.0, logarithmic=True)
    root = drawn(headline(checks=(check,), controls=(control(checks=(evidence(estimate=100.0),)),)))
    (dot, _) = root.iter(f"{SVG}circle")
    strip, holds = (r for r in list(root.iter(f"{SVG}rect"))[1:3])
    left, width = float(strip.attrib["x"]), float(strip.attrib["width"])
    assert left == EDGE
    assert left + width < WIDTH
    assert float(holds.attrib["width"]) < width
    assert left < float(dot.attrib["cx"]) < left + float(holds.attrib["width"])
    diamond = re.search(r"M([\d.]+)", next(root.iter(f"{SVG}path")).attrib["d"])
    assert diamond
    assert left + float(holds.attrib["width"]) < float(diamond.group(1)) < left + width


def test_a_positive_control_and_missing_checks_are_not_drawn() -> None:
    positive = control(positive=True, checks=(evidence(estimate=0.9),))
    told = words(drawn(headline(controls=(positive,))))
    assert not [text for text in told if text.startswith("control 0")]
    assert picture([report(headline(checks=()))]) == ""
    assert picture([report(claim())]) == ""


def test_readmes_picture_has_each_headline_at_two_tiers_as_its_description_says() -> None:
    reports = readme.committed(ROOT)
    claims = [c for r in reports for c in r.claims if c.paper == SOURCE]
    description = " ".join(README.partition("![")[2].partition("]")[0].split())
    assert description.startswith("Six claims of Zhang et al. 2017 at quick and at standard scale")
    assert len(HEADLINES) == 6
    for row in HEADLINES:
        of_row = {c.tier: c for c in claims if c.id.endswith(f"::{row.test}")}
        assert set(of_row) == {"quick", "standard"}
        for judged in of_row.values():
            assert judged.verdict is Verdict.REPRODUCED, "the picture's description says that each holds"
            check, beside = judged.checks[0], judged.controls[0].checks[0]
            assert beside.estimate is not None
            low = -float("inf") if check.lower_bound is None else check.lower_bound
            high = float("inf") if check.upper_bound is None else check.upper_bound
            assert not low < beside.estimate < high, "and that each control does not"
