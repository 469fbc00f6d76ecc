"""A claim on the page: what its tests at all tiers and with all parameters share is said once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.evidence.outcome import Contrast, ControlOutcome, Evidence
from harness.evidence.schema import ClaimReport, RunRead
from harness.report import wording, words
from harness.report.contents import PageContents, Statement
from harness.report.track import Track, track, window
from harness.spec.verdict import Verdict

FLOORED = "no spread beyond the measure's resolution, which is not certainty: deviation floored"
"""What is noted of so many checks that a page explains it once."""
CONTRAST = r"; claim - control of .*? excludes zero: [^;]*"
"""A part of the rule by which a control discriminates (``harness.evidence.contrasts``)."""
SHAPE = (
    r"rests on the shape of the distribution: the mean decides \(p = [^)]*\), "
    r"the typical run does not \(p = [^)]*\)"
)
"""What is noted of a check that the mean decides (``harness.evidence.statistics``)."""
BEYOND = r"interval \[.*\] (?:lies beyond the bound|of the mean)"
"""What a row says anyway: it has interval, bound and verdict."""


@dataclass(frozen=True)
class Said:
    """A text, and the tests of which it is said; "" where it is said of all."""

    text: str
    of: str


@dataclass(frozen=True)
class AskedOf:
    """A check of one test: which test, the check, and where it lies on its group's scale.

    ``mark``: the letter of the reason for its bound, where those of its group have several.
    """

    item: ClaimReport
    mark: str
    label: str
    check: Evidence
    track: Track | None


@dataclass(frozen=True)
class Asked:
    """Checks that ask the same, in words: ``mark`` is the letter of the reason for their bound, if one."""

    words: str
    mark: str
    lines: tuple[AskedOf, ...]


@dataclass(frozen=True)
class ControlSaid:
    """A control of several tests: what is different there, and how it came out in which of them.

    ``number`` counts a claim's controls from 1; it is 0 where there is one.
    """

    number: int
    positive: bool
    says: str
    told: tuple[tuple[Verdict, str, str, bool], ...]


def label(item: ClaimReport) -> str:
    """A test's tier, and its own parameters."""
    return ", ".join(filter(None, (item.tier, wording.params(item))))


def said(items: Sequence[ClaimReport], told: Callable[[ClaimReport], str]) -> tuple[Said, ...]:
    """Each text once, with the tests of which it is said: by tier where it is said of all of a tier."""
    texts: dict[str, list[ClaimReport]] = {}
    for item in items:
        if text := told(item):
            texts.setdefault(text, []).append(item)
    return tuple(Said(text, "" if len(of) == len(items) else _whose(items, of)) for text, of in texts.items())


def _whose(items: Sequence[ClaimReport], of: Sequence[ClaimReport]) -> str:
    names = []
    for tier in dict.fromkeys(item.tier for item in of):
        mine = [item for item in of if item.tier == tier]
        whole = len(mine) == sum(item.tier == tier for item in items)
        names += [tier] if whole else [label(item) for item in mine]
    return "; ".join(names)


def flagged(item: ClaimReport) -> str:
    """What was declared, where it is not what came out."""
    return wording.expectation(item) if item.unexpected else ""


def declared(item: ClaimReport) -> str:
    """What was declared and came out, where that is more than being reproduced."""
    return "" if item.unexpected else wording.expectation(item)


def all_reported(item: ClaimReport) -> str:
    """What the source reports, in a line."""
    return "; ".join(f"{name}: {wording.reported(value)}" for name, value in item.reported.items())


def changed_from(item: ClaimReport) -> str:
    """What differs from the source's setting."""
    return item.adapted or "not stated"


def contested(item: ClaimReport) -> str:
    """Who says otherwise."""
    return item.contested


def reason(item: ClaimReport) -> str:
    """Why it came out so, or what was noteworthy."""
    return item.reason


def reasons(statement: Statement) -> dict[str, str]:
    """Each reason for a bound -> its letter, "" where it is the only one."""
    texts = dict.fromkeys(c.because for item in statement.items for c in item.checks if c.because)
    return {text: _letter(place) if len(texts) > 1 else "" for place, text in enumerate(texts)}


def _letter(place: int) -> str:
    """a to z, then aa, ab and so on."""
    most, last = divmod(place, 26)
    return (_letter(most - 1) if most else "") + chr(ord("a") + last)


def groups(statement: Statement) -> tuple[Asked, ...]:
    """The checks of all tests by what they ask, on one scale each."""
    letters = reasons(statement)
    cells: dict[str, list[tuple[ClaimReport, Evidence, Evidence | None]]] = {}
    for item in statement.items:
        for position, check in enumerate(item.checks):
            row = item, check, _there(item, position)
            cells.setdefault(words.must_hold(check), []).append(row)
    return tuple(_group(asked, rows, letters) for asked, rows in cells.items())


def _group(
    asked: str, rows: Sequence[tuple[ClaimReport, Evidence, Evidence | None]], letters: dict[str, str]
) -> Asked:
    scale = window(check for _, check, _ in rows) if len(rows) > 1 else None
    marks = [letters.get(check.because, "") for _, check, _ in rows]
    one = len(set(marks)) == 1
    lines = (
        AskedOf(item, "" if one else mark, label(item), check, track(check, there, scale))
        for (item, check, there), mark in zip(rows, marks, strict=True)
    )
    return Asked(asked, marks[0] if one else "", tuple(lines))


def _there(item: ClaimReport, position: int) -> Evidence | None:
    """The check in the first negative control that makes the same."""
    for control in item.controls:
        if not control.positive and position < len(control.checks):
            there = control.checks[position]
            same = (there.relation, there.statement) == (
                item.checks[position].relation,
                item.checks[position].statement,
            )
            return there if same else None
    return None


def controls(statement: Statement) -> tuple[ControlSaid, ...]:
    """The controls of all tests, each said once, with how they came out."""
    cells: dict[tuple[bool, str], dict[tuple[Verdict, str, bool], list[ClaimReport]]] = {}
    for item in statement.items:
        for control in item.controls:
            outcome = control.verdict, why_it_tells(control), control.discriminates
            of = cells.setdefault((control.positive, control.says), {}).setdefault(outcome, [])
            if item not in of:
                of.append(item)
    return tuple(
        ControlSaid(
            place if len(cells) > 1 else 0,
            positive,
            says,
            tuple(
                (verdict, how, "" if len(outcomes) == 1 else _whose(statement.items, of), tells)
                for (verdict, how, tells), of in outcomes.items()
            ),
        )
        for place, ((positive, says), outcomes) in enumerate(cells.items(), 1)
    )


def numbered(statement: Statement) -> dict[tuple[bool, str], int]:
    """The number of each control, by whether it is positive and what it says."""
    return {(control.positive, control.says): control.number for control in controls(statement)}


def why_it_tells(control: ControlOutcome) -> str:
    """The rule by which a control discriminates, less its verdict, which stands before it.

    One difference from the claim is told; of several only how many, for the evidence has each of them.
    """
    how = control.how.removeprefix(f"it came out {control.verdict}").removeprefix(", and ")
    contrasts = re.findall(CONTRAST, how)
    if len(contrasts) > 1:
        how = re.sub(CONTRAST, "", how)
        how += f"; {len(contrasts)} by a difference from the claim that excludes zero"
    return how.removeprefix("; ")


@dataclass(frozen=True)
class Read:
    """Experiments of which the same replicates were read: each by its name, with its address."""

    replicates: str
    of: tuple[tuple[str, str], ...]
    seconds: float


def read(runs: Sequence[RunRead], but: Sequence[RunRead] = ()) -> tuple[Read, ...]:
    """The experiments whose runs were read, by which replicates, less those that another list has too."""
    known = {(of.name, of.address, of.replicates) for of in wording.runs(but)}
    cells: dict[str, dict[tuple[str, str], float]] = {}
    for of in wording.runs(runs):
        if (of.name, of.address, of.replicates) not in known:
            cells.setdefault(of.replicates, {})[of.name, of.address] = of.seconds
    return tuple(Read(which, tuple(of), sum(of.values())) for which, of in cells.items())


def bracket(item: ClaimReport) -> str:
    """What tells a test from the others of its claim, as pytest writes it: tier and parameters."""
    inside = re.search(r'\[.*\](?=")', item.command)
    return inside[0] if inside else ""


def again(statement: Statement) -> str:
    """What judges any test of a claim again, with dots in its brackets; "" where one line is not enough."""
    lines = {item.command.replace(bracket(item) or "\n", "[…]") for item in statement.items}
    line = lines.pop()
    return line if not lines and "[…]" in line and len(statement.items) > 1 else ""


def contrasts(control: ControlOutcome) -> tuple[dict[int, Contrast], list[Contrast]]:
    """The differences by the position of the check whose measure they name, and those that name none."""
    beside: dict[int, Contrast] = {}
    apart: list[Contrast] = []
    after = 0
    for contrast in control.contrasts:
        name = contrast.statement.removeprefix("claim - control of ").removeprefix("log ")
        named = (i for i in range(after, len(control.checks)) if name in control.checks[i].statement)
        position = next(named, None)
        if position is None:
            apart.append(contrast)
        else:
            beside[position], after = contrast, position + 1
    return beside, apart


def noted(check: Evidence) -> str:
    """The reason of a check, less what its interval and bound say already."""
    parts = check.reason.replace(FLOORED, "deviation floored").split("; ")
    return "; ".join(part for part in parts if not re.fullmatch(BEYOND, part))


def briefly_noted(check: Evidence) -> str:
    """The same for a row of numbers, which has the p-values."""
    return re.sub(SHAPE, "the mean alone decides", noted(check))


def same(check: Evidence, claimed: Sequence[Evidence], position: int) -> bool:
    """Does a control's check ask what the claim's at its position asks?"""
    if position >= len(claimed):
        return False
    return (check.relation, check.statement) == (claimed[position].relation, claimed[position].statement)


def shared(contents: PageContents, statement: Statement) -> tuple[Statement, ...]:
    """The other statements with a test that reads the very runs of one of this one's."""
    mine = {(item.id, item.tier) for item in statement.items}
    others = {(other.id, other.tier): None for key in mine for other in contents.sharing.get(key, ())}
    return tuple(dict.fromkeys(contents.statement_of[key] for key in others if key not in mine))


def uncontrolled(statement: Statement) -> tuple[Said, ...]:
    """Why no control can make a check fail, each said once."""
    told = dict.fromkeys(
        (check.uncontrolled, words.must_hold(check))
        for item in statement.items
        for check in item.checks
        if check.uncontrolled
    )
    return _by_text(told)


def remarks(statement: Statement) -> tuple[Said, ...]:
    """What was noteworthy of single checks, each said once."""
    told = dict.fromkeys(
        (noted(check), label(item)) for item in statement.items for check in item.checks if noted(check)
    )
    return _by_text(told)


def _by_text(told: Iterable[tuple[str, str]]) -> tuple[Said, ...]:
    texts: dict[str, list[str]] = {}
    for text, of in told:
        texts.setdefault(text, []).append(of)
    return tuple(Said(text, "; ".join(dict.fromkeys(of))) for text, of in texts.items())
