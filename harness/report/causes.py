"""Why two reports say otherwise of a claim: another margin, other code, machine or experiment.

It is told by what both reports say of the runs that they read: address, replicate and experiment in words.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import msgspec

from harness.evidence.outcome import Evidence
from harness.evidence.schema import ClaimReport, Report, RunRead
from harness.report import wording
from harness.spec.verdict import Verdict

SHOWN = 90
"""Signs of an experiment in words that are shown, at most."""
LEAD = 30
"""Signs before the first that differs."""
VERSIONS = ("torch", "numpy", "scipy", "python", "hypothesis")
"""What of a machine's software numbers depend on."""


class FactChange(msgspec.Struct, frozen=True, kw_only=True):
    """A fact of provenance that is another."""

    name: str
    before: str
    after: str


def cause(a: ClaimReport, b: ClaimReport, before: Report, after: Report) -> str:
    """What may have made the difference between two judgements of one item, in a line.

    Args:
        a: the earlier judgement.
        b: the later one.
        before: the report of the earlier.
        after: the report of the later.
    """
    unjudged = {Verdict.ERROR, Verdict.NOT_RUN} & {a.verdict, b.verdict}
    if unjudged:
        return "not judged in both: nothing to compare"
    return "; ".join(_causes(a, b, before, after))


def _causes(a: ClaimReport, b: ClaimReport, before: Report, after: Report) -> Iterator[str]:
    one, other = _read(a), _read(b)
    if not (one or other):
        yield from _of_exact(a, b, before, after)
        return
    if before.provenance.first_replicate != after.provenance.first_replicate:
        yield "other replicates: what chance decides may come out otherwise"
        return
    if {run.address for run in one.values()} != {run.address for run in other.values()}:
        yield from _of_experiments(one, other, before, after)
        yield from _of_margins(a, b)
        return
    told = [*_of_margins(a, b), *_of_replicates(one, other), *_of_machines(a, b, one, other, before, after)]
    yield from (f"same runs, {each}" for each in told or ("numbers and margins: judged by other rules",))


def _read(claim: ClaimReport) -> dict[tuple[str, int], RunRead]:
    """What an item read, its controls' worlds included, by address and replicate."""
    return {(run.address, run.replicate): run for run in (*claim.runs, *claim.control_runs)}


Runs = Mapping[tuple[str, int], RunRead]


def _of_experiments(one: Runs, other: Runs, before: Report, after: Report) -> Iterator[str]:
    """Other addresses: of other experiments, or of the same by other code or data."""
    words, others = ({run.what for run in runs.values()} for runs in (one, other))
    gone, new = sorted(words - others), sorted(others - words)
    if gone or new:
        alike = _alike(gone[0], new[0]) if gone and new else 0
        told = [f"no longer {_cut(each, alike)}" for each in gone[:1]]
        told += [f"now {_cut(each, alike)}" for each in new[:1]]
        yield f"another experiment: {', '.join(told)}"
        return
    data, newer = before.provenance.data, after.provenance.data
    moved = [name for name in data if newer.get(name, data[name]) != data[name]]
    commits = [report.provenance.commit[:12] or "unknown" for report in (before, after)]
    yield (
        f"other data: {', '.join(moved)}"
        if moved
        else f"other code of the same experiments: {' → '.join(commits)}"
    )


def _alike(one: str, other: str) -> int:
    """How many signs two texts have in common at their beginning."""
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _cut(text: str, alike: int) -> str:
    """An experiment in words, from a little before where it differs from the other on."""
    start = max(alike - LEAD, 0)
    end = start + SHOWN
    return f"{'…' * (start > 0)}{text[start:end]}{'…' * (end < len(text))}"


def _of_margins(a: ClaimReport, b: ClaimReport) -> Iterator[str]:
    """Bounds, numbers of checks and controls that are others."""
    if len(a.checks) != len(b.checks):
        yield f"other checks: {len(a.checks)} → {len(b.checks)}"
    for x, y in zip(a.checks, b.checks, strict=False):
        if x.relation != y.relation:
            yield f"another relation: {x.relation} → {y.relation}"
        elif wording.bound(x) != wording.bound(y):
            yield f"another margin: {wording.bound(x)} → {wording.bound(y)}"
    if [control.says for control in a.controls] != [control.says for control in b.controls]:
        yield "another control"


def _of_replicates(one: Runs, other: Runs) -> Iterator[str]:
    if one.keys() != other.keys():
        yield f"{'more' if len(other) > len(one) else 'fewer'} replicates: {len(one)} → {len(other)} runs"


def _of_machines(
    a: ClaimReport, b: ClaimReport, one: Runs, other: Runs, before: Report, after: Report
) -> Iterator[str]:
    """The same runs with other numbers: computed by another machine, kernel or version."""
    before_and_after = _numbers(a), _numbers(b)
    if before_and_after[0] == before_and_after[1] or one.keys() != other.keys():
        return
    if len(before_and_after[0]) != len(before_and_after[1]):  # other checks, which is told
        return
    moved = list(_otherwise(one, other, before, after))
    yield f"other machine: {'; '.join(moved)}" if moved else "other numbers: they were computed again"


def _otherwise(one: Runs, other: Runs, before: Report, after: Report) -> Iterator[str]:
    sides = [report.provenance for report in (before, after)]
    kernels = [", ".join(sorted({run.kernel for run in runs.values()})) for runs in (one, other)]
    facts = [
        ("processor", sides[0].processor, sides[1].processor),
        ("device", sides[0].device, sides[1].device),
        ("kernel", kernels[0], kernels[1]),
        *((n, sides[0].versions.get(n, "none"), sides[1].versions.get(n, "none")) for n in VERSIONS),
    ]
    yield from (f"{name} {x} → {y}" for name, x, y in facts if x != y)


def _numbers(claim: ClaimReport) -> list[tuple[float | None, ...]]:
    """What every check of an item judged, its controls' included."""
    worlds: list[tuple[Evidence, ...]] = [claim.checks, *(control.checks for control in claim.controls)]
    return [(check.estimate, *check.values) for world in worlds for check in world]


def _of_exact(a: ClaimReport, b: ClaimReport, before: Report, after: Report) -> Iterator[str]:
    """Nothing is trained: what a claim computes depends on its code, and on the examples that are tried."""
    told = list(_of_margins(a, b))
    yield from told
    commits = [report.provenance.commit for report in (before, after)]
    if commits[0] != commits[1] and not told:
        yield f"other code of an exact claim: {' → '.join(each[:12] or 'unknown' for each in commits)}"
    moved = [fact for fact in _otherwise({}, {}, before, after) if fact.startswith(("python", "hypothesis"))]
    if moved:
        yield f"other examples: {'; '.join(moved)}"
    if not (told or moved or commits[0] != commits[1]):
        yield "the same exact claim: it does not come out alike twice"


def moved(before: Report, after: Report) -> Iterator[FactChange]:
    """The facts of provenance that are others, in the order of the later report."""
    a, b = _facts(before), _facts(after)
    for name in {**a, **b}:
        if a.get(name) != b.get(name):
            yield FactChange(name=name, before=a.get(name, "none"), after=b.get(name, "none"))


def _facts(report: Report) -> dict[str, str]:
    """What a number may depend on besides the claim; times are none of it."""
    seen = report.provenance
    return {
        "commit": wording.code(seen),
        "records shipped with": seen.shipped or "none",
        "device": seen.device,
        "processor": seen.processor,
        "cores": str(seen.cores),
        "memory": f"{seen.memory_gib:g} GiB",
        "replicates": seen.replicates,
        "command": seen.command,
        **{f"data: {name}": digest or "part of the code" for name, digest in seen.data.items()},
        **{f"version of {name}": version for name, version in seen.versions.items()},
    }
