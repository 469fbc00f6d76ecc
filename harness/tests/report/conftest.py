"""Reports on which rendering is tested."""

from __future__ import annotations

import pytest

from harness.evidence.schema import Report
from harness.tests import reports


@pytest.fixture(scope="session")
def full() -> Report:
    """A report with a claim of every kind."""
    return reports.report(*reports.every_kind())
