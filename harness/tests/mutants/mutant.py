"""A mutant: one scientific mistake, as a patch to one file and the tests that should notice it first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

KINDS = (
    "labels", "data", "normalization", "augmentation", "seeds", "order", "initialization", "sizes", "loss",
    "momentum", "weight decay", "learning rate", "batch norm", "stop", "fleets", "kernels", "solvers",
    "theory", "pairing", "censoring", "resolution", "statistics", "ladder", "control", "addresses", "store",
    "shipped", "report", "diff",
)  # fmt: skip
"""What a mistake is about."""


class Mutant(NamedTuple):
    """One mistake that an engineer would make, and that changes what is computed.

    Attributes:
        name: what is wrong, as a phrase.
        kind: one of ``KINDS``.
        file: the file that has the mistake, from the repository's root.
        old, new: text that occurs there exactly once, and what stands there instead.
        tests: test files that are tried first, from ``harness/tests``.
        claims: claims that are tried at quick scale where no test notices.
    """

    name: str
    kind: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    claims: tuple[str, ...] = ()

    def planted(self, text: str) -> str:
        """The file's text with the mistake.

        Raises:
            ValueError: the old text is not there exactly once, or the new one is the same.
        """
        times = text.count(self.old)
        if times != 1 or self.old == self.new:
            raise ValueError(f"{self.name}: the text to replace is {times} times in {self.file}, not once")
        return text.replace(self.old, self.new)

    def applies(self, root: Path) -> bool:
        """Whether the patch can be planted into the tree at ``root``."""
        try:
            self.planted((root / self.file).read_text(encoding="utf-8"))
        except (ValueError, OSError):
            return False
        return True


def into(file: str, *tests: str, claims: tuple[str, ...] = ()) -> Callable[[str, str, str, str], Mutant]:
    """The maker of mutants of one file, whose tests are tried first: (kind, name, old, new) -> mutant."""

    def made(kind: str, name: str, old: str, new: str) -> Mutant:
        return Mutant(name, kind, f"harness/{file}", old, new, tests, claims)

    return made
