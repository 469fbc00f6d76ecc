"""The one schema of ``report.json``: everything rendered is rendered from this alone."""

from __future__ import annotations

import msgspec

from harness.evidence.outcome import ControlOutcome, Evidence
from harness.spec.said import OURS, Change, Saying, Unprinted
from harness.spec.untrusted import decoded
from harness.spec.verdict import Expected, Verdict

SCHEMA = 2
FIRST = 1
"""The schema of reports in which no claim had a kind or a ledger; they are read as well."""


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """A source's own points, drawn beside ours and never a bound: ``points`` is ((x, y), ...)."""

    source: str
    points: tuple[tuple[float, float], ...]


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One measured curve: ``y`` has a row per replicate, None where a run has no value at that x."""

    figure: str
    series: str
    x: tuple[float, ...]
    y: tuple[tuple[float | None, ...], ...]
    x_label: str = ""
    y_label: str = ""
    x_scale: str = "linear"
    y_scale: str = "linear"
    reported: tuple[Reported, ...] = ()
    marks: dict[str, float] = {}


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """An item that exists, whether or not it was selected; ``reason``: why not, if it was not."""

    id: str
    tier: str
    paper: str
    says: str
    selected: bool
    reason: str = ""
    kind: Saying = Saying.STATEMENT


class RunRead(msgspec.Struct, frozen=True, kw_only=True):
    """One computed cell that a claim read.

    ``kernel``: how it was trained ("" if it was not trained). ``carried``: the name of the proof by which its
    record was carried over a change of code (``Provenance.carried`` has the sentence); "" if it was not.
    """

    name: str
    replicate: int
    address: str
    what: str
    seconds: float
    kernel: str = ""
    carried: str = ""


class ClaimReport(msgspec.Struct, frozen=True, kw_only=True):
    """One claim at one tier: statement, source, evidence, control, and how to run it again.

    ``expected``: the verdict that the claim declares, or two of which chance may bring either.
    ``runs``: what the claim's world read; ``control_runs``: what its controls' worlds read, and what of the
    claim's world was read only to be held against them.
    ``chance``: of the same verdict on fresh replicates; None where nothing is left to chance.
    ``kind``: who says it. ``changed``: what was changed after a verdict had been seen.
    ``unprinted``: why ``reported`` is empty, where a source says it.
    """

    id: str
    tier: str
    params: dict[str, str | int | float | bool | None]
    paper: str
    where: str
    says: str
    adapted: str
    reported: dict[str, float | str]
    expected: Expected
    expected_because: str
    verdict: Verdict
    unexpected: bool
    reason: str
    checks: tuple[Evidence, ...]
    controls: tuple[ControlOutcome, ...]
    figures: tuple[Series, ...]
    runs: tuple[RunRead, ...]
    command: str
    seconds: float
    family: str = ""
    thesis: str = ""
    contested: str = ""
    control_runs: tuple[RunRead, ...] = ()
    chance: float | None = None
    kind: Saying = Saying.STATEMENT
    changed: tuple[Change, ...] = ()
    unprinted: Unprinted | None = None


class PaperEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A source."""

    key: str
    authors: str
    title: str
    venue: str
    year: int | None
    url: str


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """Where, when, with what and from which code the verdicts were computed. No path, host or user name.

    ``shipped``: the commit whose shipped records were judged, "" where they were computed or stored here.
    ``carried``: for records carried over a change of code, a proof's name -> from which commit, and how it
    was shown that the change does not touch them.
    ``first_replicate``: 0 but for a fresh judgement, whose report stands for no tier.
    ``kept_outcomes``: those of exact claims that earlier sessions had computed, by code and world.
    ``kept_judgements``: those that earlier sessions had made, by the same code from the same records.
    ``mutants``: what became of mistakes planted into the instrument, in a sentence; "" where none were.
    """

    commit: str
    dirty: bool
    started: str
    finished: str
    wall_seconds: float
    trained_seconds: float
    trained_runs: int
    reused_runs: int
    device: str
    processor: str
    cores: int
    memory_gib: float
    versions: dict[str, str]
    data: dict[str, str]
    replicates: str
    command: str
    shipped: str = ""
    carried: dict[str, str] = {}
    first_replicate: int = 0
    mutants: str = ""
    kept_outcomes: int = 0
    kept_judgements: int = 0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One judged session."""

    schema: int
    tiers: tuple[str, ...]
    provenance: Provenance
    papers: tuple[PaperEntry, ...]
    collected: tuple[Collected, ...]
    claims: tuple[ClaimReport, ...]


def encode(report: Report) -> bytes:
    """Indented JSON; equal reports give equal bytes.

    Raises:
        ValueError: a number is not finite where the schema needs one; JSON has no such number.
    """
    data = msgspec.json.format(msgspec.json.encode(report, order="sorted"), indent=1) + b"\n"
    decode(data)
    return data


def decode(data: bytes) -> Report:
    """Read and validate; a report of the first schema as one of this.

    Raises:
        ValueError: not a report of these schemas; the message names the field.
    """
    try:
        report = decoded(data, Report)
    except ValueError as error:
        raise ValueError(f"not a report of schema {SCHEMA}: {error}") from None
    if report.schema == FIRST:
        return _with_kinds(report)
    if report.schema != SCHEMA:
        raise ValueError(f"report has schema {report.schema}, this version reads {SCHEMA}")
    return report


def _with_kinds(report: Report) -> Report:
    """A report of the first schema as one of this: what stood under our own name was said by us alone."""
    ours = {"kind": Saying.COUNTER}
    return msgspec.structs.replace(
        report,
        schema=SCHEMA,
        collected=tuple(
            msgspec.structs.replace(item, **ours) if item.paper == OURS else item for item in report.collected
        ),
        claims=tuple(
            msgspec.structs.replace(claim, **ours) if claim.paper == OURS else claim
            for claim in report.claims
        ),
    )


def json_schema() -> bytes:
    """The JSON Schema (draft 2020-12) of ``report.json``; ``report.schema.json`` holds it."""
    document = msgspec.json.schema(Report)
    for definition in document["$defs"].values():
        if "description" in definition:  # docstrings are indented differently from Python 3.13 on
            definition["description"] = " ".join(definition["description"].split())
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=1) + b"\n"
