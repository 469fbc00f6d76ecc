"""Where a training of ours spends its time, for rows that missed their target: torch's own profiler."""

from __future__ import annotations

from collections.abc import Iterable

from harness.benchmarks.speed_report import Profile, Share, SpeedRow
from harness.benchmarks.warm import Pool
from harness.benchmarks.workloads import Workload
from harness.fleet import numerics, trainer

SHOWN = 6
"""Operations that are named; what is left is one share."""


def shares(workload: Workload, precision: str, device: str) -> list[tuple[str, float]]:
    """Shares of the time of one cell by operation, the largest first; the last is what is left.

    A cell is trained twice, the first time to warm up. Operations are torch's, without those they call; a
    kernel of our own is one of them only where torch runs it.
    """
    from torch.profiler import ProfilerActivity, profile

    numerics.prepare(device)
    experiment, replicate = workload.cells(precision, 0)[-1]
    member = trainer.Member(experiment, replicate, experiment.data.split(None, replicate))
    trainer.train(member, device)
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * device.startswith("cuda")
    with profile(activities=activities) as watched:
        trainer.train(member, device)
    field = "self_device_time_total" if device.startswith("cuda") else "self_cpu_time_total"
    times = {event.key: float(getattr(event, field)) for event in watched.key_averages()}
    whole = sum(times.values()) or 1.0
    largest = sorted(times.items(), key=lambda pair: -pair[1])[:SHOWN]
    named = [(name.removeprefix("aten::"), time / whole) for name, time in largest]
    return [*named, ("all others", 1 - sum(share for _, share in named))]


def of_missed(
    rows: Iterable[SpeedRow], workloads: Iterable[Workload], pool: Pool, device: str, commit: str
) -> tuple[Profile, ...]:
    """A profile of each row that missed its target, by the code of this commit.

    Raises:
        Failure: a training failed (one line).
    """
    known = {workload.name: workload for workload in workloads}
    asked = [row for row in rows if row.workload in known]
    missed = [row for row in asked if (row.missed if device == "cpu" else row.met is False)]
    return tuple(
        Profile(
            title=row.title,
            precision=row.precision,
            kernel=row.kernel,
            commit=commit,
            shares=tuple(
                Share(what=what, share=share)
                for what, share in pool.of("profile")
                .call(shares, known[row.workload], row.precision, device)
                .result
            ),
        )
        for row in missed
    )
