"""What a command works on: places, counts, and what lacks its data."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.commands import selection
from harness.data import Cifar10, DataError
from harness.lab.lab import Lab
from harness.lab.names import specification
from harness.tests.simulated import SMALL, at


def test_mistyped_places_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = str(tmp_path / "nowhere")
    for arguments in (
        ["plan", "--data-root", nowhere],
        ["plan", "--device", "gpu"],
        ["train", "--store", f"{nowhere}/records.jsonl.gz"],
        ["store", "ls", "--store", nowhere],
    ):
        assert main(arguments) == 1
        error = capsys.readouterr().err
        assert error.startswith(f"python -m harness {arguments[0]}: ")
        assert len(error.splitlines()) == 1
    assert not (tmp_path / "nowhere").exists()


def test_missing_data_is_presumed_under_an_address_of_its_own(tmp_path: Path) -> None:
    lab = selection.lab(at(tmp_path))
    assert lab.names.named(SMALL) == Lab(at(tmp_path)).names.named(SMALL)
    missing = SMALL.but(data=Cifar10(n=100))
    with pytest.raises(DataError, match="cifar10"):
        Lab(at(tmp_path)).names.named(missing)
    assert lab.names.named(missing).address == specification(missing)
    assert list(lab.names.absent) == [specification(missing)]


def test_a_count_starts_at_one() -> None:
    parser = argparse.ArgumentParser()
    selection.add_device(parser)
    assert parser.parse_args(["--processes", "3"]).processes == 3
