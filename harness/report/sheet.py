"""Reports as one table of checks in CSV, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from harness.evidence.outcome import Evidence
from harness.evidence.schema import ClaimReport, Report

COLUMNS = (
    "claim", "tier", "paper", "where", "kind", "says", "claim_verdict", "expected", "unexpected", "world",
    "check", "relation", "statement", "verdict", "estimate", "low", "high", "lower_bound", "upper_bound",
    "level", "n", "p_value", "p_typical", "spread", "logarithmic", "because", "reason", "chance", "commit",
)  # fmt: skip
"""``world`` is "claim", "control" or "positive control"; ``check`` counts from 1 within it."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Signs by which a spreadsheet takes a text for a formula, which could run what a stranger wrote."""


def render(reports: Iterable[Report]) -> str:
    """A header and a row for each check, its controls' included; a claim without checks has one row."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(COLUMNS)
    for report in reports:
        for claim in report.claims:
            for row in _rows(claim):
                writer.writerow(
                    [_cell(row.get(name, "")) for name in COLUMNS[:-1]] + [report.provenance.commit]
                )
    return target.getvalue()


def _rows(claim: ClaimReport) -> Iterator[dict[str, object]]:
    whole: dict[str, object] = {
        "claim": claim.id, "tier": claim.tier, "paper": claim.paper, "where": claim.where,
        "kind": claim.kind.value, "says": claim.says, "claim_verdict": claim.verdict.value,
        "expected": claim.expected.value, "unexpected": claim.unexpected, "chance": claim.chance,
        "world": "claim",
    }  # fmt: skip
    if not claim.checks:
        yield whole | {"reason": claim.reason}
    yield from (whole | row for row in _checks(claim.checks))
    for control in claim.controls:
        world = "positive control" if control.positive else "control"
        yield from (whole | row | {"world": world} for row in _checks(control.checks))


def _checks(checks: Iterable[Evidence]) -> Iterator[dict[str, object]]:
    names = [name for name in COLUMNS if name in Evidence.__struct_fields__]
    for number, check in enumerate(checks, start=1):
        row = {name: getattr(check, name) for name in names}
        yield row | {"check": number, "verdict": check.verdict.value}


def _cell(value: object) -> object:
    """A number as Python writes it, nothing for what is not there, a text that is no formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = " ".join(value.split())
        return f"'{text}" if text.startswith(FORMULA) else text
    return value
