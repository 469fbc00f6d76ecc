"""``python -m harness``: what pytest does not do - list claims, fetch data, render reports again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.data.archives import Source

EPILOG = """examples:
  python -m harness list                     every claim: id, paper, where, what it says, tiers, control
  python -m harness list --json -k double    the same as JSON, only what matches
  python -m harness data list                which data sets are here
  python -m harness data get cifar10         download one into the data root
  python -m harness report reports/quick     render report.json there again; several make one page

exit status: 0 done, 1 something is missing or failed, 2 or 4 the command line is wrong
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m harness", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="list | data | report")
    listing = _subcommand(commands, "list", "print every claim")
    listing.add_argument("--json", action="store_true", help="as JSON, for programs")
    listing.add_argument(
        "-k", default="", metavar="WORDS", help="only claims whose names match, as in pytest"
    )
    data = _subcommand(commands, "data", "see and fetch data sets")
    data.add_argument("action", choices=["list", "get"])
    data.add_argument("names", nargs="*", metavar="NAME", help="mnist, cifar10, cifar100 (default: all)")
    data.add_argument(
        "--data-root", type=Path, metavar="DIR", help="where data sets lie (default: the user's cache)"
    )
    report = _subcommand(commands, "report", "render report.json again, or several as one page")
    report.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    report.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: the first DIR)")
    given = parser.parse_args(arguments)
    try:
        return {"list": _list, "data": _data, "report": _report}[given.command](given)
    except (ValueError, OSError) as error:
        print(f"python -m harness {given.command}: {error}", file=sys.stderr)
        return 1


def _subcommand(commands: Any, name: str, what: str) -> argparse.ArgumentParser:
    """A parser whose help shows the examples of its own subcommand."""
    examples = [row for row in EPILOG.splitlines() if row.startswith(f"  python -m harness {name}")]
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=what,
        description=what,
        epilog="\n".join(["examples:", *examples]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser


def _list(given: argparse.Namespace) -> int:
    from harness.catalogue import collected

    status, claims = collected(Path.cwd(), given.k)
    if given.json:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode(claims), indent=2).decode())
        return status
    for entry in claims:
        print(f"{entry['id']}\n    {entry['paper']}, {entry['where']}: {entry['says']}")
        for tier, text in entry["adapted"].items():
            expected = entry["expected"][tier]
            print(f"    {tier:<8} expected {expected}; adapted: {text}")
        for control in entry["control"]:
            print(f"    control: {control}")
    return status


def _data(given: argparse.Namespace) -> int:
    from harness.data import fetch, sources
    from harness.data.archives import ARCHIVES

    root = given.data_root or sources.default_root()
    names = given.names or list(ARCHIVES)
    unknown = [name for name in names if name not in ARCHIVES]
    if unknown:
        raise ValueError(f"unknown data set {unknown[0]!r}: one of {', '.join(ARCHIVES)}")
    if given.action == "get":
        for name in names:
            print(_described(name, fetch.get(name, root)))
        return 0
    absent = 0
    for name in names:
        try:
            print(_described(name, sources.source(ARCHIVES[name], root)))
        except sources.DataError as error:
            absent += 1
            print(f"{name:<9} not usable: {error}")
    return 1 if absent and given.names else 0


def _described(name: str, source: Source) -> str:
    return f"{name:<9} {source.name}, sha256 {source.digest[:16]}"


def _report(given: argparse.Namespace) -> int:
    from harness.report import render

    render.write(render.load(given.folders), given.out or given.folders[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
