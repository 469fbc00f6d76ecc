"""Modules as source code: where their files lie, and what they define, import and do, without importing them.

Followed is all code of ours and of the user's: what is neither of the standard library nor of
site-packages. The harness and its claims are followed wherever they are installed.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator, Mapping
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from harness.spec.syntax import DEFINITIONS, IMPORTS, Binding, bindings, without_docstring

OWN = frozenset({"harness", "claims"})
SITE = frozenset({"site-packages", "dist-packages"})
COMPOUND = (ast.If, ast.Try, ast.TryStar, ast.With, ast.For, ast.While, ast.Match)
TYPE_ALIAS: tuple[type[ast.AST], ...] = (getattr(ast, "TypeAlias", ast.Pass),)
"""The ``type`` statement of Python 3.12; on 3.11, what defines nothing."""


class Module(NamedTuple):
    """What the top level of a module says.

    Attributes:
        package: the package that relative imports start from.
        definitions: name -> the statements that define or change it.
        imports: name -> what the module's import statements bind it to.
        effects: statements that belong to no name of the module: they may change anything.
    """

    package: str
    definitions: Mapping[str, tuple[ast.stmt, ...]]
    imports: Mapping[str, tuple[Binding, ...]]
    effects: tuple[ast.stmt, ...]


@functools.cache
def module_of(name: str) -> Module | None:
    """A module read from its source file; None where there is no source to read."""
    file = source_file(name)
    if file is None:
        return None
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    return _read(ast.parse(file.read_bytes()), package)


@functools.cache
def is_followed(name: str) -> bool:
    """Does code of this module count in an address?"""
    top = name.partition(".")[0]
    if top in OWN:
        return True
    if top in sys.stdlib_module_names or not exists(top):
        return False
    return not any(part in SITE for place in _places(top) for part in Path(place).parts)


@functools.cache
def exists(name: str) -> bool:
    """Is there a module of this name, whatever it is made of?"""
    return name in sys.modules or _spec(name) is not None


@functools.cache
def source_file(name: str) -> Path | None:
    """The source file of a module; None for one without (an extension, a generated module)."""
    loaded = sys.modules.get(name)
    path = getattr(loaded, "__file__", None)
    if path is None:
        spec = _spec(name) if loaded is None else getattr(loaded, "__spec__", None)
        path = spec.origin if spec is not None and spec.has_location else None
    if path is None or not path.endswith(".py"):
        return None
    return Path(path) if Path(path).is_file() else None


def forget() -> None:
    """Read everything anew: files have changed since they were read."""
    for cached in (module_of, is_followed, exists, source_file, _spec):
        cached.cache_clear()


@functools.cache
def _spec(name: str) -> ModuleSpec | None:
    """How a module would be found. Its parents are not imported for it, as some import torch."""
    parent = name.rpartition(".")[0]
    try:
        if not parent:
            return find_spec(name)
        above = _spec(parent)
        if above is None or above.submodule_search_locations is None:
            return None
        return PathFinder.find_spec(name, list(above.submodule_search_locations))
    except (ImportError, ValueError, AttributeError):  # a module of sys.modules without a spec, say
        return None


def _places(top: str) -> list[str]:
    """The files or folders that a top-level module consists of."""
    file = source_file(top)
    if file is not None:
        return [str(file)]
    loaded = getattr(sys.modules.get(top), "__file__", None)
    if loaded is not None:
        return [str(loaded)]
    spec = _spec(top)
    if spec is None:
        return []
    return [*(spec.submodule_search_locations or ()), *([spec.origin] if spec.origin else [])]


def _read(tree: ast.Module, package: str) -> Module:
    definitions: dict[str, list[ast.stmt]] = {}
    imports: dict[str, tuple[Binding, ...]] = {}
    unnamed: list[ast.stmt] = []
    for statement in without_docstring(tree.body):
        if _never_runs(statement):
            continue
        for inner in _imports_in(statement):
            for name, binding in bindings(inner, package):
                imports[name] = (*imports.get(name, ()), binding)
        if isinstance(statement, IMPORTS):
            continue
        names = list(dict.fromkeys(_defined_by(statement)))
        for name in names:
            definitions.setdefault(name, []).append(statement)
        if not names and not _only_imports(statement):
            unnamed.append(statement)
    effects = []
    for statement in unnamed:  # TABLE["x"] = 3, TABLE.update(...), register(Net): they change what they name
        read = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)} & set(definitions)
        for name in sorted(read):
            definitions[name].append(statement)
        if not read:
            effects.append(statement)
    return Module(
        package, {name: tuple(all_of) for name, all_of in definitions.items()}, imports, tuple(effects)
    )


def _never_runs(statement: ast.stmt) -> bool:
    """Is this only for type checkers, or for when the file is run as a script?"""
    if not isinstance(statement, ast.If) or statement.orelse:
        return False
    names = {getattr(node, "id", getattr(node, "attr", "")) for node in ast.walk(statement.test)}
    return "TYPE_CHECKING" in names or "__name__" in names


def _defined_by(statement: ast.AST) -> Iterator[str]:
    """The names that a statement of the top level defines, those within its blocks included."""
    if isinstance(statement, DEFINITIONS):
        yield statement.name
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield from _stored(target)
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign)):
        yield from _stored(statement.target)
    elif isinstance(statement, (*COMPOUND, ast.ExceptHandler, ast.match_case)):
        for inner in ast.iter_child_nodes(statement):
            yield from _defined_by(inner)
    elif isinstance(statement, TYPE_ALIAS):
        yield from _stored(getattr(statement, "name", ast.Constant(None)))


def _stored(target: ast.expr) -> Iterator[str]:
    """The names that an assignment binds; an item or attribute of a name that is set is not one."""
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, (ast.Tuple, ast.List)):
        for inner in target.elts:
            yield from _stored(inner)
    elif isinstance(target, ast.Starred):
        yield from _stored(target.value)


def _imports_in(statement: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """A statement's imports that bind names of the module: not those inside functions and classes."""
    if isinstance(statement, IMPORTS):
        yield statement
    elif isinstance(statement, (*COMPOUND, ast.ExceptHandler, ast.match_case)):
        for inner in ast.iter_child_nodes(statement):
            yield from _imports_in(inner)


def _only_imports(statement: ast.AST) -> bool:
    """Does a statement do nothing but import (``try: import a`` with ``except: import b``, say)?"""
    if isinstance(statement, (*IMPORTS, ast.Pass)):
        return True
    if not isinstance(statement, (ast.If, ast.Try, ast.ExceptHandler)):
        return False
    blocks = (getattr(statement, name, ()) for name in ("body", "orelse", "finalbody", "handlers"))
    return all(_only_imports(inner) for block in blocks for inner in block)
