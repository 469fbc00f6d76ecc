"""What the terminal says before anything is judged: where, with what data, and what must be trained first."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.lab.progress import spoken
from harness.report.wording import from_first
from harness.spec import TIERS

if TYPE_CHECKING:
    from harness.lab.lab import Lab
    from harness.lab.plan import Plan


def scope(expression: str, arguments: Sequence[str]) -> str:
    """What was asked for: the tiers that ``-m`` lets through, the items that are named, or the quick tier.

    Args:
        expression: what follows ``-m``, "" without it.
        arguments: paths and node ids.
    """
    tiers = selectable(expression)
    if tiers:
        return f"tier{'s' * (len(tiers) > 1)} {' and '.join(tiers)} (-m {shlex.quote(expression)})"
    if names_tier(expression):
        return f"no tier (-m {shlex.quote(expression)})"
    if any("[" in argument.partition("::")[2] for argument in arguments):
        return "the items named"
    return "tier quick (none was named with -m)"


def names_tier(expression: str) -> bool:
    """Does ``-m`` speak of tiers? Otherwise only the quick tier is meant."""
    return any(re.search(rf"\b{tier}\b", expression) for tier in TIERS)


def selectable(expression: str) -> list[str]:
    """The tiers of which an expression that speaks of tiers lets items through, whatever else they are."""
    from _pytest.mark.expression import Expression

    if not names_tier(expression):
        return []
    compiled = Expression.compile(expression)  # pytest has refused what is none
    return [
        tier
        for tier in TIERS
        if any(
            compiled.evaluate(_marked(tier, others)) for others in (False, True)
        )  # other marks may be there
    ]


def _marked(tier: str, others: bool) -> Any:
    """Tells an expression which marks an item of a tier has."""
    return lambda name, **_: name == tier if name in TIERS else others


def unselected(expression: str, words: str, collected: int) -> Iterator[str]:
    """Why nothing was judged, and what to write instead.

    Args:
        expression: what follows ``-m``; words: what follows ``-k``; "" without them.
        collected: how many items there are, of all tiers.
    """
    if collected:
        asked = [f"matches -m {shlex.quote(expression)}" if expression else "is of the quick tier"]
        asked += [f"matches -k {shlex.quote(words)}"] * bool(words)
        yield f"nothing is selected: no item of {collected} {' and '.join(asked)} (python -m harness list)"
    elif names_tier(expression):
        yield f"no claims were named: python -m pytest claims -m {shlex.quote(expression)}"


def mistaken(mistakes: Sequence[str]) -> list[str]:
    """What is wrong with single claims; the others are judged."""
    return [f"ERROR: {mistake}" for mistake in mistakes]


def header(asked: str, lab: Lab, cores: int) -> list[str]:
    """Tier, device and store, on top of pytest's output."""
    anew = ", everything trained anew" if lab.place.fresh else ""
    asked += f", {from_first(lab.first)}" if lab.first else ""
    plural = "s" if cores > 1 else ""
    store = f"store: {_short(lab.place.store)}, {len(lab.store.keys()):,} records"
    if lab.store.foreign:
        store += f"; it bears no mark, and {lab.store.foreign} is not a store's: nothing in it is removed"
    return [f"overclaim: {asked}, device {lab.place.device}, {cores} core{plural}{anew}", store]


def _short(path: Path) -> str:
    """Relative to where the user is, or to the home directory, if it lies there."""
    for folder, sign in ((Path.cwd(), ""), (Path.home(), "~/")):
        if path.is_relative_to(folder) and folder != Path("/"):
            return f"{sign}{path.relative_to(folder)}"
    return str(path)


def unseen(modules: Sequence[str]) -> list[str]:
    """One line on code whose source cannot be read, so that no address covers it; none if there is none."""
    if not modules:
        return []
    return [f"not seen by addresses: {', '.join(modules)}; after a change of such code train with --fresh"]


def planned(plan: Plan, processes: int, data: Mapping[str, str]) -> list[str]:
    """Data, what must be trained, and about how long that takes; said after collection."""
    lines = [f"data: {', '.join(data) or 'none needed'}"]
    if not plan.missing:
        return [*lines, f"plan: 0 runs to train, {plan.present:,} in the store"]
    fleets = f"{len(plan.fleets):,} fleet{'s' if len(plan.fleets) > 1 else ''}"
    lines.append(f"plan: {plan.missing:,} runs to train in {fleets}, {plan.present:,} in the store")
    on = f"{processes} processes" if processes > 1 else "one process"
    timed = f"{plan.timed:,} of {plan.missing:,} runs timed before"
    about = f"{'up to ' if plan.at_most else ''}about {spoken(plan.lasts(processes))}"
    return [*lines, *plan.decoding, f"time: {about} on {on} ({timed})"]


def untrained(plan: Plan, data: Mapping[str, str]) -> str:
    """One line where nothing is trained (``--no-train``): what there is to judge, and what is not there."""
    absent = f"; {plan.missing:,} more are needed and not there" if plan.missing else ""
    named = ", ".join(data) or "none needed"
    return f"data: {named}; {plan.present:,} runs to judge, nothing is trained{absent}"


def listing(plan: Plan) -> Iterator[str]:
    """What ``--plan`` prints: a line for each specification, the longest first."""
    works = plan.specifications().items()
    for what, work in sorted(works, key=lambda pair: (-pair[1].seconds, pair[0])):
        yield f"{work.runs:5d} runs {work.seconds:10.1f} s  {what}"


def shortened(problems: Mapping[str, Sequence[str]]) -> list[str]:
    """A line for each problem: the first item that has it, how many others do, and its cause.

    Args:
        problems: cause -> the items that have it.
    """
    lines = []
    for cause, items in problems.items():
        others = f" and {len(items) - 1} more" if len(items) > 1 else ""
        lines.append(f"{items[0]}{others}: {cause}")
    return lines
