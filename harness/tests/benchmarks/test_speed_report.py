"""Speed reports are kept by kind of machine, and foreign ones refused in a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.benchmarks import speed_report
from harness.tests.speed import MACHINE, row, section


def test_a_report_keeps_the_other_device(tmp_path: Path) -> None:
    path = tmp_path / "speed.json"
    assert speed_report.read(path) == speed_report.SpeedReport()
    gpu, cpu, newer = section(device="cuda"), section(), section(rounds=7)
    path.write_bytes(
        speed_report.encode(speed_report.with_section(speed_report.SpeedReport(sections=(gpu,)), cpu))
    )
    again = speed_report.with_section(speed_report.read(path), newer)
    assert again.sections == (newer, gpu)


OTHERS: tuple[dict[str, Any], ...] = (
    {"processor": "B"},
    {"family": "family 6, model 8"},
    {"vector_bits": 256},
    {"cores": 4},
)


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_a_report_keeps_other_machines(other: dict[str, Any]) -> None:
    here, there = section(), section(machine=msgspec.structs.replace(MACHINE, **other))
    both = speed_report.with_section(speed_report.SpeedReport(sections=(there,)), here)
    assert sorted(both.sections, key=id) == sorted([here, there], key=id)
    newer = msgspec.structs.replace(MACHINE, versions={"torch": "3"}, memory_gib=8.0)
    again = section(rounds=7, machine=newer)
    kept = speed_report.with_section(both, again).sections
    assert sorted(kept, key=id) == sorted([again, there], key=id)


@pytest.mark.parametrize(
    ("changes", "target", "missed"),
    [
        ({}, 0.85, True),
        ({"peak_share": 0.85}, 0.85, False),
        ({"peak_share": 0.59, "precision": "bfloat16"}, 0.6, True),
        ({"peak_share": 0.6, "precision": "bfloat16"}, 0.6, False),
        ({"parameters": 100_000}, None, False),
        ({"engine": "reference"}, None, False),
        ({"peak_share": None}, None, False),
        ({"peak_share": 0.9, "met": False}, 0.85, True),
    ],
)
def test_large_nets_aim_at_a_share(changes: dict[str, Any], target: float | None, missed: bool) -> None:
    judged = row(**changes)
    assert (judged.share_target, judged.missed) == (target, missed)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"schema": 1, "sections": [], "more": 1}', '{"schema": 2, "sections": []}']
)
def test_a_foreign_report_is_refused_in_a_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "speed.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"^speed.json (is no speed report|has schema 2).*$"):
        speed_report.read(path)
