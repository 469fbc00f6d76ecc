"""What the tables count: each piece of evidence once, under the source that says it or apart from all.

One experiment is one piece of evidence. An item that reads the very runs of another and makes no check that
the other does not make as well (the same relation, bounds and numbers, whatever the measures are called) adds
nothing to it, and is not counted again; it is still shown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.evidence.outcome import Evidence
from harness.evidence.schema import ClaimReport, PaperEntry
from harness.report import multiplicity
from harness.spec.said import Saying
from harness.spec.verdict import Verdict

Runs = frozenset[tuple[str, int]]
"""Addresses and replicates of what an item read in the claim's world."""
Key = tuple[str, str]
"""An item's id and tier."""


@dataclass(frozen=True)
class Piece:
    """One piece of evidence: the item that is counted, and others that add no run and no check to it."""

    first: ClaimReport
    others: tuple[ClaimReport, ...]


@dataclass(frozen=True)
class PaperAtTier:
    """How what a paper says (or is told to say, by ``kind``) came out at one tier.

    Attributes:
        counts: pieces of evidence by verdict.
        already: items whose evidence is counted elsewhere in the tables.
        sets: distinct sets of runs that its items read.
        unexpected: items whose verdict is not declared.
    """

    paper: PaperEntry
    tier: str
    kind: Saying
    counts: Counter[Verdict]
    already: int
    sets: int
    unexpected: int
    expected_false: float


def runs_of(claim: ClaimReport) -> Runs:
    """What an item read in its own world."""
    return frozenset((run.address, run.replicate) for run in claim.runs)


def _checked(check: Evidence) -> tuple[object, ...]:
    """What a check is, up to the names of what it measures."""
    said = re.sub(r"[^\W\d_]\w*", "", check.statement)
    numbers = (check.lower_bound, check.upper_bound, check.n, check.estimate, check.low, check.high)
    return (check.relation, " ".join(said.split()), *numbers, check.values)


def pieces(claims: Iterable[ClaimReport]) -> tuple[Piece, ...]:
    """The items as pieces of evidence, in their order.

    Of items that are one piece the one with most checks is counted, the first of several; but a source's own
    statement is never counted under another kind. Items that came out differently are two pieces, and those
    that read no runs (theorems) are each one.
    """
    order = {(claim.id, claim.tier): claim for claim in claims}
    cells: dict[tuple[str, Verdict, Runs], list[ClaimReport]] = {}
    alone = []
    for claim in order.values():
        if runs := runs_of(claim):
            cells.setdefault((claim.tier, claim.verdict, runs), []).append(claim)
        else:
            alone.append(Piece(claim, ()))
    several = [piece for members in cells.values() for piece in _pieces(members)]
    place = {key: index for index, key in enumerate(order)}
    return tuple(sorted((*alone, *several), key=lambda p: place[p.first.id, p.first.tier]))


def _pieces(members: Sequence[ClaimReport]) -> Iterable[Piece]:
    """The pieces among items of equal runs and verdict."""
    kinds = list(Saying)
    checked = [frozenset(map(_checked, claim.checks)) for claim in members]
    ranked = sorted(range(len(members)), key=lambda i: (kinds.index(members[i].kind), -len(checked[i]), i))
    counted: dict[int, list[ClaimReport]] = {}
    for i in ranked:
        whole = next((j for j in counted if checked[i] and checked[i] <= checked[j]), None)
        if whole is None:
            counted[i] = []
        else:
            counted[whole].append(members[i])
    return (Piece(members[i], tuple(others)) for i, others in counted.items())


def by_kind(counted: Iterable[Piece]) -> dict[Saying, Counter[Verdict]]:
    """The verdicts of the pieces of each kind, in the order of the kinds; kinds without any are left out."""
    tallies: dict[Saying, Counter[Verdict]] = {kind: Counter() for kind in Saying}
    for piece in counted:
        tallies[piece.first.kind][piece.first.verdict] += 1
    return {kind: counts for kind, counts in tallies.items() if counts}


def counted_with(counted: Iterable[Piece]) -> dict[Key, ClaimReport]:
    """Items that are not counted by themselves -> the one that they are counted with."""
    return {(claim.id, claim.tier): piece.first for piece in counted for claim in piece.others}


def sharing(claims: Iterable[ClaimReport]) -> dict[Key, tuple[ClaimReport, ...]]:
    """Each item that reads the very runs of others -> those others, in their order."""
    cells: dict[tuple[str, Runs], list[ClaimReport]] = {}
    for claim in claims:
        if runs := runs_of(claim):
            cells.setdefault((claim.tier, runs), []).append(claim)
    return {
        (claim.id, claim.tier): tuple(other for other in members if other is not claim)
        for members in cells.values()
        for claim in members
        if members[1:]
    }


def sets_of_runs(claims: Iterable[ClaimReport]) -> int:
    """The number of distinct sets of runs that the items read."""
    return len({(claim.tier, runs) for claim in claims if (runs := runs_of(claim))})


def rows(
    papers: Mapping[str, PaperEntry], counted: Sequence[Piece], tiers: Sequence[str]
) -> tuple[PaperAtTier, ...]:
    """One for each kind, paper and tier that has items, in this order."""
    members: dict[tuple[Saying, str, str], list[ClaimReport]] = {}
    firsts: dict[tuple[Saying, str, str], list[ClaimReport]] = {}
    for piece in counted:
        firsts.setdefault(_cell(piece.first), []).append(piece.first)
        for claim in (piece.first, *piece.others):
            members.setdefault(_cell(claim), []).append(claim)
    kinds, keys = list(Saying), list(papers)
    order = sorted(members, key=lambda c: (kinds.index(c[0]), keys.index(c[1]), tiers.index(c[2])))
    return tuple(
        PaperAtTier(
            paper=papers[cell[1]],
            tier=cell[2],
            kind=cell[0],
            counts=Counter(claim.verdict for claim in firsts.get(cell, ())),
            already=len(members[cell]) - len(firsts.get(cell, ())),
            sets=sets_of_runs(members[cell]),
            unexpected=sum(claim.unexpected for claim in members[cell]),
            expected_false=multiplicity.expected_false(firsts.get(cell, ())),
        )
        for cell in order
    )


def _cell(claim: ClaimReport) -> tuple[Saying, str, str]:
    return claim.kind, claim.paper, claim.tier
