"""``python -m harness train``: compute what judging will read first, without judging."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import commands as shared
from harness.commands import selection
from harness.commands.plan import told
from harness.suite import opening

if TYPE_CHECKING:
    from harness.lab.lab import Lab
    from harness.lab.runs import Run

EXAMPLES = """
standard                             everything `pytest claims -m standard` reads first
standard -k slowdown --processes 4   one claim, four at once
full --device cuda                   on all GPUs of this machine
full --device cuda --store DIR       the same on several machines at once: they share DIR
"""


def add(commands: Any) -> None:
    """Add the parser of ``train``."""
    what = "train what judging claims reads first, without judging; the same command goes on where it ended"
    parser = shared.parser(commands, "train", what, EXAMPLES, run)
    selection.add_claims(parser)
    selection.add_first(parser, "--first-replicate")
    selection.add_place(parser)
    selection.add_device(parser)


def run(options: argparse.Namespace) -> int:
    """Train; 1 if something failed or is in the way.

    Raises:
        ValueError: store, data root or device cannot be used; no claims here.
    """
    from harness.lab.lab import Lab
    from harness.lab.progress import Tally
    from harness.suite.listing import selected
    from harness.suite.live import Terminal

    place = selection.place_of(options)
    if place.store.is_file():
        raise ValueError(
            f"--store {place.store.name} holds shipped records, which are only read: give a directory"
        )
    selection.require_makeable(place.store)
    tiers = tuple(options.tiers) or ("quick",)
    terminal = Terminal()
    processes = selection.processes_of(options, place)
    tally = Tally(terminal.show, processes)
    tally.first = True
    lab = Lab(place, processes=processes, progress=tally, first=options.first)
    needs = selection.needs(selected(Path.cwd(), tiers, options.k or ""), lab)
    for problem in opening.shortened(needs.problems):
        print(f"cannot be trained: {problem}", file=sys.stderr)
    if needs.problems:
        return 1
    print("\n".join(told(tiers, needs, lab.plan(needs.runs), processes)), flush=True)
    terminal.open(sys.stderr)
    try:
        return _trained(lab, needs.runs)
    finally:
        terminal.close()
        lab.close()


def _trained(lab: Lab, runs: list[Any]) -> int:
    from harness.lab.progress import spoken

    began = time.monotonic()
    lab.ensure(runs)
    took = spoken(time.monotonic() - began)
    print(f"trained {len(lab.computed)} runs in {took}, {len(lab.failures)} failed")
    for note in lab.notes:
        print(f"note: {note}", file=sys.stderr)
    for line in failed(lab.failures, runs):
        print(line, file=sys.stderr)
    return 1 if lab.failures else 0


def failed(failures: Mapping[str, str], runs: Sequence[Run]) -> list[str]:
    """A line for each cause: how many runs failed by it, and one of them."""
    from harness.spec import abbreviated

    examples: dict[str, Run] = {}
    for run in (run for run in runs if run.key in failures):
        examples.setdefault(failures[run.key], run)
    return [
        f"{sum(why == cause for why in failures.values())} failed: {cause}"
        f" (replicate {run.replicate} of {abbreviated(run.value)})"
        for cause, run in examples.items()
    ]
