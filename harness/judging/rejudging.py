"""Items judged from shipped records: as far up the ladder as those reach, and no further."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from harness.judging.ladder import Item, Judgement, judged
from harness.spec.verdict import Verdict

if TYPE_CHECKING:
    from harness.lab.lab import Lab


def rejudged(item: Item, lab: Lab) -> Judgement | None:
    """Judge an item from what was shipped; None if not even its first look was.

    Raises:
        Exception: whatever the body raises, apart from a counterexample found by hypothesis.
    """

    def shipped(values: Iterable[Any], replicates: int) -> bool:
        return all(lab.complete(lab.runs(value, replicates)) for value in values)

    looks = [replicates for replicates, _ in item.rungs() if shipped(item.computed(), replicates)]
    if not looks:
        return None
    judgement = judged(item, lab, shipped)
    if len(looks) < len(item.rungs()) and _undecided(judgement):
        more = f"more than {looks[-1]} replicates were not shipped: run without --store FILE to train them"
        return msgspec.structs.replace(judgement, reason="; ".join(filter(None, (judgement.reason, more))))
    return judgement


def _undecided(judgement: Judgement) -> bool:
    """Would a longer ladder have been climbed further?"""
    verdicts = {evidence.verdict for evidence in judgement.checks}
    return Verdict.INCONCLUSIVE in verdicts and Verdict.REFUTED not in verdicts
