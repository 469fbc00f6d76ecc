"""One page's contents out of one or several reports: what is shown, in which order, under which heading."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.evidence.schema import ClaimReport, PaperEntry, Report
from harness.report import multiplicity, story, tally, wording
from harness.report.printed import PrintedNumber, printed, tallies
from harness.report.tally import PaperAtTier, Piece
from harness.spec import TIERS
from harness.spec.said import CHANGEABLE, Change, Saying
from harness.spec.verdict import Verdict

RESERVED = ("main", "outcome")
"""Names on a source's page that no statement may take."""
LONGEST = 24
"""Letters of a test that name its place on a page; a number is added where two begin alike."""


@dataclass(frozen=True, eq=False)
class Statement:
    """One claim of a paper: its test at every tier and with all parameters, and its name on the page."""

    anchor: str
    items: tuple[ClaimReport, ...]

    @property
    def first(self) -> ClaimReport:
        """Any of them: statement and source are the same for all."""
        return self.items[0]

    @property
    def changes(self) -> tuple[Change, ...]:
        """The entries of its ledger; equal ones of its items are one."""
        return tuple(dict.fromkeys(change for item in self.items for change in item.changed))

    @property
    def tiers(self) -> tuple[tuple[str, Counter[Verdict]], ...]:
        """Each tier with how its items came out."""
        names = dict.fromkeys(item.tier for item in self.items)
        return tuple((name, Counter(i.verdict for i in self.items if i.tier == name)) for name in names)


@dataclass(frozen=True)
class Family:
    """The claims of one paper that one thesis joins."""

    name: str
    thesis: str
    statements: tuple[Statement, ...]

    @property
    def claims(self) -> tuple[ClaimReport, ...]:
        """The items of all its statements, in order."""
        return tuple(item for statement in self.statements for item in statement.items)


@dataclass(frozen=True)
class Section:
    """A paper and its claims by family."""

    paper: PaperEntry
    families: tuple[Family, ...]


@dataclass(frozen=True)
class Ledger:
    """What was changed after verdicts had been seen: each statement with its entries, and counts.

    ``counts``: (what was changed, of how many statements), by its words' order in ``CHANGEABLE``.
    """

    entries: tuple[tuple[Statement, tuple[Change, ...]], ...]
    counts: tuple[tuple[str, int], ...]
    of: int


@dataclass(frozen=True)
class Missing:
    """An item without a verdict on its claim, and why."""

    id: str
    tier: str
    paper: str
    says: str
    why: str

    @property
    def tests(self) -> tuple[str, str, str]:
        """Its function, paper and tier: what tells several items apart is in their brackets."""
        return self.id.partition("[")[0], self.paper, self.tier


@dataclass(frozen=True)
class PageContents:
    """Everything a rendering shows; ``anchors`` maps (id, tier) to a name that is unique on the page.

    Attributes:
        disputes: contested statements; those of two sources that name each other are together.
        pieces: the items as pieces of evidence, which is what all tables count.
        rows: what each paper says at each tier, the sources' own statements first.
        printed: the printed numbers, each with ours.
        ledger: what was changed after a verdict had been seen.
        adjusted: (id, tier) to Holm's p-value among the claims of that paper at that tier.
    """

    reports: tuple[Report, ...]
    tiers: tuple[str, ...]
    claims: tuple[ClaimReport, ...]
    sections: tuple[Section, ...]
    pieces: tuple[Piece, ...]
    rows: tuple[PaperAtTier, ...]
    printed: tuple[PrintedNumber, ...]
    ledger: Ledger
    missing: tuple[Missing, ...]
    disputes: tuple[tuple[Statement, ...], ...]
    adjusted: dict[tuple[str, str], float]
    anchors: dict[tuple[str, str], str]

    @property
    def tallies(self) -> dict[Saying, Counter[Verdict]]:
        """Pieces of evidence by verdict for each kind that there is; of printed numbers, the numbers."""
        return tallies(self.claims, self.pieces)

    @functools.cached_property
    def statement_of(self) -> dict[tuple[str, str], Statement]:
        """(id, tier) -> the statement that the item tests."""
        families = (family for section in self.sections for family in section.families)
        return {(i.id, i.tier): of for family in families for of in family.statements for i in of.items}

    @functools.cached_property
    def counted_with(self) -> dict[tuple[str, str], ClaimReport]:
        """(id, tier) of what is not counted by itself -> what it is counted with."""
        return tally.counted_with(self.pieces)

    @functools.cached_property
    def sharing(self) -> dict[tuple[str, str], tuple[ClaimReport, ...]]:
        """(id, tier) -> the other items that read the very same runs, where there are any."""
        return tally.sharing(self.claims)

    @property
    def sets(self) -> int:
        """The number of distinct sets of runs that all items read."""
        return tally.sets_of_runs(self.claims)

    def rows_of(self, kind: Saying) -> tuple[PaperAtTier, ...]:
        """The rows of one kind."""
        return tuple(row for row in self.rows if row.kind is kind)

    @property
    def fresh(self) -> str:
        """The replicates that were read, in words; "" where they are the ordinary ones."""
        first = max((report.provenance.first_replicate for report in self.reports), default=0)
        return wording.from_first(first) if first else ""

    @property
    def unexpected(self) -> tuple[ClaimReport, ...]:
        """The items whose verdict is not the declared one."""
        return tuple(claim for claim in self.claims if claim.unexpected)

    def anchor(self, claim: ClaimReport) -> str:
        """The name of an item on the page."""
        return self.anchors[claim.id, claim.tier]


def _rank(tier: str) -> tuple[int, str]:
    return (TIERS.index(tier) if tier in TIERS else len(TIERS)), tier


def _ordered(reports: Sequence[Report]) -> tuple[ClaimReport, ...]:
    """Every item once, the later session's if there are two; tiers of one test next to each other."""
    latest = {(claim.id, claim.tier): claim for report in reports for claim in report.claims}
    tests = {claim.id.partition("[")[0]: None for claim in latest.values()}
    place = {test: index for index, test in enumerate(tests)}
    return tuple(
        sorted(latest.values(), key=lambda claim: (place[claim.id.partition("[")[0]], _rank(claim.tier)))
    )


def _papers(reports: Sequence[Report], claims: Iterable[ClaimReport]) -> dict[str, PaperEntry]:
    """Sources by key in the order of the story, those that no report describes among them."""
    papers = {paper.key: paper for report in reports for paper in report.papers}
    for claim in claims:
        bare = PaperEntry(key=claim.paper, authors="", title="", venue="", year=None, url="")
        papers.setdefault(claim.paper, bare)
    return {paper.key: paper for paper in story.ordered(papers.values())}


def _statements(claims: Sequence[ClaimReport]) -> tuple[Statement, ...]:
    cells: dict[tuple[str, str], list[ClaimReport]] = {}
    for claim in claims:
        kind = "" if claim.kind is Saying.STATEMENT else f" {claim.kind}"
        cells.setdefault((claim.id.partition("[")[0], f"{claim.paper}{kind}"), []).append(claim)
    names = unlike(
        (_beginning(test.rpartition("::")[2].removeprefix("test_")) for test, _ in cells), RESERVED
    )
    return tuple(Statement(name, tuple(items)) for name, items in zip(names, cells.values(), strict=True))


def _families(statements: Sequence[Statement]) -> tuple[Family, ...]:
    names = dict.fromkeys(s.first.family for s in statements)
    members = {name: tuple(s for s in statements if s.first.family == name) for name in names}
    return tuple(
        Family(name, next((i.thesis for s in of for i in s.items if i.thesis), ""), of)
        for name, of in members.items()
    )


def _sections(papers: dict[str, PaperEntry], statements: Sequence[Statement]) -> tuple[Section, ...]:
    pairs = ((paper, [s for s in statements if s.first.paper == key]) for key, paper in papers.items())
    return tuple(Section(paper, _families(of)) for paper, of in pairs if of)


def _disputes(statements: Sequence[Statement]) -> tuple[tuple[Statement, ...], ...]:
    """Contested statements; two of one family are together if each alone names the paper of the other."""
    contested = [s for s in statements if s.first.contested]
    against = {s.anchor: [o for o in contested if _against(s.first, o.first)] for s in contested}
    groups: list[tuple[Statement, ...]] = []
    for statement in contested:
        others = against[statement.anchor]
        if len(others) != 1 or against[others[0].anchor] != [statement]:
            groups.append((statement,))
        elif (others[0], statement) not in groups:
            groups.append((statement, others[0]))
    return tuple(groups)


def _against(one: ClaimReport, other: ClaimReport) -> bool:
    apart = one.paper != other.paper and one.family == other.family
    return apart and other.paper in one.contested and one.paper in other.contested


def _ledger(statements: Sequence[Statement]) -> Ledger:
    """The entries of every statement, and how often each thing was changed."""
    told = tuple((statement, statement.changes) for statement in statements if statement.changes)
    counts = Counter(what for _, changes in told for what in {change.what for change in changes})
    return Ledger(told, tuple((what, counts[what]) for what in CHANGEABLE if counts[what]), len(statements))


def _missing(reports: Sequence[Report], claims: Sequence[ClaimReport]) -> tuple[Missing, ...]:
    """Items not run or not selected in any session, and selected ones that left no result."""
    judged = {(claim.id, claim.tier): claim for claim in claims}
    items = {(item.id, item.tier): item for report in reports for item in report.collected}
    selected = {(i.id, i.tier) for report in reports for i in report.collected if i.selected}
    tiers = {tier for report in reports for tier in report.tiers}
    missing = [
        Missing(c.id, c.tier, c.paper, c.says, c.reason or "not run")
        for c in claims
        if c.verdict is Verdict.NOT_RUN
    ]
    for key, item in items.items():
        if key in judged:
            continue
        why = item.reason or (
            "selected, but left no result"
            if key in selected
            else "deselected by the command"
            if item.tier in tiers
            else f"the {item.tier} tier was not asked for"
        )
        missing.append(Missing(item.id, item.tier, item.paper, item.says, why))
    return tuple(missing)


def anchors(names: Iterable[tuple[str, str]], prefix: str = "") -> dict[tuple[str, str], str]:
    """A readable, unique name for each pair; the first to ask gets the plain one."""
    pairs = list(dict.fromkeys(names))
    tests = ((first.rpartition("::")[2].removeprefix("test_"), second) for first, second in pairs)
    named = unlike(f"{prefix}{_beginning(first)} {second}" for first, second in tests)
    return dict(zip(pairs, named, strict=True))


def _beginning(test: str) -> str:
    """The first words of a test's name, its parameters after them: a page says each name many times."""
    name, bracket, parameters = test.partition("[")
    words = name if len(name) <= LONGEST else name[: LONGEST + 1].rpartition("_")[0] or name[:LONGEST]
    return words + bracket + parameters


def unlike(names: Iterable[str], taken: Iterable[str] = (), longest: int | None = None) -> list[str]:
    """A readable name of letters, digits and dashes for each, unlike all others and what is taken."""
    seen = set(taken)
    chosen = []
    for text in names:
        plain = re.sub(r"[^a-z0-9]+", "-", text.lower())[:longest].strip("-") or "item"
        name, count = plain, 1
        while name in seen:
            count += 1
            name = f"{plain}-{count}"
        seen.add(name)
        chosen.append(name)
    return chosen


def gather(reports: Iterable[Report]) -> PageContents:
    """Join sessions (usually one per tier); the order in which they are given does not matter.

    An item that two sessions judged is shown as the one that finished last judged it.

    Raises:
        ValueError: they are of other replicates, so that one would pass for the other.
    """
    reports = tuple(reports)
    firsts = sorted({report.provenance.first_replicate for report in reports})
    if len(firsts) > 1:
        said = " and ".join(map(wording.from_first, firsts))
        raise ValueError(f"reports of {said} make no page together: each is a judgement of its own")
    reports = tuple(sorted(reports, key=lambda r: (r.provenance.finished, [_rank(tier) for tier in r.tiers])))
    claims = _ordered(reports)
    papers, statements = _papers(reports, claims), _statements(claims)
    counted = tally.pieces(sorted(claims, key=lambda claim: list(papers).index(claim.paper)))
    judged = sorted({claim.tier for claim in claims}, key=_rank)
    return PageContents(
        reports=tuple(sorted(reports, key=lambda report: [_rank(tier) for tier in report.tiers])),
        tiers=tuple(sorted({tier for report in reports for tier in report.tiers}, key=_rank)),
        claims=claims,
        sections=_sections(papers, statements),
        pieces=counted,
        rows=tally.rows(papers, counted, judged),
        printed=printed(claims),
        ledger=_ledger(statements),
        missing=_missing(reports, claims),
        disputes=_disputes(sorted(statements, key=lambda of: list(papers).index(of.first.paper))),
        adjusted=multiplicity.adjusted(claims),
        anchors=anchors(((claim.id, claim.tier) for claim in claims), "claim "),
    )
