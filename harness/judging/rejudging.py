"""Items judged by what is there, shipped records say: as far up the ladder as it reaches, and no further."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from harness.judging.ladder import Item, Judgement, judged
from harness.spec.verdict import Verdict

if TYPE_CHECKING:
    from harness.lab.lab import Lab


def rejudged(item: Item, lab: Lab) -> Judgement | None:
    """Judge an item from what is there; None if not even its first look is.

    Raises:
        Exception: whatever the body raises, apart from a counterexample found by hypothesis.
    """

    def there(values: Iterable[Any], replicates: int) -> bool:
        return all(lab.complete(lab.runs(value, replicates)) for value in values)

    looks = [replicates for replicates, _ in item.rungs() if there(item.computed(), replicates)]
    if not looks:
        return None
    judgement = judged(item, lab, there)
    if len(looks) < len(item.rungs()) and _undecided(judgement):
        absent, without = ("shipped", "--store FILE") if lab.shipped else ("trained", "--no-train")
        more = f"more than {looks[-1]} replicates were not {absent}: run without {without} to train them"
        return msgspec.structs.replace(judgement, reason="; ".join(filter(None, (judgement.reason, more))))
    return judgement


def _undecided(judgement: Judgement) -> bool:
    """Would a longer ladder have been climbed further?"""
    verdicts = {evidence.verdict for evidence in judgement.checks}
    return Verdict.INCONCLUSIVE in verdicts and Verdict.REFUTED not in verdicts
