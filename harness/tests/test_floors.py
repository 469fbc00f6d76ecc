"""The house: who may import whom, what importing costs, how long files are, and which words are not used."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path
    for folder in ("harness", "claims")
    for path in (ROOT / folder).rglob("*.py")
    if "__pycache__" not in path.parts
)
SOURCES = [path for path in FILES if "tests" not in path.relative_to(ROOT).parts]

# From the ground up. A module may import from its own room, and from rooms on its own floor and below.
FLOORS = (
    ("harness.spec",),
    ("harness.evidence", "harness.data", "harness.models"),
    ("harness.analytic", "harness.fleet"),
    ("harness.lab",),
    ("harness.judging", "harness.report"),
    ("harness.suite", "harness.commands", "harness.benchmarks", "harness"),
    ("claims", "conftest"),
)
NAMED = {name: floor for floor, names in enumerate(FLOORS) for name in names}
HEAVY = ("numpy", "scipy", "sklearn", "torch")
UNUSED_WORDS = {"job", "task", "trial", "config", "hparams", "manager", "handler", "utils", "helper"}
UNUSED_WORDS |= {word + "s" for word in UNUSED_WORDS}
LINES, FUNCTION_LINES = 400, 80


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def floor_of(module: str) -> int:
    """The floor of a module: its own, or that of the package it is in."""
    name = module
    while name not in NAMED and "." in name:
        name = name.rpartition(".")[0]
    if name == "harness" != module:
        pytest.fail(f"{module} is on no floor: add it to FLOORS")
    return NAMED[name]


def exists(module: str) -> bool:
    place = ROOT.joinpath(*module.split("."))
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, module of ours) of every import, those inside functions and for type checkers included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                yield node.lineno, inner if exists(inner) else origin


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_imports_go_down_only() -> None:
    wrong = []
    for path in SOURCES:
        module = module_of(path)
        for line, other in imported(parsed(path)):
            if other.partition(".")[0] in ("harness", "claims") and floor_of(other) > floor_of(module):
                wrong.append(f"{module}:{line} imports {other}, from a floor above")
    assert wrong == []


def test_no_import_is_relative() -> None:
    relative = [
        f"{module_of(path)}:{node.lineno}"
        for path in FILES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


def test_every_floor_is_inhabited() -> None:
    modules = {module_of(path) for path in FILES} | {"conftest"}
    assert [name for name in NAMED if name not in modules] == []


def test_the_instrument_does_not_import_its_tests() -> None:
    wrong = [module_of(p) for p in SOURCES for _, other in imported(parsed(p)) if ".tests" in other]
    assert wrong == []


def test_importing_costs_the_standard_library_and_little_else() -> None:
    modules = [module_of(p) for p in SOURCES if not p.stem.endswith("_nets") and p.stem != "__main__"]
    script = f"""if True:
        import importlib, sys
        for module in {["harness", *modules]!r}:
            importlib.import_module(module)
            loaded = sorted(set({HEAVY!r}) & set(sys.modules))
            assert not loaded, f"importing {{module}} imports {{', '.join(loaded)}}"
    """
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr.strip().splitlines()[-1]


def test_files_are_short() -> None:
    long = {str(p.relative_to(ROOT)): n for p in FILES if (n := len(p.read_text().splitlines())) > LINES}
    assert long == {}


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno is not None:
            yield f"{module_of(path)}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1


def test_functions_are_short() -> None:
    lengths = [length for path in SOURCES for _, length in functions(path)]
    long = [name for path in FILES for name, length in functions(path) if length > FUNCTION_LINES]
    assert long == []
    assert sorted(lengths)[len(lengths) // 2] <= 12
    assert sum(length < 45 for length in lengths) >= 0.9 * len(lengths)


def identifiers(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, name) of everything this code names itself: not what it calls of others."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        elif isinstance(node, ast.alias) and node.asname:
            yield node.lineno, node.asname


def words(name: str) -> set[str]:
    """``pytest_cmdline_main`` and ``CrewMember`` as words."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def pytests_own(name: str) -> bool:
    """Hooks of pytest, and the name under which it passes its configuration to them."""
    return name == "config" or name.startswith("pytest_")


def test_words_that_are_not_used() -> None:
    used = [
        f"{module_of(path)}:{line} {name}"
        for path in FILES
        for line, name in identifiers(parsed(path))
        if words(name) & UNUSED_WORDS and not pytests_own(name)
    ]
    used += [module_of(path) for path in FILES if words(path.stem) & UNUSED_WORDS and path.stem != "conftest"]
    assert used == []


def test_words_are_told_apart() -> None:
    assert words("pytest_configure_node") == {"pytest", "configure", "node"}
    assert words("RunManager2") == {"run", "manager"}
    assert words("JSONHandler") == {"json", "handler"}
    assert words("_of_trials") == {"of", "trials"}
