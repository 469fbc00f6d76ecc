"""``python -m harness.tests.mutants``: plants every mutant, and says which of them nothing notices.

All of them take about half an hour on two cores. The score is written to ``reports/mutants.json``, from which
reports have it; of a selection nothing is written.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from harness.lab import provenance
from harness.tests.house import ROOT
from harness.tests.mutants.every import MUTANTS
from harness.tests.mutants.mutant import KINDS, Mutant
from harness.tests.mutants.plant import BY_CLAIMS, BY_TESTS, SURVIVED, Fate, Planting, Unsound

ENOUGH = 0.98
"""The share of mutants that tests must notice."""


def main(arguments: Sequence[str]) -> int:
    """Plant the mutants asked for: 0 if enough of them are noticed by tests."""
    options = _parser().parse_args(arguments)
    chosen = [m for m in MUTANTS if _asked(m, options)]
    if not chosen:
        print("no mutant has such a name or kind", file=sys.stderr)
        return 2
    commit, changed = provenance.commit(ROOT)  # of what is copied now; much may be written meanwhile
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        try:
            fates = Planting(Path(folder), options.processes, _tell, options.first).fates(chosen)
        except Unsound as error:
            print(error, file=sys.stderr)
            return 2
    score = score_of(fates, commit + "-dirty" * changed)
    print(f"\n{table(fates)}\n\n{score.said}")
    if chosen == list(MUTANTS) and not options.first:
        text = msgspec.json.format(msgspec.json.encode(score), indent=1)
        provenance.planted_at(ROOT).write_bytes(text + b"\n")
    return int(score.killed_by_tests < ENOUGH * score.planted)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness.tests.mutants", description=__doc__)
    parser.add_argument("--name", default="", help="only mutants whose name contains this")
    parser.add_argument("--file", default="", help="only mutants of files whose path contains this")
    parser.add_argument("--kind", default="", choices=["", *KINDS], help="only mutants of this kind")
    parser.add_argument("--processes", type=int, default=2, help="how many are tried at once (default 2)")
    parser.add_argument("--first", action="store_true", help="try only the tests that are tried first")
    return parser


def _asked(mutant: Mutant, options: argparse.Namespace) -> bool:
    named = options.name in mutant.name and options.file in mutant.file
    return named and options.kind in ("", mutant.kind)


def _tell(fate: Fate) -> None:
    noticed = f" ({fate.noticed})" if fate.noticed else ""
    print(
        f"{fate.outcome:<16} {fate.seconds:5.0f} s  {fate.mutant.kind}: {fate.mutant.name}{noticed}",
        flush=True,
    )


def score_of(fates: Sequence[Fate], commit: str) -> provenance.Planted:
    """What a report says of these fates, of mutants planted into a commit."""
    outcomes = Counter(fate.outcome for fate in fates)
    kinds = {kind: sum(fate.mutant.kind == kind for fate in fates) for kind in KINDS}
    return provenance.Planted(
        commit=commit,
        planted=len(fates),
        killed_by_tests=outcomes[BY_TESTS],
        killed_by_claims=outcomes[BY_CLAIMS],
        kinds={kind: count for kind, count in kinds.items() if count},
        survivors={f.mutant.name: f.mutant.kind for f in fates if f.outcome == SURVIVED},
    )


def table(fates: Sequence[Fate]) -> str:
    """A line for each kind: planted, killed by tests, killed by claims, survived."""
    ways = (BY_TESTS, BY_CLAIMS, SURVIVED)
    lines = [f"{'kind':<16}{'planted':>10}" + "".join(f"{way:>18}" for way in ways)]
    for kind in dict.fromkeys(fate.mutant.kind for fate in fates):
        counts = Counter(fate.outcome for fate in fates if fate.mutant.kind == kind)
        lines.append(f"{kind:<16}{counts.total():>10}" + "".join(f"{counts[way]:>18}" for way in ways))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
