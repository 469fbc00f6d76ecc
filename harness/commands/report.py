"""``python -m harness report``: rendered again, as one page, compared, checked, audited, bundled."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from harness import commands as shared
from harness.commands import auditing, bundling, selection, standing

if TYPE_CHECKING:
    from harness.evidence.schema import Report

EXAMPLES = """
reports/quick                                  render report.json there again
reports/quick reports/standard --out page      several tiers as one page
--diff before/report.json reports/quick        what changed; status 1 if a verdict flipped unexpectedly
--check reports/quick reports/standard         which verdicts still stand for the code here, untrained
reports/quick --csv > checks.csv               one row a check, for spreadsheets and data frames
audit stranger                                 judge it again from its records: does it follow from them?
bundle reports/quick                           with records, sources and commit as an RO-Crate, in a zip
"""
BUNDLE = "write report, records, sources, environment and commit as an RO-Crate"
AUDIT = "judge a report again from its shipped records, and say what does not follow; status 1 if anything"


def add(commands: Any) -> None:
    """Add the parser of ``report``."""
    what = "render report.json again, or several as one page; compare, check, audit or bundle reports"
    parser = shared.parser(commands, "report", what, EXAMPLES, run)
    parser.add_argument("folders", nargs="*", type=selection.path, metavar="DIR", help="folders of reports")
    parser.add_argument(
        "--out", type=selection.path, metavar="DIR", help="where to write (default: the first DIR)"
    )
    parser.add_argument(
        "--diff", nargs=2, type=selection.path, metavar=("A", "B"), help="print what changed from A to B"
    )
    parser.add_argument(
        "--check", nargs="+", type=selection.path, metavar="DIR",
        help="say which verdicts still stand for the claims and code here; status 1 if any is stale",
    )  # fmt: skip
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="with --diff or --check: as JSON, for programs")
    how.add_argument("--markdown", action="store_true", help="with --diff: as Markdown, for a step summary")
    how.add_argument("--csv", action="store_true", help="print the reports' checks, a row each, as CSV")
    selection.add_place(parser, store=False)
    parser.set_defaults(parser=parser)
    bundling.add(shared.action(parser, "bundle", BUNDLE, bundling.EXAMPLES, bundling.bundled))
    auditing.add(shared.action(parser, "audit", AUDIT, auditing.EXAMPLES, auditing.audit))


def run(options: argparse.Namespace) -> int:
    """Render reports again, or compare two.

    Raises:
        ValueError: a report is missing or is none, or two have no claim in common (one line).
        OSError: nothing can be written there.
    """
    from harness.report import render, sheet

    _require_sense(options)
    if options.diff:
        return _compared(options)
    if options.check:
        return _checked(options)
    reports = render.load(options.folders)
    if options.csv:
        sys.stdout.write(sheet.render(reports))
        return 0
    written = render.write(reports, options.out or options.folders[0])
    print(f"{', '.join(file.name for file in written)} in {options.out or options.folders[0]}")
    return 0


def _require_sense(options: argparse.Namespace) -> None:
    """Refuse what has no meaning together, in one line, with status 2."""
    refuse = options.parser.error
    if sum(map(bool, (options.folders, options.diff, options.check))) != 1:
        refuse("give folders to render, or --diff A B, or --check DIR")
    if options.out and (options.diff or options.check):
        refuse("--out is for rendering: --diff and --check print, so redirect them with > FILE")
    if options.out and options.csv:
        refuse("--csv prints, so redirect it with > FILE and leave --out out")
    if options.csv and not options.folders:
        refuse("--csv is of folders: leave --diff and --check out")
    if options.markdown and not options.diff:
        refuse("--json and --markdown are for --diff: rendering writes all formats")
    if options.json and options.folders:
        refuse("--json and --markdown are for --diff: rendering writes all formats")
    if options.data_root and not options.check:
        refuse("--data-root is for --check, which looks for data: leave it out")
    named = options.folders or options.check or []
    if twice := next((one for one in named if named.count(one) > 1), None):
        refuse(f"{twice} is given twice")


def _checked(options: argparse.Namespace) -> int:
    checks = standing.check(options)
    if options.json:
        shared.print_json(checks)
    else:
        print("\n".join(standing.told(checks)))
    return 1 if standing.fails(checks) else 0


def _compared(options: argparse.Namespace) -> int:
    from harness.report import diff, render

    before, after = render.load(options.diff)
    difference = diff.compare(before, after)
    if not difference.flips and not difference.stayed:
        raise ValueError(
            f"no claim has a result in both reports, so nothing is compared: {_of(before)} in the first, "
            f"{_of(after)} in the second"
        )
    if options.json:
        shared.print_json(difference)
    else:
        said = diff.markdown(difference) if options.markdown else diff.text(difference)
        sys.stdout.write(said.rstrip("\n") + "\n")
    return 1 if difference.unexpected_flips else 0


def _of(report: Report) -> str:
    count = len(report.claims)
    return f"{count} item{'s' * (count != 1)} of tier {' and '.join(report.tiers) or 'none'}"
