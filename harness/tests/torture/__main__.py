"""``python -m harness.tests.torture``: all that may happen to a store and its sessions, for some minutes.

Figures are written to ``reports/torture.md``; of a selection nothing is written. The status is 1 if anything
was lost. Nothing outside a temporary folder is touched.
"""

from __future__ import annotations

import argparse
import functools
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.lab import provenance
from harness.tests.house import ROOT
from harness.tests.torture import disks, hostile, kills, lost_power
from harness.tests.torture.page import page
from harness.tests.torture.tally import Tally

Part = Callable[[Path, random.Random, Tally, Callable[[], bool]], None]
PARTS: dict[str, tuple[float, Part]] = {
    "kills": (0.4, kills.attack),
    "power": (0.25, lost_power.attack),
    "disks": (0.15, disks.attack),
    "hostile": (0.2, hostile.attack),
}
"""Part -> its share of the time, and what it does."""
MINUTES = 10.0


def main(arguments: Sequence[str]) -> int:
    """Torture: 0 if nothing was lost."""
    options = _parser().parse_args(arguments)
    chosen = options.only or list(PARTS)
    shares = sum(PARTS[name][0] for name in chosen)
    tally = Tally(options.seed)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="torture-", ignore_cleanup_errors=True) as name:
        for part in chosen:
            share, attack = PARTS[part]
            until = time.monotonic() + 60 * options.minutes * share / shares
            folder = Path(name) / part
            folder.mkdir()
            attack(folder, random.Random(f"{options.seed} {part}"), tally, functools.partial(_is_past, until))
            print(f"{part}: {tally.tried.total():,} tried so far, {tally.lost:,} lost", flush=True)
    commit, changed = provenance.commit(ROOT)
    text = page(tally, commit[:12] + "-dirty" * changed, provenance.cores())
    print(f"\n{text}")
    if chosen == list(PARTS):
        (ROOT / "reports" / "torture.md").write_text(text)
    return int(tally.lost > 0)


def _is_past(moment: float) -> bool:
    return time.monotonic() > moment


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness.tests.torture", description=__doc__)
    parser.add_argument("--minutes", type=_minutes, default=MINUTES, help="how long (default 10)")
    parser.add_argument("--seed", type=int, default=0, help="of all that chance decides (default 0)")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), help="only these parts")
    return parser


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0 < minutes < 10_000:
        raise argparse.ArgumentTypeError("a positive number of minutes")
    return minutes


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
