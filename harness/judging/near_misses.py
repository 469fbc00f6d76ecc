"""Controls that cannot say anything: one world on both sides, or the claim's worlds exchanged.

Such a control differs from its claim in everything and in nothing: a difference there is zero, or minus the
claim's, whatever the claim is about. It is refused, unless it says why no near miss can be thought of; what
is read anew (``Anew``) is a world of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.evidence.kinds import Relation, Replicated
from harness.spec import Anew, Runnable

Positions = dict[tuple[Any, ...], Any]
"""Name, and key within a sweep -> what is computed there."""


def positions(world: Mapping[str, Any]) -> Positions:
    """Where a world has something to compute: under a name, or under a name and a key of its sweep."""
    there: Positions = {}
    for name, value in world.items():
        members: Iterator[tuple[Any, Any]] = iter(())
        if isinstance(value, Mapping):
            members = iter(value.items())
        elif isinstance(value, (list, tuple)):
            members = iter(enumerate(value))
        elif isinstance(value, (Anew, Runnable)):
            there[name,] = value
        there |= {(name, key): one for key, one in members if isinstance(one, (Anew, Runnable))}
    return there


def refused(claimed: Mapping[str, Any], world: Mapping[str, Any]) -> str:
    """Why a control's world says nothing about any check, in one clause; "" if it may.

    Args:
        claimed: the claim's world.
        world: the control's.
    """
    claim, control = positions(claimed), positions(world)
    before, after = _distinct(claim.values()), _distinct(control.values())
    if len(before) > 1 and len(after) == 1 and not isinstance(after[0], Anew) and merges(claimed, world):
        return "all that it compares is one world: a difference is zero there whatever the claim is about"
    if len(before) > 1 and claim.keys() == control.keys() and claim != control and _exchanged(claim, control):
        return "it has the claim's worlds in another order: what it measures is the claim's, mirrored"
    return ""


def merges(claimed: Mapping[str, Any], world: Mapping[str, Any]) -> bool:
    """Whether two worlds that the claim tells apart are one in the control."""
    claim, control = positions(claimed), positions(world)
    shared = [where for where in claim if where in control]
    for i, one in enumerate(shared):
        for other in shared[:i]:
            alike = control[one] == control[other] and not isinstance(control[one], Anew)
            if alike and claim[one] != claim[other]:
                return True
    return False


def says_nothing(claim: Relation, control: Relation, *, merged: bool) -> bool:
    """Whether a check fails in a control because it compares a world with itself, or the claim's mirrored.

    Args:
        claim: the check in the claim's world.
        control: the same check in the control's.
        merged: whether the control makes different worlds of the claim one.
    """
    if not (isinstance(claim, Replicated) and isinstance(control, Replicated)):
        return False
    here, there = claim.x.values, control.x.values
    if not here.any() or here.shape != there.shape:
        return False
    return (merged and not there.any()) or bool((here == -there).all())


def _exchanged(claim: Positions, control: Positions) -> bool:
    """Whether the control has each of the claim's worlds as often as the claim has it."""
    rest = list(control.values())
    for value in claim.values():
        if value not in rest:
            return False
        rest.remove(value)
    return True


def _distinct(values: Any) -> Sequence[Any]:
    distinct: list[Any] = []
    for value in values:
        if value not in distinct:
            distinct.append(value)
    return distinct
