"""Texts that claims share: what was adapted, tier by tier, and why a bound lies at no difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from harness import Change
from harness.spec import TIERS

T = TypeVar("T")

ANY_STEP = "any step, for the order is claimed and not its size"
ANY_DIFFERENCE = "any difference, for the order is claimed and not its size"
DIRECTION = "the direction is claimed, not the size"
SECOND_CONTROL = (Change("control", "Control 2 was added after a verdict: reproduced."),)
"""A ledger's entry on the control that its report numbers so."""


def everywhere(same: T) -> dict[str, T]:
    """The same at every tier, for claims that cost nothing."""
    return dict.fromkeys(TIERS, same)


def adding(more: str, texts: Mapping[str, str]) -> dict[str, str]:
    """Each tier's text with the same addition after a semicolon."""
    return {tier: f"{said}; {more}" for tier, said in texts.items()}


def only(texts: Mapping[str, T], *tiers: str) -> dict[str, T]:
    """The entries of some tiers."""
    return {tier: texts[tier] for tier in tiers}


def nearer(before: str, verdict: str = "reproduced") -> Change:
    """An entry of a claim's ledger: a control that was trivial, and the verdict that was seen with it."""
    return Change(
        "control", f"A control was {before}; a near miss took its place after a verdict: {verdict}."
    )
