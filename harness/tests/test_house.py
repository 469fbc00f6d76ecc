"""``docs/HOUSE.md`` is the house as it stands: rooms, words, and modules along an experiment's path."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.tests.house import FLOORS, MAP, ROOT, drawn, purpose_of, room_of

TEXT = MAP.read_text(encoding="utf-8")
LINES = 120


def test_rooms_floors_arrows_and_words_are_as_drawn() -> None:
    assert drawn(TEXT) == TEXT, "draw the map anew: python -m harness.tests.house"


def test_the_map_is_short() -> None:
    assert len(TEXT.splitlines()) <= LINES


@pytest.mark.parametrize("room", [room for floor in FLOORS for room in floor if room != "conftest"])
def test_every_room_says_its_purpose_in_one_sentence(room: str) -> None:
    purpose = purpose_of(room)
    assert purpose.endswith("."), f"{room} has no such docstring: {purpose!r}"
    assert 20 < len(purpose) < 120
    assert ". " not in purpose


def named() -> list[str]:
    """Every file or folder that the map names: from the repository's root, or from ``harness/``."""
    paths = re.findall(r"`([a-z_]+/[a-z_/]*(?:[a-z_]+\.(?:py|md))?)`", TEXT)
    return sorted(set(paths))


@pytest.mark.parametrize("path", named())
def test_what_the_map_names_exists(path: str) -> None:
    assert (ROOT / path).exists() or (ROOT / "harness" / path).exists()


def test_the_path_of_an_experiment_is_told_by_its_modules() -> None:
    path = TEXT.partition("## The path of an experiment")[2].partition("\n## ")[0]
    steps = re.findall(r"^(\d+)\. ", path, re.MULTILINE)
    assert [int(step) for step in steps] == [*range(1, len(steps) + 1)]
    rooms = {room for floor in FLOORS for room in floor} - {"harness", "conftest", "harness.analytic"}
    absent = {room for room in rooms if f"`{room.removeprefix('harness.').replace('.', '/')}/" not in path}
    assert absent == {"harness.commands", "harness.benchmarks"}


WHOLE_HOUSE = {
    "claims": "all claims of the project together",
    "floors": "who imports whom, what importing costs, how long files are, and how things are called",
    "house": "docs/HOUSE.md",
    "clusters_page": "docs/CLUSTERS.md",
    "clusters_recipes": "what docs/CLUSTERS.md has a scheduler do, done",
    "contributing": "CONTRIBUTING.md",
    "packaging": "pyproject.toml, CITATION.cff, .pre-commit-config.yaml",
    "wheel": "what is installed, and repositories of claims of one's own",
    "imagenet_claims": "claims that no test can train",
    "invocations": "all that can be written wrongly on a command line",
    "main": "harness/__main__.py",
    "prose": "what docstrings begin with, and what has one",
    "readme": "README.md",
    "workflows": ".github/workflows and tox.ini",
}
"""Tests that lie in no room, and what they are about."""


def subjects(room: Path) -> set[str]:
    """What a room's tests may be called after: its modules, or the room for what all of them share."""
    return {room.name, *(path.stem.strip("_") for path in room.glob("*.py"))}


def is_found(name: str, subjects: set[str], tests: set[str]) -> bool:
    """Whether a test is called after a subject, or lies beside the test that is and says its aspect."""
    beside = {subject for subject in subjects & tests if name.startswith(f"{subject}_")}
    return name in subjects or bool(beside)


def test_the_test_of_a_module_is_found_by_its_name() -> None:
    tests = ROOT / "harness" / "tests"
    for folder in [path for path in tests.iterdir() if (path / "__init__.py").exists()]:
        names = {path.stem.removeprefix("test_") for path in folder.glob("test_*.py")}
        known = subjects(ROOT / "harness" / folder.name)
        lost = sorted(name for name in names if not is_found(name, known, names))
        assert lost == [], f"{folder.name} has no such modules: name these tests after what they test"
    assert {path.stem.removeprefix("test_") for path in tests.glob("test_*.py")} == set(WHOLE_HOUSE)


def test_an_aspect_is_a_test_beside_that_of_its_module() -> None:
    assert is_found("store", {"store"}, set())
    assert is_found("store_on_a_full_disk", {"store"}, {"store"})
    assert not is_found("store_on_a_full_disk", {"store"}, {"storing"})
    assert not is_found("storage", {"store"}, {"store"})


def test_a_module_is_in_one_room() -> None:
    assert room_of("harness.lab.lab") == "harness.lab"
    assert room_of("harness") == room_of("harness.__main__") == "harness"
    with pytest.raises(KeyError, match=r"harness\.loose is in no room"):
        room_of("harness.loose")
