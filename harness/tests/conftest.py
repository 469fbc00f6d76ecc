"""Fixtures of more than one room's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def prepared() -> Iterator[None]:
    """The trainer's numerics for what is trained without the lab, and plain ones again afterwards."""
    import torch

    from harness.fleet import numerics

    numerics.prepare("cpu")
    yield
    torch.set_flush_denormal(False)
