"""``python -m harness.commands.costing``: the shipped table of what runs cost, made anew from records.

    python -m harness.commands.costing [--store DIR] reports/quick reports/standard

A store whose runs were computed here says how this machine compares with those of the records; it is what
the table's probe is measured beside. Without one, the records count as computed here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands import OneLineParser, selection
from harness.commands.exporting import NAME
from harness.lab import prices
from harness.spec.untrusted import cause_of

if TYPE_CHECKING:
    from harness.lab.runs import Run
    from harness.lab.shipped import Shipped


def main(arguments: list[str] | None = None) -> int:
    """Write ``harness/lab/costs.json``; the exit status."""
    parser = OneLineParser(prog="python -m harness.commands.costing", description=__doc__)
    parser.add_argument("folders", nargs="+", type=selection.path, metavar="DIR", help="folders of reports")
    parser.add_argument("--store", type=selection.path, metavar="DIR", help="what was computed here")
    options = parser.parse_args(arguments)
    try:
        data = costed(options)
        prices.FILE.write_bytes(data)
    except (ValueError, OSError) as error:
        print(f"{parser.prog}: {cause_of(error)}", file=sys.stderr)
        return 1
    print(f"{prices.FILE.name}: {len(data):,} bytes")
    return 0


def costed(options: argparse.Namespace) -> bytes:
    """The table's bytes.

    Raises:
        ValueError: no records lie there, or there are no claims here (one line).
    """
    from harness.lab.durations import alike, estimate
    from harness.lab.shipped import Shipped

    seconds: dict[str, float] = {}
    ratios: dict[tuple[str, ...], list[float]] = {}
    for folder in options.folders:
        shipped = Shipped(folder / NAME)
        for run, records in timed(shipped):
            if run.kind not in seconds and (mean := sum(records) / len(records)) > 0:
                seconds[run.kind] = mean
                ratios.setdefault(alike(run.value), []).append(mean / estimate(run.value))
    probe = prices.probed()
    if options.store:
        here = selection.opened(options).timings(seconds)
        there = prices.Costs(probe=probe, kinds={kind[: prices.KIND]: s for kind, s in seconds.items()})
        probe /= prices.slowness(there, here)
    return prices.made(seconds, ratios, probe)


def timed(shipped: Shipped) -> Iterator[tuple[Run, list[float]]]:
    """Each run of the claims here that the file has records of, and the seconds of its replicates."""
    of: dict[str, list[float]] = {}
    for key in shipped.keys():  # noqa: SIM118 - not a dict
        record = shipped.read(key)
        if record is not None:
            of.setdefault(record.address, []).append(record.seconds)
    for run in _runs(shipped):
        if run.address in of:
            yield run, of[run.address]


def _runs(shipped: Shipped) -> Iterable[Run]:
    """Replicate 0 of everything that the claims here compute, named as in the file."""
    from harness.lab.runs import parts, with_parents
    from harness.spec import plain
    from harness.suite.entries import item_of
    from harness.suite.listing import selected

    names = shipped.names()
    values = [value for item in selected(Path.cwd()) for value in item_of(item).computed()]
    return with_parents(names.run(part, 0) for value in values for part in parts(plain(value)))


if __name__ == "__main__":
    sys.exit(main())
