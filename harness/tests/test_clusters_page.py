"""docs/CLUSTERS.md: every command of its recipes can be parsed, with the options that it is given."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from harness.__main__ import COMMANDS
from harness.commands import OneLineParser
from harness.lab.ray_address import refused
from harness.suite.options import add_options

PAGE = (Path(__file__).parents[2] / "docs" / "CLUSTERS.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(?:^    .*\n?|^\n)+", flags=re.MULTILINE)
OF_PYTEST = {"-m", "-k", "-n", "-q"}
"""Options in the page that are pytest's own, or xdist's."""
ENDS = (">", "|", "&&", ";")


def commands() -> list[list[str]]:
    """The words of every command in a block of the page, without what a shell adds."""
    text = "\n".join(BLOCK.findall(PAGE)).replace("\\\n", " ")
    rows = [row.strip() for row in text.splitlines() if row.strip() and not row.strip().startswith("#SBATCH")]
    return [words for row in rows for words in _split(shlex.split(row, comments=True))]


def _split(words: list[str]) -> list[list[str]]:
    """The commands of a line, of which one may run another."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word in ("python", "ray", *ENDS) and parts[-1][-1:] != ["--on"]:
            parts.append([])
        parts[-1].append(word)
    return [part for part in parts if part and part[0] in ("python", "ray")]


def of_module(name: str) -> list[list[str]]:
    """The arguments of every call of a module."""
    return [words[3:] for words in commands() if words[:3] == ["python", "-m", name]]


def test_commands_of_the_harness_can_be_parsed() -> None:
    parser = OneLineParser()
    subparsers = parser.add_subparsers(dest="command", required=True)
    for name in COMMANDS:
        importlib.import_module(f"harness.commands.{name}").add(subparsers)
    called = of_module("harness")
    assert len(called) >= 7
    parsed = [parser.parse_args(words) for words in called]
    assert {options.command for options in parsed} >= {"plan", "train"}
    assert any(options.until_decided for options in parsed if options.command == "train")
    with pytest.raises(SystemExit):
        parser.parse_args(["train", "full", "--onto", "ray"])


def test_options_of_pytest_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    ours: set[str] = set()

    class Noting:
        def getgroup(self, *names: str) -> Noting:
            return self

        def addoption(self, name: str, **more: Any) -> None:
            ours.add(name)

    add_options(Noting())  # type: ignore[arg-type]
    called = of_module("pytest")
    assert len(called) >= 3
    written = {word for words in called for word in words if word.startswith("-")}
    assert written - OF_PYTEST <= ours


def test_what_follows_on_is_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    ons = re.findall(r"--on \"?(ray[^\s\"`]*)", PAGE)
    assert len(ons) >= 5
    assert [why for on in ons if (why := refused(on.replace("$HEAD", "head")))] == []


def test_options_of_ray_exist() -> None:
    pytest.importorskip("ray")
    scripts = importlib.import_module("ray.scripts.scripts")
    called = [words[1:] for words in commands() if words[0] == "ray"]
    assert {words[0] for words in called} == {"start", "symmetric-run", "get-auth-token"}
    for name, *words in called:
        known = {option for each in scripts.cli.commands[name].params for option in each.opts}
        until = words.index("--") if "--" in words else len(words)
        assert {word for word in words[:until] if word.startswith("--")} <= known


def test_the_benchmark_is_one() -> None:
    names = re.findall(r"python -m (harness\.benchmarks\.\w+)", PAGE)
    assert names == ["harness.benchmarks.clusters"]
    assert isinstance(importlib.import_module(names[0]).__doc__, str)
