"""Lets pytest collect ``bench_*.py``: ``python -m pytest harness/benchmarks -p no:xdist``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.benchmarks.warm import Pool


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Benchmarks are collected by their own pattern; a file that was named is collected by pytest itself."""
    benchmark = file_path.match("bench_*.py") and not parent.session.isinitpath(file_path)
    return pytest.Module.from_parent(parent, path=file_path) if benchmark else None


@pytest.fixture(scope="session")
def pool() -> Iterator[Pool]:
    """Warm processes, with the thread counts of a baseline and not those of this process."""
    with Pool() as warm:
        yield warm
