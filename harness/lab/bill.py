"""What a plan costs on GPUs: hours by family of claims, and how long they last together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from harness.fleet import ranks
from harness.lab import gpu_kinds
from harness.lab.gpu_kinds import GpuKind
from harness.lab.plan import schedule
from harness.lab.runs import Fleet

if TYPE_CHECKING:
    from harness.lab.plan import Plan

HOUR = 3600.0
"""Seconds."""
SUMS = 2
"""Lines at the end of what is told, which say the sums."""
FUSING = "normalization fused where a GPU finds that faster, which none was asked"
"""What arithmetic assumes and no record has shown (``moved.is_fused``)."""
OTHER = "others"
"""The family of runs that no claim is known to need."""


class FamilyCost(msgspec.Struct, frozen=True, kw_only=True):
    """Claims of one file: how many runs of theirs are missing, and how long they would take one GPU."""

    claims: str
    runs: int
    gpu_hours: float


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan costs on GPUs.

    Attributes:
        card: what the GPU is called; gpus: how many are counted on.
        assumed: its data sheet is not known here, and its rates are those of ``gpu_kinds.DEFAULT``.
        gpu_hours: of one GPU, for everything; hours: of all of them, by the order of handing out.
        hours_in_memory: likewise, without runs whose images are read from disk (ImageNet).
        at_most: GPU hours of trainings that may end early, as when they fit, with all epochs of their budget.
        measured: runs whose seconds such a GPU's records tell, of runs.
        spent: GPU hours by what the arithmetic has them spent on, whatever records say.
        families: the longest first.
    """

    card: str
    gpus: int
    assumed: bool
    gpu_hours: float
    hours: float
    hours_in_memory: float
    measured: int
    runs: int
    spent: dict[str, float]
    families: tuple[FamilyCost, ...]
    at_most: float = 0.0


def billed(plan: Plan, families: Mapping[str, str], device: str, gpus: int) -> Bill:
    """The bill of a plan that was made for a device.

    Args:
        plan: what is missing.
        families: key of a run -> the file of the claim that needs it.
        device: the kind of GPU, or "cuda"; gpus: how many there are.
    """
    card = gpu_kinds.of(device)
    seconds: dict[str, float] = {}
    runs: dict[str, int] = {}
    at_most, bounded = 0.0, frozenset(plan.bounded)
    for fleet in plan.fleets:
        for run, each in fleet.priced():
            family = families.get(run.key, OTHER)
            seconds[family] = seconds.get(family, 0.0) + each
            runs[family] = runs.get(family, 0) + 1
            at_most += each if run.kind in bounded else 0.0
    ordered = sorted(seconds, key=lambda family: (-seconds[family], family))
    in_memory = [
        fleet for fleet in plan.fleets if not any(ranks.is_streamed(run.value) for run in fleet.runs)
    ]
    return Bill(
        card=card.called,
        gpus=gpus,
        assumed=card.assumed,
        gpu_hours=round(sum(seconds.values()) / HOUR, 2),
        hours=round(_lasts(plan.fleets, gpus) / HOUR, 2),
        hours_in_memory=round(_lasts(in_memory, gpus) / HOUR, 2),
        measured=plan.timed,
        runs=plan.missing,
        spent=_spent(plan, card),
        families=tuple(
            FamilyCost(claims=family, runs=runs[family], gpu_hours=round(seconds[family] / HOUR, 2))
            for family in ordered
        ),
        at_most=round(at_most / HOUR, 2),
    )


def _lasts(units: Iterable[Fleet], slots: int) -> float:
    return max((end for _, _, end in schedule(units, slots)), default=0.0)


def _spent(plan: Plan, card: GpuKind) -> dict[str, float]:
    """GPU hours of computing, launching, waiting for the host, and decoding, by the arithmetic alone."""
    from harness.lab import gpu_seconds

    parts = [gpu_seconds.spent(run.value, card, run.watched) for fleet in plan.fleets for run in fleet.runs]
    sums = map(sum, zip(*filter(None, parts), strict=True))
    hours = {
        name: round(total / HOUR, 2) for name, total in zip(gpu_seconds.GpuSpent._fields, sums, strict=False)
    }
    return {name: hours.get(name, 0.0) for name in gpu_seconds.GpuSpent._fields}


def told(bill: Bill) -> list[str]:
    """The bill for people."""
    word = "GPU" if bill.gpus == 1 else "GPUs"
    by = "an unknown GPU, reckoned as an H100" if bill.assumed else "its data sheet"
    measured = f"{bill.measured:,} of {bill.runs:,} runs by records of such a GPU"
    lines = [
        f"{family.gpu_hours:9.1f} GPU h {family.runs:6,} runs  {family.claims}" for family in bill.families
    ]
    if bill.hours != bill.hours_in_memory:
        streamed = f"; {bill.hours_in_memory:,.1f} h without what is read from disk (ImageNet)"
    else:
        streamed = ""
    early = f"; of trainings that may end early, at most: {bill.at_most:,.1f} GPU h" if bill.at_most else ""
    lasting = f"up to {bill.hours:,.1f} h on {bill.gpus} {word}{streamed}{early}"
    spent = ", ".join(f"{name} {hours:,.1f}" for name, hours in bill.spent.items())
    return [
        *lines,
        f"bill: {bill.gpu_hours:,.1f} GPU h, {lasting}",
        f"by arithmetic on {bill.card} ({by}; {FUSING}): {spent}; {measured}",
    ]
