"""The contents of a speed report; ``reports/speed.json`` is checked against it when written and when read."""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness.benchmarks.rounds import Ratio
from harness.spec.untrusted import contents, decoded

SCHEMA = 1
LARGE = 100_000
"""Weights above which trainings consist of products, so that a share of their rate can be aimed at."""
SHARES = {"float32": 0.85, "bfloat16": 0.6}
"""Shares of the fastest matrix product that such nets aim at. A ratio to somebody's loop says less of them:
where the library's convolutions run at that rate, no other loop around them makes them faster."""


class ReportPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whatever is in a report: no unknown field is read."""


class MeasuredOn(ReportPart, frozen=True, kw_only=True):
    """The machine on which it was measured; no name and no path of it.

    Attributes:
        family: the processor's family and model, which its name may not tell; "" where that is not known.
        vector_bits: of the widest vector that is computed with; 0 where nobody measured.
        instructions: the widest vector instructions torch uses; accelerator: the GPU's name, or "".
        versions: of Python and of what numbers depend on.
    """

    processor: str
    family: str = ""
    vector_bits: int = 0
    cores: int
    memory_gib: float
    instructions: str
    accelerator: str
    versions: dict[str, str]


class MatmulPeak(ReportPart, frozen=True, kw_only=True):
    """The fastest square matrix product of this run, tried before every workload.

    Attributes:
        units: TFLOP/s of the vector units alone, on all cores; None where nobody measured.
    """

    precision: str
    tflops: float
    units: float | None = None


class SpeedRow(ReportPart, frozen=True, kw_only=True):
    """Ours at one workload and precision, beside the baselines of the same rounds.

    Attributes:
        kernel: what trained it; engine: "chosen" by the engine, or "reference" where that was forced.
        cells, parameters: how many trainings, and of how many weights each.
        seconds, cpu_seconds: of one round of all cells, medians.
        images_per_second: training images (information: it depends on the machine); None if solved.
        tflops: floating-point operations by the stated formula over wall time; peak_share: of the fastest
            matrix product at that precision; unit_share: of the vector units' rate. None where there is no
            formula, or no such rate.
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
    unit_share: float | None = None

    @property
    def share_target(self) -> float | None:
        """The share of the fastest matrix product that is aimed at: nets of some size on a CPU have one."""
        sized = self.parameters > LARGE and self.engine == "chosen" and self.peak_share is not None
        return SHARES.get(self.precision) if sized else None

    @property
    def missed(self) -> bool:
        """Whether the ratio or the share that is aimed at was not reached."""
        share = self.share_target
        return self.met is False or (share is not None and (self.peak_share or 0.0) < share)


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
    """The last run on each kind of machine, by its device."""

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
    """The report with this section in the place of an earlier one of the same kind of machine."""
    others = [s for s in report.sections if _kind(s) != _kind(section)]
    return SpeedReport(sections=tuple(sorted([*others, section], key=_kind)))


def _kind(section: DeviceSection) -> tuple[str | int, ...]:
    """What two machines have in common that are expected to come to the same ratios."""
    machine = section.machine
    named = machine.accelerator, machine.processor, machine.family, machine.instructions
    return section.device, *named, machine.vector_bits, machine.cores


def encode(report: SpeedReport) -> bytes:
    """JSON with an indent, as it is committed."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"
