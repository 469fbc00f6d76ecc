"""The house as the tests see it: rooms and floors, who imports whom, words that are not used, and the map.

``python -m harness.tests.house`` draws the rooms anew into ``docs/HOUSE.md``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAP = ROOT / "docs" / "HOUSE.md"
ROOMS = ("<!-- rooms: drawn by `python -m harness.tests.house` -->", "<!-- end of rooms -->")
WORDS = ("<!-- words: drawn too -->", "<!-- end of words -->")
"""Between these lines of the map everything is drawn."""

FLOORS = (
    ("harness.spec",),
    ("harness.evidence", "harness.data", "harness.models"),
    ("harness.analytic", "harness.fleet"),
    ("harness.lab",),
    ("harness.judging", "harness.report"),
    ("harness.suite", "harness.commands", "harness.benchmarks", "harness"),
    ("claims", "conftest"),
)
"""The rooms from the ground up. A module may import from its own room, and from rooms on its floor and below.

``harness`` is the package itself: the vocabulary that a claim imports, and the command line.
"""

UNUSED = {
    "job": ("run, or unit of work", "it may mean a training, a process or a line of a workflow"),
    "task": ("claim, experiment or run", "in this field it is a data set with a loss"),
    "trial": ("replicate", "what is repeated independently is the unit of statistics"),
    "config": (
        "experiment, place or options",
        "what is asked, where it is computed and how differ",
    ),
    "hparams": ("the fields of the value", "a number belongs to the optimizer, model or stop that has it"),
    "manager": ("what it keeps or does: store, crew", "it says nothing of what is managed"),
    "handler": ("what it does", "it says nothing of what is handled"),
    "utils": ("what its parts have as their purpose", "everything could be in there"),
    "helper": ("what it does", "every function helps"),
    "common": ("what it holds", "it says who uses it and not what it is"),
    "base": ("what all of its kind are: net, value", "it says where it stands and not what it is"),
}
"""Words that no name of ours contains, in singular: (what is said instead, why)."""


def files(*folders: str) -> list[Path]:
    """Every module below these folders of the repository, sorted."""
    paths = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(path for path in paths if "__pycache__" not in path.parts)


FILES = files("harness", "claims")
SOURCES = [path for path in FILES if "tests" not in path.relative_to(ROOT).parts]


def module_of(path: Path) -> str:
    """The dotted name of a file's module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """The room of a module: itself, or the package of ``FLOORS`` that it is in.

    Raises:
        KeyError: it is in none of them; ``harness`` itself holds its own two modules alone.
    """
    rooms = {room for floor in FLOORS for room in floor}
    name = "harness" if module == "harness.__main__" else module
    while name not in rooms and "." in name:
        name = name.rpartition(".")[0]
    if name not in rooms or (name == "harness" and module not in ("harness", "harness.__main__")):
        raise KeyError(f"{module} is in no room: add its package to FLOORS in harness/tests/house.py")
    return name


def floor_of(module: str) -> int:
    """The floor on which a module lives, the ground being 0."""
    return next(floor for floor, rooms in enumerate(FLOORS) if room_of(module) in rooms)


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def walked(tree: ast.AST) -> tuple[ast.AST, ...]:
    """All nodes of a tree; many tests go through them, and to walk takes longer than what they look at."""
    return tuple(ast.walk(tree))


@cache
def exists(module: str) -> bool:
    """Whether a dotted name is a module or package of the repository."""
    place = ROOT.joinpath(*module.split("."))
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, module of ours) of every import, those inside functions and for type checkers included."""
    for node in walked(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                yield node.lineno, inner if exists(inner) else origin


def arrows() -> dict[str, set[str]]:
    """Module -> the modules of ours that it imports, wherever in the file and for whatever reason."""
    names = {module_of(path): path for path in SOURCES}
    return {
        name: {other for _, other in imported(parsed(path)) if other in names and other != name}
        for name, path in names.items()
    }


def between_rooms(arrows: dict[str, set[str]]) -> dict[str, set[str]]:
    """Room -> the other rooms that its modules import."""
    rooms: dict[str, set[str]] = {room: set() for floor in FLOORS for room in floor}
    for module, others in arrows.items():
        rooms[room_of(module)] |= {room_of(other) for other in others} - {room_of(module)}
    return rooms


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """One circle of imports, as the names along it; empty if there is none."""
    done: set[str] = set()

    def around_from(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        for other in sorted(arrows.get(name, ())):
            if around := around_from(other, [*way, name]):
                return around
        done.add(name)
        return []

    return next((around for name in sorted(arrows) if (around := around_from(name, []))), [])


def purpose_of(room: str) -> str:
    """The first sentence of a package's docstring."""
    path = ROOT.joinpath(*room.split(".")) / "__init__.py"
    text = ast.get_docstring(parsed(path)) if path.exists() else None
    return " ".join((text or "").partition("\n\n")[0].split())


def rooms_drawn() -> str:
    """The rooms as a table: the highest floor first, what each is for, and which rooms it imports."""
    rooms = between_rooms(arrows())
    rows = ["| floor | room | purpose | imports |", "|---|---|---|---|"]
    for floor in reversed(range(len(FLOORS))):
        for room in FLOORS[floor]:
            if purpose := purpose_of(room):
                others = sorted(rooms[room], key=lambda other: (-floor_of(other), other))
                arrow = ", ".join(other.removeprefix("harness.") for other in others) or "nothing of ours"
                rows.append(f"| {floor} | `{room.replace('.', '/')}/` | {purpose} | {arrow} |")
    return "\n".join(rows)


def words_drawn() -> str:
    """The words that are not used as a table: what is said instead, and why."""
    rows = ["| not used | say | because |", "|---|---|---|"]
    return "\n".join([*rows, *(f"| {word} | {say} | {why} |" for word, (say, why) in UNUSED.items())])


def drawn(text: str) -> str:
    """A map with its rooms and words drawn anew."""
    for (begin, end), part in ((ROOMS, rooms_drawn()), (WORDS, words_drawn())):
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n{part}\n{end}{rest.partition(end)[2]}"
    return text


if __name__ == "__main__":
    MAP.write_text(drawn(MAP.read_text(encoding="utf-8")), encoding="utf-8")
