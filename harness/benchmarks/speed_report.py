"""The contents of a speed report; ``reports/speed.json`` is checked against it when written and when read."""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness.benchmarks.rounds import Ratio
from harness.spec.untrusted import contents, decoded

SCHEMA = 1


class ReportPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whatever is in a report: no unknown field is read."""


class MeasuredOn(ReportPart, frozen=True, kw_only=True):
    """The machine on which it was measured; no name and no path of it.

    Attributes:
        instructions: the widest vector instructions torch uses; accelerator: the GPU's name, or "".
        versions: of Python and of what numbers depend on.
    """

    processor: str
    cores: int
    memory_gib: float
    instructions: str
    accelerator: str
    versions: dict[str, str]


class MatmulPeak(ReportPart, frozen=True, kw_only=True):
    """The fastest square matrix product of this run, tried before every workload."""

    precision: str
    tflops: float


class SpeedRow(ReportPart, frozen=True, kw_only=True):
    """Ours at one workload and precision, beside the baselines of the same rounds.

    Attributes:
        kernel: what trained it; engine: "chosen" by the engine, or "reference" where that was forced.
        cells, parameters: how many trainings, and of how many weights each.
        seconds, cpu_seconds: of one round of all cells, medians.
        images_per_second: training images (information: it depends on the machine); None if solved.
        tflops: floating-point operations by the stated formula over wall time; peak_share: of the peak
            at that precision. None where there is no formula.
        plain, tuned, sklearn: wall time of baselines (a), (b), (c) over ours; None where there is none.
        cpu: CPU seconds of (a) over ours.
        notes: what a baseline's name leaves open ("2 threads, channels_last").
        target, met: the ratio to (a) that is aimed at, and whether the median reaches it.
        rounds, rejected, disturbed, foreign: rounds that count, rounds thrown away, whether too few were
            quiet, and the largest foreign share of CPU in those that count.
    """

    workload: str
    title: str
    precision: str
    kernel: str
    engine: str
    cells: int
    parameters: int
    seconds: float
    cpu_seconds: float
    images_per_second: float | None
    tflops: float | None
    peak_share: float | None
    plain: Ratio
    tuned: Ratio | None
    sklearn: Ratio | None
    cpu: Ratio
    notes: dict[str, str]
    target: float | None
    met: bool | None
    rounds: int
    rejected: int
    disturbed: bool
    foreign: float


class Unused(ReportPart, frozen=True, kw_only=True):
    """A variant that the engine does not use: wall time of (a) over its own."""

    workload: str
    title: str
    variant: str
    note: str
    ratio: Ratio


class Startup(ReportPart, frozen=True, kw_only=True):
    """Wall seconds of something that happens once: median, smallest, largest.

    Attributes:
        imported: libraries among torch, scipy and sklearn that it imported; None where that is not asked.
        target, met: in seconds; met also needs that nothing of these was imported, where it was asked.
    """

    what: str
    seconds: Ratio
    imported: tuple[str, ...] | None
    target: float | None
    met: bool | None


class Gate(ReportPart, frozen=True, kw_only=True):
    """Epochs to fit by the engine's kernel and by the reference, paired by replicate.

    Attributes:
        median, reference_median: epochs; unfitted: how many did not fit within the budget.
        ratio, low, high: geometric mean of the paired ratios with its 95 % interval (Student's t on logs);
            None where a run that did not fit leaves none.
        margin: passed if the interval lies within 1 / margin and margin.
    """

    title: str
    precision: str
    kernel: str
    reference: str
    replicates: int
    median: float
    reference_median: float
    unfitted: int
    unfitted_reference: int
    ratio: float | None
    low: float | None
    high: float | None
    margin: float
    passed: bool


class Share(ReportPart, frozen=True, kw_only=True):
    """An operation and its share of a training's time, between 0 and 1."""

    what: str
    share: float


class Profile(ReportPart, frozen=True, kw_only=True):
    """Where one training of a row that missed its target spends its time, the largest share first.

    Attributes:
        commit: of the code that was profiled, as a section's.
    """

    title: str
    precision: str
    kernel: str
    commit: str
    shares: tuple[Share, ...]


class DeviceSection(ReportPart, frozen=True, kw_only=True):
    """One run on one device.

    Attributes:
        date: UTC, ISO 8601; commit: of the code, "" outside git, with "+" if the tree differed.
        rounds, repeats, foreign_limit: asked for; how many were repeated at most, and beyond which share.
        formula: how floating-point operations are counted.
        left_out: what was not measured, and why, in lines.
        profiles: of the rows that missed their target.
    """

    device: str
    date: str
    commit: str
    machine: MeasuredOn
    rounds: int
    repeats: int
    foreign_limit: float
    formula: str
    peaks: tuple[MatmulPeak, ...]
    rows: tuple[SpeedRow, ...]
    unused: tuple[Unused, ...]
    startup: tuple[Startup, ...]
    gates: tuple[Gate, ...]
    left_out: tuple[str, ...]
    profiles: tuple[Profile, ...] = ()


class SpeedReport(ReportPart, frozen=True, kw_only=True):
    """The last run on each device."""

    schema: int = SCHEMA
    sections: tuple[DeviceSection, ...] = ()


def read(path: Path) -> SpeedReport:
    """The report there; empty if there is none.

    Raises:
        ValueError: not a speed report of this schema (one line).
    """
    if not path.exists():
        return SpeedReport()
    try:
        report = decoded(contents(path), SpeedReport)
    except ValueError as error:
        raise ValueError(
            f"{path.name} is no speed report: {error}; move it away or write to another --out"
        ) from None
    if report.schema != SCHEMA:
        raise ValueError(f"{path.name} has schema {report.schema}, not {SCHEMA}; move it away")
    return report


def with_section(report: SpeedReport, section: DeviceSection) -> SpeedReport:
    """The report with this section in the place of an earlier one of the same device."""
    others = [s for s in report.sections if s.device != section.device]
    return SpeedReport(sections=tuple(sorted([*others, section], key=lambda s: s.device)))


def encode(report: SpeedReport) -> bytes:
    """JSON with an indent, as it is committed."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"
