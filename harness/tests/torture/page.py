"""``reports/torture.md``: what was tried, what survived and what was lost, by kind."""

from __future__ import annotations

import re

from harness.tests.torture.tally import TOLD, Tally

PATH = re.compile(r"(?:/[\w.+-]+){2,}/?")

HEAD = """\
# Torture

What was done to the software on purpose, and what came of it. Written by `tox -e torture`; the same seed
mutates, kills and refuses in the same order, but how far it comes in its time depends on the machine.

- **kills**: sessions that train tiny nets (ten checkpoints a second, within epochs too), solve and
  simulate, and their processes, get `kill -9`, SIGTERM or SIGUSR1 at random moments, one to three times
  on one store; then a session runs to its end, and its report must equal, but for times, that of a
  session that nobody disturbed. Every record that can be seen is whole, and no process lives on. Who is
  asked to end does so with the status that schedulers requeue on.
- **lost power**: two writers on a simulated disk, stopped before each call; calls are refused, writers
  killed, bytes rot, and what was not synced vanishes (or is cut, or zeros) in any order. After each step a
  reader must find the whole old, the whole new, or none, and what was published stays.
- **disks**: each call of the store is refused once by each of five errors; sessions run on disks that are
  full, without inodes, read-only or forbidden, and again when they are not.
- **hostile files**: bytes flipped, cut, zeroed, doubled, swapped, removed and drowned in noise, numbers of
  thousands of digits, a hundred thousand brackets, links, pipes and folders in a file's place, planted calls.
  It is refused in one line or read as it was; nothing is executed.
"""


def page(tally: Tally, commit: str, processors: int) -> str:
    """The page as Markdown; no path, host or user in it."""
    rows = []
    for kind, tried in tally.tried.items():
        survived = tally.survived[kind]
        rows.append(f"| {kind} | {tried:,} | {survived:,} | {tried - survived:,} |")
    total = f"| all | {tally.tried.total():,} | {tally.survived.total():,} | {tally.lost:,} |"
    said = f"Commit `{commit}`, seed {tally.seed}, {tally.seconds:.0f} seconds on {processors} cores."
    lines = [HEAD, said, "", "| what | tried | survived | lost |", "|---|---:|---:|---:|", *rows, total]
    if tally.seen:
        lines += ["", "In the simulation of lost power: " + _listed(tally.seen) + "."]
    lines += [f"\nNot tried: {kind} ({why})." for kind, why in tally.untried.items()]
    if tally.faults:
        lines += ["", "Lost:", "", *(f"- {PATH.sub('a path', fault)}" for fault in tally.faults[:TOLD])]
    return "\n".join(lines) + "\n"


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())
