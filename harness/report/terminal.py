"""The verdicts as a table below pytest's output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from harness.report.schema import ClaimReport, Collected
from harness.verdict import Evidence, Verdict

Line = tuple[str, dict[str, bool]]

LONGEST = 100

COLOURS = {
    Verdict.REPRODUCED: "green",
    Verdict.REFUTED: "red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.NOT_RUN: "cyan",
    Verdict.ERROR: "red",
}


def table(claims: Sequence[ClaimReport], collected: Sequence[Collected]) -> Iterator[Line]:
    """One line per claim, then counts, then what was not selected and the command for it."""
    yield "", {}
    for claim in claims:
        text = f" {claim.verdict.symbol} {claim.verdict.value:<12} {claim.tier:<8} {_name(claim.id)}"
        yield f"{text}  {_numbers(claim.checks)}{_aside(claim)}", {COLOURS[claim.verdict]: True}
    counts = Counter(claim.verdict.value for claim in claims)
    unexpected = sum(claim.unexpected for claim in claims)
    said = ", ".join(f"{counts[v.value]} {v.value}" for v in Verdict if counts[v.value])
    yield f"{len(claims)} claims judged: {said}; {unexpected or 'none'} unexpected", {"bold": True}
    if any(claim.tier == "quick" for claim in claims):
        yield "quick evidence is evidence at quick scale: small data, small models", {}
    left = Counter(c.tier for c in collected if not c.selected)
    for tier, count in left.items():
        yield f"not selected: {count} at tier {tier} (python -m pytest claims -m {tier})", {}


def _name(identity: str) -> str:
    return identity.rpartition("::")[2].removeprefix("test_")


def _numbers(checks: Sequence[Evidence]) -> str:
    """The check that decides: the first that is not reproduced, else the first."""
    if not checks:
        return ""
    worst = next((e for e in checks if e.verdict is not Verdict.REPRODUCED), checks[0])
    if worst.relation == "exact" or worst.estimate is None:
        return worst.statement if worst.verdict is Verdict.REPRODUCED else _line(worst.reason)
    interval = f"[{_number(worst.low)}, {_number(worst.high)}]"
    sides = [_number(b) for b in (worst.lower_bound, worst.upper_bound) if b is not None]
    return f"{_number(worst.estimate)} {interval} against {' and '.join(sides)}, n={worst.n}"


def _number(value: float | None) -> str:
    return "…" if value is None else f"{value:.3g}"


def _aside(claim: ClaimReport) -> str:
    if claim.unexpected:
        return f"  UNEXPECTED: {_line(claim.reason) or 'expected ' + claim.expected.value}"
    if claim.verdict is Verdict.NOT_RUN:
        return _line(claim.reason)
    return "  (as expected)" if claim.expected is not Verdict.REPRODUCED else ""


def _line(text: str) -> str:
    """A reason as one line of moderate length."""
    one = " ".join(text.split())
    return one if len(one) <= LONGEST else f"{one[:LONGEST]}…"
