"""A training workload's variants and rows: (a), (b), (c), ours, and what the engine does not use."""

from __future__ import annotations

from collections.abc import Callable

from harness.benchmarks import baselines, ours, unused
from harness.benchmarks.gate import KERNEL_VARIABLE, REFERENCE
from harness.benchmarks.speed_report import SpeedRow, Unused
from harness.benchmarks.variants import PLAIN, Compared, Variant
from harness.benchmarks.workloads import Workload

SKLEARN, TF32 = "sklearn", "plain loop in tf32"
ENGINES = ("chosen", "reference")


def variants(workload: Workload, device: str, processes: int, engines: tuple[str, ...]) -> list[Variant]:
    """Everything that is measured for a workload; ``engines``: which of ours, "chosen" and "reference"."""
    timed = [_baseline(PLAIN, baselines.plain, workload, device, "float32", required=True)]
    if device.startswith("cuda"):
        timed.append(_baseline(TF32, baselines.plain, workload, device, "tf32", process=PLAIN))
    if workload.sklearn:
        timed.append(_baseline(SKLEARN, baselines.scikit_learn, workload, device, "float32"))
    timed += [
        _baseline(name, getattr(unused, name), workload, device, "float32", "unused")
        for name in workload.unused
    ]
    for precision in workload.precisions:
        timed.append(_baseline(f"tuned {precision}", baselines.tuned, workload, device, precision, "tuned"))
        timed += [_ours(workload, precision, device, processes, engine) for engine in engines]
    return timed


def _baseline(
    name: str, function: Callable[..., str], workload: Workload, device: str, precision: str,
    process: str = "", required: bool = False,
) -> Variant:  # fmt: skip
    arguments = (workload, precision, device)
    count = workload.baseline_count
    return Variant(name, process or name, function, arguments, count, warming=(1,), required=required)


def _ours(workload: Workload, precision: str, device: str, processes: int, engine: str) -> Variant:
    environment = ((KERNEL_VARIABLE, REFERENCE),) if engine == REFERENCE else ()
    process = "ours" if engine == "chosen" else engine
    arguments = (workload, precision, device, processes)
    count = workload.cell_count
    return Variant(f"{engine} {precision}", process, ours.train, arguments, count, environment, required=True)


def rows(workload: Workload, timed: Compared) -> list[SpeedRow]:
    """A row per precision and engine; the share of peak is added when the peak is known."""
    return [
        _row(workload, timed, precision, engine)
        for precision in workload.precisions
        for engine in ENGINES
        if f"{engine} {precision}" in timed.notes
    ]


def _row(workload: Workload, timed: Compared, precision: str, engine: str) -> SpeedRow:
    name, tuned = f"{engine} {precision}", f"tuned {precision}"
    rounds, cells = timed.rounds, workload.cell_count
    seconds = rounds.median(name)
    plain = rounds.ratio(PLAIN, name)
    target = workload.target(precision) if engine == "chosen" else None
    return SpeedRow(
        workload=workload.name,
        title=workload.title,
        precision=precision,
        kernel=timed.notes[name],
        engine=engine,
        cells=cells,
        parameters=workload.parameters(),
        seconds=seconds * cells,
        cpu_seconds=rounds.median(name, "cpu") * cells,
        images_per_second=workload.images() / seconds,
        tflops=workload.flop() / seconds / 1e12,
        peak_share=None,
        plain=plain,
        tuned=timed.ratio(tuned, name),
        sklearn=timed.ratio(SKLEARN, name),
        cpu=rounds.ratio(PLAIN, name, "cpu"),
        notes={k: timed.notes[k] for k in (PLAIN, tuned, SKLEARN) if timed.notes.get(k)},
        target=target,
        met=None if target is None else plain.median >= target,
        rounds=len(rounds.kept),
        rejected=rounds.rejected,
        disturbed=rounds.disturbed,
        foreign=rounds.foreign(),
    )


def unused_rows(workload: Workload, timed: Compared) -> list[Unused]:
    """How the variants that the engine does not use compare with the plain loop."""
    return [
        Unused(
            workload=workload.name,
            title=workload.title,
            variant=name,
            note=timed.notes[name],
            ratio=timed.rounds.ratio(PLAIN, name),
        )
        for name in (*workload.unused, TF32)
        if name in timed.notes
    ]
