"""The pool of the benchmarks' tests, whose processes are this one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.benchmarks import measure
from harness.tests.speed import Here


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    import torch

    threads = torch.get_num_threads()
    pool = Here(monkeypatch)
    monkeypatch.setattr(measure, "Pool", lambda: pool)
    yield pool
    torch.set_num_threads(threads)
