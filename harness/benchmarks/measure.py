"""One run on one device: every workload beside its baselines, then the quality gate and start-up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from harness import provenance
from harness.benchmarks import gate, peak, startup, sweeps, training
from harness.benchmarks.rounds import FOREIGN_LIMIT
from harness.benchmarks.schema import Gate, Machine, Peak, Row, Section, Startup, Unused
from harness.benchmarks.sweeps import Sweep
from harness.benchmarks.variants import PLAIN, compared
from harness.benchmarks.warm import ROOT, Pool
from harness.benchmarks.workloads import FORMULA, SMALLEST, Workload


class Plan(NamedTuple):
    """What to measure, and how.

    Attributes:
        processes: how many the lab may use.
        engines: "chosen" by the engine, and "reference" where the plain path is to have rows of its own.
        rounds: undisturbed ones asked for; as many more may be repeated.
        endings, replicates: of the quality gate; starts: how often each start-up is timed (0: not).
        say: told a line as each result is there.
    """

    workloads: tuple[Workload, ...]
    sweeps: tuple[Sweep, ...] = ()
    device: str = "cpu"
    processes: int = 1
    engines: tuple[str, ...] = ("chosen",)
    rounds: int = 5
    endings: tuple[gate.Ending, ...] = ()
    replicates: int = gate.REPLICATES
    starts: int = 0
    say: Callable[[str], None] = print


class Found(NamedTuple):
    """What the workloads gave."""

    rows: list[Row]
    unused: list[Unused]
    left_out: list[str]


def section(plan: Plan) -> Section:
    """Measure everything the plan names.

    Raises:
        Failure: a plain loop or ours failed (one line).
    """
    with Pool() as pool:
        peaks = _peaks(plan, pool)
        found = _found(plan, pool, {p.precision: p.tflops for p in peaks})
        gates = _gates(plan, pool)
        machine = _machine(plan, pool)
    commit, changed = provenance.commit(ROOT)
    return Section(
        device=plan.device.partition(":")[0],
        date=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        commit=commit + "+" * changed,
        machine=machine,
        rounds=plan.rounds,
        repeats=plan.rounds,
        foreign_limit=FOREIGN_LIMIT,
        formula=FORMULA,
        peaks=tuple(peaks),
        rows=tuple(found.rows),
        unused=tuple(found.unused),
        startup=tuple(_starts(plan)),
        gates=tuple(gates),
        left_out=tuple(found.left_out),
    )


def _found(plan: Plan, pool: Pool, peaks: dict[str, float]) -> Found:
    found = Found([], [], [])
    for workload in plan.workloads:
        variants = training.variants(workload, plan.device, plan.processes, plan.engines)
        measured = compared(workload.title, variants, pool, plan.rounds, plan.say)
        _add(found, training.rows(workload, measured, peaks), measured.left_out, plan)
        found.unused.extend(training.unused_rows(workload, measured))
    for sweep in plan.sweeps:
        variants = sweeps.variants(sweep, plan.device, plan.processes)
        measured = compared(sweep.title, variants, pool, plan.rounds, plan.say)
        _add(found, sweeps.rows(sweep, measured), measured.left_out, plan)
    return found


def _add(found: Found, rows: list[Row], left_out: tuple[str, ...], plan: Plan) -> None:
    found.rows.extend(rows)
    found.left_out.extend(left_out)
    for row in rows:
        rejected = f", {row.rejected} rounds rejected" if row.rejected else ""
        took = f"{row.plain.median:.2f} x (a), {row.seconds:.1f} s a round{rejected}"
        plan.say(f"{row.title}, {row.precision}, {row.kernel}: {took}")
    for line in left_out:
        plan.say(f"left out: {line}")


def _peaks(plan: Plan, pool: Pool) -> list[Peak]:
    precisions = ["float32", "bfloat16", "float64"]
    if plan.device.startswith("cuda"):
        precisions.insert(1, "tf32")
    call = pool.of(PLAIN).call
    return [Peak(precision=p, tflops=call(peak.matmul, p, plan.device)[1]) for p in precisions]


def _gates(plan: Plan, pool: Pool) -> list[Gate]:
    found = []
    for ending in plan.endings:
        for precision in ("float32", "bfloat16"):
            judged = gate.measure(
                ending,
                precision,
                pool,
                device=plan.device,
                processes=plan.processes,
                replicates=plan.replicates,
            )
            plan.say(f"gate, {ending.title}, {precision}: {'passed' if judged.passed else 'not passed'}")
            found.append(judged)
    return found


def _machine(plan: Plan, pool: Pool) -> Machine:
    call = pool.of(PLAIN).call
    return Machine(
        processor=provenance.processor(),
        cores=provenance.cores(),
        memory_gib=provenance.memory_gib(),
        instructions=call(peak.instructions)[1],
        accelerator=call(peak.accelerator, plan.device)[1],
        versions=provenance.versions(),
    )


def _starts(plan: Plan) -> list[Startup]:
    if not plan.starts:
        return []
    plan.say("start-up")
    cells = startup.first_cells(SMALLEST, plan.device, plan.processes, min(plan.starts, 3))
    return [*startup.commands(plan.starts), *cells]
