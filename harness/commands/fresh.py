"""``python -m harness fresh``: a tier judged on replicates that nothing has read, beside its report."""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import commands as shared
from harness.commands import selection
from harness.lab.replicates import FRESH

if TYPE_CHECKING:
    from harness.evidence.schema import Report
    from harness.report.fresh import FreshComparison, JudgedAgain

JUDGED = (0, 1)
"""How pytest ends when it has judged: as expected, or not."""
ENDING_SECONDS = 20
"""Seconds that an interrupted session has to end its processes, which takes it one or two."""
EXAMPLES = """
quick                              judge the quick tier on replicates 3000 and up, beside reports/quick
quick -k slowdown                  a selection of it
standard claims/test_capacity.py   the same by file or node id
quick --first 4000 --json          on yet others, for programs
quick --report out                 keep the session's report in out
quick --against out --first 5000   beside another report than the committed one
"""


def add(commands: Any) -> None:
    """Add the parser of ``fresh``."""
    what = (
        "judge a tier on replicates that no calibration and no verdict has read, and say which verdicts came "
        "out otherwise than in its report; status 1 if one is the opposite"
    )
    parser = shared.parser(commands, "fresh", what, EXAMPLES, run)
    parser.add_argument("tier", type=selection.tier, metavar="TIER", help="the tier that is judged")
    parser.add_argument(
        "ids", nargs="*", default=["claims"], metavar="ID", help="files or node ids (default: claims)"
    )
    selection.add_words(parser)
    selection.add_first(parser, "--first", FRESH)
    parser.add_argument(
        "--against",
        type=selection.path,
        metavar="FILE",
        help="the report to compare with (default: reports/TIER)",
    )
    parser.add_argument(
        "--report", type=selection.path, metavar="DIR", help="write the session's own report there"
    )
    selection.add_place(parser)
    parser.add_argument("--device", default="cpu", metavar="NAME", help="cpu (default), cuda or cuda:1")
    parser.add_argument("--json", action="store_true", help="as JSON, for programs; the session on stderr")


def run(options: argparse.Namespace) -> int:
    """Judge and compare; 1 if a verdict is the opposite of the one before.

    Raises:
        ValueError: there is no report to compare with, or the session could not judge (one line).
        OSError: the session's report cannot be written where it was asked for.
    """
    from harness.report import fresh, render
    from harness.suite.reporting import misplaced

    against = options.against or Path("reports") / options.tier
    if not against.exists():
        write = f"python -m pytest claims -m {options.tier} --report {against}"
        raise ValueError(f"{against}: No such file or directory to compare with: {write} makes it")
    (before,) = render.load([against])
    try:
        fresh.require_comparable(before, options.tier, options.first)
    except ValueError as error:
        raise ValueError(f"{against}: {error}") from None
    if why := misplaced(options.report, options.first):
        raise ValueError(f"--report {options.report}: {why}")
    after = _judged(options)
    if options.report:
        render.write(after, options.report)
    comparison = fresh.compare(before, after, options.tier)
    if options.json:
        shared.print_json(comparison)
    else:
        print("\n".join(told(comparison, str(against))))
    return 1 if comparison.opposite else 0


def _judged(options: argparse.Namespace) -> Report:
    """The report of an ordinary session on the fresh replicates.

    Raises:
        ValueError: it judged nothing; it has said why.
    """
    from harness.report import render

    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="only-to-compare-") as folder:
        command = [sys.executable, "-m", "pytest", *options.ids, "-m", options.tier, *_asked(options)]
        status = _ended([*command, "--report", folder], quiet=options.json)
        if status not in JUDGED or not (Path(folder) / "report.json").exists():
            raise ValueError(f"nothing was judged (pytest ended with status {status}): see above")
        (report,) = render.load([folder])
    return report


def _ended(command: Sequence[str], *, quiet: bool) -> int:
    """The status with which a session ends; what it says goes to stderr if ``quiet``.

    Interrupted, it is given the time to end its own processes, which ``subprocess.run`` would not.
    """
    with subprocess.Popen(command, stdout=sys.stderr if quiet else None) as session:
        try:
            return session.wait()
        except KeyboardInterrupt:
            with contextlib.suppress(subprocess.TimeoutExpired):
                session.wait(ENDING_SECONDS)
            session.terminate()
            raise


def _asked(options: argparse.Namespace) -> Iterator[str]:
    """The options of a session, as they were given to this command."""
    yield from ("--first-replicate", str(options.first), "--device", options.device)
    for name, value in (("-k", options.k), ("--store", options.store), ("--data-root", options.data_root)):
        if value:
            yield from (name, str(value))


def told(comparison: FreshComparison, against: str) -> Iterator[str]:
    """What came out otherwise, the worst first, and the sum of it in a line."""
    from harness.report.wording import printable

    yield f"replicates {comparison.replicates_after} beside {against} ({comparison.replicates_before}):"
    changed = [item for item in comparison.items if item.before is not item.after]
    rows = [_row(item) for item in changed]
    for item, row in zip(changed, shared.table(rows, right="2") if rows else (), strict=True):
        yield printable(f"  {row}")
        for why in _because(item):
            yield printable(f"      {' '.join(why.split())}")
    if comparison.unknown:
        yield f"not in that report: {len(comparison.unknown)} ({comparison.unknown[0]}, say)"
    if comparison.restated:
        yield f"{comparison.restated} ask something else than in that report, which foretells nothing of them"
    yield comparison.headline


def _row(item: JudgedAgain) -> tuple[str, ...]:
    from harness.report.wording import chance

    sides = (f"{verdict.symbol} {verdict}" for verdict in (item.before, item.after))
    name = item.id.rpartition("::")[2].removeprefix("test_")
    foretold = f"foretold {chance(item.chance)}" if item.chance is not None else ""
    return item.outcome.value, " → ".join(sides), f"n {item.n_before} → {item.n_after}", foretold, name


def _because(item: JudgedAgain) -> Iterator[str]:
    """Why it came out so and, where the claim declares that either may come, why."""
    if item.reason:
        yield item.reason
    if item.expected.is_set:
        yield f"{item.expected} was expected: {item.expected_because}"
