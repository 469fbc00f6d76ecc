"""Fingerprints of the code a value runs, so that changed code never answers with stale results.

A fingerprint covers the syntax tree of each value's module and of the data, model, analytic and claim
modules it imports, without docstrings, positions and empty fields: comments and formatting do not change it,
nor does the Python version. Of a claim file it covers only the function (or class) named and the
same-module names that it reaches, so editing one claim does not retrain its neighbours. The trainer
itself is covered by ``harness.fleet.SEMANTICS``.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.spec import Simulation, Value, values_in

FOLLOWED = ("harness.data", "harness.models", "harness.analytic", "claims")
UNFOLLOWED = ("harness.spec", "harness.data.fetch")
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
DOCUMENTED = (*DEFINITIONS, ast.Module)
COMPOUND = (ast.If, ast.Try, ast.ExceptHandler, ast.With, ast.For, ast.While)
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def fingerprint(value: Value) -> str:
    """SHA-256 (hex) of the code behind a value and everything inside it."""
    pieces = set()
    for inner in values_in(value):
        kind = type(inner)
        pieces.add(_of_definition(kind.__module__, kind.__qualname__))
        if isinstance(inner, Simulation):
            pieces.add(_of_definition(inner.function.__module__, inner.function.__qualname__))
    return hashlib.sha256("\n".join(sorted(pieces)).encode()).hexdigest()


@functools.cache
def _of_definition(module: str, name: str) -> str:
    if module in UNFOLLOWED:
        return ""
    if module.startswith("harness."):
        return _of_modules((module,))
    tree = _tree(module)
    reached = _reached(tree, name)
    code = "\n".join(_dump(statement) for n in sorted(reached) for statement in reached[n])
    statements = [statement for found in reached.values() for statement in found]
    imported = _imports(ast.Module([*statements, *_import_statements(tree, statements)], []), module)
    return hashlib.sha256((code + _of_modules(tuple(sorted(imported)))).encode()).hexdigest()


@functools.cache
def _of_modules(names: tuple[str, ...]) -> str:
    """The fingerprint of modules and of all followed modules they import, directly or not."""
    seen: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += _imported(name)
    dumps = [name + _dumped(name) for name in sorted(seen)]
    return hashlib.sha256("\n".join(dumps).encode()).hexdigest()


@functools.cache
def _imported(module: str) -> frozenset[str]:
    return frozenset(_imports(_tree(module), module))


@functools.cache
def _dumped(module: str) -> str:
    return _dump(_tree(module))


@functools.cache
def _tree(module: str) -> ast.Module:
    path = _source(module)
    if path is None:
        raise ModuleNotFoundError(f"cannot read the source of {module!r} to fingerprint it")
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def _source(module: str) -> Path | None:
    """The file of a module, found without importing it (or its parents: some import torch)."""
    loaded = getattr(sys.modules.get(module), "__file__", None)
    if loaded is not None:
        return Path(loaded)
    place = Path(__file__).parent.parent.joinpath(*module.split("."))
    candidates = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def _reached(tree: ast.Module, name: str) -> dict[str, list[ast.stmt]]:
    """The top-level statements that define ``name`` and what it uses, by defined name."""
    defined: dict[str, list[ast.stmt]] = {}
    for statement in tree.body:
        for target in dict.fromkeys(_defines(statement)):
            defined.setdefault(target, []).append(statement)
    reached: dict[str, list[ast.stmt]] = {}
    todo = [name]
    while todo:
        current = todo.pop()
        if current in defined and current not in reached:
            reached[current] = defined[current]
            nodes = (node for statement in defined[current] for node in ast.walk(statement))
            todo += [node.id for node in nodes if isinstance(node, ast.Name)]
    return reached


def _defines(statement: ast.stmt | ast.ExceptHandler) -> Iterator[str]:
    if isinstance(statement, DEFINITIONS):
        yield statement.name
    elif isinstance(statement, ast.Assign):
        yield from (n.id for t in statement.targets for n in ast.walk(t) if isinstance(n, ast.Name))
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign)) and isinstance(statement.target, ast.Name):
        yield statement.target.id
    elif isinstance(statement, COMPOUND):
        for inner in ast.iter_child_nodes(statement):
            if isinstance(inner, (ast.stmt, ast.ExceptHandler)):
                yield from _defines(inner)


def _import_statements(tree: ast.Module, reached: list[ast.stmt]) -> list[ast.stmt]:
    """The file's imports of which some name is used by what is reached."""
    used = {n.id for s in reached for n in ast.walk(s) if isinstance(n, ast.Name)}
    kept: list[ast.stmt] = []
    for statement in tree.body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            names = {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
            if names & used:
                kept.append(statement)
    return kept


def _imports(tree: ast.AST, module: str) -> set[str]:
    """The followed modules that a tree imports, at its top or inside functions."""
    found: set[str] = set()
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                package = module.split(".")[: -node.level]
                origin = ".".join([*package, origin]) if origin else ".".join(package)
            modules = {f"{origin}.{alias.name}" for alias in node.names}
            found |= modules
            if not all(map(_source, modules)):  # a package only passed through has no say
                found.add(origin)
    return {name for name in found if name.startswith(FOLLOWED) and name not in UNFOLLOWED and _source(name)}


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """A tree and the statements inside it, without walking the expressions, which are most of it."""
    yield tree
    for name in BLOCKS:
        for inner in getattr(tree, name, ()):
            yield from _statements(inner)


def _dump(node: Any) -> str:
    """A syntax tree as text: no docstrings, no positions, no empty fields; alike on every Python."""
    if isinstance(node, ast.AST):
        fields = []
        for name in node._fields:
            value: Any = getattr(node, name, None)
            if name == "body" and isinstance(node, DOCUMENTED):
                value = _without_docstring(value)
            if value is None or value == []:
                continue
            fields.append(f"{name}={_dump(value)}")
        return f"{type(node).__name__}({','.join(fields)})"
    if isinstance(node, list):
        return f"[{','.join(map(_dump, node))}]"
    return repr(node)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        return body[1:]
    return body
