"""Bodies of claims run before anything is trained, on stand-ins: what is certainly wrong is told at once.

A mistake is told only if it does not depend on the numbers that a training would give: a name that stands for
nothing, a missing argument, a comparison in place of a check, a world that cannot be made. What else a body
raises on made-up numbers proves nothing, and ends its rehearsal in silence.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import re
import sys
import types
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from harness.evidence.inference import FEWEST
from harness.evidence.kinds import OfMean, OfRate, Relation
from harness.evidence.measured import Slip
from harness.judging.ladder import Item, runnables, unpaired
from harness.judging.lines import ClaimLines, frames, is_users
from harness.judging.near_misses import refused
from harness.judging.standins import Anything, Doubt, Heeding, Unbearable, standing, watched
from harness.judging.unshared import unshared
from harness.spec.claim import Claim, Control, resolved
from harness.spec.said import Saying, numbers, why_unprinted
from harness.spec.watched import Watched

CALLED_WRONGLY = re.compile(
    r"(missing \d+ required|unexpected keyword|takes .*positional argument|multiple values for)"
)
SLOW = ("scipy", "sklearn", "torch", "torchvision", "matplotlib", "pandas", "statsmodels")
INSTEAD = "name a near miss, read one of them Anew(...), or say trivial= with the reason"
MOST = 3
"""So many mistakes of one claim are told."""


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """A test function as pytest collected it.

    Attributes:
        function: what pytest calls.
        wants: names of the parameters that neither ``@trained`` nor hypothesis supplies.
        untaken: what ``@trained`` names and no parameter takes.
        fixtures: those of them, and others, that are fixtures.
        file: path of its file, as people are told.
        hypothesis: whether hypothesis calls it, with arguments of its own.
    """

    function: Callable[..., Any]
    wants: tuple[str, ...]
    untaken: tuple[str, ...]
    fixtures: frozenset[str]
    file: str
    hypothesis: bool


Heard = dict[tuple[str, int, str], Watched]
"""(tier, number of a world, name in it) -> errors whose curves the body reads; the claim's own world is 0."""


class Rehearsal(NamedTuple):
    """What a claim's rehearsal told.

    Attributes:
        mistakes: what is certainly wrong: ``file:line: what`` for each, at most three.
        watched: the curves that are read, where a body came to its end.
    """

    mistakes: list[str]
    watched: Heard


def rehearsed(item: Item, body: Body, tiers: Sequence[str]) -> Rehearsal:
    """Rehearse a claim at its tiers.

    Args:
        item: what there is to judge; its own tier does not matter.
        body: its test function.
        tiers: those at which the claim is tested with these parameters.
    """
    source = ClaimLines(body.function, body.file)
    heard: Heard = {}
    told = dict.fromkeys(_declared(item, body, source))
    if not told:
        for tier in tiers:
            at = msgspec.structs.replace(item, tier=tier)
            told |= dict.fromkeys(_at(at, body, source, heard))
    return Rehearsal(list(told)[:MOST], heard)


# -- what is declared -------------------------------------------------------------------------------------


def _declared(item: Item, body: Body, source: ClaimLines) -> Iterator[str]:
    """Mistakes that need no world."""
    line = source.assertion() if not body.hypothesis else 0
    if line:
        yield source.at(line, "assert is no check outside hypothesis: write check(...) in its place")
    if item.controls and not item.trained:
        yield source.at(source.decorator("control"), "@control without @trained: there is nothing to change")
        return
    if item.claim.kind is Saying.PRINTED and body.hypothesis:
        yield source.at(source.line, "kind='printed' is judged by matches(...) alone, not by hypothesis")
    if not item.controls:
        yield source.at(source.line, "no @control: nothing would show that this test can fail")
    for i, control in enumerate(item.controls):
        if not control.worlds:
            yield source.at(
                source.decorator("control", i), "@control changes nothing: name what is different"
            )
        for name in control.worlds:
            if name not in item.trained:
                known = ", ".join(item.trained)
                line = source.decorator("control", i, name)
                yield source.at(line, f"@control names {name}, which @trained does not; it has {known}")
    yield from _signature(item, body, source)


def _signature(item: Item, body: Body, source: ClaimLines) -> Iterator[str]:
    """Parameters that nothing supplies, and worlds that no parameter takes."""
    there = f"@trained names {', '.join(item.trained) or 'nothing'}"
    supplied = {*item.params, *body.fixtures, "tier", "request"}
    for name in body.wants:
        if name not in supplied:
            yield source.at(
                source.line, f"the test takes {name}, which is no world, fixture or parameter; {there}"
            )
    for name in body.untaken:
        yield source.at(
            source.decorator("trained", 0, name), f"no parameter of the test takes {name}; {there}"
        )
    function = inspect.unwrap(body.function)
    if inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function):
        yield source.at(source.line, "the test is async or yields, so its body would never run")
    if not body.hypothesis and "check" not in body.wants:
        yield source.at(source.line, "the test has no parameter check, so it can make no check")


# -- worlds -----------------------------------------------------------------------------------------------


def _at(item: Item, body: Body, source: ClaimLines, heard: Heard) -> Iterator[str]:
    """Mistakes that show at one tier."""
    arguments: dict[str, Any] | None = None
    worlds: dict[int, dict[str, Any]] = {}
    for i, control in enumerate((None, *item.controls)):
        try:
            world = _world(item, control, source, i - 1)
        except _Told as told:
            yield str(told)
            if control is None:
                return
            continue
        if control is None:
            arguments = world
        elif arguments is not None and _equal(arguments, world, control):
            line = source.decorator("control", i - 1)
            yield source.at(line, f"@control is the claim's own world at tier {item.tier!r}: nothing differs")
            continue
        elif arguments is not None and not control.trivial and (why := refused(arguments, world)):
            line = source.decorator("control", i - 1)
            yield source.at(line, f"@control at tier {item.tier!r}: {why}; {INSTEAD}")
        worlds[i] = world
    trains = any(runnables(value) for world in worlds.values() for value in world.values())
    if trains and not body.hypothesis:  # a body that trains nothing costs what its own numbers cost
        for number, world in worlds.items():
            read = yield from _run(item, body, world, source)
            heard |= {(item.tier, number, name): each for name, each in read.items()}


class _Told(Exception):
    """One line about a world that cannot be made."""


def _world(item: Item, control: Control | None, source: ClaimLines, number: int) -> dict[str, Any]:
    """The values a body reads, as ``Item.world`` gives them; an error says which declaration is at fault.

    Raises:
        _Told: a value has nothing for this tier, wants a parameter that is not there, or raises.
    """
    made = {}
    for name, value in {**item.trained, **(control.worlds if control else {})}.items():
        changed = control is not None and name in control.worlds
        try:
            made[name] = resolved(value, item.params, item.tier)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever a function of the claim's raises is its own mistake
            kind = ("control", number) if changed else ("trained", 0)
            line = source.decorator(*kind, name)
            raise _Told(source.declared(line, error, f"{name}=: {said(error)}")) from None
    return made


def _equal(claimed: Mapping[str, Any], world: Mapping[str, Any], control: Control) -> bool:
    """Does a control change nothing?"""
    try:
        return all(bool(claimed[name] == world[name]) for name in control.worlds)
    except Exception:  # values that cannot be compared differ, as far as anybody can tell
        return False


# -- bodies -----------------------------------------------------------------------------------------------


def _run(
    item: Item, body: Body, world: Mapping[str, Any], source: ClaimLines
) -> Generator[str, None, dict[str, Watched]]:
    """Run a body on stand-ins of a world; the curves that it reads, by name, if it comes to its end."""
    doubt = Doubt()
    check = Heeding(doubt)
    replicates = item.rungs()[0][0]
    read = {name: standing(name, value, replicates, doubt) for name, value in world.items()}
    params = {name: unshared(value) for name, value in item.params.items()}
    known = {**params, "tier": item.tier, "check": check}
    arguments = {name: known[name] if name in known else Anything(replicates, doubt) for name in body.wants}
    try:
        body.function(**arguments, **read)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if _certain(error, read):
            yield source.raised(error, said(error), source.line)
        return {}
    if not doubt.asked:
        if not check.relations:
            yield source.at(source.line, "the claim made no check: call check(...) in its body")
        elif wrong := unpaired(check.relations, replicates) or _too_few(check.relations, replicates):
            yield source.at(source.line, wrong)
    if wrong := unprinted(item.claim, check.relations):
        yield source.at(source.line, wrong)
    return {name: watched(value) for name, value in read.items()}


def _too_few(relations: Sequence[Relation], replicates: int) -> str:
    """Why so few replicates decide nothing, in one line; "" if they may."""
    statistical = [relation.kind for relation in relations if isinstance(relation, (OfMean, OfRate))]
    if not statistical or replicates >= FEWEST:
        return ""
    return f"replicates={replicates}: {statistical[0]}(...) is inconclusive at fewer than {FEWEST}"


def unprinted(claim: Claim, relations: Sequence[Relation]) -> str:
    """Why a claim on printed numbers is not judged by them, in one line; "" if it is, or is no such claim."""
    if claim.kind is not Saying.PRINTED:
        return ""
    printed = tuple(numbers(claim.reported).values())
    sides = [(getattr(relation, "lower", None), getattr(relation, "upper", None)) for relation in relations]
    told = (why_unprinted(r.kind, bounds, printed) for r, bounds in zip(relations, sides, strict=True))
    return next(filter(None, told), "")


def _certain(error: BaseException, read: Mapping[str, Any]) -> bool:
    """Would a body that reads this raise the error whatever is measured?"""
    if isinstance(error, Slip):
        return True
    if isinstance(error, NameError):
        return not isinstance(error, UnboundLocalError)  # which may be a branch's affair
    if isinstance(error, ImportError):
        return not isinstance(error.__context__, Unbearable)
    if isinstance(error, AttributeError):
        kind = error.obj if isinstance(error.obj, type) else type(error.obj)
        plain = any(error.obj is value for value in read.values())  # where an experiment was meant
        return plain or isinstance(error.obj, types.ModuleType) or kind.__module__.startswith("harness.")
    if isinstance(error, TypeError):
        return is_users(frames(error)[-1]) and bool(CALLED_WRONGLY.search(str(error)))
    return False


def said(error: BaseException) -> str:
    """An exception in one line: its message, and its class where that says more."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = ""
    if isinstance(error, Slip):
        return text
    plain = isinstance(error, (LookupError, TypeError, ValueError)) and not isinstance(error, KeyError)
    return text if plain and text else f"{type(error).__name__}: {text}".removesuffix(": ")


# -- how ---------------------------------------------------------------------------------------------------


class _Quick:
    """Refuses to import what takes long: a rehearsal judges nothing, so it needs none of it."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] in SLOW:
            raise Unbearable


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """Nobody hears what is printed meanwhile."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Silence bodies that are rehearsed, and warnings about made-up numbers, and refuse slow imports.

    What a body prints of made-up numbers would mislead, and one that closes what it prints to would end the
    session.
    """
    quick: Any = _Quick()
    sys.meta_path.insert(0, quick)
    try:
        with warnings.catch_warnings(), _unheard():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.meta_path.remove(quick)
