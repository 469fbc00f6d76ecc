"""The environment's own variables: one that nothing reads, or with a value that means nothing, is refused.

So is a Python that leaves assertions out: exact claims and their controls are judged by them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping

PREFIX = "HARNESS_"
PLACES = ("HARNESS_STORE", "HARNESS_DATA", "HARNESS_DECODED")
VALUES: dict[str, tuple[str, ...]] = {"HARNESS_NATIVE": ("0", "1"), "HARNESS_KERNEL": ("reference",)}
"""Variables of a few values."""
LEAST = {"HARNESS_RANKS": 1, "HARNESS_LOADERS": 0}
"""Variables that are numbers, and the least of each."""
UNJUDGED = (
    "Python leaves assertions and docstrings out here, by which claims are judged and told: run it without "
    "-O, and unset PYTHONOPTIMIZE"
)


def verified_environment(variables: Mapping[str, str] | None = None) -> None:
    """Refuse what is set and would do nothing, and -O; a variable set to "" counts as not set.

    Raises:
        ValueError: the first one, with what there is instead (one line).
    """
    if sys.flags.optimize:
        raise ValueError(UNJUDGED)
    for wrong in _wrong(os.environ if variables is None else variables):
        raise ValueError(wrong)


def _wrong(variables: Mapping[str, str]) -> Iterator[str]:
    known = (*PLACES, *VALUES, *LEAST)
    for name, value in sorted(variables.items()):
        if not (name.startswith(PREFIX) and value):
            continue
        if name not in known:
            yield f"{name} is set and nothing reads it: unset it, or write one of {', '.join(known)}"
        elif name in VALUES and value not in VALUES[name]:
            yield f"{name}={value}: use {' or '.join(VALUES[name])}, or unset it"
        elif name in LEAST and not (value.isascii() and value.isdigit() and int(value) >= LEAST[name]):
            yield f"{name}={value}: a number from {LEAST[name]} up"
