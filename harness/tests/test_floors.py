"""The house: who may import whom, what importing costs, how long files are, and which words are not used."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.tests.house import (
    FILES,
    FLOORS,
    ROOT,
    SOURCES,
    UNUSED,
    arrows,
    between_rooms,
    circle,
    floor_of,
    imported,
    module_of,
    parsed,
    room_of,
    walked,
)

HEAVY = ("numpy", "scipy", "sklearn", "torch")
OF_TORCH = ("_nets", "_pretended", "_pretended_graph", "_pretended_norms")
"""Ends of names of modules that are classes of torch's, and are imported inside functions alone."""
LINES, FUNCTION_LINES = 400, 80


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
        for node in walked(parsed(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


def test_no_module_and_no_room_imports_in_a_circle() -> None:
    # whatever is imported inside functions or for type checkers alone counts too
    ways = arrows()
    assert " -> ".join(circle(ways)) == ""
    assert " -> ".join(circle(between_rooms(ways))) == ""


def test_a_circle_is_seen() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}) == ["a", "b", "c", "a"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_every_room_is_inhabited() -> None:
    modules = {module_of(path) for path in FILES} | {"conftest"}
    assert [room for floor in FLOORS for room in floor if room not in modules] == []


def test_the_instrument_does_not_import_its_tests() -> None:
    wrong = [module_of(p) for p in SOURCES for _, other in imported(parsed(p)) if ".tests" in other]
    assert wrong == []


def test_importing_costs_the_standard_library_and_little_else() -> None:
    modules = [module_of(p) for p in SOURCES if not p.stem.endswith(OF_TORCH) and p.stem != "__main__"]
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
    for node in walked(parsed(path)):
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
    for node in walked(tree):
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


def defined_in_several(names: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Name -> its places, for names in several (name, place) pairs; an underscore makes no other name."""
    places: dict[str, list[str]] = {}
    for name, place in names:
        places.setdefault(name.lstrip("_"), []).append(place)
    return {name: where for name, where in places.items() if len(where) > 1}


def test_no_class_name_stands_for_two_things() -> None:
    classes = [
        (node.name, module_of(path))
        for path in SOURCES
        if room_of(module_of(path)) != "claims"
        for node in walked(parsed(path))
        if isinstance(node, ast.ClassDef)
    ]
    assert len(classes) > 100
    assert defined_in_several(classes) == {}


def test_no_module_name_stands_for_two_things() -> None:
    # a command is named after what it commands, and a package's own modules by Python
    modules = [
        (path.stem, module_of(path))
        for path in SOURCES
        if room_of(module_of(path)) not in ("claims", "harness.commands") and not path.stem.startswith("__")
    ]
    assert defined_in_several(modules) == {}


def words(name: str) -> set[str]:
    """``pytest_cmdline_main`` and ``CrewMember`` as words."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def pytests_own(name: str) -> bool:
    """Hooks of pytest, and the name under which it passes its configuration to them."""
    return name == "config" or name.startswith("pytest_")


def unused(name: str) -> Iterator[str]:
    """The words of a name that are not used, as they stand in ``UNUSED``."""
    for word in sorted(words(name)):
        yield from {word, word.removesuffix("s"), word.removesuffix("es")} & set(UNUSED)


def objections(place: str, name: str) -> Iterator[str]:
    """One line for each word of a name that is not used: where, which, why, and what is said instead."""
    for word in unused(name):
        instead, why = UNUSED[word]
        yield f"{place} {name}: say {instead!r} for {word!r}, for {why} (docs/HOUSE.md)"


def test_words_that_are_not_used() -> None:
    lines = [
        line
        for path in FILES
        for number, name in identifiers(parsed(path))
        if not pytests_own(name)
        for line in objections(f"{module_of(path)}:{number}", name)
    ]
    lines += [line for path in FILES if path.stem != "conftest" for line in objections(str(path), path.stem)]
    assert not lines, "\n".join(lines)


def test_an_objection_says_where_which_word_why_and_what_instead() -> None:
    (line,) = objections("harness.lab.crew:7", "JobQueue")
    assert line.startswith(
        "harness.lab.crew:7 JobQueue: say 'run, or unit of work' for 'job', for it may mean"
    )
    assert list(unused("bases_of_TASKS")) == ["base", "task"]
    assert list(unused("basis_of_a_trials_database")) == ["trial"]


def test_words_are_told_apart() -> None:
    assert words("pytest_configure_node") == {"pytest", "configure", "node"}
    assert words("RunManager2") == {"run", "manager"}
    assert words("JSONHandler") == {"json", "handler"}
    assert words("_of_trials") == {"of", "trials"}


# what a record was computed by, in claims' own files: they keep their text, and with it their addresses
UNTYPED = {"claims/test_reproduction_pitfalls.py measure", "claims/test_student_extension.py rise"}


def untyped(tree: ast.AST) -> Iterator[str]:
    """Functions with a parameter that is annotated ``Any``, or not at all."""
    for node in walked(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            everything = node.args
            named = (*everything.posonlyargs, *everything.args, *everything.kwonlyargs)
            stars = (arg for arg in (everything.vararg, everything.kwarg) if arg is not None)
            for arg in (*named, *stars):
                said = "Any" if arg.annotation is None else ast.unparse(arg.annotation)
                if arg.arg != "self" and re.search(r"\bAny\b", said):
                    yield node.name


def test_what_claims_take_is_typed() -> None:
    """A misspelt world, measure or relation in a claim's body is then seen by mypy."""
    there = {
        f"{path.relative_to(ROOT).as_posix()} {name}"
        for path in SOURCES
        if path.relative_to(ROOT).parts[0] == "claims"
        for name in untyped(parsed(path))
    }
    assert there == UNTYPED
