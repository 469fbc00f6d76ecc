"""Fixtures of more than one room's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.lab.lab import Lab


@pytest.fixture
def prepared() -> Iterator[None]:
    """The trainer's numerics for what is trained without the lab, and plain ones again afterwards."""
    import torch

    from harness.fleet import numerics

    numerics.prepare("cpu")
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A lab of one process, whose store is new."""
    from harness.lab.lab import Lab
    from harness.tests.simulated import at

    return Lab(at(tmp_path))
