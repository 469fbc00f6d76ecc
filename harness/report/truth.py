"""What reports say of the claims there are, as ground truth for those who reproduce them by other means.

``docs/EVIDENCE.md`` documents the fields; a test holds it to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from harness.evidence.outcome import Evidence
from harness.evidence.schema import Report
from harness.spec.said import Unprinted
from harness.spec.verdict import Verdict


class TrueCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One relation that a claim asserts, its tolerance, and what was measured.

    Attributes:
        relation, statement: which, and in words.
        lower_bound, upper_bound: the tolerance: a measure that agrees lies between; None: no such side.
        because: why these bounds.
        verdict: how it came out; estimate, low, high, n: what was measured, its interval, over how many
            replicates; logarithmic: the estimate is a ratio, and was judged as the mean of its logarithms.
    """

    relation: str
    statement: str
    lower_bound: float | None
    upper_bound: float | None
    because: str
    verdict: Verdict
    estimate: float | None
    low: float | None
    high: float | None
    n: int
    logarithmic: bool


class TrueVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a report says of a claim at a tier.

    Attributes:
        verdict: how it came out; chance: that it does so again on fresh replicates, None where nothing is
            left to chance.
        reported: the source's own numbers; unprinted: why there are none; figures: the source's figures that
            it was measured for.
        experiments: what was computed, in words, without seeds.
        checks: the relations that it asserts; controls: what each control is, and how it came out.
        commit: of the code that judged.
    """

    verdict: Verdict
    chance: float | None
    reported: dict[str, float | str]
    unprinted: Unprinted | None
    figures: tuple[str, ...]
    experiments: tuple[str, ...]
    checks: tuple[TrueCheck, ...]
    controls: dict[str, Verdict]
    commit: str


def with_verdicts(claims: Sequence[Mapping[str, Any]], reports: Iterable[Report]) -> list[dict[str, Any]]:
    """Claims as listed, each with ``judged``: tier -> what the report of that tier says of it."""
    known: dict[tuple[str, str], TrueVerdict] = {}
    for report in reports:
        for claim in report.claims:
            known[claim.id, claim.tier] = TrueVerdict(
                verdict=claim.verdict,
                chance=claim.chance,
                reported=claim.reported,
                unprinted=claim.unprinted,
                figures=tuple(dict.fromkeys(series.figure for series in claim.figures)),
                experiments=tuple(dict.fromkeys(run.what for run in claim.runs)),
                checks=tuple(map(_check, claim.checks)),
                controls={control.says: control.verdict for control in claim.controls},
                commit=report.provenance.commit,
            )
    return [
        {**claim, "judged": {t: known[claim["id"], t] for t in claim["tiers"] if (claim["id"], t) in known}}
        for claim in claims
    ]


def _check(check: Evidence) -> TrueCheck:
    return TrueCheck(**{name: getattr(check, name) for name in TrueCheck.__struct_fields__})
