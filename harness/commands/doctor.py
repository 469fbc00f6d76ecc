"""``python -m harness doctor``: what this machine can run, how long it takes, and what is in the way."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness import commands as shared
from harness.commands import decoded, selection
from harness.commands import machine as machines
from harness.commands.data import IMAGENET, Collection, held
from harness.commands.plan import unfit
from harness.lab import bill, gpu_kinds, host_memory
from harness.lab.bill import Bill, billed
from harness.spec import TIERS
from harness.suite import opening

if TYPE_CHECKING:
    from harness.lab.lab import Lab
    from harness.lab.places import Place

EXAMPLES = """
                 cores, GPUs, data, store, and each tier: ready or not, and about how long
full             status 1 if something is in the way of the full tier
--json           for programs
"""
CLAIMS = Path("claims")
"""Where claims lie, seen from where commands are run."""
WEEK = 7 * 86_400.0
"""Seconds of training that are told as being in the way of a tier."""


class Storage(msgspec.Struct, frozen=True, kw_only=True):
    """What a store is like.

    Attributes:
        path: where it is; records, bytes: what is in it; free: bytes that its disk has left.
        problem: why it cannot be used, "" if it can.
    """

    path: str
    records: int
    bytes: int
    free: int
    problem: str


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """One tier on this machine.

    Attributes:
        items: how many it has; missing, present: runs to train, runs in the store.
        seconds: estimate for what is missing, on so many processes; timed: runs whose estimate rests on a
            recorded timing; at_most: those counted with their whole budget of epochs.
        problems: what is in the way, with the fix.
        bill: what it costs on GPUs, where they are asked about.
        decoding: images that must be decoded on the way, a line for each data set.
    """

    tier: str
    items: int
    missing: int
    present: int
    processes: int
    seconds: float
    timed: int
    at_most: int
    problems: tuple[str, ...]
    bill: Bill | None = None
    decoding: tuple[str, ...] = ()


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What ``doctor --json`` prints.

    Attributes:
        normalization: how a GPU that is asked about would do it; decoded: images kept on disk.
    """

    machine: machines.Machine
    store: Storage
    data: tuple[Collection, ...]
    tiers: tuple[Tier, ...]
    normalization: str = ""
    decoded: tuple[decoded.KeptImages, ...] = ()


def add(commands: Any) -> None:
    """Add the parser of ``doctor``."""
    what = "what this machine can run, about how long that takes, and what is in the way"
    parser = shared.parser(commands, "doctor", what, EXAMPLES, run)
    parser.add_argument(
        "tiers",
        nargs="*",
        type=selection.tier,
        metavar="TIER",
        help="status 1 if something is in the way of these (default: quick; all are shown)",
    )
    selection.add_place(parser)
    selection.add_device(parser, planned=True)
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")


def run(options: argparse.Namespace) -> int:
    """Examine and print; 1 if something is in the way of the tiers that were named.

    Raises:
        ValueError: data root or device cannot be used.
    """
    diagnosed = diagnosis(options)
    if options.json:
        shared.print_json(diagnosed)
    else:
        print("\n".join(told(diagnosed, options.tiers)))
    asked = options.tiers or ["quick"]
    return 1 if any(tier.problems for tier in diagnosed.tiers if tier.tier in asked) else 0


def diagnosis(options: argparse.Namespace) -> Diagnosis:
    """Examine this machine, its store and data, and what each tier needs.

    Raises:
        ValueError: data root or device cannot be used.
    """
    from harness.data.archives import ARCHIVES

    place = selection.place_of(options)
    machine = machines.examined()
    store = storage(place.store)
    data = tuple(held(name, place.data_root) for name in [*ARCHIVES, IMAGENET])
    with tempfile.TemporaryDirectory() as nowhere:
        usable = place.store.exists() and not store.problem
        planned = place if usable else msgspec.structs.replace(place, store=Path(nowhere))
        lab = selection.lab(planned, processes=selection.processes_of(options, place))
        tiers = tuple(_tiers(options, place, lab, machine, store) if CLAIMS.is_dir() else _no_tiers())
    return Diagnosis(
        machine=machine,
        store=store,
        data=data,
        tiers=tiers,
        normalization=normalization(place.device),
        decoded=tuple(map(decoded.plain, decoded.here(place.data_root))) if CLAIMS.is_dir() else (),
    )


def normalization(device: str) -> str:
    """Whether a GPU of this machine normalizes and rectifies in one operation, or why not; "" elsewhere."""
    if not device.startswith("cuda"):
        return ""
    import torch

    if not torch.cuda.is_available():
        return ""
    from harness.fleet import fusing

    return fusing.examined(torch.device(device))


def storage(path: Path) -> Storage:
    """What there is at a store's place; nothing that is made stays there."""
    from harness.lab.shipped import Shipped
    from harness.lab.store import LAYOUT, Store, StoreError

    nearest = next(folder for folder in (path, *path.parents) if folder.exists())
    free = shutil.disk_usage(nearest).free
    count = size = 0
    problem = ""
    try:
        if path.is_file() or (path / LAYOUT).is_dir():
            store = Shipped(path) if path.is_file() else Store(path)
            keys = store.keys()
            count, size = len(keys), sum(map(store.size, keys))
        elif not selection.can_be_made(path):
            problem = f"the store {path} cannot be made: give another with --store DIR"
        if not (problem or path.is_file()):
            problem = _unlockable(path, nearest)
    except StoreError as error:
        problem = str(error)
    return Storage(path=str(path), records=count, bytes=size, free=free, problem=problem)


def _unlockable(path: Path, nearest: Path) -> str:
    """Why a store there would have no locks, "" if it would have some; what is tried is removed again."""
    from harness.lab.locks import Unlockable, require_locks
    from harness.lab.store import LAYOUT

    locks = path / LAYOUT / "locks"
    try:
        require_locks(locks if locks.is_dir() else nearest)
    except Unlockable as error:
        return f"cannot lock files of the store {path}: {error.strerror}; use another with --store DIR"
    except OSError:  # it is only read
        pass
    return ""


def _tiers(
    options: argparse.Namespace, place: Place, lab: Lab, machine: machines.Machine, store: Storage
) -> Iterator[Tier]:
    from harness.suite.entries import tier_of
    from harness.suite.listing import selected

    everything = selected(Path.cwd())
    processes = selection.processes_of(options, place)
    for tier in TIERS:
        chosen = [function for function in everything if tier_of(function) == tier]
        needs = selection.needs(chosen, lab)
        plan = lab.plan(needs.runs)
        needs.problems |= unfit(lab, needs)
        seconds = plan.lasts(processes)
        missing = [run.value for fleet in plan.fleets for run in fleet.runs]
        problems = [*opening.shortened(needs.problems), *_lacks(machine, store, missing, place.device)]
        if lab.shipped and plan.missing:
            problems.append(f"{plan.missing} of its runs are not among the shipped records")
        if tier == "full" and missing and not gpu_kinds.asked(place.device):
            problems += _gpus(machine, place.device)
        if seconds > WEEK:
            limit = "up to" if plan.at_most else "about"
            problems.append(f"{limit} {seconds / 86_400:,.0f} days of training on {processes} processes")
        yield Tier(
            tier=tier,
            items=len(chosen),
            missing=plan.missing,
            present=plan.present,
            processes=processes,
            seconds=round(seconds, 1),
            timed=plan.timed,
            at_most=plan.at_most,
            problems=tuple(problems),
            bill=billed(plan, needs.families, place.device, processes) if place.device != "cpu" else None,
            decoding=plan.decoding,
        )


def _no_tiers() -> Iterator[Tier]:
    """What is in the way of each tier where there are no claims; all else of the machine is told anyway."""
    nothing: dict[str, Any] = {
        "items": 0,
        "missing": 0,
        "present": 0,
        "processes": 1,
        "timed": 0,
        "at_most": 0,
    }
    from harness.suite.listing import NOWHERE

    for tier in TIERS:
        yield Tier(tier=tier, seconds=0.0, problems=(NOWHERE,), **nothing)


def _lacks(machine: machines.Machine, store: Storage, missing: Sequence[Any], device: str) -> Iterator[str]:
    """A line for each of packages, memory and disk that does not suffice for what is missing."""
    if store.problem:
        yield store.problem
    if not missing:
        return
    if "torch" not in machine.versions:
        yield "torch is not installed: python -m pip install torch"
    most = max(host_memory.taken(value, device) for value in missing) / 2**30
    if most > machine.available_gib and not gpu_kinds.asked(device):
        yield f"its largest run needs about {most:.1f} GiB of memory, {machine.available_gib:g} are free"
    kept = sum(map(_kept, missing))
    if kept > store.free:
        yield f"its weights need {shared.sized(kept)}, {shared.sized(store.free)} are free: use --store DIR"


def _kept(value: Any) -> int:
    """About how many bytes of weights a run leaves: four for each parameter, in float32."""
    from harness.spec import Experiment

    return 4 * value.model.size(value.data.shape, value.data.classes) if isinstance(value, Experiment) else 0


def _gpus(machine: machines.Machine, device: str) -> Iterator[str]:
    if not machine.gpus:
        yield "the papers' own setting is for GPUs, and there is none here"
    elif not machine.torch_cuda:
        yield "torch is built without CUDA, so it sees no GPU: install a CUDA build of torch"
    elif device == "cpu":
        yield "the GPUs here are not used: --device cuda"


def told(diagnosed: Diagnosis, asked: Sequence[str] = ()) -> list[str]:
    """The diagnosis for people; of tiers that they asked for, what each family of claims costs on GPUs."""
    rows = machines.told(diagnosed.machine)
    if diagnosed.normalization:
        rows.append(("normalization", f"of a convolution in bfloat16: {diagnosed.normalization}"))
    for data in diagnosed.data:
        rows.append((f"data {data.key}", f"not usable: {data.problem}" if data.problem else data.name))
    for kept in diagnosed.decoded:
        read = "read by claims here" if kept.is_read else f"no claim here reads it: {decoded.REMEDY}"
        rows.append(("decoded images", f"{kept.folder}: {shared.sized(kept.bytes)}, {read}"))
    store = diagnosed.store
    inside = f"{store.records} records, {shared.sized(store.bytes)}" if store.records else "empty"
    rows.append(("store", store.problem or f"{store.path}: {inside}; {shared.sized(store.free)} free"))
    rows += [(f"tier {tier.tier}", _tier_told(tier)) for tier in diagnosed.tiers]
    rows += [(f"tier {tier.tier}", line) for tier in diagnosed.tiers for line in tier.decoding]
    for tier in diagnosed.tiers:
        if tier.bill and tier.missing:
            shown = 0 if tier.tier in asked else -bill.SUMS
            rows += [(f"bill {tier.tier}", line.strip()) for line in bill.told(tier.bill)[shown:]]
    ways: dict[str, list[str]] = {}
    for tier in diagnosed.tiers:
        for problem in tier.problems:
            ways.setdefault(problem, []).append(tier.tier)
    rows += [(f"in the way of {' and '.join(tiers)}", problem) for problem, tiers in ways.items()]
    return shared.table(rows)


def _tier_told(tier: Tier) -> str:
    from harness.lab.progress import spoken

    state = "not ready" if tier.problems else "ready"
    if not tier.missing:
        return f"{state}: {tier.items} items, {tier.present} runs in the store, none to train"
    unit = "GPU" if tier.bill else "process"
    plural = "s" if tier.bill else "es"
    on = f"{tier.processes} {unit}{plural}" if tier.processes > 1 else f"one {unit}"
    return (
        f"{state}: {tier.items} items, {tier.missing} runs to train, {tier.present} in the store; "
        f"{'up to' if tier.at_most else 'about'} {spoken(tier.seconds)} on {on} ({tier.timed} timed before)"
    )
