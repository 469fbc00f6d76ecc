"""``python -m harness report``: render reports again, several as one page, or compare two."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from harness import commands as shared
from harness.commands import auditing, selection

if TYPE_CHECKING:
    from harness.evidence.schema import Report

EXAMPLES = """
reports/quick                                  render report.json there again
reports/quick reports/standard --out page      several tiers as one page
--diff before/report.json reports/quick        what changed; status 1 if a verdict flipped unexpectedly
audit stranger                                 judge it again from its records: does it follow from them?
"""
AUDIT = "judge a report again from its shipped records, and say what does not follow; status 1 if anything"


def add(commands: Any) -> None:
    """Add the parser of ``report``."""
    what = "render report.json again, or several as one page, or compare two"
    parser = shared.parser(commands, "report", what, EXAMPLES, run)
    parser.add_argument("folders", nargs="*", type=selection.path, metavar="DIR", help="folders of reports")
    parser.add_argument(
        "--out", type=selection.path, metavar="DIR", help="where to write (default: the first DIR)"
    )
    parser.add_argument(
        "--diff", nargs=2, type=selection.path, metavar=("A", "B"), help="print what changed from A to B"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="with --diff: as JSON, for programs")
    how.add_argument("--markdown", action="store_true", help="with --diff: as Markdown, for a step summary")
    parser.set_defaults(parser=parser)
    auditing.add(shared.action(parser, "audit", AUDIT, auditing.EXAMPLES, auditing.audit))


def run(options: argparse.Namespace) -> int:
    """Render reports again, or compare two.

    Raises:
        ValueError: a report is missing or is none, or two have no claim in common (one line).
        OSError: nothing can be written there.
    """
    from harness.report import render

    if bool(options.folders) == bool(options.diff):
        options.parser.error("give folders to render, or --diff A B")
    if options.diff and options.out:
        options.parser.error("--out is for rendering: --diff prints, so redirect it with > FILE")
    if not options.diff and (options.json or options.markdown):
        options.parser.error("--json and --markdown are for --diff: rendering writes all formats")
    if twice := next((one for one in options.folders if options.folders.count(one) > 1), None):
        options.parser.error(f"{twice} is given twice")
    if options.diff:
        return _compared(options)
    written = render.write(render.load(options.folders), options.out or options.folders[0])
    print(f"{', '.join(file.name for file in written)} in {options.out or options.folders[0]}")
    return 0


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
