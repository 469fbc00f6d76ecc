"""Fingerprints of the code a value runs, so that changed code never answers with stale results.

A fingerprint covers the definitions that a value reaches: its class, the functions it holds, and every
module-level name that these read, through all modules of ours and of the user's (``harness.spec.modules``),
whatever a file is called and whatever else stands in it. So it survives the move of a module, other import
statements, a neighbour added, comments and formatting; it does not survive a change of code that runs. Of
the standard library and of site-packages the names used count, and no code. The trainer itself is answered
for by ``harness.fleet.SEMANTICS``.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from harness.spec import modules
from harness.spec.modules import exists, is_followed, module_of
from harness.spec.syntax import DYNAMIC, Binding, Code, code_of
from harness.spec.values import Value, values_in

LANGUAGE = (
    "harness.spec.values", "harness.spec.experiments", "harness.spec.contracts", "harness.spec.claim",
    "harness.spec.keeping", "harness.spec.verdict", "harness.spec.said", "harness.data.fetch",
)  # fmt: skip
"""The words in which values are written, and downloading: they compute nothing."""
WHOLE = ""
"""In place of a definition's name: all of a module, for one that is passed on as it is."""
EFFECTS = "*"
"""In place of a definition's name: a module's statements that belong to no name of it."""


class Definition(NamedTuple):
    """A definition: its module, and its name there (or ``WHOLE``, ``EFFECTS``)."""

    module: str
    name: str


class Reach(NamedTuple):
    """A definition's text, and where the names it reads lead: to definitions, or out of what is followed."""

    text: str
    inside: tuple[tuple[str, Definition], ...]
    outside: tuple[str, ...]


def fingerprint(value: Value) -> str:
    """SHA-256 (hex) of the code behind a value and everything inside it."""
    pieces = {_of_definition(*place) for inner in values_in(value) for place in _places_of(inner)}
    return hashlib.sha256("\n".join(sorted(pieces)).encode()).hexdigest()


def of_definition(module: str, name: str, *, but: str = "") -> str:
    """SHA-256 (hex) of the code that a function or class of a module reaches, with its decorators.

    Args:
        but: a package of whose definitions the names count alone.

    Raises:
        LookupError: the module has no source, or no such name at its top level.
    """
    if not _has(module, name):
        raise LookupError(f"{module} defines no {name}")
    return _of_definition(module, name, but)


def unseen() -> tuple[str, ...]:
    """The modules that were reached so far and whose code cannot be read, each with what it is."""
    return tuple(sorted(_UNSEEN))


def forget() -> None:
    """Read all code anew: files have changed since they were read."""
    modules.forget()
    _UNSEEN.clear()
    for cached in (_of_definition, _reach, _code):
        cached.cache_clear()


_UNSEEN: set[str] = set()


def _places_of(value: Value) -> Iterator[Definition]:
    """A value's class, and the functions that it holds."""
    yield Definition(type(value).__module__, type(value).__qualname__)
    for name in value.__struct_fields__:
        if name not in value.unaddressed:
            yield from _functions_in(getattr(value, name))


def _functions_in(held: Any) -> Iterator[Definition]:
    if isinstance(held, (tuple, list)):
        for item in held:
            yield from _functions_in(item)
    elif callable(held) and not isinstance(held, (Value, type)):
        yield Definition(getattr(held, "__module__", "") or "", getattr(held, "__qualname__", ""))


@functools.cache
def _of_definition(module: str, name: str, but: str = "") -> str:
    """SHA-256 (hex) of all that a definition reaches, but for the code of a package.

    What is hashed is the graph of definitions, each numbered when it is first met: the numbers, and not
    the modules' names, say which definition a name leads to.
    """
    root = Definition(module, name.partition(".")[0])
    numbers = {root: 0}
    todo = [root]
    digest = hashlib.sha256()
    while todo:
        place = todo.pop()
        if place.module.partition(".")[0] == but:
            digest.update(f"{place.module}.{place.name}\n".encode())
            continue
        reach = _reach(*place)
        for _, place in reach.inside:
            if place not in numbers:
                numbers[place] = len(numbers)
                todo.append(place)
        leads = ",".join(f"{name}>{numbers[place]}" for name, place in reach.inside)
        digest.update(f"{reach.text}\n{leads}\n{','.join(reach.outside)}\n".encode())
    return digest.hexdigest()


@functools.cache
def _reach(module: str, name: str) -> Reach:
    """What a definition says, and where the names in it lead."""
    if module in LANGUAGE:
        return Reach(name, (), ())
    source = module_of(module)
    if source is None:
        _UNSEEN.add(module)
        return Reach(f"unseen {name}", (), (module,))
    if name == WHOLE:
        inside = [(each, Definition(module, each)) for each in (*sorted(source.definitions), EFFECTS)]
        return Reach("module", tuple(inside), ())
    code = _code(module, name)
    leads: dict[tuple[str, Definition], None] = {}
    outside: dict[str, None] = {}
    for dotted in code.names:
        if dotted == DYNAMIC:
            _UNSEEN.add(f"what {module} imports by a computed name")
        for end in _ends(module, code, dotted):
            if isinstance(end, Definition):
                leads[dotted, end] = None
            else:
                outside[end] = None
    if source.effects and name != EFFECTS:
        leads[EFFECTS, Definition(module, EFFECTS)] = None
    return Reach(code.text, tuple(leads), tuple(outside))


@functools.cache
def _code(module: str, name: str) -> Code:
    code = module_of(module)
    assert code is not None
    statements = code.effects if name == EFFECTS else code.definitions.get(name, ())
    return code_of(statements, code.package)


def _ends(module: str, code: Code, dotted: str) -> Iterator[Definition | str]:
    """Where a dotted name of some code in a module leads: definitions, or names outside, or nowhere."""
    first, _, rest = dotted.partition(".")
    source = module_of(module)
    assert source is not None
    if first in code.imports:
        for binding in code.imports[first]:
            yield from _follow(binding, first, rest)
    elif first in source.definitions or first in source.imports:
        yield from _member(module, first, rest, ())
    else:
        for binding in source.imports.get("*", ()):
            if _has(binding.module, first):
                yield from _follow(Binding(binding.module, first), first, rest)


def _follow(
    binding: Binding, name: str, rest: str, seen: tuple[Definition, ...] = ()
) -> Iterator[Definition | str]:
    """Where a name leads that an import binds, and the attributes ``rest`` after it."""
    module, attribute = binding
    if not is_followed(module):
        yield f"{name}={module}.{attribute}" if attribute else f"{name}={module}"
        return
    if attribute and exists(f"{module}.{attribute}") and not _has(module, attribute):
        module, attribute = f"{module}.{attribute}", ""
    while not attribute and rest:  # a module: its submodule, or a definition in it
        attribute, _, rest = rest.partition(".")
        if exists(f"{module}.{attribute}") and not _has(module, attribute):
            module, attribute = f"{module}.{attribute}", ""
    yield from _member(module, attribute, rest, seen) if attribute else (Definition(module, WHOLE),)


def _member(module: str, name: str, rest: str, seen: tuple[Definition, ...]) -> Iterator[Definition | str]:
    """Where a name of a module's top level leads: to its definition, or on through an import."""
    place = Definition(module, name)
    code = module_of(module)
    if code is None or place in seen:  # no source, or modules that import a name from each other
        yield place
        return
    if name in code.definitions:
        yield place
    for binding in code.imports.get(name, ()):
        yield from _follow(binding, name, rest, (*seen, place))
    if name in code.definitions or name in code.imports:
        return
    for binding in code.imports.get("*", ()):
        if _has(binding.module, name):
            yield from _follow(Binding(binding.module, name), name, rest, (*seen, place))
    if "__getattr__" in code.definitions:
        yield Definition(module, WHOLE)


def _has(module: str, name: str) -> bool:
    """Does a module's top level define or import a name?"""
    code = module_of(module) if is_followed(module) else None
    return code is not None and (name in code.definitions or name in code.imports)
