"""``python -m harness list``: every claim there is."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import commands as shared
from harness.commands import selection
from harness.spec import TIERS

if TYPE_CHECKING:
    from harness.evidence.schema import Report

EXAMPLES = """
                          every claim: id, paper, where, what it says, tiers, control
-k "double and not peak"  only what matches, as with pytest
--json                    for programs, with what reports/ says of each: verdicts, bounds, tolerances
--json --reports out      the same of other reports (out/quick/report.json, ...)
"""
REPORTS = Path("reports")
"""Where the reports of the tiers lie, seen from the top of a checkout."""


def add(commands: Any) -> None:
    """Add the parser of ``list``."""
    parser = shared.parser(commands, "list", "print every claim", EXAMPLES, run)
    selection.add_words(parser)
    parser.add_argument(
        "--json", action="store_true", help="as JSON, for programs, with verdicts and tolerances"
    )
    parser.add_argument(
        "--reports", type=selection.path, metavar="DIR",
        help="with --json: whose folders hold the tiers' reports (default: reports, if it is here)",
    )  # fmt: skip
    parser.set_defaults(parser=parser)


def run(options: argparse.Namespace) -> int:
    """Print the claims.

    Raises:
        ValueError: there are none here, or they cannot be collected; no reports where they were named.
    """
    from harness.suite.listing import collected

    if options.reports and not options.json:
        options.parser.error("--reports is for --json: leave it out, or add --json")
    reports = _reports(options.reports)
    claims = collected(Path.cwd(), options.k or "")
    if options.json:
        from harness.report.truth import with_verdicts

        shared.print_json(with_verdicts(claims, reports))
        return 0
    for entry in claims:
        print(f"{entry['id']}\n    {entry['paper']}, {entry['where']}: {entry['says']}")
        for tier, text in entry["adapted"].items():
            why = f" ({entry['expected_because'][tier]})" if entry["expected_because"][tier] else ""
            print(f"    {tier:<8} expected {entry['expected'][tier]}{why}; adapted: {text}")
            print(f"             {entry['run'][tier]}")
        for control in entry["control"]:
            print(f"    control: {control}")
    return 0


def _reports(named: Path | None) -> tuple[Report, ...]:
    """The tiers' reports in a folder; none where no folder was named and there is none.

    Raises:
        ValueError: a folder that was named is none, or holds no report of a tier (one line).
    """
    from harness.report import render

    folder = named or REPORTS
    if named and not folder.is_dir():
        raise ValueError(f"--reports {folder}: no such folder")
    files = [file for tier in TIERS if (file := folder / tier / "report.json").is_file()]
    if named and not files:
        raise ValueError(f"--reports {folder}: no report of a tier in it (such as quick/report.json)")
    return render.load(files)
