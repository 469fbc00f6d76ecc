"""Few outputs of long rows: up to 16 are computed some at a time, with lanes along their inputs."""

from __future__ import annotations

import pytest
from torch import nn

from harness.tests.fleet.test_native import Case, assert_gradients, compiled, initialized
from harness.tests.fleet.test_native import library as library


@compiled
@pytest.mark.parametrize("outputs", range(2, 18))
def test_gradients_are_those_of_autograd_for_any_number_of_outputs(outputs: int) -> None:
    module = initialized(nn.Sequential(nn.Flatten(), nn.Linear(600, outputs)))
    assert_gradients(Case(module, (600,), 7, outputs), "cross_entropy")
