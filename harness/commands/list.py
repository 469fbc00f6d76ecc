"""``python -m harness list``: every claim there is."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from harness import commands as shared
from harness.commands import selection

EXAMPLES = """
                          every claim: id, paper, where, what it says, tiers, control
-k "double and not peak"  only what matches, as with pytest
--json                    for programs
"""


def add(commands: Any) -> None:
    """Add the parser of ``list``."""
    parser = shared.parser(commands, "list", "print every claim", EXAMPLES, run)
    selection.add_words(parser)
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")


def run(options: argparse.Namespace) -> int:
    """Print the claims.

    Raises:
        ValueError: there are none here, or they cannot be collected.
    """
    from harness.suite.listing import collected

    claims = collected(Path.cwd(), options.k or "")
    if options.json:
        shared.print_json(claims)
        return 0
    for entry in claims:
        print(f"{entry['id']}\n    {entry['paper']}, {entry['where']}: {entry['says']}")
        for tier, text in entry["adapted"].items():
            why = f" ({entry['expected_because'][tier]})" if entry["expected_because"][tier] else ""
            print(f"    {tier:<8} expected {entry['expected'][tier]}{why}; adapted: {text}")
            print(f"             {entry['run'][tier]}")
        for control in entry["control"]:
            print(f"    control: {control}")
    return 0
