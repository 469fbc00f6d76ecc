"""What a command works on: claims by tier and words, a store, a data root, a device."""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.lab.names import specification
from harness.spec import TIERS, Anew, Runnable, plain
from harness.spec.watched import EVERYTHING, Watched

if TYPE_CHECKING:
    from harness.judging.ladder import Item
    from harness.judging.rehearsal import Body
    from harness.lab.allotted import Allotted
    from harness.lab.cluster import ClusterCrew
    from harness.lab.lab import Lab
    from harness.lab.places import Place
    from harness.lab.runs import Run
    from harness.lab.store import Store


class Needs(msgspec.Struct, kw_only=True):
    """What items read at their first look.

    Attributes:
        items: how many there are.
        runs: all they need; data: honest name of each collection they read -> its digest.
        problems: what is in the way (missing data, say) -> of which items.
        families: key of a run -> the file of the first claim that needs it.
    """

    items: int
    data: dict[str, str]
    runs: list[Any]
    problems: dict[str, list[str]]
    families: dict[str, str] = {}


def add_claims(parser: argparse.ArgumentParser, default: str = "quick") -> None:
    """Add the arguments ``[TIER...] -k WORDS``."""
    parser.add_argument(
        "tiers", nargs="*", type=tier, metavar="TIER", help=f"{', '.join(TIERS)} (default: {default})"
    )
    add_words(parser)


def add_words(parser: argparse.ArgumentParser) -> None:
    """Add the option ``-k WORDS``."""
    parser.add_argument(
        "-k", type=words, metavar="WORDS", help="only claims whose names match, as with pytest"
    )


def path(text: str) -> Path:
    """A path as argparse reads it; an empty one, of a variable that is not set say, is refused."""
    if not text:
        raise argparse.ArgumentTypeError("an empty path: name one, or leave the option out")
    try:
        Path(text).exists()
    except (OSError, ValueError) as error:  # no file can have this name
        cause = getattr(error, "strerror", None) or error
        raise argparse.ArgumentTypeError(f"{text[:40]!r}...: {cause}: give another path") from None
    return Path(text)


def words(text: str) -> str:
    """An expression as argparse reads it; an empty one would select everything."""
    if not text.strip():
        raise argparse.ArgumentTypeError("nothing to match: give words, or leave -k out")
    return text


def tier(text: str) -> str:
    """A tier as argparse reads it."""
    if text not in TIERS:
        raise argparse.ArgumentTypeError(f"unknown tier {text!r}: one of {', '.join(TIERS)}")
    return text


def add_first(parser: argparse.ArgumentParser, option: str, default: int = 0) -> None:
    """Add the option by which other replicates are read, under the name that a command gives it."""
    parser.add_argument(
        option, dest="first", type=first_replicate, default=default, metavar="N",
        help=f"replicates N, N + 1, ... (default: from {default} on)",
    )  # fmt: skip


def first_replicate(text: str) -> int:
    """A first replicate as argparse reads it."""
    from harness.lab.replicates import refused

    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 up")
    if why := refused(int(text)):
        raise argparse.ArgumentTypeError(why)
    return int(text)


def add_place(parser: argparse.ArgumentParser, *, store: bool = True, data: bool = True) -> None:
    """Add the options ``--store DIR --data-root DIR``."""
    if store:
        parser.add_argument(
            "--store",
            type=path,
            metavar="DIR",
            help="where records are kept (default: HARNESS_STORE, the user's cache)",
        )
    if data:
        parser.add_argument(
            "--data-root",
            type=path,
            metavar="DIR",
            help="where data sets lie (default: HARNESS_DATA, the user's cache)",
        )


def add_device(parser: argparse.ArgumentParser, *, planned: bool = False) -> None:
    """Add the options ``--device NAME --processes N``; for a plan alone, kinds of GPUs can be named too."""
    kinds = ", or GPUs that are elsewhere, by kind and number (h100x8)" if planned else ""
    parser.set_defaults(planned=planned)
    parser.add_argument(
        "--device", default="cpu", metavar="NAME", help=f"cpu (default), cuda or cuda:1{kinds}"
    )
    parser.add_argument(
        "--processes", type=count, metavar="N", help="train so many at once (default: a core or GPU each)"
    )


def time_allotted(text: str) -> Allotted:
    """A time as argparse reads it: a number and its unit."""
    from harness.lab.allotted import allotted

    try:
        return allotted(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_on(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--on ray[=ADDRESS]``."""
    parser.add_argument(
        "--on",
        metavar="RAY",
        help="train on ray (a cluster of this machine) or ray=HOST:PORT (one that runs; docs/CLUSTERS.md)",
    )


def crew_of(options: argparse.Namespace, place: Place) -> ClusterCrew | None:
    """Who trains elsewhere, by the options of a command; None where this machine does.

    Raises:
        ValueError: no such cluster can be used (one line).
    """
    if options.on is None:
        return None
    from harness.lab.ray_engine import crew_on

    return crew_on(options.on, place, options.processes)


def count(text: str) -> int:
    """A number from 1 up as argparse reads it."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 up")
    return int(text)


def place_of(options: argparse.Namespace) -> Place:
    """Where to compute and keep, by the options of a command.

    Raises:
        ValueError: one line for what is wrong with it.
    """
    from harness.lab.places import place
    from harness.lab.provenance import commit

    device = getattr(options, "device", "cpu")
    return place(
        store=getattr(options, "store", None),
        data_root=getattr(options, "data_root", None),
        device=device,
        commit=commit(Path.cwd())[0],
        elsewhere=getattr(options, "on", None) is not None,
        planned=getattr(options, "planned", False),
    )


def data_root_of(options: argparse.Namespace) -> Path:
    """Where data sets lie, by the options of a command: a folder that is there, unless it is the default.

    Raises:
        ValueError: one that is named is no folder (one line).
    """
    from harness.lab.places import place

    return place(data_root=options.data_root).data_root


def require_makeable(store: Path) -> None:
    """Refuse a place where no store can ever be, before anything is planned for it.

    Raises:
        StoreError: there is no store, and none can be made (one line).
    """
    from harness.lab.store import StoreError

    if not store.exists() and not can_be_made(store):
        raise StoreError(f"a store cannot be made at {store}: give another with --store DIR")


def can_be_made(folder: Path) -> bool:
    """Try it, and leave nothing: what rights and kinds of file systems allow is not to be told otherwise."""
    nearest = next(above for above in (folder, *folder.parents) if above.exists())
    try:
        with tempfile.TemporaryDirectory(dir=nearest):
            return True
    except OSError:
        return False


def opened(options: argparse.Namespace) -> Store:
    """The store that is there; unlike a session, no command makes one.

    Raises:
        StoreError: there is none, or it cannot be used.
    """
    from harness.lab.shipped import Shipped
    from harness.lab.store import LAYOUT, Store, StoreError

    root = place_of(options).store
    if root.is_file():
        return Shipped(root)
    if not (root / LAYOUT).is_dir():
        raise StoreError(f"no store at {root}: give one with --store DIR")
    return Store(root)


def processes_of(options: argparse.Namespace, place: Place) -> int:
    """How many processes train at once, by the options of a command."""
    from harness.lab.places import processes

    return options.processes or processes(place.device)


def lab(place: Place, first: int = 0, processes: int = 1) -> Lab:
    """A lab for planning, whatever data there is: what lacks its data is planned as missing.

    Args:
        processes: how many would compute, by which work is cut.

    Raises:
        StoreError: the store cannot be used.
    """
    from harness.lab.lab import Lab

    return Lab(place, presume=True, first=first, processes=processes)


def needs(functions: Sequence[Any], lab: Lab) -> Needs:
    """What collected functions read at their first look; the lab is told of which the curves are read."""
    from harness.lab.conformance import faults
    from harness.lab.runs import with_parents
    from harness.suite.entries import body_of, claim_id, item_of, tier_of

    lab.sparing = True
    runs: list[Run] = []
    data: dict[str, str] = {}
    problems: dict[str, list[str]] = {}
    families: dict[str, str] = {}
    for function in functions:
        causes: list[str] = []
        try:
            item = item_of(function)
            for declared, watched in _read(item, body_of(function)):
                value = plain(declared)
                if wrong := faults(value, lab.place.data_root):
                    causes += wrong
                    continue
                named = lab.runs(declared, item.rungs()[0][0])
                lab.watch(named, watched)
                runs += named
                family = claim_id(function).partition("::")[0]
                for run in with_parents(named):
                    families.setdefault(run.key, family)
                causes += filter(None, [lab.names.absent.get(specification(value))])
                data |= dict(lab.names.named(value).sources)
        except Exception as error:  # of one claim's values: the others are planned
            causes.append(next(iter(str(error.args[0] if error.args else error).splitlines()), ""))
        for cause in dict.fromkeys(causes):
            problems.setdefault(cause, []).append(f"{claim_id(function)} ({tier_of(function)})")
    return Needs(items=len(functions), runs=runs, data=data, problems=problems, families=families)


def _read(item: Item, body: Body) -> Iterator[tuple[Runnable | Anew, Watched]]:
    """Everything that has to be computed for an item, and the errors whose curves its body reads of it."""
    from harness.judging import rehearsal
    from harness.judging.ladder import runnables

    heard: rehearsal.Heard = {}
    with contextlib.suppress(Exception), rehearsal.quietly():  # what is wrong with it is said by judging it
        heard = rehearsal.rehearsed(item, body, (item.tier,)).watched
    for number, world in enumerate(item.worlds()):
        for name, value in world.items():
            watched = heard.get((item.tier, number, name), EVERYTHING)
            yield from ((declared, watched) for declared in runnables(value))


def whats(value: Any) -> set[str]:
    """The one-line names of everything that must be computed for a value: itself, probes, parents."""
    from harness.lab.runs import parents_of, parts
    from harness.spec import abbreviated

    names: set[str] = set()
    waiting = list(parts(value))
    while waiting:
        current = waiting.pop()
        names.add(abbreviated(current))
        waiting += parents_of(current)
    return names
