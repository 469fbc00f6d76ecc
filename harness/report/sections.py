"""The report's sections in Markdown, a claim after the other: checks, controls beside them, runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from harness.evidence.outcome import Contrast, ControlOutcome, Evidence
from harness.evidence.schema import ClaimReport
from harness.report import counted, wording
from harness.report.contents import PageContents, Section
from harness.report.markup import code, fenced, marked, plain, table

DIFFERENCE = ("claim minus control", "its interval")
"""The columns of what is paired by replicate."""


def numbers(check: Evidence) -> list[str]:
    """Estimate, interval and bound of a check."""
    return [wording.estimate(check), wording.interval(check), wording.bound(check)]


def of_section(contents: PageContents, section: Section, *, runs: bool, controls: bool) -> Iterator[str]:
    """A source and its claims; without the runs they read, or the numbers of controls that did as they must.

    The controls that did not are shown whatever is left out.
    """
    paper = section.paper
    yield f"## {plain(wording.citation(paper))}" + (f": {plain(paper.title)}" if paper.title else "")
    yield ". ".join(plain(text) for text in (paper.key, paper.venue, paper.url) if text)
    for family in section.families:
        yield f"### {plain(wording.family(family.name))}"
        yield plain(family.thesis)
        for claim in family.claims:
            yield from _claim(claim, _beside(contents, claim), controls)
            yield _runs(claim) if runs else ""
            yield fenced(claim.command)


def _beside(contents: PageContents, claim: ClaimReport) -> str:
    """The other items that read the same runs, and the one with which it is counted."""
    key = claim.id, claim.tier
    others, whole = contents.sharing.get(key, ()), contents.counted_with.get(key)
    same = f"counted with {_name(whole)}, whose checks are the same" if whole else ""
    listed = f"{counted.others(len(others))}: {', '.join(map(_name, others))}" if others else ""
    return "; ".join(filter(None, (same, listed)))


def _name(claim: ClaimReport) -> str:
    """An item by its function, with its parameters."""
    return code(claim.id.rpartition("::")[2])


def _claim(claim: ClaimReport, beside: str, controls: bool) -> Iterator[str]:
    scale = plain(wording.scale(claim.tier))
    yield f"#### {marked(claim.verdict)} {scale}: {plain(claim.says or claim.id)}"
    expected = wording.expectation(claim)
    flagged = f"**⚠ {plain(expected)}**" if claim.unexpected else plain(expected)
    reported = "; ".join(f"{name}: {wording.reported(value)}" for name, value in claim.reported.items())
    facts = {
        "": "; ".join(filter(None, (plain(counted.APART[claim.kind]), flagged))),
        "Source: ": plain(
            ", ".join(text for text in (claim.paper, claim.where, wording.params(claim)) if text)
        ),
        "Note: ": plain(claim.reason),
        "Comes again on fresh replicates: ": wording.chance(claim.chance) if claim.chance is not None else "",
        "Changed from the source: ": plain(claim.adapted or "not stated"),
        "Reported by the source: ": plain(reported),
        "Runs: ": beside,
        "Contested: ": plain(claim.contested),
        "Changed after a verdict was seen: ": plain(
            " ".join(f"({change.what}) {change.says}" for change in claim.changed)
        ),
    }
    yield "\n".join(f"- {name}{fact}" for name, fact in facts.items() if fact)
    yield _checks(claim.checks)
    for control in claim.controls:
        yield _outcome(control)
        if controls or not control.discriminates:
            yield from _control(control, claim.checks)
    yield "" if claim.controls else "No control."


def _checks(checks: Iterable[Evidence]) -> str:
    rows = [
        [
            marked(check.verdict),
            plain(f"{check.relation}: {check.statement}"),
            *numbers(check),
            wording.level(check),
            str(check.n),
            wording.readings(check),
            plain("; ".join(text for text in (check.because, check.reason) if text)),
        ]
        for check in checks
    ]
    head = [
        "verdict",
        "what must hold",
        "estimate",
        "interval",
        "bound",
        "level",
        "n",
        "p: mean; typical run",
        "because",
    ]
    return table(head, rows) if rows else "No check was made."


def _outcome(control: ControlOutcome) -> str:
    """A control in a line: what is different there, and how it came out."""
    kind = "Positive control" if control.positive else "Control"
    outcome = wording.control_says(control.positive, control.discriminates)
    how = f" ({plain(control.how)})" if control.how else ""
    return f"**{kind}:** {plain(control.says)}: {marked(control.verdict)} there, **{outcome}**{how}."


def _control(control: ControlOutcome, checks: Sequence[Evidence]) -> Iterator[str]:
    """The numbers of each check in a control's world, beside the claim's."""
    beside, apart = _contrasts(control)
    rows = []
    for position, check in enumerate(control.checks):
        claimed = checks[position] if position < len(checks) else None
        contrast = beside.get(position)
        difference = [wording.difference(contrast), wording.interval(contrast)] if contrast else [""] * 2
        rows.append(
            [
                marked(check.verdict),
                _restated(check, claimed, position if checks[1:] else None),
                wording.estimate(check),
                wording.interval(check),
                wording.level(check),
                str(check.n),
                wording.readings(check),
                *difference,
                plain(_remark(check, claimed)),
            ]
        )
    head = ["verdict", "there", "estimate", "interval", "level", "n", "p", *DIFFERENCE, "note"]
    yield table(head, rows) if rows else "No check was made."
    rows = [[plain(c.statement), wording.difference(c), wording.interval(c)] for c in apart]
    yield table(["claim minus control, paired", "estimate", "interval"], rows) if rows else ""


def _contrasts(control: ControlOutcome) -> tuple[dict[int, Contrast], list[Contrast]]:
    """The differences by the position of the check whose measure they name, and those that name none."""
    beside: dict[int, Contrast] = {}
    apart, after = [], 0
    for contrast in control.contrasts:
        name = contrast.statement.removeprefix("claim - control of ").removeprefix("log ")
        named = (i for i in range(after, len(control.checks)) if name in control.checks[i].statement)
        position = next(named, None)
        if position is None:
            apart.append(contrast)
        else:
            beside[position], after = contrast, position + 1
    return beside, apart


def _restated(check: Evidence, claimed: Evidence | None, position: int | None) -> str:
    """What a check of a control states, by its number where that is what the claim's states."""
    if claimed is None or (check.relation, check.statement) != (claimed.relation, claimed.statement):
        return plain(f"{check.relation}: {check.statement}, bound {wording.bound(check)}")
    return "the same" if position is None else f"check {position + 1}"


def _remark(check: Evidence, claimed: Evidence | None) -> str:
    """The reasons of a control's check that the claim's check does not give."""
    same = claimed is not None and claimed.because == check.because
    return "; ".join(text for text in ("" if same else check.because, check.reason) if text)


def _runs(claim: ClaimReport) -> str:
    """The runs by name and content, twelve digits of each address: the JSON has them whole."""
    lines = [
        f"- {plain(of.name)} ({plain(of.what)}), replicates {of.replicates}, {wording.duration(of.seconds)}"
        f"{', ' + plain(of.kernel) if of.kernel else ''}: {code(of.address[:12])}"
        for of in (*wording.runs(claim.runs), *wording.runs(claim.control_runs))
    ]
    if not lines:
        return ""
    count = len(claim.runs) + len(claim.control_runs)
    return "\n".join([f"<details><summary>{count} runs it read</summary>\n", *lines, "\n</details>"])
