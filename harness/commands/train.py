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
    from harness.lab.progress import Tally
    from harness.lab.runs import Run

EXAMPLES = """
standard                             everything `pytest claims -m standard` reads first
standard -k slowdown --processes 4   one claim, four at once
full --device cuda                   on all GPUs of this machine
full --device cuda --store DIR       the same on several machines at once: they share DIR
standard --until-decided             and the further replicates of whatever these leave undecided
full --max-time 23h                  ends with 75 then, as at SIGTERM or SIGUSR1; repeated, it goes on
full --device cuda --on ray=HOST:PORT   on a Ray cluster: only this process writes the store
"""


def add(commands: Any) -> None:
    """Add the parser of ``train``."""
    what = "train what judging claims reads first, without judging; the same command goes on where it ended"
    parser = shared.parser(commands, "train", what, EXAMPLES, run)
    selection.add_claims(parser)
    selection.add_first(parser, "--first-replicate")
    selection.add_place(parser)
    selection.add_device(parser)
    parser.add_argument(
        "--until-decided",
        action="store_true",
        help="train further replicates too, of all claims at once, until none is left undecided by them",
    )
    parser.add_argument(
        "--max-time",
        type=selection.time_allotted,
        metavar="TIME",
        help="keep what was reached after so long (90s, 45min, 3.5h), and end with status 75",
    )
    selection.add_on(parser)


def run(options: argparse.Namespace) -> int:
    """Train; 1 if something failed or is in the way, 75 if it was asked to end before it was done.

    Raises:
        ValueError: store, data root or device cannot be used; no claims here.
    """
    from harness.fleet.pausing import heeded

    asked = options.max_time
    with heeded(asked.seconds if asked else None, f"--max-time {asked.said}" if asked else ""):
        return _run(options)


def _run(options: argparse.Namespace) -> int:
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
    crew = selection.crew_of(options, place)
    processes = crew.slots if crew else selection.processes_of(options, place)
    tally = Tally(terminal.show, processes)
    tally.first = True
    lab = Lab(place, processes=processes, progress=tally, first=options.first, crew=crew)
    functions = selected(Path.cwd(), tiers, options.k or "")
    needs = selection.needs(functions, lab)
    for problem in opening.shortened(needs.problems):
        print(f"cannot be trained: {problem}", file=sys.stderr)
    if needs.problems:
        return 1
    print("\n".join(told(tiers, needs, lab.plan(needs.runs), processes)), flush=True)
    terminal.open(sys.stderr)
    try:
        return _trained(lab, needs.runs, functions if options.until_decided else [], tally)
    finally:
        terminal.close()
        lab.close()


def _trained(lab: Lab, runs: list[Any], functions: Sequence[Any], tally: Tally) -> int:
    """Train runs, and what these functions' claims read next until that decides them; the exit status."""
    from harness.fleet.pausing import AGAIN, Paused
    from harness.lab.progress import spoken

    began, paused, undecided = time.monotonic(), "", 0
    try:
        lab.ensure(runs)
        tally.first = False
        undecided = _climb(lab, functions)
    except Paused as error:
        paused = str(error)
        lab.close()  # which waits until what was under way is kept
    took = spoken(time.monotonic() - began)
    print(f"trained {len(lab.computed)} runs in {took}, {len(lab.failures)} failed")
    if paused:
        print(f"ended by {paused}: what was under way is kept, and the same command goes on from there")
        return AGAIN
    for note in lab.notes:
        print(f"note: {note}", file=sys.stderr)
    for line in failed(lab.failures, runs):
        print(line, file=sys.stderr)
    return 1 if lab.failures or undecided else 0


def _climb(lab: Lab, functions: Sequence[Any]) -> int:
    """Train what undecided claims read next, of all of them together, until none reads more.

    Returns how many cannot be judged. What is decided is judged no more.
    """
    from harness.judging.climbing import climbed
    from harness.suite.entries import claim_id, item_of, tier_of

    items = {f"{claim_id(f)} ({tier_of(f)})": item for f in functions if (item := item_of(f)).computed()}
    unjudged = 0
    while items:
        climb = climbed(items, lab)
        unjudged += len(climb.failed)
        for problem in opening.shortened(_by_cause(climb.failed)):
            print(f"cannot be judged: {problem}", file=sys.stderr)
        count = len(climb.undecided)
        print(
            f"undecided: {count} of {len(items)} items" + (", further replicates" * bool(count)), flush=True
        )
        lab.ensure(climb.runs)
        items = {name: items[name] for name in climb.undecided}
    return unjudged


def _by_cause(failed: Mapping[str, str]) -> dict[str, list[str]]:
    items: dict[str, list[str]] = {}
    for name, cause in failed.items():
        items.setdefault(cause, []).append(name)
    return items


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
