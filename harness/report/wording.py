"""Numbers and facts of a report in the words that every rendering shares."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.evidence.outcome import Contrast, Evidence
from harness.evidence.schema import ClaimReport, PaperEntry, Provenance, Report, RunRead
from harness.spec.verdict import Expected, Verdict

MEANINGS = {
    Verdict.REPRODUCED: "mean and typical run lie on the claim's side of each bound, and the control differs",
    Verdict.REFUTED: "both are on the other side of a bound, or there is a counterexample",
    Verdict.INCONCLUSIVE: "neither can be said, only one of the two, or the control does not differ",
    Verdict.NOT_RUN: "it was selected, but something it needs is not here",
    Verdict.ERROR: "the test itself failed: no evidence either way",
}
SCALES = {
    "quick": "embedded or generated data and small models, minutes on two CPU cores; evidence at that scale",
    "standard": "real data sets and models that a CPU can still train; evidence at that scale",
    "full": "the papers' own settings",
}
NOTHING = "–"
UNCONTROLLED = "Every other check of a reproduced claim fails in one of its controls; these fail in none."
GROUPED, WHOLE, EXPONENT = 1000, 1e4, 1e6
"""Whole numbers from the first on have their thousands grouped, all from the second, none from the third."""
LONGEST = 1e4
"""Numbers from here on are shown by significant digits, not by decimals."""
DECIMALS = 6
"""The most decimals that are shown."""
SMALLEST_P = 1e-6
"""Smaller p-values are shown as below this."""
SURE = 0.99
"""Chances above are shown as above this: more is not known from so few draws."""
TENTHS = 100
"""Seconds below are shown to a tenth."""
UNITS = 120
"""Times from so many seconds on are shown in minutes, and from so many minutes on in hours."""
NAMED = 3
"""Authors up to so many are all named."""
RATES = ("all_reach", "most_reach", "argmax_in")
"""Relations whose estimate is the share of replicates that succeeded."""


def number(value: float | None) -> str:
    """Four significant digits, thousands grouped, a true minus sign; "none" where there is no number."""
    if value is None or not math.isfinite(value):
        return "none"
    size = abs(value)
    if size < EXPONENT and (size >= WHOLE or (size >= GROUPED and value == int(value))):
        text = f"{value:,.0f}"
    else:
        mantissa, _, exponent = f"{value:.4g}".partition("e")
        text = f"{mantissa}e{int(exponent)}" if exponent else mantissa
    return text.replace("-", "−")


def printable(text: str) -> str:
    """The text without control signs and invisible ones, some of which turn a line's direction round."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else " " for sign in text)


def reported(value: float | str) -> str:
    """A number or text that a source reports, as it is shown."""
    return value if isinstance(value, str) else number(value)


def count(value: int) -> str:
    """A whole number with its thousands grouped."""
    return f"{value:,}"


def estimate(evidence: Evidence) -> str:
    """The estimate; of a rate, how many of the replicates succeeded."""
    if evidence.relation in RATES and evidence.estimate is not None:
        return f"{round(evidence.estimate * evidence.n)} of {evidence.n}"
    return NOTHING if evidence.estimate is None else _rounded(evidence.estimate, _decimals(evidence))


def difference(contrast: Contrast) -> str:
    """The estimate of claim minus control."""
    return _rounded(contrast.estimate, _decimals(contrast))


def _decimals(evidence: Evidence | Contrast) -> int | None:
    """How many decimals tell: two digits of the half-width, and as many as keep an end apart from a bound.

    None where there is no half-width, or where plain decimals would be too long.
    """
    ends = [end for end in (evidence.low, evidence.high) if end is not None]
    halves = [abs(end - evidence.estimate) for end in ends if evidence.estimate is not None]
    half = max(halves, default=0.0)
    if not (math.isfinite(half) and half > 0) or max(map(abs, ends)) >= LONGEST:
        return None
    least = max(1 - math.floor(math.log10(half)), 0)
    bounds = () if isinstance(evidence, Contrast) else (evidence.lower_bound, evidence.upper_bound)
    apart = [(end, bound) for end in ends for bound in bounds if bound is not None and end != bound]
    enough = (
        d for d in range(least, DECIMALS + 1) if all(round(end, d) != round(bound, d) for end, bound in apart)
    )
    return next(enough, None)


def _rounded(value: float | None, decimals: int | None) -> str:
    if value is None or decimals is None:
        return number(value)
    return f"{value:.{decimals}f}".replace("-", "−")


def p(value: float | None) -> str:
    """A p-value to two significant digits, a dash where there is none."""
    if value is None:
        return NOTHING
    return "< 1e−6" if value < SMALLEST_P else number(float(f"{value:.2g}"))


def readings(evidence: Evidence) -> str:
    """The p-values of the mean and of the typical run; one where there is one."""
    if evidence.p_typical is None:
        return p(evidence.p_value)
    return f"{p(evidence.p_value)}; {p(evidence.p_typical)}"


def chance(value: float | None) -> str:
    """The chance of a verdict to come again, in percent."""
    if value is None:
        return NOTHING
    return "> 99 %" if value > SURE else f"{100 * value:.0f} %"


def half_widths(value: float) -> str:
    """Where the estimate lies on the common axis."""
    side = "on the claim's side" if value >= 0 else "on the other side"
    return f"{number(float(f'{abs(value):.2g}'))} half-widths from the bound, {side}"


def sentence(text: str) -> str:
    """The text with a capital and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def interval(evidence: Evidence | Contrast) -> str:
    """The interval in words, open on the side that has no limit."""
    if evidence.low is None and evidence.high is None:
        return NOTHING
    low, high = (_rounded(end, _decimals(evidence)) for end in (evidence.low, evidence.high))
    if evidence.low is None:
        return f"up to {high}"
    return f"from {low}" if evidence.high is None else f"{low} to {high}"


def bound(evidence: Evidence) -> str:
    """What the interval is held against."""
    low, high = evidence.lower_bound, evidence.upper_bound
    if low is None and high is None:
        return NOTHING
    if high is None:
        return f"{'rate ' * (evidence.relation in RATES)}above {number(low)}"
    if low is None:
        return f"{'below' if evidence.level else 'at most'} {number(high)}"
    return number(low) if low == high else f"{number(low)} to {number(high)}"


def level(evidence: Evidence) -> str:
    """The one-sided error level, in percent."""
    return f"{100 * evidence.level:.3g} %" if evidence.level else "exact"


def values(evidence: Evidence) -> str:
    """The numbers of the replicates, in their order."""
    return ", ".join("diverged" if value is None else number(value) for value in evidence.values)


def scale(tier: str) -> str:
    """A tier as the scale at which something was tested."""
    return f"at {tier} scale"


def from_first(replicate: int) -> str:
    """The replicates from one on, in words."""
    return f"replicates {replicate} and up"


def seconds(value: float) -> str:
    """Seconds to a tenth, whole from a hundred on."""
    return f"{value:,.1f}" if value < TENTHS else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """A time in the unit that suits it: seconds, whole minutes from two on, hours from two on."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < UNITS:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < UNITS else f"{minutes / 60:.1f} h"


def params(claim: ClaimReport) -> str:
    """The test's own parameters; the tier is shown apart."""
    return ", ".join(f"{name} = {value}" for name, value in claim.params.items() if name != "tier")


def tally(counts: Mapping[Verdict, int]) -> str:
    """``12 reproduced, 1 refuted, 2 inconclusive``; verdicts that did not occur are left out."""
    return (
        ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts.get(verdict)) or "no claims"
    )


def expectation(claim: ClaimReport) -> str:
    """Whether the verdict is a declared one; "" where reproduced, and nothing else, was declared."""
    because = f": {claim.expected_because}" if claim.expected_because else ""
    if claim.unexpected:
        return f"unexpected: {claim.expected} was expected{because}"
    if claim.expected is Expected.REPRODUCED or not claim.expected.allows(claim.verdict):
        return ""
    return f"{claim.expected} was expected{because}" if claim.expected.is_set else f"expected{because}"


def trusted(sure: int, certain: int) -> str:
    """What the list of chances leaves out, and where the chances come from."""
    return (
        "The chance that a verdict comes again on fresh replicates, from those that were read (a smoothed "
        "bootstrap of all checks of claim and controls together, up the whole ladder), lowest first. "
        f"{sure} more come again with at least {100 * SURE:.0f} %; in {certain} chance has no part, or too "
        "few replicates were read to say. What no replicate showed cannot be foreseen."
    )


def citation(paper: PaperEntry) -> str:
    """Authors and year as text cites them, or the key of an unknown source."""
    dated = f" ({paper.year})" if paper.year else ""
    return f"{paper.authors}{dated}" if paper.authors else paper.key


def short(paper: PaperEntry) -> str:
    """``Zhang et al. (2017)``, up to three names in full; those that are no list of persons stay whole."""
    surnames = [_surname(author.split()) for author in paper.authors.split(", ") if author.split()]
    if len(surnames) < 2:
        return citation(paper)
    few = f"{', '.join(surnames[:-1])} and {surnames[-1]}"
    named = few if len(surnames) <= NAMED else f"{surnames[0]} et al."
    return f"{named} ({paper.year})" if paper.year else named


def _surname(names: list[str]) -> str:
    """The last of a person's names, with the particles before it: ``van der Schaar``."""
    first = next((i for i, name in enumerate(names[:-1]) if i and name.islower()), len(names) - 1)
    return " ".join(names[first:])


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


@dataclass(frozen=True)
class Replicates:
    """Runs of one experiment under one name: which replicates, and their seconds together."""

    name: str
    what: str
    kernel: str
    address: str
    replicates: str
    seconds: float


def runs(read: Iterable[RunRead]) -> Iterator[Replicates]:
    """The runs by experiment, in their order."""

    def experiment(run: RunRead) -> tuple[str, str, str, str]:
        return run.name, run.what, computed_by(run), run.address

    for key, members in itertools.groupby(read, experiment):
        of = list(members)
        yield Replicates(*key, ranges(run.replicate for run in of), sum(run.seconds for run in of))


def computed_by(run: RunRead) -> str:
    """The kernel that trained a run, and the proof by which its record was carried."""
    carried = f"carried, proof {run.carried}" if run.carried else ""
    return ", ".join(filter(None, [run.kernel, carried]))


def ranges(numbers: Iterable[int]) -> str:
    """Numbers with runs of successive ones joined: ``0–4, 7``."""
    parts: list[list[int]] = []
    for value in numbers:
        if parts and value == parts[-1][-1] + 1:
            parts[-1].append(value)
        else:
            parts.append([value])
    return ", ".join(f"{p[0]}–{p[-1]}" if len(p) > 1 else str(p[0]) for p in parts)


def kept(seen: Provenance) -> dict[str, tuple[str, ...]]:
    """What was not computed anew: a row's name and its line."""
    of = "kept from earlier sessions of the same code, versions and processor"
    rows: dict[str, tuple[str, ...]] = {}
    if seen.kept_outcomes:
        rows["exact claims"] = (f"{seen.kept_outcomes} outcomes {of}",)
    if seen.kept_judgements:
        rows["judgements"] = (f"{seen.kept_judgements} {of}, of the same records",)
    return rows


def carried(report: Report) -> tuple[str, ...]:
    """How many runs have records that were carried over a change of code, in one line; none if none have."""
    proofs = report.provenance.carried
    if not proofs:
        return ()
    read = {(r.address, r.replicate): r for c in report.claims for r in (*c.runs, *c.control_runs)}
    count = sum(bool(run.carried) for run in read.values())
    how_many = f"{len(proofs)} proof{'s' if len(proofs) > 1 else ''}"
    return (
        f"{count:,} of {len(read):,} runs have records of earlier code, carried by {how_many}: "
        "a sample of each kind of run was computed again, and was equal to the bit",
    )


def code(seen: Provenance) -> str:
    """The code that verdicts are of: a commit, or the version of what is installed."""
    version = seen.versions.get("overclaim", "")
    installed = f"unknown, overclaim {version}" if version else "unknown"
    return f"{seen.commit or installed}{' (with uncommitted changes)' if seen.dirty else ''}"


def provenance(report: Report) -> dict[str, tuple[str, ...]]:
    """What is shown of a session: a row's name and its lines."""
    seen = report.provenance
    shipped = f"records shipped with commit {seen.shipped}, judged here; nothing was trained"
    return {
        "commit": (code(seen),),
        **({"judged from": (shipped,)} if seen.shipped else {}),
        **({"carried": carried(report)} if seen.carried else {}),
        **({"the instrument's tests": (seen.mutants,)} if seen.mutants else {}),
        "command": (seen.command,),
        "started": (seen.started,),
        "finished": (seen.finished,),
        "wall time": (duration(seen.wall_seconds),),
        **kept(seen),
        "runs": (
            f"{seen.trained_runs:,} trained in {duration(seen.trained_seconds)}, {seen.reused_runs:,} reused",
        ),
        "replicates": (seen.replicates,),
        "device": (seen.device,),
        "processor": (f"{seen.processor}, {seen.cores} cores, {number(round(seen.memory_gib, 1))} GiB",),
        "data": tuple(f"{name}: {digest or 'part of the code'}" for name, digest in seen.data.items()),
        "versions": (", ".join(f"{name} {version}" for name, version in seen.versions.items()),),
        "schema": (str(report.schema),),
    }
