"""``python -m harness plan``: what judging would train, and about how long that takes here."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness import commands as shared
from harness.commands import selection
from harness.lab import bill, host_memory
from harness.lab.bill import Bill, billed
from harness.suite import opening

if TYPE_CHECKING:
    from harness.lab.lab import Lab
    from harness.lab.plan import Plan

EXAMPLES = """
                           what `pytest claims -m quick` would train
standard -k slowdown       one claim at one tier
standard full --json       for programs
full --device cuda         on this machine's GPUs
full --device h100x8       what it would cost on eight GPUs that are elsewhere
"""


class Specified(msgspec.Struct, frozen=True, kw_only=True):
    """Runs of one specification that are missing: how many, and about how many seconds on one process."""

    what: str
    runs: int
    seconds: float


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """What ``plan --json`` prints.

    Attributes:
        tiers, items: what was planned, and how many items that are.
        data: honest name of each collection -> its digest ("" for embedded and generated data).
        missing, present: runs to train, runs in the store.
        fleets: groups that train together; processes: how many of them at once.
        seconds: estimate for this machine; timed: missing runs whose estimate rests on a recorded timing;
            at_most: those counted with their whole budget of epochs, because nothing alike was timed.
        specifications: the missing runs by what they are, the longest first.
        problems: what is in the way, a line each; what lacks its data is planned as missing.
        bill: what it costs on GPUs, where it is planned for some.
        memory: about how many bytes all processes take at most, of the machine's own memory.
    """

    tiers: tuple[str, ...]
    items: int
    data: dict[str, str]
    missing: int
    present: int
    fleets: int
    processes: int
    seconds: float
    timed: int
    at_most: int
    specifications: tuple[Specified, ...]
    problems: tuple[str, ...]
    bill: Bill | None = None
    memory: int = 0


def add(commands: Any) -> None:
    """Add the parser of ``plan``."""
    what = "what judging claims would train first, and about how long that takes here"
    parser = shared.parser(commands, "plan", what, EXAMPLES, run)
    selection.add_claims(parser)
    selection.add_first(parser, "--first-replicate")
    selection.add_place(parser)
    selection.add_device(parser, planned=True)
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")


def run(options: argparse.Namespace) -> int:
    """Print the plan; 1 if something is in the way of some items.

    Raises:
        ValueError: store, data root or device cannot be used; no claims here.
    """
    from harness.suite.listing import selected

    place = selection.place_of(options)
    selection.require_makeable(place.store)
    tiers = tuple(options.tiers) or ("quick",)
    processes = selection.processes_of(options, place)
    lab = selection.lab(place, options.first, processes)
    needs = selection.needs(selected(Path.cwd(), tiers, options.k or ""), lab)
    plan = lab.plan(needs.runs)
    needs.problems |= unfit(lab, needs)
    costs = None if place.device == "cpu" else billed(plan, needs.families, place.device, processes)
    taken = host_memory.of_units(plan.fleets, place.device, processes)
    if options.json:
        shared.print_json(planned(tiers, needs, plan, processes, costs, taken))
        return 1 if needs.problems else 0
    lines = told(tiers, needs, plan, processes)
    if plan.missing:
        lines[-1:-1] = [host_memory.told(taken, place.device)]
    if costs:
        lines[-1:] = bill.told(costs) if plan.missing else lines[-1:]
    if lab.shipped:
        lines[1:] = [lab.shipped.said(plan.present, plan.missing)]
    print("\n".join([*opening.listing(plan), *lines]))
    for problem in opening.shortened(needs.problems):
        print(f"in the way: {problem}", file=sys.stderr)
    return 1 if needs.problems else 0


def unfit(lab: Lab, needs: selection.Needs) -> dict[str, list[str]]:
    """Why runs could not be planned -> the claims' files that need them."""
    causes: dict[str, list[str]] = {}
    for key, cause in lab.failures.items():
        family = needs.families.get(key, "")
        if family and family not in causes.setdefault(cause, []):
            causes[cause].append(family)
    return {cause: families for cause, families in causes.items() if families}


def planned(
    tiers: Sequence[str],
    needs: selection.Needs,
    plan: Plan,
    processes: int,
    costs: Bill | None = None,
    memory: int = 0,
) -> Planned:
    """The plan as plain data."""
    specifications = [
        Specified(what=what, runs=work.runs, seconds=round(work.seconds, 1))
        for what, work in plan.specifications().items()
    ]
    return Planned(
        tiers=tuple(tiers),
        items=needs.items,
        data=needs.data,
        missing=plan.missing,
        present=plan.present,
        fleets=len(plan.fleets),
        processes=processes,
        seconds=round(plan.lasts(processes), 1),
        timed=plan.timed,
        at_most=plan.at_most,
        specifications=tuple(sorted(specifications, key=lambda s: (-s.seconds, s.what))),
        problems=tuple(opening.shortened(needs.problems)),
        bill=costs,
        memory=memory,
    )


def told(tiers: Sequence[str], needs: selection.Needs, plan: Plan, processes: int) -> list[str]:
    """The plan's sum for people, as pytest says it."""

    items = f"{needs.items} item{'' if needs.items == 1 else 's'}"
    data = needs.data or ({"not here": ""} if needs.problems else {})
    return [f"tier {' and '.join(tiers)}: {items}", *opening.planned(plan, processes, data)]
