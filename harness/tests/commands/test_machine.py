"""What the system says of processor and GPUs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.commands import machine


def test_flags_and_gpus_are_read_from_what_the_system_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(
        "processor : 0\nflags\t: fpu avx2 avx512f amx_bf16 sse\n\nflags : avx2\n"
    )
    assert machine.flags(tmp_path / "cpuinfo") == ("avx2", "avx512f", "amx_bf16")
    assert machine.flags(tmp_path / "nowhere") == ()
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho 'NVIDIA H200, 143771'\necho 'NVIDIA B, SXM, [N/A]'\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert [(g.name, g.memory_gib) for g in machine.gpus()] == [
        ("NVIDIA H200", 140.4),
        ("NVIDIA B, SXM", 0.0),
    ]
    smi.write_text("#!/bin/sh\nexit 9\n")
    monkeypatch.setattr("harness.lab.pinning.count_gpus", lambda: 2)
    assert [g.name for g in machine.gpus()] == ["NVIDIA GPU"] * 2
