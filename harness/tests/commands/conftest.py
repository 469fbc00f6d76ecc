"""The checkout on which commands are tested: one claim that is trained, a larger one, and one that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.tests.suites import write_claims

CLAIMS = """
from harness import Experiment, Sgd
from harness.data import Cifar10, Digits
from harness.models import Mlp

@claim(PAPER, "S1", says="x is large", adapted={"quick": "small", "full": "none"})
@trained(x=Tiers(quick=about(1.0), full=Experiment(Cifar10(n=100), Mlp(8), Sgd(lr=0.1, epochs=2))))
@control(says="no shift", x=Tiers(quick=NULL, full=about(3.0)))
def test_large(x, check):
    large(x, check)

@claim(PAPER, "S2", says="x is larger", adapted=SMALL, replicates=7)
@trained(x=about(2.0))
@control(says="no shift", x=NULL)
def test_larger(x, check):
    large(x, check)

@claim(PAPER, "S3", says="cannot be computed", adapted={"standard": "none"})
@trained(x=Simulation(fails))
def test_fails(x, check):
    large(x, check)
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A folder with these claims, of which nothing is trained."""
    return write_claims(tmp_path, CLAIMS)
