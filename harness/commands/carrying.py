"""``python -m harness store carry``: records of an earlier commit under their names of now, by proof."""

from __future__ import annotations

import argparse
import contextlib
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.commands import selection, trees
from harness.spec import TIERS, plain

if TYPE_CHECKING:
    from harness.lab.carrying import Candidate, Earlier, Proof
    from harness.lab.places import Place
    from harness.lab.store import Record, Store
    from harness.spec import Runnable

BESIDE = "carrying"
"""Where among what the store keeps samples lie until all is proved."""

Sample = list[tuple["Candidate", int | None]]


def add(action: argparse.ArgumentParser) -> None:
    """Add the arguments of ``carry``."""
    action.add_argument(
        "tiers", nargs="*", type=selection.tier, metavar="TIER", help="what these read (default: all)"
    )
    action.add_argument(
        "--from", required=True, dest="origin", type=_named_origin, metavar="COMMIT|FILE",
        help="the commit whose records the store has, or a file of shipped records",
    )  # fmt: skip
    action.add_argument(
        "--sample",
        type=selection.count,
        default=1,
        metavar="N",
        help="runs of each kind to compute again (1)",
    )
    action.add_argument(
        "--seconds", type=selection.count, default=60, metavar="S",
        help="of a longer training only the first epochs, about so many seconds (60)",
    )  # fmt: skip
    action.add_argument(
        "--seed", type=int, metavar="N", help="draw the sample by this number (default: by chance)"
    )
    action.add_argument("--dry-run", action="store_true", help="say what would be computed again, and stop")
    selection.add_device(action)


def _named_origin(text: str) -> str:
    if not text or text.startswith("-"):
        raise argparse.ArgumentTypeError("a commit or a file of shipped records is needed")
    return text


def carry(options: argparse.Namespace) -> int:
    """Prove, then rename; 1 if some kind's sample came out otherwise, so that its records stay behind.

    Raises:
        ValueError: the commit, the file, the store or the claims cannot be used (one line).
    """
    from harness.lab import carrying
    from harness.lab.names import Names
    from harness.lab.store import Store

    place = selection.place_of(options)
    if place.store.is_file():
        raise ValueError(f"--store {place.store.name} holds shipped records, which are only read")
    target = Store(place.store)
    if not options.dry_run:
        target.prepare()  # before the work, and not after it
    earlier, source = _origin(options.origin, place, target)
    values = _values(tuple(options.tiers) or TIERS)
    names = Names(place.data_root, presume=True)
    moved = carrying.candidates(values, names, earlier, source, target)
    for cause in dict.fromkeys(names.absent.values()):
        print(f"left where they are: {cause}", file=sys.stderr)
    seed = secrets.randbits(32) if options.seed is None else options.seed
    sample = carrying.sampled(moved, options.sample, seed)
    again = {k: [(c, carrying.epochs_within(c, options.seconds)) for c in each] for k, each in sample.items()}
    costs = [options.seconds if epochs else c.record.seconds for c, epochs in _all(again)]
    print(
        f"{len(moved)} records of commit {earlier.commit[:12]} have another name now: {len(sample)} kinds\n"
        f"to prove: {len(costs)} runs, {sum(costs):.0f} s by their records, drawn with --seed {seed}",
        flush=True,
    )
    if options.dry_run or not moved:
        return 0
    proofs = _proved(again, place, earlier, selection.processes_of(options, place))
    done = carrying.carry(moved, proofs, earlier.commit, source, target)
    for proof in proofs.values():
        if not proof.holds:
            print(f"not carried ({proof.kind}): {proof.says}", file=sys.stderr)
    print(f"{done} records carried, {len(moved) - done} not")
    return 0 if done == len(moved) else 1


def _all(again: Mapping[str, Sample]) -> Iterator[tuple[Candidate, int | None]]:
    return (pair for pairs in again.values() for pair in pairs)


def _values(tiers: Sequence[str]) -> list[Runnable]:
    """What the claims of this checkout read at these tiers, in their own worlds and their controls'."""
    from harness.suite.entries import item_of
    from harness.suite.listing import selected

    values: list[Runnable] = []
    for item in selected(Path.cwd(), tiers):
        with contextlib.suppress(ValueError, LookupError, TypeError):  # a session says what is wrong with it
            values += map(plain, item_of(item).computed())
    return values


def _origin(origin: str, place: Place, target: Store) -> tuple[Earlier, Store]:
    """How records were named, and where they are.

    Raises:
        ValueError: no such file or commit here.
    """
    from harness.lab.carrying import Earlier
    from harness.lab.shipped import Shipped

    if Path(origin).is_file():
        shipped = Shipped(Path(origin))
        header = shipped.header
        return Earlier(commit=shipped.commit, names=header.names, fields=header.fields), shipped
    with trees.of(origin) as (tree, commit):
        told = trees.told(tree, "names", str(place.data_root))
    return msgspec.convert({"commit": commit, **told}, Earlier), target


def _proved(again: Mapping[str, Sample], place: Place, earlier: Earlier, processes: int) -> dict[str, Proof]:
    """Compute the samples again; where one is not equal, that commit's code computes it here as well.

    Records of another processor may differ in rounding, whatever the code. Then both codes must agree here.
    The samples are kept beside the records until all is done, so that the same seed goes on after a stop.
    """
    from harness.lab import carrying, provenance
    from harness.lab.carrying import Comparison
    from harness.lab.store import LAYOUT

    machine = f"{provenance.processor()} with torch {provenance.versions().get('torch', '?')}"
    folder = place.store / LAYOUT / BESIDE
    computed = _computed(again, folder, place, processes)
    proofs = {}
    for kind, pairs in again.items():
        comparisons = [Comparison(c, epochs, c.record, computed.get(c.run.key)) for c, epochs in pairs]
        proofs[kind] = carrying.proved(kind, comparisons, machine, "the records")
    unequal = {kind: again[kind] for kind, proof in proofs.items() if not proof.holds}
    if unequal:
        print(
            f"{len(unequal)} kinds are not equal here: does commit {earlier.commit[:12]} agree?", flush=True
        )
        there = _computed_there(unequal, folder, place, earlier, processes)
        against = f"what commit {earlier.commit[:12]} computes there"
        for kind, pairs in unequal.items():
            if all(c.run.key in there for c, _ in pairs):
                comparisons = [Comparison(c, e, there[c.run.key], computed.get(c.run.key)) for c, e in pairs]
                proofs[kind] = carrying.proved(kind, comparisons, machine, against)
    shutil.rmtree(folder, ignore_errors=True)
    return proofs


def _computed(again: Mapping[str, Sample], folder: Path, place: Place, processes: int) -> dict[str, Record]:
    """Candidate's key -> what this code computes for it, in a store of its own."""
    from harness.lab.carrying import again as value_of
    from harness.lab.lab import Lab
    from harness.lab.progress import Tally
    from harness.suite.live import Terminal

    terminal = Terminal()
    tally = Tally(terminal.show, processes)
    lab = Lab(msgspec.structs.replace(place, store=folder / "now"), processes=processes, progress=tally)
    runs = {c.run.key: lab.names.run(value_of(c, epochs), c.run.replicate) for c, epochs in _all(again)}
    terminal.open(sys.stderr)
    try:
        lab.ensure(runs.values())
    finally:
        terminal.close()
        lab.close()
    for cause in dict.fromkeys(lab.failures.values()):
        print(f"failed: {cause}", file=sys.stderr)
    records = {key: lab.store.read(run.key) for key, run in runs.items()}
    return {key: record for key, record in records.items() if record is not None}


def _computed_there(
    again: Mapping[str, Sample], folder: Path, place: Place, earlier: Earlier, processes: int
) -> dict[str, Record]:
    """Candidate's key -> what the earlier commit's code computes for it on this machine."""
    from harness.lab.store import Store

    requests = [[c.record.address, c.run.replicate, epochs] for c, epochs in _all(again)]
    asked, store = folder / "requests.json", folder / "then"
    asked.write_bytes(msgspec.json.encode(requests))
    commit = earlier.commit.removesuffix("-dirty")
    try:
        with trees.of(commit) as (tree, _):
            keys = trees.told(tree, "train", *map(str, (place.data_root, store, asked, processes)))
    except ValueError as error:
        print(f"{error}: nothing to compare with but the records", file=sys.stderr)
        return {}
    kept = Store(store)
    records = {}
    for candidate, _ in _all(again):
        record = kept.read(keys.get(f"{candidate.record.address} {candidate.run.replicate}", ""))
        if record is not None:
            records[candidate.run.key] = record
    return records
