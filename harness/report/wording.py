"""Numbers and facts of a report in the words that every rendering shares."""

from __future__ import annotations

import math
from collections.abc import Mapping

from harness.report.schema import ClaimReport, Paper, Report
from harness.verdict import Evidence, Verdict


def number(value: float | None) -> str:
    """Four significant digits, thousands grouped, a true minus sign; "none" where there is no number."""
    if value is None or not math.isfinite(value):
        return "none"
    size = abs(value)
    if size < 1e6 and (size >= 1e4 or (size >= 1000 and value == int(value))):
        text = f"{value:,.0f}"
    else:
        mantissa, _, exponent = f"{value:.4g}".partition("e")
        text = f"{mantissa}e{int(exponent)}" if exponent else mantissa
    return text.replace("-", "−")


def printable(text: str) -> str:
    """Without control signs and invisible ones, some of which turn a line's direction round."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else " " for sign in text)


def reported(value: float | str) -> str:
    return value if isinstance(value, str) else number(value)


def interval(evidence: Evidence) -> str:
    """The interval in words, open on the side that has no limit."""
    low, high = evidence.low, evidence.high
    if low is None and high is None:
        return "none"
    if low is None:
        return f"up to {number(high)}"
    if high is None:
        return f"from {number(low)}"
    return f"{number(low)} to {number(high)}"


def bound(evidence: Evidence) -> str:
    """What the interval is held against."""
    low, high = evidence.lower_bound, evidence.upper_bound
    if low is None and high is None:
        return "none"
    if high is None:
        return f"above {number(low)}"
    if low is None:
        return f"below {number(high)}"
    return number(low) if low == high else f"{number(low)} to {number(high)}"


def level(evidence: Evidence) -> str:
    """The one-sided error level, in percent."""
    return f"{100 * evidence.level:.3g} %" if evidence.level else "exact"


def values(evidence: Evidence) -> str:
    """The numbers of the replicates, in their order."""
    return ", ".join("diverged" if value is None else number(value) for value in evidence.values)


def scale(tier: str) -> str:
    return f"at {tier} scale"


def duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def params(claim: ClaimReport) -> str:
    """The test's own parameters; the tier is shown apart."""
    return ", ".join(f"{name} = {value}" for name, value in claim.params.items() if name != "tier")


def tally(counts: Mapping[Verdict, int]) -> str:
    """``12 reproduced, 1 refuted, 2 inconclusive``; verdicts that did not occur are left out."""
    return (
        ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts.get(verdict)) or "no claims"
    )


def expectation(claim: ClaimReport) -> str:
    """Whether the verdict is the declared one; "" where it is an expected reproduction."""
    because = f": {claim.expected_because}" if claim.expected_because else ""
    if claim.unexpected:
        return f"unexpected: {claim.expected} was expected{because}"
    if claim.expected is not Verdict.REPRODUCED and claim.verdict is claim.expected:
        return f"expected{because}"
    return ""


def citation(paper: Paper) -> str:
    """Authors and year as text cites them, or the key of an unknown source."""
    dated = f" ({paper.year})" if paper.year else ""
    return f"{paper.authors}{dated}" if paper.authors else paper.key


def family(name: str) -> str:
    """``test_random_labels`` as a heading."""
    words = name.rpartition("/")[2].removesuffix(".py").removeprefix("test_").replace("_", " ").strip()
    return words[:1].upper() + words[1:] or "Other claims"


def control_says(positive: bool, discriminates: bool) -> str:
    """The sentence that a control's outcome amounts to."""
    if positive:
        return (
            "the claim holds there, as it must"
            if discriminates
            else "the claim does not hold there, as it must"
        )
    return "it discriminates" if discriminates else "it does not discriminate"


def provenance(report: Report) -> dict[str, tuple[str, ...]]:
    """What is shown of a session: a row's name and its lines."""
    seen = report.provenance
    return {
        "commit": (f"{seen.commit or 'unknown'}{' (with uncommitted changes)' if seen.dirty else ''}",),
        "command": (seen.command,),
        "started": (seen.started,),
        "finished": (seen.finished,),
        "wall time": (duration(seen.wall_seconds),),
        "runs": (
            f"{seen.trained_runs:,} trained in {duration(seen.trained_seconds)}, {seen.reused_runs:,} reused",
        ),
        "replicates": (seen.replicates,),
        "device": (seen.device,),
        "processor": (f"{seen.processor}, {seen.cores} cores, {number(round(seen.memory_gib, 1))} GiB",),
        "data": tuple(f"{name}: {digest or 'part of the code'}" for name, digest in seen.data.items()),
        "versions": tuple(f"{name} {version}" for name, version in seen.versions.items()),
        "schema": (str(report.schema),),
    }
