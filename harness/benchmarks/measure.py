"""One run on one device: every workload beside its baselines, then the quality gate and start-up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from harness.benchmarks import feature_sweeps, gate, peak, profile, startup, training, vector_units
from harness.benchmarks.feature_sweeps import Sweep
from harness.benchmarks.rounds import FOREIGN_LIMIT
from harness.benchmarks.speed_report import (
    DeviceSection,
    Gate,
    MatmulPeak,
    MeasuredOn,
    SpeedRow,
    Startup,
    Unused,
)
from harness.benchmarks.variants import PLAIN, Compared, Variant, compared
from harness.benchmarks.warm import ROOT, Pool
from harness.benchmarks.workloads import FORMULA, SMALLEST, Workload
from harness.lab import provenance

PRECISIONS = ("float32", "bfloat16", "float64")


class Agenda(NamedTuple):
    """What to measure, and how.

    Attributes:
        processes: how many the lab may use.
        engines: "chosen" by the engine, and "reference" where the plain path is to have rows of its own.
        rounds: undisturbed ones asked for; as many more may be repeated.
        endings: of the quality gate; starts: how often each start-up is timed (0: not).
        say: told a line as each result is there.
    """

    workloads: tuple[Workload, ...]
    sweeps: tuple[Sweep, ...] = ()
    device: str = "cpu"
    processes: int = 1
    engines: tuple[str, ...] = ("chosen",)
    rounds: int = 5
    endings: tuple[gate.Ending, ...] = ()
    starts: int = 0
    say: Callable[[str], None] = print


class Gathered:
    """What the workloads gave so far, and the fastest matrix products measured between them."""

    def __init__(self, plan: Agenda, pool: Pool) -> None:
        self.plan, self.pool = plan, pool
        self.rows: list[SpeedRow] = []
        self.unused: list[Unused] = []
        self.left_out: list[str] = []
        self.peaks: dict[str, float] = {}
        self.units: dict[str, float] = {}

    def compare(self, title: str, variants: list[Variant]) -> Compared:
        """Time a workload's variants, and matrix products before them: a peak is what is never exceeded."""
        plan, plain = self.plan, self.pool.of(PLAIN)
        for precision in PRECISIONS if plan.device == "cpu" else (*PRECISIONS, "tf32"):
            tflops = plain.call(peak.matmul, precision, plan.device).result
            self.peaks[precision] = max(tflops, self.peaks.get(precision, 0.0))
            if plan.device == "cpu":
                rate = plain.call(vector_units.tflops, precision, provenance.cores()).result
                self.units[precision] = max(rate or 0.0, self.units.get(precision, 0.0))
        comparison = compared(title, variants, self.pool, plan.rounds, plan.say)
        self.left_out.extend(comparison.left_out)
        for line in comparison.left_out:
            plan.say(f"left out: {line}")
        return comparison

    def add(self, rows: list[SpeedRow]) -> None:
        """Keep a workload's rows, and tell them."""
        self.rows.extend(rows)
        for row in rows:
            took = f"{row.plain.median:.2f} x (a), {row.seconds:.1f} s a round"
            self.plan.say(f"{row.title}, {row.precision}, {row.kernel}: {took}")

    def shared(self) -> tuple[SpeedRow, ...]:
        """The rows with their shares of the peaks."""
        return tuple(
            msgspec.structs.replace(
                row,
                peak_share=row.tflops / self.peaks[row.precision],
                unit_share=row.tflops / rate if (rate := self.units.get(row.precision)) else None,
            )
            if row.tflops is not None
            else row
            for row in self.rows
        )

    def rates(self) -> tuple[MatmulPeak, ...]:
        """The peaks."""
        return tuple(
            MatmulPeak(precision=name, tflops=value, units=self.units.get(name) or None)
            for name, value in self.peaks.items()
        )


def section(plan: Agenda) -> DeviceSection:
    """Measure everything the plan names.

    Raises:
        Failure: a plain loop or ours failed (one line).
    """
    commit = here()
    with Pool() as pool:
        measured = _found(plan, pool)
        rows = measured.shared()
        profiles = profile.of_missed(rows, plan.workloads, pool, plan.device, commit)
        gates = _gates(plan, pool)
        machine = _machine(plan, pool)
    return DeviceSection(
        device=plan.device.partition(":")[0],
        date=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        commit=commit,
        machine=machine,
        rounds=plan.rounds,
        repeats=plan.rounds,
        foreign_limit=FOREIGN_LIMIT,
        formula=FORMULA,
        peaks=measured.rates(),
        rows=rows,
        unused=tuple(measured.unused),
        startup=tuple(_starts(plan)),
        gates=tuple(gates),
        left_out=tuple(measured.left_out),
        profiles=profiles,
    )


def here() -> str:
    """The commit measured, "" outside git, with "+" if the tree differs."""
    commit, changed = provenance.commit(ROOT)
    return commit + "+" * changed


def profiled(section: DeviceSection, workloads: Sequence[Workload]) -> DeviceSection:
    """The section with profiles made now of the rows that missed their target; nothing is timed again.

    Raises:
        Failure: a training failed (one line).
    """
    with Pool() as pool:
        profiles = profile.of_missed(section.rows, workloads, pool, section.device, here())
    return msgspec.structs.replace(section, profiles=profiles)


def _found(plan: Agenda, pool: Pool) -> Gathered:
    outcome = Gathered(plan, pool)
    for workload in plan.workloads:
        variants = training.variants(workload, plan.device, plan.processes, plan.engines)
        measured = outcome.compare(workload.title, variants)
        outcome.add(training.rows(workload, measured))
        outcome.unused.extend(training.unused_rows(workload, measured))
    for sweep in plan.sweeps:
        measured = outcome.compare(sweep.title, feature_sweeps.variants(sweep, plan.device, plan.processes))
        outcome.add(feature_sweeps.rows(sweep, measured))
    return outcome


def _gates(plan: Agenda, pool: Pool) -> list[Gate]:
    gates = []
    for ending in plan.endings:
        for precision in ("float32", "bfloat16"):
            judged = gate.measure(ending, precision, pool, device=plan.device, processes=plan.processes)
            plan.say(f"gate, {ending.title}, {precision}: {'passed' if judged.passed else 'not passed'}")
            gates.append(judged)
    return gates


def _machine(plan: Agenda, pool: Pool) -> MeasuredOn:
    call = pool.of(PLAIN).call
    return MeasuredOn(
        processor=provenance.processor(),
        family=peak.family(),
        vector_bits=call(vector_units.bits).result,
        cores=provenance.cores(),
        memory_gib=provenance.memory_gib(),
        instructions=call(peak.instructions).result,
        accelerator=call(peak.accelerator, plan.device).result,
        versions=provenance.versions(),
    )


def _starts(plan: Agenda) -> list[Startup]:
    if not plan.starts:
        return []
    plan.say("start-up")
    cells = startup.first_cells(SMALLEST, plan.device, plan.processes, min(plan.starts, 3))
    return [*startup.commands(plan.starts), *cells]
