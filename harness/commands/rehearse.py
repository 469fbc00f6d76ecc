"""``python -m harness rehearse``: a tier end to end, cut to few steps, and what of it would fail."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from harness import commands as shared
from harness.commands import left_out, selection
from harness.lab.runs import Work

if TYPE_CHECKING:
    from harness.data.image_folder import ImageFolder
    from harness.judging.cut import Limits
    from harness.judging.ladder import Item
    from harness.lab.lab import Lab
    from harness.lab.places import Place
    from harness.lab.runs import Run

EXAMPLES = """
full --data-root DIR         on the GPU of this machine, or on a pretended one where there is none
full --pretend --made-up     on a pretended GPU and random images, where there are neither, as in CI
full --pretend               on a pretended GPU: what a GPU refuses is refused, its memory is taken as 80 GiB
full -k double_descent       some claims of a tier
standard --device cpu        on the CPU, by the code that trains there
"""
FEW = 4
"""Nets of a stack on a pretended GPU, whose memory is this machine's: as many take the code that 64 take."""
LONGEST = 3
"""Of so many it is said how long they took."""


@dataclasses.dataclass
class Rehearsed:
    """What a rehearsal came to.

    Attributes:
        judged: items that came to a verdict, whatever it is, of ``items``; ampler: those of them that failed
            before, cut to fewer images and replicates.
        runs: how many were computed; left: what was not, and why.
        longest: what took most of the time, and how much.
        ratios: memory measured over its estimate, of what trained by itself where that is measured.
        wrong: what would fail -> of which items; told: those of which it was said.
    """

    items: int = 0
    judged: int = 0
    ampler: int = 0
    runs: int = 0
    longest: list[str] = dataclasses.field(default_factory=list)
    ratios: list[float] = dataclasses.field(default_factory=list)
    left: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    wrong: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    told: set[str] = dataclasses.field(default_factory=set)

    def add(self, line: str, name: str) -> None:
        """An item without a verdict, and why: it would fail, or took too long here."""
        whose = self.left if left_out.is_of_time(line) else self.wrong
        whose.setdefault(line.removeprefix(left_out.TOO_LONG), []).append(name)

    def tell(self) -> None:
        """Say what would fail, as far as it was not said yet."""
        from harness.suite import opening

        new = {why: whose for why, whose in self.wrong.items() if why not in self.told}
        for line in opening.shortened(new):
            print(f"would fail: {line}", file=sys.stderr, flush=True)
        self.told |= new.keys()


def add(commands: Any) -> None:
    """Add the parser of ``rehearse``."""
    what = "a tier end to end, cut to few steps on few images, and what of it would fail"
    parser = shared.parser(commands, "rehearse", what, EXAMPLES, run)
    selection.add_claims(parser, default="full")
    selection.add_place(parser, store=False)
    parser.add_argument(
        "--device", default="cuda", metavar="NAME", help="cuda (default; pretended where there is none), cpu"
    )
    parser.add_argument("--pretend", action="store_true", help="pretend a GPU, whether there is one or not")
    parser.add_argument("--made-up", action="store_true", help="random images in the place of all data sets")


def run(options: argparse.Namespace) -> int:
    """Rehearse, and say what would fail; 1 if anything would.

    Raises:
        ValueError: data root or device cannot be used; no claims here.
    """
    from harness.suite import opening
    from harness.suite.listing import selected

    tiers = tuple(options.tiers) or ("full",)
    functions = selected(Path.cwd(), tiers, options.k or "")
    with contextlib.ExitStack() as stack:
        options.store = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "store"
        where = stack.enter_context(_device(options))
        if options.made_up:
            _make_up(options, stack)
        print(f"tier {' and '.join(tiers)}: {len(functions)} items, cut, on {where}", flush=True)
        rehearsed = rehearsal(functions, options, pretends=where != options.device)
    verdicts = f"{rehearsed.judged} of {rehearsed.items} items came to a verdict"
    ampler = f", {rehearsed.ampler} of them only when cut less" if rehearsed.ampler else ""
    print(f"computed {rehearsed.runs} cut runs; {verdicts}{ampler}")
    for line in rehearsed.longest:
        print(f"longest: {line}")
    if rehearsed.ratios:
        low, middle, high = _spread(rehearsed.ratios)
        print(f"memory measured over estimated: {middle:.2f} ({low:.2f} to {high:.2f})")
    for line in opening.shortened(rehearsed.left):
        print(f"not rehearsed: {line}")
    rehearsed.tell()
    return 1 if rehearsed.wrong else 0


def _spread(numbers: Sequence[float]) -> tuple[float, float, float]:
    """The least, the median and the largest."""
    import statistics

    return min(numbers), statistics.median(numbers), max(numbers)


def _make_up(options: argparse.Namespace, stack: contextlib.ExitStack) -> None:
    """Have a data root of random images as long as this lasts; what is known of it stays there too."""
    from unittest import mock

    from harness.data import digests
    from harness.data.made_up import make_up

    if options.data_root is not None:
        raise ValueError("--made-up is in the place of --data-root: leave one of them out")
    options.data_root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    known = options.data_root / "known" / "digests.json"
    stack.enter_context(mock.patch.object(digests, "cache_file", return_value=known))
    make_up(options.data_root)


@contextlib.contextmanager
def _device(options: argparse.Namespace) -> Iterator[str]:
    """Pretend a GPU where that is asked for, or none is at hand; what the device is, in words."""
    if not options.pretend and not options.device.startswith("cuda"):
        yield options.device
        return
    import torch

    if options.pretend and not options.device.startswith("cuda"):
        raise ValueError(f"--pretend is for GPUs: leave --device {options.device} out")
    if torch.cuda.is_available() and not options.pretend:
        yield options.device
        return
    from unittest import mock

    from harness.fleet import ranks, trainer
    from harness.fleet._pretended import pretended
    from harness.lab import plan

    options.device = "cuda"
    with contextlib.ExitStack() as stack:
        stack.enter_context(pretended())
        stack.enter_context(mock.patch.object(plan, "STACKED", FEW))
        stack.enter_context(mock.patch.object(trainer, "_seconds", _as_on_a_gpu))
        # processes that load for it would be asked by torch for the driver of a real one
        stack.enter_context(mock.patch.dict(os.environ, {ranks.LOADERS: "0"}))
        yield "a pretended GPU of 80 GiB"


def _as_on_a_gpu(kernel: Any, device: str) -> float:
    """Seconds of some steps by which whatever can be stacked is: those of the CPU would say nothing."""
    return 0.0 if kernel.kernel == "stacked" else 1.0


def rehearsal(functions: Sequence[Any], options: argparse.Namespace, *, pretends: bool) -> Rehearsed:
    """Compute and judge what these functions claim, cut.

    Args:
        functions: collected.
        options: place and device.
        pretends: the device is a pretended one, and slow.
    """
    from harness.data.made_up import stand_in
    from harness.judging import cut

    place = selection.place_of(options)
    rehearsed = Rehearsed(items=len(functions))
    planning = selection.lab(place)
    needs = selection.needs(functions, planning)
    absent = set(planning.names.absent.values()) if options.made_up else ()  # and is said to be left out
    rehearsed.wrong |= {why: whose for why, whose in needs.problems.items() if why not in absent}
    for line, whose in left_out.too_large(functions, place.device).items():
        rehearsed.wrong.setdefault(line, []).extend(whose)
    rehearsed.tell()  # now, for the rest takes minutes
    limits = cut.PRETENDED if pretends or place.device == "cpu" else cut.ON_GPU
    items = list(_cut(functions, limits, rehearsed))
    with stand_in(place.data_root, _folders(each.item for each in items)) as root:
        _compute(items, msgspec.structs.replace(place, data_root=root), rehearsed)
    return rehearsed


class _Cut(NamedTuple):
    """An item that was cut.

    Attributes:
        name: of it, for people.
        item: cut; whole: uncut, and within which limits it is cut.
    """

    name: str
    item: Item
    whole: Item
    limits: Limits

    def ampler(self) -> _Cut:
        """The item cut less, with replicates of its own number: what fails there too would fail."""
        from harness.judging.cut import cut_item

        limits = self.limits.ampler()
        return self._replace(item=cut_item(self.whole, limits, None), limits=limits)


def _cut(functions: Sequence[Any], limits: Limits, rehearsed: Rehearsed) -> Iterator[_Cut]:
    """Each item that can be cut."""
    from harness.judging.cut import cut_item
    from harness.suite.entries import claim_id, item_of, tier_of

    for function in functions:
        name = f"{claim_id(function)} ({tier_of(function)})"
        try:
            whole = item_of(function)
            item = cut_item(whole, limits)
            item.computed()
        except Exception as error:  # of one claim's values: the others are rehearsed
            rehearsed.wrong.setdefault(f"cannot be cut: {_line(error)}", []).append(name)
        else:
            yield _Cut(name, item, whole, limits)


def _folders(items: Iterable[Item]) -> list[ImageFolder]:
    """The folders of images that cut items read from disk."""
    from harness.data.image_folder import ImageFolder
    from harness.spec import plain, values_in

    values = (inner for item in items for value in item.computed() for inner in values_in(plain(value)))
    return [value for value in values if isinstance(value, ImageFolder)]


def _compute(items: Sequence[_Cut], place: Place, rehearsed: Rehearsed) -> None:
    """Compute and judge cut items."""
    from harness.lab.lab import Lab
    from harness.lab.progress import Tally
    from harness.suite.live import Terminal

    terminal = Terminal()
    lab = Lab(place, presume=True, progress=Tally(terminal.show, 1))
    terminal.open(sys.stderr)
    try:
        _judge(items, lab, rehearsed)
    finally:
        terminal.close()
        lab.close()


def _judge(cut_items: Sequence[_Cut], lab: Lab, rehearsed: Rehearsed) -> None:
    """Compute what all items need at once, as a session does, then judge each; what fails, cut less."""
    items = []
    for each in cut_items:
        if whys := list(left_out.not_cut(each.item.computed(), lab)):
            for why in whys:
                rehearsed.left.setdefault(why, []).append(each.name)
        else:
            items.append(each)
    runs = _runs(items, lab)
    try:
        with left_out.no_longer():
            lab.ensure(runs)
    except Exception as error:  # what a session would end with; items' own errors are told below
        rehearsed.wrong[f"the session ends: {_line(error)}"] = [each.name for each in items]
    rehearsed.longest = list(_longest(runs, lab.computed))
    rehearsed.ratios = list(_ratios(runs, lab))
    failing = [(each, _line(raised)) for each in items if (raised := _judged(each, lab, rehearsed))]
    _judge_ampler(failing, lab, rehearsed)
    rehearsed.runs = len(lab.computed)


def _judge_ampler(failing: Sequence[tuple[_Cut, str]], lab: Lab, rehearsed: Rehearsed) -> None:
    """Judge cut less what failed, and by which line, in order to tell its faults from the cut's."""
    again = [(each.ampler(), line) for each, line in failing if not left_out.is_of_time(line)]
    with left_out.no_longer(), contextlib.suppress(Exception):  # those of items are told below
        lab.ensure(_runs((each for each, _ in again), lab))
    for each, line in failing:
        if left_out.is_of_time(line):
            rehearsed.add(line, each.name)
    for each, first in again:
        raised = _judged(each, lab, rehearsed)
        if raised is None:
            rehearsed.ampler += 1
        else:
            line = _line(raised)
            rehearsed.add(first if left_out.is_of_time(line) else line, each.name)


def _runs(items: Iterable[_Cut], lab: Lab) -> list[Run]:
    """What items read at their only look."""
    from harness.judging.cut import first

    return [
        run for each in items for value in each.item.computed() for run in lab.runs(value, first(each.item))
    ]


def _judged(each: _Cut, lab: Lab, rehearsed: Rehearsed) -> Exception | None:
    """Judge an item, and count it; what it raises in place of a verdict."""
    from harness.judging.ladder import judged

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of means of nothing, where curves are so short
            judged(each.item, lab)
    except Exception as error:  # whatever a body raises is what would fail
        return error
    rehearsed.judged += 1
    return None


def _longest(runs: Iterable[Run], seconds: Mapping[str, float]) -> Iterator[str]:
    """What took most of the time, the longest first, so that it can be cut before all takes too long."""
    from harness.spec import abbreviated

    works: dict[str, Work] = {}
    for run in {run.key: run for run in runs if run.key in seconds}.values():
        what = abbreviated(run.value)
        works[what] = works.get(what, Work()).plus(1, seconds[run.key])
    for what, work in sorted(works.items(), key=lambda pair: (-pair[1].seconds, pair[0]))[:LONGEST]:
        yield f"{work.seconds:.1f} s in {work.runs} run{'s' * (work.runs > 1)}, {what}"


def _ratios(runs: Iterable[Run], lab: Lab) -> Iterator[float]:
    """Peak memory over its estimate, of every training that had a GPU to itself."""
    from harness.fleet import memory
    from harness.spec import Experiment

    if not lab.place.device.startswith("cuda"):
        return  # a process's peak is that of all it computed
    for run in {run.key: run for run in runs if isinstance(run.value, Experiment)}.values():
        record = None if run.key in lab.failures else lab.store.read(run.key)
        if record and record.peak_bytes and record.provenance.get("fleet") == "1":
            yield record.peak_bytes / sum(memory.stacked(run.value))


def _line(error: BaseException) -> str:
    from harness.lab.computing import one_line
    from harness.lab.lab import Failed

    return str(error) if isinstance(error, Failed) else one_line(error)
