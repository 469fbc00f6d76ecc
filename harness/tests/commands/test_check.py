"""``python -m harness check``: a line for each fault, and a status that says whether there is one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.__main__ import main

MINE = """
import numpy as np
from harness import Experiment, Sgd, Tiers
from harness.data import Digits, LabelChange
from harness.models import Architecture, Mlp

class Rotated(LabelChange, frozen=True):
    by: int = 1
    def apply(self, labels, classes, generator):
        return (labels + self.by) % classes

class Wide(Architecture, frozen=True):
    width: int
    def build(self, shape, classes, generator):
        return Mlp(self.width, bias=False).build(shape, classes, generator)
    def size(self, shape, classes):
        return Mlp(self.width).size(shape, classes)

WIDE = Wide(width=8)
RUNS = Tiers(quick=[Experiment(Digits(labels=Rotated()), WIDE, Sgd(lr=0.1, epochs=2))])
NUMBER = 3
def function(): ...
"""
WRONG = (
    "Wide.size says 610 parameters, and its module has 592: leave size to harness.models.Architecture, or "
    "mend it"
)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file of somebody's own, in a package."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "test_mine.py").write_text(MINE)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield folder / "test_mine.py"
    for name in ("theirs", "theirs.test_mine"):
        sys.modules.pop(name, None)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    """Status and lines of a check."""
    status = main(["check", *arguments])
    said = capsys.readouterr()
    return status, (said.out + said.err).splitlines()


def test_what_keeps_its_contract_is_status_0(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, f"{mine}:Rotated") == (
        0,
        [f"{mine}:Rotated: no fault found, as a corruption of labels"],
    )
    assert told(capsys, "theirs.test_mine:Rotated")[0] == 0
    assert told(capsys, "harness.models:Mlp", "--shape", "3,4,4", "--classes", "2")[0] == 0


def test_faults_are_lines_and_status_1(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, f"{mine}:WIDE") == (1, [WRONG])
    assert told(capsys, f"{mine}:RUNS") == (1, [WRONG])


@pytest.mark.parametrize(
    "named, line",
    [
        ("Wide", "cannot be made without arguments (Wide needs width; it has width): name a value of it"),
        ("Other", " has no Other"),
        ("function", " is a function: name a class or a value"),
        (
            "NUMBER",
            " is nothing that a claim can use: a model has build, a data set split, a corruption apply",
        ),
    ],
)
def test_what_cannot_be_checked_is_status_2(
    named: str, line: str, mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, lines = told(capsys, f"{mine}:{named}")
    assert status == 2
    assert len(lines) == 1
    assert line in lines[0]


def test_files_that_cannot_be_read_are_status_2(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine.write_text("import nothing_of_this_name")
    assert told(capsys, f"{mine}:WIDE") == (
        2,
        [f"python -m harness check: {mine} cannot be imported: ModuleNotFoundError: No module named "
         "'nothing_of_this_name'"],
    )  # fmt: skip
    assert told(capsys, "nowhere.py:X") == (2, ["python -m harness check: there is no file nowhere.py"])
    assert told(capsys, "nowhere.py")[0] == 2
    with pytest.raises(SystemExit, match="2"):
        main(["check", f"{mine}:WIDE", "--shape", "3,x"])
