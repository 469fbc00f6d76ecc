"""Speed reports are kept by device, and foreign ones refused in a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.benchmarks import speed_report
from harness.tests.speed import section


def test_a_report_keeps_the_other_device(tmp_path: Path) -> None:
    path = tmp_path / "speed.json"
    assert speed_report.read(path) == speed_report.SpeedReport()
    gpu, cpu, newer = section(device="cuda"), section(), section(rounds=7)
    path.write_bytes(
        speed_report.encode(speed_report.with_section(speed_report.SpeedReport(sections=(gpu,)), cpu))
    )
    again = speed_report.with_section(speed_report.read(path), newer)
    assert again.sections == (newer, gpu)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"schema": 1, "sections": [], "more": 1}', '{"schema": 2, "sections": []}']
)
def test_a_foreign_report_is_refused_in_a_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "speed.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"^speed.json (is no speed report|has schema 2).*$"):
        speed_report.read(path)
