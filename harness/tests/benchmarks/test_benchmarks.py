"""The benchmarks are found by pytest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_pytest_finds_the_benchmarks(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "harness/benchmarks", "-p", "no:xdist", "--collect-only", "-q"],
        cwd=ROOT,
        env={**os.environ, "HARNESS_STORE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "bench_training.py::test_training[mlp-1x512-plain]" in done.stdout
    assert "bench_sweeps.py::test_sweep[ours-12]" in done.stdout
